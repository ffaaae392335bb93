"""Who is killed when several cells are silent at once."""

import os
import signal
import subprocess
import sys
import time
from math import inf

from actors.ports import CellRow
from actors.runtime.pidfd import is_stopped
from cluster.ownership import BLAME_S, to_blame

ONE, TWO, THREE = (CellRow(f"cell-{n}", "x", n + 1, 1, "here", 9) for n in range(3))


def test_of_several_silent_ones_only_the_stopped_one_is_killed():
    assert to_blame([ONE, TWO, THREE], {TWO.owner}, inf) == (TWO,)


def test_the_others_have_a_while_to_beat_again_and_no_longer():
    assert to_blame([ONE, THREE], set(), BLAME_S - 0.1) == ()
    assert to_blame([ONE, THREE], set(), BLAME_S) == (ONE, THREE)


def test_a_second_stopped_one_is_killed_at_once():
    assert to_blame([ONE, THREE], {THREE.owner}, 0.0) == (THREE,)


def test_silent_cells_that_run_are_killed_when_none_is_stopped():
    assert to_blame([ONE, TWO], set(), inf) == (ONE, TWO)


def test_a_stopped_process_is_seen_as_one():
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        assert not is_stopped(process.pid)
        os.kill(process.pid, signal.SIGSTOP)
        until = time.monotonic() + 10
        while not is_stopped(process.pid):
            assert time.monotonic() < until
    finally:
        process.kill()
        process.wait()
    assert not is_stopped(process.pid)
