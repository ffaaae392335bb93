"""A second system on the same machine, as when somebody tries the demo beside one that serves."""

import subprocess
import sys

import pytest

from scripts.child import NOBODY_APART, Child, start
from tests.on_ray.conftest import Caller, haproxy_config

pytestmark = [pytest.mark.ray, pytest.mark.timeout(300)]


def counts_requests(child: Child) -> bool:
    """Return whether HAProxy writes the line from which Serve counts each request."""
    return "serve@1" in haproxy_config(child.process.pid).read_text("utf-8")


def test_a_second_system_starts_beside_the_first_and_both_know_only_their_own(
    system: Caller, tmp_path
):
    options = ["--clock", "virtual", "--cells", "1", "--dashboard", *NOBODY_APART]

    with start(tmp_path / "data", options) as child:
        other = Caller(child)
        assert system.track("first-only", "Page Viewed", "two-systems-1")[0] == 200
        assert other.track("second-only", "Page Viewed", "two-systems-1")[0] == 200

        assert system("GET", "/v1/customers/user:first-only")[0] == 200
        assert system("GET", "/v1/customers/user:second-only")[0] == 404
        assert other("GET", "/v1/customers/user:second-only")[0] == 200
        assert other("GET", "/v1/customers/user:first-only")[0] == 404
        assert other("GET", "/v1/status", key=system.child.key)[0] == 401
        assert counts_requests(child)
        assert not counts_requests(system.child)  # nobody would see it

    assert child.clean
    assert system.track("first-only", "Page Viewed", "two-systems-2")[0] == 200


def test_a_second_system_on_the_same_data_is_refused_in_one_sentence(system: Caller):
    command = [sys.executable, "-m", "scripts.cli", "up", "--port", "0"]
    command += ["--data", str(system.child.data)]

    ended = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)

    assert ended.returncode == 1
    assert ended.stdout == ""
    assert ended.stderr.splitlines()[-1] == (
        f"righttime: another system (process {system.child.process.pid}) runs on "
        f"{system.child.data}: stop it, or name another with --data"
    )
    assert system("GET", "/v1/status")[0] == 200
