"""The tutorial runs as it stands: its files, commands and Python blocks, in order, in an empty folder."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("gymnasium")
pytest.importorskip("matplotlib")

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "research.md").read_text()
BLOCKS = re.findall(r"```(\w+)([^\n]*)\n(.*?)```", PAGE, re.DOTALL)
RIGHTTIME = Path(sys.executable).with_name("righttime")

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1500)]


def run(folder, *command, shell=False):
    done = subprocess.run(
        command[0] if shell else command,
        shell=shell,
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        env={
            "PATH": f"{RIGHTTIME.parent}:/usr/bin:/bin",
            "HOME": str(folder),
            "PYTHONPATH": str(ROOT),
        },
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return done.stdout


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Everything but the agent, run."""
    home = tmp_path_factory.mktemp("research")
    for language, about, text in BLOCKS:
        if about.strip().startswith("file="):
            (home / about.strip().removeprefix("file=")).write_text(text)
        elif language == "sh" and "pip install" not in text:
            for line in text.strip().splitlines():
                run(home, line, shell=True)
        elif language == "python" and "agent" not in about:
            run(home, sys.executable, "-c", text)
    return home


def test_the_page_ends_in_a_plot(folder):
    assert (folder / "judged.png").read_bytes().startswith(b"\x89PNG")
    assert (folder / "results" / "report.html").is_file()


def test_what_is_judged_from_the_log_is_what_came_of_trying_it(folder):
    judged, tried = (
        json.loads((folder / name).read_text().splitlines()[-1])
        for name in ("judged.json", "tried.json")
    )

    found = {each["name"]: each for each in judged["estimators"]}["dr"]
    truth = tried["logged"]
    assert judged["warnings"] == []
    noise = (found["se"] ** 2 + truth["se"] ** 2) ** 0.5
    assert found["value"] == pytest.approx(truth["value"], abs=3 * noise)


def test_the_agent_learns_in_thirty_lines(tmp_path):
    (text,) = [text for _, about, text in BLOCKS if "agent" in about]
    assert len([line for line in text.splitlines() if line.strip()]) <= 30

    said = run(tmp_path, sys.executable, "-c", text)

    learned, chance, gain, error = map(float, re.findall(r"-?\d+\.\d+", said))
    assert learned > chance
    assert gain > 3 * error
