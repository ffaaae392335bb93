"""`righttime replay`: every decision of a store, recomputed from its record."""

import asyncio
import json
import sqlite3

import pytest
from typer.testing import CliRunner

from actors.playbook.loader import bundle_bytes, compile_bundle, library
from actors.wire.records import pack_turn, unpack_turn
from scripts.cli.app import app
from tests.builders import HOUR, NOW, World, order
from tests.sqlite_files import new_sqlite

LOOKS = 6


def replay(*arguments):
    return CliRunner().invoke(app, ["replay", *map(str, arguments)], env={"NO_COLOR": "1"})


@pytest.fixture
def file(tmp_path):
    """A store in which ann has bought a few times, each time with a till receipt to fill."""
    path = tmp_path / "store.db"
    store = new_sqlite(path)
    bundle = library("retail")
    world = World(store, store, playbook=compile_bundle(bundle))
    asyncio.run(store.put_playbook(world.playbook.version, bundle_bytes(bundle), NOW))
    for i in range(LOOKS):
        world.clock.now_ms = NOW + i * HOUR
        world.jobs(
            order(
                40.0 + i,
                id=f"o{i}",
                at=world.clock.now_ms,
                channel="store",
                placements=("till_receipt",),
                max_actions=1,
            )
        )
    asyncio.run(store.close())
    return path


def alter(path, change):
    """Change the last decision of a store in place."""
    with sqlite3.connect(path) as connection:
        rows = connection.execute("SELECT offset, payload FROM journal ORDER BY offset DESC")
        offset, turn = next((at, unpack_turn(p)) for at, p in rows if unpack_turn(p).decision)
        change(turn.decision)
        connection.execute(
            "UPDATE journal SET payload = ? WHERE offset = ?", (pack_turn(turn), offset)
        )


def test_all_decisions_of_a_store_are_recomputed_and_found_identical(file):
    result = replay("--store", f"sqlite://{file}", "--json")

    found = json.loads(result.stdout.splitlines()[-1])
    assert result.exit_code == 0
    assert found["decisions"] == found["identical"] >= LOOKS
    assert found["differing"] == 0


def test_one_altered_score_is_found_and_named(file):
    def tamper(decision):
        index, (propensity, *rest) = next(iter(decision.scores.items()))
        decision.scores[index] = (propensity + 1e-9, *rest)

    alter(file, tamper)

    result = replay("--store", f"sqlite://{file}", "--json")

    found = json.loads(result.stdout.splitlines()[-1])
    assert result.exit_code == 1
    assert found["differing"] == 1
    assert found["different"][0]["decisionId"].startswith("d_")
    assert "1 of" in result.stderr


def test_a_decision_of_another_engine_is_told_apart_and_is_no_failure(file):
    def age(decision):
        decision.engine = "0"

    alter(file, age)

    result = replay("--store", f"sqlite://{file}", "--json")

    assert result.exit_code == 0
    assert json.loads(result.stdout.splitlines()[-1])["foreign"] == {"engine 0": 1}


def test_a_store_that_is_not_there_is_not_made(tmp_path):
    result = replay("--store", f"sqlite://{tmp_path / 'none.db'}")

    assert result.exit_code == 1
    assert "no database" in result.stderr
    assert not (tmp_path / "none.db").exists()
