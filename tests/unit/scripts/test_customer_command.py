"""`righttime customer restore`: a byte on the disk is flipped, and one customer comes back."""

import asyncio
import json
import sqlite3
from contextlib import closing

from typer.testing import CliRunner

from actors.domain.ids import customer_text
from actors.playbook.loader import bundle_bytes, compile_bundle, library
from actors.stores.sqlite import SqliteStore
from scripts.cli.app import app
from tests.builders import NOW, World, number_of, order, user
from tests.sqlite_files import new_sqlite

ANN = number_of(user("ann"))


def restore(*arguments):
    command = ["customer", "restore", *map(str, arguments), "--json"]
    return CliRunner().invoke(app, command, env={"NO_COLOR": "1"})


def told(result):
    return json.loads(result.stdout.splitlines()[-1])


def test_a_byte_flipped_on_the_disk_costs_nothing_that_the_journal_has(tmp_path):
    live, backup = tmp_path / "store.db", tmp_path / "backup.db"
    store = new_sqlite(live)
    bundle = library("retail")
    world = World(store, store, playbook=compile_bundle(bundle))
    asyncio.run(store.put_playbook(world.playbook.version, bundle_bytes(bundle), NOW))
    world.jobs(order(10, "ann", id="m1"), order(7, "bob", id="m2"))
    with closing(sqlite3.connect(live)) as source, closing(sqlite3.connect(backup)) as copy:
        source.backup(copy)
    world.jobs(order(20, "ann", id="m3"))
    before = world.state(ANN).profile.purchases
    asyncio.run(store.close())
    arguments = (customer_text(ANN), "--from", backup, "--store", f"sqlite://{live}")
    sound = restore(*arguments)
    with closing(sqlite3.connect(live)) as file:
        (state,) = file.execute("SELECT state FROM customer WHERE number = ?", (ANN,)).fetchone()
        flipped = state[:-9] + bytes([state[-9] ^ 4]) + state[-8:]
        file.execute("UPDATE customer SET state = ? WHERE number = ?", (flipped, ANN))
        file.commit()

    result = restore(*arguments)

    assert sound.exit_code == 1
    assert "not damaged" in told(sound)["error"]
    assert result.exit_code == 0, result.output
    assert told(result) == {
        "customerId": customer_text(ANN),
        "seq": 3,
        "restoredFrom": 1,
        "taken": 1,
        "lost": [],
    }
    world.store = world.truth = SqliteStore.open(live)
    world.restart()
    assert world.state(ANN).profile.purchases == before
    assert world.codes(order(1, "ann", id="m4"), order(20, "ann", id="m3")) == [
        "ACCEPTED",
        "DUPLICATE",
    ]
    asyncio.run(world.truth.close())


def test_what_cannot_be_restored_is_said_in_a_sentence(tmp_path):
    backup = tmp_path / "backup.db"
    asyncio.run(new_sqlite(backup).close())

    for customer, where, said in (
        ("nonsense", backup, "is not a customer's id"),
        (customer_text(ANN), backup, "the backup has no such customer"),
        (customer_text(ANN), tmp_path / "missing.db", ""),
    ):
        result = restore(customer, "--from", where, "--store", f"sqlite://{backup}")

        assert result.exit_code == 1
        assert said in told(result)["error"]
        assert "Traceback" not in result.output
