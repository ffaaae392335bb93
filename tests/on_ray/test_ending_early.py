"""Who changes their mind while the system starts: it ends as cleanly as one that serves."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.on_ray.conftest import descendants

pytestmark = [pytest.mark.ray, pytest.mark.timeout(240)]


def test_a_system_that_is_told_to_end_while_it_starts_leaves_no_process_behind(tmp_path):
    command = [sys.executable, "-m", "scripts.cli", "up", "--port", "0", "--cells", "1"]
    command += ["--data", str(tmp_path / "data")]
    log = tmp_path / "log"
    with (
        log.open("w") as errors,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True) as up,
    ):
        try:
            below = until(lambda: with_haproxy(up.pid))
        finally:
            up.send_signal(signal.SIGTERM)
        said, _ = up.communicate(timeout=120)

    assert up.returncode == 130
    assert said == ""
    assert log.read_text().splitlines()[-1] == "righttime: interrupted"
    until(lambda: not [pid for pid in below if Path(f"/proc/{pid}").exists()])


def with_haproxy(pid: int) -> dict[int, str]:
    """Return what runs below a process once HAProxy does; nothing before."""
    below = descendants(pid)
    return below if any("bin/haproxy" in title for title in below.values()) else {}


def until(look, patience_s: float = 100.0):
    """Look until there is something, and return it."""
    end_s = time.monotonic() + patience_s
    while not (seen := look()):
        assert time.monotonic() < end_s
        time.sleep(0.05)
    return seen
