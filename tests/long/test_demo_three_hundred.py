"""The main job as a user runs it: a year of 300 households, and the same again."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.long.households_truth import ledger, states, truth

pytestmark = [pytest.mark.slow, pytest.mark.ray, pytest.mark.timeout(2400)]

ROOT = Path(__file__).parents[2]
HOUSEHOLDS = 300


def demo(data: Path) -> dict:
    done = subprocess.run(
        [
            *(sys.executable, "-m", "scripts.cli", "demo", "--json"),
            *("--households", str(HOUSEHOLDS), "--data", str(data)),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=1100,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_a_year_of_three_hundred_households_is_exact_and_the_same_again_changes_nothing(tmp_path):
    expected = truth(HOUSEHOLDS)

    first = demo(tmp_path / "data")
    known = states(tmp_path / "data")
    again = demo(tmp_path / "data")

    print(json.dumps({"first": first, "again": again}))
    assert first["households"] == expected.households
    assert first["accepted"] == expected.calls
    assert (first["duplicates"], first["rejected"], first["lost"]) == (0, 0, 0)
    assert first["outcomes"] == expected.redemptions
    assert round(first["sales"] * 100) == expected.cents
    assert len(known) == expected.households
    assert again["duplicates"] == expected.calls
    assert (again["accepted"], again["rejected"], again["lost"]) == (0, 0, 0)
    assert round(again["sales"] * 100) == expected.cents
    assert states(tmp_path / "data") == known
    assert set(ledger(tmp_path / "data").values()) == {0}
