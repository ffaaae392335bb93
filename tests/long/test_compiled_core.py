"""Machine code and Python do the same: what a population leaves behind is the same to the byte."""

import hashlib
import json
import os
import subprocess
import sys
from importlib.util import find_spec

import pytest

from actors import compiled

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.skipif(
        not compiled.usable(compiled.place()),
        reason="the core is not compiled: `righttime compile`",
    ),
    pytest.mark.skipif(find_spec("pyarrow") is None, reason="the extra `research` is missing"),
]

WHICH = "import actors.turn.acting as module; print(module.__file__)"


def run(core, *arguments):
    environment = os.environ | {compiled.VARIABLE: core}
    done = subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, check=True, env=environment
    )
    return done.stdout


def simulated(core, folder):
    """Return a hash of every table of a simulated month, in which models learn and journeys run."""
    options = ["--population", "300", "--days", "30", "--seed", "7", "--out", str(folder), "--json"]
    said = run(core, "-m", "scripts.cli", "simulate", *options)
    tables = sorted(folder.rglob("*.parquet"))
    hashes = {
        str(t.relative_to(folder)): hashlib.sha256(t.read_bytes()).hexdigest() for t in tables
    }
    return json.loads(said.splitlines()[-1]), hashes


def test_a_simulated_month_leaves_the_same_bytes_in_machine_code_as_in_python(tmp_path):
    assert run("yes", "-c", WHICH).strip().endswith(compiled.SUFFIX)
    assert run("no", "-c", WHICH).strip().endswith(".py")

    said, fast = simulated("yes", tmp_path / "fast")
    _, slow = simulated("no", tmp_path / "slow")

    print(json.dumps({"tables": len(fast), "said": said})[:400])
    assert len(fast) >= 4
    assert fast == slow


BUILD = """
import sys
from pathlib import Path
from actors import compiled
from scripts.compiling import build
from scripts.compiling.modules import sources

some = [each for each in sources(compiled.HOME) if each.startswith("actors/domain/folding/")]
build.sources = lambda home: some
compiled.place = lambda: Path(sys.argv[1])
build.build(lambda *said: print(*said, sep=","), tuned=True)
"""


def test_a_core_is_compiled_by_counts_and_used(tmp_path):
    """Of some modules, because all of them take minutes; what they count is the whole core's usual work."""
    place = tmp_path / "tuned"

    heard = [line.split(",") for line in run("no", "-c", BUILD, str(place)).splitlines()]

    assert list(dict.fromkeys(what for what, *_ in heard)) == [
        "compiling to count",
        "counting",
        "compiling by counts",
    ]
    files = heard[0][2]
    for what in ("compiling to count", "compiling by counts"):
        assert [done for each, done, _ in heard if each == what] == [
            str(each + 1) for each in range(int(files))
        ]
    assert compiled.is_tuned(place)
    which = "import actors.domain.folding.commerce as module; print(module.__file__)"
    assert run(str(place), "-c", which).startswith(str(place))
    run(str(place), "-m", "scripts.compiling.training")
