"""What Serve and Ray leave open is closed before anything listens."""

import os
import stat
import subprocess
from pathlib import Path

import pytest

from cluster.closing import haproxy_flags, keep_token

SCRIPT = Path(__file__).parents[3] / "cluster" / "haproxy.sh"
CONFIG = """global
    stats socket /tmp/x/admin.sock mode 666 level admin expose-fd listeners
defaults
    option httplog
    errorfile 502 /tmp/x/500.http
    errorfile 503 /tmp/x/500.http
frontend prometheus
    bind :9101
frontend http_frontend
    bind 0.0.0.0:8000
backend http-stream
    http-reuse always
    server SERVE_REPLICA_stream 127.0.0.1:30000 check observe layer4
backend http-front-door
    http-reuse always
    server SERVE_REPLICA_front-door-1 127.0.0.1:30002 check observe layer4
    server SERVE_PROXY_ACTOR-fallback 127.0.0.1:8500 check backup
listen stats
  bind *:8404
"""


def rewritten(tmp_path: Path, **environment: str) -> str:
    folder = tmp_path / "haproxy-serve" / "node"
    folder.mkdir(parents=True, mode=0o755)
    config = folder / "haproxy.cfg"
    config.write_text(CONFIG)
    env = {**os.environ, "RIGHTTIME_HAPROXY": "/bin/echo", **environment}

    done = subprocess.run(
        [SCRIPT, "-db", "-f", config, "-sf", "7"],
        env=env,
        capture_output=True,
        text=True,
        check=True,
    )

    # Serve finds its processes by this very argument.
    assert done.stdout.split() == ["-db", "-f", str(config), "-sf", "7"]
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    return config.read_text()


def test_the_proxy_s_own_pages_are_for_this_machine_and_the_api_stays_where_it_is(tmp_path):
    config = rewritten(tmp_path)

    assert "bind 127.0.0.1:9101\n" in config
    assert "bind 127.0.0.1:8404\n" in config
    assert "bind 0.0.0.0:8000\n" in config
    assert "mode 600 level admin" in config
    assert "666" not in config


def test_clients_are_known_by_their_address_and_must_not_dawdle(tmp_path):
    config = rewritten(tmp_path)

    assert "http_frontend\n    http-request set-header X-Forwarded-For %[src]\n" in config
    assert "timeout http-request 10s\n" in config


def test_a_balancer_in_front_may_say_who_the_client_is(tmp_path):
    config = rewritten(tmp_path, RIGHTTIME_HAPROXY_TRUSTED="10.0.0.0/8 192.0.2.7")

    assert "X-Forwarded-For %[src] unless { src 10.0.0.0/8 192.0.2.7 }\n" in config


def test_only_the_front_door_is_bounded_and_what_waits_too_long_is_told_when_to_come_back(tmp_path):
    config = rewritten(tmp_path, RIGHTTIME_HAPROXY_AT_ONCE="77")

    (bounded,) = [line for line in config.splitlines() if "maxconn" in line]
    assert "SERVE_REPLICA_front-door-1" in bounded
    assert bounded.endswith("maxconn 77")
    assert config.count("timeout queue 1s") == 1
    assert "errorfile 502 /tmp/x/500.http" in config
    refusal = (tmp_path / "haproxy-serve" / "node" / "503.http").read_bytes()
    assert f"errorfile 503 {tmp_path}/haproxy-serve/node/503.http" in config
    head, _, body = refusal.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 503 ")
    assert b"\r\nRetry-After: 1\r\n" in head
    assert f"Content-Length: {len(body)}".encode() in head


def test_a_cluster_may_have_its_metrics_read_from_elsewhere(tmp_path):
    assert "bind 10.0.0.5:9101\n" in rewritten(tmp_path, RIGHTTIME_HAPROXY_INSIDE="10.0.0.5")


def test_serve_is_told_of_the_script_which_can_be_run():
    flags = haproxy_flags()

    assert flags["RAY_SERVE_HAPROXY_BINARY_PATH"] == str(SCRIPT)
    assert os.access(SCRIPT, os.X_OK)
    assert Path(flags["RIGHTTIME_HAPROXY"]).is_file()


@pytest.mark.parametrize("before", [None, 0o644, 0o640, 0o600])
def test_the_token_is_its_owner_s_alone_and_one_that_is_there_stays(tmp_path, before):
    path = tmp_path / "ray" / "auth_token"
    if before is not None:
        path.parent.mkdir()
        path.write_text("kept")
        path.chmod(before)

    keep_token(path)

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    text = path.read_text()
    assert text == "kept" if before is not None else len(text) == 64
