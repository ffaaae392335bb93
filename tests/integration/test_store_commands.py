"""`righttime store`: what it finds wrong, what it moves, and that nothing is lost on the way."""

import json
import os
import sqlite3
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from typer.testing import CliRunner

from actors.domain.budgets import Spend, Window
from actors.domain.errors import StoreUnavailableError
from actors.domain.groups import GroupKey
from actors.domain.ids import Identity
from actors.ports import (
    CellRow,
    GroupWrite,
    JournalKind,
    JournalRow,
    Launch,
    Lookup,
    MemberRow,
    OutboxResult,
    OutboxRow,
    OutboxState,
    reserved,
)
from actors.runtime.pidfd import started_at
from actors.stores.opening import open_store
from actors.stores.postgres_schema import MIGRATIONS
from actors.stores.sqlite import SqliteStore
from actors.stores.tables import TABLES
from actors.wire.codec import pack
from scripts.cli.app import app
from tests.contracts.store_support import (
    COMMITTED,
    NOW,
    P,
    change,
    commit,
    due,
    owned,
    permitted,
    run,
    timer,
)
from tests.postgres_databases import server
from tests.sqlite_files import new_sqlite

MONTH = 31 * 86_400_000
ODD = "o'n\ud800\x00é"


def turns(before, after, at_ms=NOW):
    return [
        JournalRow(seq, at_ms - seq * MONTH, JournalKind.EVENT, pack(1, ["turn", seq]))
        for seq in range(before + 1, after + 1)
    ]


def one(number, before=0, after=None, **rows):
    after = after or before + 1
    packed = {"state": pack(1, [number, after]), "journal": turns(before, after)}
    return change(number, before, after, **packed, **rows)


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "store.db"
    fill(owned(new_sqlite(path)))
    return path


def fill(store):
    """Put something into every table that moves."""
    spend = Spend(Window(ODD, 0, 0, 0, 10), 3, 0)
    row = OutboxRow(1, 0, "email", NOW, NOW + 9, b"\x00\xff", spends=(reserved(spend),))
    group = GroupWrite(GroupKey("home", ODD), 0, pack(1, ["g"]), (MemberRow(1, NOW),))
    commit(
        store,
        one(
            1,
            0,
            4,
            spends=[spend],
            outbox=[row, OutboxRow(2, 0, "web", NOW, NOW + 9, b"", held=True)],
            identities=[Identity("user", "ann"), Identity("email", ODD * 900)],
            timers_set=[timer(ODD, NOW)],
            segments_entered=[("gold", NOW)],
            groups=[group],
            scenario_counts=[("cart", "v", "s", 1, 2, 3)],
        ),
        *[one(n) for n in range(2, 60)],
    )
    run(store.outbox_claim(due(store), {P: 1}, NOW, permitted))
    run(store.outbox_settle([OutboxResult(1, 1, 0, OutboxState.SENT, NOW, "250 ok")]))
    run(store.put_playbook("v1", b"one", NOW))
    run(store.put_playbook("v2", b"two", NOW))
    run(store.put_setting("id_key", b"k" * 32))
    run(store.put_key(b"h" * 32, b"record"))
    run(store.save_checkpoint("m", 4, b"weights"))
    run(store.add_launch(Launch("l-1", "cart", "gold", 2.5, "running", NOW, b"")))
    run(store.pause("all", NOW))
    run(store.close())


@pytest.fixture
def database():
    """An empty database, without the schema."""
    name = f"moved_{os.getpid()}_{len(server().sql('SELECT datname FROM pg_database'))}"
    server().create(name)
    yield server().url(name, durability="unsafe")
    server().drop(name)


def call(*arguments, code=0):
    result = CliRunner().invoke(app, ["store", *map(str, arguments), "--json"])
    assert result.exit_code == code, result.output
    return json.loads(result.stdout.strip().splitlines()[-1])


@contextmanager
def inside(path):
    with closing(sqlite3.connect(path)) as connection:
        yield connection
        connection.commit()


def of(path):
    return f"sqlite://{path}"


def test_a_whole_store_passes_and_every_table_was_looked_at(file):
    found = call("check", "--store", of(file))

    assert found["wrong"] == []
    assert set(found["rows"]) == {table.name for table in TABLES}
    assert found["rows"]["journal"] == 62
    assert found["packed"] == 59 + 62 + 1


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        ("UPDATE customer SET state = x'0101020304ff' WHERE number = 7", "checksum: 7"),
        ("UPDATE journal SET payload = x'0102' WHERE customer = 1 AND seq = 2", "checksum: 2"),
        ("UPDATE customer SET seq = 5 WHERE number = 1", "turns are missing"),
        ("DELETE FROM journal WHERE customer = 1 AND seq = 2", "turns are missing"),
        ("DELETE FROM customer WHERE number = 1", "identities of nobody"),
        ("UPDATE timer SET p = 99", "timers of nobody, or in another"),
        ("UPDATE outbox SET p = 99", "open effects in another partition"),
        ("UPDATE counter SET n = 61 WHERE name = 'turns'", "counters"),
        ("DELETE FROM membership", "do not add up"),
        ("DELETE FROM customer_group", "group that does not exist"),
    ],
)
def test_what_is_wrong_is_named(file, damage, said):
    with inside(file) as connection:
        connection.execute(damage)

    found = call("check", "--store", of(file), code=1)

    assert any(said in sentence for sentence in found["wrong"]), found["wrong"]


def test_a_backup_of_a_store_that_is_served_is_whole_and_comes_back(file, tmp_path):
    served = SqliteStore.open(file)
    target = tmp_path / "backup.db"

    call("backup", target, "--store", of(file))
    commit(served, one(500))
    run(served.close())
    assert call("check", "--store", of(target))["rows"]["customer"] == 59
    call("restore", target, "--store", of(file))

    assert [each.name for each in tmp_path.glob("backup*")] == ["backup.db"]
    assert target.stat().st_mode & 0o777 == 0o600
    back = SqliteStore.open(file)
    assert run(back.counts())["customers"] == 59
    run(back.close())
    before = SqliteStore.open(Path(f"{file}.before-restore"))
    assert run(before.counts())["customers"] == 60
    run(before.close())


def test_a_damaged_backup_is_not_put_back(file, tmp_path):
    target = tmp_path / "backup.db"
    call("backup", target, "--store", of(file))
    with inside(target) as connection:
        connection.execute("UPDATE customer SET state = x'00' WHERE number = 3")

    said = call("restore", target, "--store", of(file), code=1)["error"]

    assert "not whole" in said
    assert call("check", "--store", of(file))["wrong"] == []


def test_a_password_on_the_command_line_is_refused(file):
    result = CliRunner().invoke(app, ["store", "check", "--store", "postgresql://me:secret@db/x"])

    assert result.exit_code == 2
    assert "RIGHTTIME_STORE" in result.output
    assert "secret" not in result.output


@pytest.mark.postgres
class TestMoving:
    def test_every_row_arrives_and_the_store_goes_on_from_there(self, file, database):
        moved = call("move", of(file), "--store", database)

        assert {t: each["rows"] for t, each in moved["tables"].items()} == call(
            "check", "--store", database
        )["rows"]
        assert moved["tables"] == call_checksums(file)
        store = open_store(database)
        assert commit(store, one(1, 4), one(600)) == [COMMITTED] * 2
        assert run(store.counts())["customers"] == 60
        assert [row.offset for row in run(store.turns_after(62, 9))] == [63, 64]
        found = run(store.lookup(Lookup((Identity("email", ODD * 900),), (60,))))
        assert set(found.owners.values()) == {1}
        assert run(store.playbook()) == ("v2", b"two")
        assert run(store.add_launch(Launch("l-2", "cart", "gold", 1.0, "running", NOW, b"")))
        assert [each.id for each in run(store.launches())] == ["l-2", "l-1"]
        budget = Window(ODD, 0, 0, 0, 10)
        assert run(store.lookup(Lookup(budgets=(budget,)))).spent == {ODD: 3}
        run(store.close())

    @pytest.mark.fault
    def test_a_move_that_was_broken_off_goes_on_and_nobody_serves_it_meanwhile(
        self, file, database, monkeypatch
    ):
        from scripts.stores import moving

        real, calls = moving.copy_into, []

        async def breaking(connection, table, rows):
            calls.append(table.name)
            await real(connection, table, rows)
            if len(calls) == 7:
                raise StoreUnavailableError("the cable was pulled")

        monkeypatch.setattr("actors.stores.tables.PORTION", 10)
        monkeypatch.setattr(moving, "copy_into", breaking)
        assert "cable" in call("move", of(file), "--store", database, code=1)["error"]
        with pytest.raises(StoreUnavailableError, match="in part only"):
            open_store(database)

        monkeypatch.setattr(moving, "copy_into", real)
        again = call("move", of(file), "--store", database)

        assert again["tables"] == call_checksums(file)
        assert call("check", "--store", database)["wrong"] == []

    def test_a_store_that_is_served_does_not_move(self, file, database):
        serving = SqliteStore.open(file)
        me = os.getpid()
        run(
            serving.register_cell(
                CellRow("cell-0", "x", me, started_at(me), os.uname().nodename, 1)
            )
        )

        said = call("move", of(file), "--store", database, code=1)["error"]

        assert "served (by cell-0)" in said
        run(serving.close())

    def test_a_database_with_a_store_in_it_is_left_alone(self, file, database):
        owner = owned(open_store(database))
        commit(owner, one(1))
        run(owner.close())

        assert "already" in call("move", of(file), "--store", database, code=1)["error"]

    def test_a_difference_at_the_end_is_an_error(self, file, database, monkeypatch):
        from scripts.stores import moving

        real = moving.copy_into

        async def losing(connection, table, rows):
            await real(connection, table, rows[1:] if table.name == "timer" else rows)

        monkeypatch.setattr(moving, "copy_into", losing)

        assert (
            "differ in timer (1 and 0 rows)"
            in call("move", of(file), "--store", database, code=1)["error"]
        )

    def test_a_database_is_backed_up_and_restored_into_an_empty_one(self, file, database, tmp_path):
        call("move", of(file), "--store", database)
        dump = tmp_path / "store.dump"

        call("backup", dump, "--store", database)
        server().create("restored")
        target = server().url("restored", durability="unsafe")
        call("restore", dump, "--store", target)

        assert (
            call("check", "--store", target)["rows"] == call("check", "--store", database)["rows"]
        )
        assert "already" in call("restore", dump, "--store", target, code=1)["error"]
        server().drop("restored")

    def test_the_list_of_tables_is_that_of_both_schemas(self, file, database):
        run(open_store(database).close())
        listed = (
            server()
            .sql(
                "SELECT relname FROM pg_class JOIN pg_namespace n ON n.oid = relnamespace"
                " WHERE nspname = 'righttime' AND relkind IN ('r', 'p') AND NOT relispartition",
                database.rpartition("/")[2].partition("?")[0],
            )
            .split()
        )
        with inside(file) as connection:
            rows = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            in_file = {name for (name,) in rows if not name.startswith("sqlite_")}

        known = {table.name for table in TABLES}
        assert set(listed) - known == {"cell", "migration", "budget_lease"}
        assert in_file - known == {"cell", "migration"}
        assert len(MIGRATIONS) == 4


def call_checksums(path):
    """The checksums of a file's tables, made anew."""
    from actors.stores.tables import checksum
    from scripts.stores.reading import reading

    async def sums():
        async with reading(of(path)) as tables:
            made = {table.name: await checksum(tables, table) for table in TABLES}
            return {name: {"rows": c.rows, "checksum": c.text} for name, c in made.items()}

    return run(sums())
