"""The load generator's own ceiling: what it reaches against a proxy that answers at once."""

import socket
import subprocess
import tempfile
import time
from pathlib import Path

from cluster.ports import free_port
from scripts.bench.load import Generator, Load, Target

_CONFIG = """
global
    nbthread 1
    maxconn 1024
defaults
    mode http
    timeout client 30s
    timeout connect 5s
    timeout server 30s
frontend ceiling
    bind 127.0.0.1:{port}
    http-request wait-for-body time 5s
    http-request return status 200 content-type application/json string '{{"status":"accepted"}}'
"""


def measure(generator: Generator, binary: str, connections: int, seconds: float) -> Load:
    """Run HAProxy with a fixed answer, load it as the system is loaded, and return what was seen."""
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="righttime-ceiling-") as folder:
        config = Path(folder) / "haproxy.cfg"
        config.write_text(_CONFIG.format(port=port), encoding="ascii")
        process = subprocess.Popen(
            [binary, "-db", "-f", str(config)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            _wait_for(port)
            return generator.run(Target(f"http://127.0.0.1:{port}/", "none"), connections, seconds)
        finally:
            process.terminate()
            process.wait(10)


def _wait_for(port: int) -> None:
    ends = time.monotonic() + 10
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            if time.monotonic() > ends:
                raise
            time.sleep(0.02)
        else:
            return
