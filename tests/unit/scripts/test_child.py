"""Starting and stopping a system in a child process, with small programs in its place."""

import os
import sys

import pytest

from scripts.child import start
from scripts.output import Failure

GOOD = """
import signal, sys, time
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
print("READY http://127.0.0.1:4711", flush=True)
print("noise" * 100_000, flush=True)
signal.pause()
"""
BROKEN = """
import sys
print("loading", file=sys.stderr)
print("righttime: the disk is full", file=sys.stderr)
sys.exit(1)
"""
MUTE = """
import signal
signal.pause()
"""
DYING = """
import os, signal
print("READY http://127.0.0.1:4711", flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def command(text):
    return (sys.executable, "-c", text)


def gone(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def test_a_ready_system_has_a_url_and_is_stopped_cleanly(tmp_path):
    with start(tmp_path, command=command(GOOD)) as child:
        assert child.url == "http://127.0.0.1:4711"
        assert child.alive()

    assert child.clean
    assert gone(child.process.pid)


def test_it_has_a_process_group_of_its_own(tmp_path):
    with start(tmp_path, command=command(GOOD)) as child:
        assert os.getpgid(child.process.pid) == child.process.pid != os.getpgid(0)


def test_a_system_that_does_not_start_says_why(tmp_path):
    with pytest.raises(Failure) as failed:
        start(tmp_path, command=command(BROKEN))

    assert "the disk is full" in failed.value.sentence
    assert str(tmp_path / "logs" / "up.log") in failed.value.sentence


def test_a_system_that_is_never_ready_is_ended(tmp_path):
    with pytest.raises(Failure, match="not ready"):
        start(tmp_path, command=command(MUTE), ready_within_s=0.2)


def test_a_system_that_died_is_noticed(tmp_path):
    with start(tmp_path, command=command(DYING)) as child:
        child.process.wait(10)
        assert not child.alive()

    assert not child.clean


def test_the_key_is_read_from_the_data_directory(tmp_path):
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / "admin").write_text("secret\n")

    with start(tmp_path, command=command(GOOD)) as child:
        assert child.key == "secret"


def test_options_and_environment_reach_it(tmp_path):
    said_first = "import os; print(sys.argv[1:], os.environ['SIGN'], file=sys.stderr, flush=True)"
    echo = GOOD.replace("import signal, sys, time", f"import signal, sys, time\n{said_first}")
    with start(
        tmp_path, ["--clock", "virtual"], environment={"SIGN": "aries"}, command=command(echo)
    ) as child:
        pass

    said = child.log.read_text()
    assert "'--port', '0'" in said
    assert "'--clock', 'virtual'" in said
    assert "aries" in said
