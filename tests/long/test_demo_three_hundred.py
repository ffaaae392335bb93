"""The main job as a user runs it: a year of 300 households, and the same again."""

import json
import sqlite3
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from actors.domain.actions import OUTBOUND
from actors.wire.records import unpack_turn
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


def replayed_in(data: Path) -> dict:
    """What `righttime replay` says, in a process of its own, after all outcomes were learned."""
    done = subprocess.run(
        [
            *(sys.executable, "-m", "scripts.cli", "replay", "--json"),
            *("--store", f"sqlite://{data / 'righttime.db'}"),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def messages_in(data: Path) -> Counter[str]:
    """How many e-mails the turns sent, and how many they withheld as worth less than they cost."""
    found: Counter[str] = Counter()
    with sqlite3.connect(data / "righttime.db") as connection:
        for (payload,) in connection.execute("SELECT payload FROM journal WHERE payload != x''"):
            turn = unpack_turn(payload)
            found["sent"] += sum(e.mode == OUTBOUND and e.channel == "email" for e in turn.effects)
            if turn.decision is not None:
                removed = turn.decision.outcome[2]
                found.update(rule for _, channel, _, rule, _ in removed if channel == "email")
    return found


def test_a_year_of_three_hundred_households_is_exact_and_the_same_again_changes_nothing(tmp_path):
    expected = truth(HOUSEHOLDS)

    first = demo(tmp_path / "data")
    known = states(tmp_path / "data")
    replayed = replayed_in(tmp_path / "data")
    messages = messages_in(tmp_path / "data")
    again = demo(tmp_path / "data")

    print(json.dumps({"first": first, "again": again, "replayed": replayed}))
    print(messages)
    assert first["households"] == expected.households
    assert first["accepted"] == expected.calls
    assert (first["duplicates"], first["rejected"], first["lost"]) == (0, 0, 0)
    assert first["outcomes"] == expected.redemptions
    assert round(first["sales"] * 100) == expected.cents
    assert len(known) == expected.households
    assert replayed["decisions"] >= first["decisions"]
    assert replayed["identical"] == replayed["decisions"]
    assert messages["sent"] > 0
    assert messages["worth less than nothing"] > 0
    assert again["duplicates"] == expected.calls
    assert (again["accepted"], again["rejected"], again["lost"]) == (0, 0, 0)
    assert round(again["sales"] * 100) == expected.cents
    assert states(tmp_path / "data") == known
    assert set(ledger(tmp_path / "data").values()) == {0}
