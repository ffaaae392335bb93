"""Decoders under a fuzzer that looks for new ways through them; `--extra fuzz` installs it."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.fuzz.targets import TARGETS

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

ROOT = Path(__file__).parents[2]
SECONDS = 20


@pytest.mark.parametrize("name", TARGETS)
def test_a_fuzzer_finds_no_fault(name: str, tmp_path: Path):
    pytest.importorskip("atheris", reason="uv sync --extra fuzz")
    corpus, kept = tmp_path / "corpus", ROOT / "tests" / "fuzz" / "corpus" / name
    corpus.mkdir()

    done = subprocess.run(
        [sys.executable, "-m", "tests.fuzz.atheris_run", name, str(SECONDS), corpus, kept],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=SECONDS + 200,
        check=False,
    )

    faults = [path.read_bytes() for path in corpus.glob("fault-*")]
    assert (done.returncode, faults) == (0, []), done.stderr[-4000:]
    assert "Done" in done.stderr
