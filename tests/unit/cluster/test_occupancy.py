"""Two systems never run on one data directory."""

import os
import signal
import subprocess
import sys

import pytest

from cluster.occupancy import Occupancy, OccupiedError

HOLDER = """
import sys, time
from pathlib import Path
from cluster.occupancy import Occupancy

held = Occupancy(Path(sys.argv[1]))
print("held", flush=True)
time.sleep(60)
"""


def test_a_second_one_is_told_who_has_it(tmp_path):
    held = Occupancy(tmp_path)

    with pytest.raises(OccupiedError) as refused:
        Occupancy(tmp_path)

    assert f"(process {os.getpid()}) runs on {tmp_path}" in str(refused.value)
    held.end()
    Occupancy(tmp_path).end()


def test_a_process_that_is_killed_lets_go_at_once(tmp_path):
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline() == "held\n"
        with pytest.raises(OccupiedError, match=f"process {process.pid}"):
            Occupancy(tmp_path)

        process.send_signal(signal.SIGKILL)
        process.wait()

    Occupancy(tmp_path).end()
