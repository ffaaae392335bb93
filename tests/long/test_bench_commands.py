"""The benchmarks of recovery and memory, small: their figures are printed, and their checks hold."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.ray, pytest.mark.timeout(900)]

ROOT = Path(__file__).parents[2]


def bench(*arguments: str) -> dict:
    done = subprocess.run(
        [sys.executable, "-m", "scripts.cli", "bench", *arguments, "--json"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=800,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.fault
@pytest.mark.parametrize("cells", [2, 1], ids=["two-cells", "one-cell-and-its-standby"])
def test_killed_cells_customers_are_answered_again_within_three_seconds(tmp_path, cells):
    found = bench("recovery", "--kills", "2", "--cells", str(cells), "--data", str(tmp_path))

    print(json.dumps(found))
    assert len(found["kills"]) == 2
    assert found["wrong"] == []
    assert found["medianS"] <= 3.0
    assert list(tmp_path.iterdir()) == []


def test_active_customers_are_small_and_passive_ones_quickly_back(tmp_path):
    found = bench("memory", "--known", "3000", "--active", "2000", "--data", str(tmp_path))

    print(json.dumps(found))
    assert found["active"] >= 2000
    assert len(found["activeByCell"]) >= 2
    assert min(found["activeByCell"].values()) > 500
    assert 0 < found["packedBytesPerActive"] <= 16_000
    assert found["readP50Ms"] <= 3.0
    assert found["passiveHttpP50Ms"] > 0
    assert list(tmp_path.iterdir()) == []
