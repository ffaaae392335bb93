"""What only a file can do: be reopened, migrated, damaged, full, locked, or somebody else's."""

import asyncio
import re
import sqlite3
import stat
from contextlib import closing

import pytest

from actors.domain.errors import StoreUnavailableError
from actors.domain.ids import PARTITIONS
from actors.ports import JournalKind, Lookup
from actors.stores import sqlite_file
from actors.stores.memory import MemoryStore
from actors.stores.opening import open_store
from actors.stores.sqlite import SqliteStore
from actors.stores.sqlite_schema import COUNTERS, MIGRATIONS, migrate
from tests.contracts.store_support import (
    COMMITTED,
    FOREIGN_P,
    ME,
    NOW,
    P,
    cell,
    change,
    commit,
    customer,
    due,
    effect,
    message,
    owned,
    permitted,
    run,
    timer,
    turn,
    user,
)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "store.db"


@pytest.fixture
def store(path):
    store = owned(SqliteStore.open(path))
    yield store
    run(store.close())


def other_program(path):
    """A connection that knows nothing of our lock file."""
    return closing(sqlite3.connect(path, isolation_level=None, timeout=0))


def a_full_turn(number, before=0):
    return change(
        number,
        before,
        journal=[turn(before + 1, JournalKind.OUTCOME)],
        messages=[message(f"m{number}.{before}", before + 1)],
        identities=[user(str(number))],
        timers_set=[timer("t", NOW)],
        outbox=[effect(before + 1)],
    )


def test_a_reopened_file_has_everything(path):
    async def everything(store):
        return [
            await store.lookup(Lookup((user("1"),), (), (message("m1.0", 1).hash,), ((1, 1),))),
            await store.partitions(),
            await store.cells(),
            await store.map_version(),
            await store.due_timers(ME, NOW, 9),
            await store.outbox_due(ME, NOW, 9),
            await store.turns_after(0, 9),
            await store.checkpoint("m"),
            await store.playbook(),
            await store.setting("s"),
            await store.keys(),
            await store.counts(),
        ]

    first = owned(SqliteStore.open(path))
    commit(first, a_full_turn(1))
    run(first.register_cell(cell()))
    run(first.save_checkpoint("m", 1, b"weights"))
    run(first.put_playbook("v1", b"bundle", NOW))
    run(first.put_setting("s", b"value"))
    run(first.put_key(b"hash", b"record"))
    before = run(everything(first))
    run(first.close())

    for read_only in (False, True):
        again = SqliteStore.open(path, read_only=read_only)
        assert run(everything(again)) == before
        run(again.close())


def test_opening_again_migrates_nothing_and_keeps_owners(path, store):
    second = SqliteStore.open(path)
    with other_program(path) as connection:
        migrate(connection)
        migrations = connection.execute("SELECT number, name FROM migration").fetchall()
        counters = {name for (name,) in connection.execute("SELECT name FROM counter")}

    assert migrations == [(n, name) for n, (name, _) in enumerate(MIGRATIONS, 1)]
    assert counters == {*COUNTERS, "group_seq", "outbox_held"}
    assert run(second.partitions())[P].owner == ME
    assert len(run(second.partitions())) == PARTITIONS
    run(second.close())


def test_the_file_is_in_wal_mode_synced_in_full_and_private(path, store):
    connection = store._writer.connection

    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert connection.execute("PRAGMA synchronous").fetchone() == (2,)
    assert [stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()] == [0o600] * 4


def test_a_file_from_a_newer_version_is_refused(path, store):
    run(store.close())
    with other_program(path) as connection:
        connection.execute("INSERT INTO migration VALUES (99, 'from the future')")

    for read_only in (False, True):
        with pytest.raises(StoreUnavailableError, match="has schema 99, this version knows"):
            SqliteStore.open(path, read_only=read_only)


def test_a_migration_that_fails_leaves_the_file_as_it_was(path, store, monkeypatch):
    run(store.close())

    def broken(connection):
        connection.execute("CREATE TABLE half (done)")
        raise sqlite3.OperationalError("disk I/O error")

    steps = (*MIGRATIONS, ("broken", broken))
    with monkeypatch.context() as patch:
        patch.setattr(sqlite_file, "MIGRATIONS", steps)
        patch.setattr("actors.stores.sqlite_schema.MIGRATIONS", steps)
        with pytest.raises(StoreUnavailableError, match="disk I/O error"):
            SqliteStore.open(path)
        with pytest.raises(StoreUnavailableError, match="open it for writing once"):
            SqliteStore.open(path, read_only=True)

    again = SqliteStore.open(path)
    with other_program(path) as connection:
        tables = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'half'").fetchall()
    assert tables == []
    assert commit(again, change(1)) == [COMMITTED]
    run(again.close())


def test_another_programs_database_is_refused_and_not_touched(path):
    with other_program(path) as connection:
        connection.execute("CREATE TABLE theirs (a)")
    before = path.read_bytes()

    with pytest.raises(StoreUnavailableError, match="not made by Righttime"):
        SqliteStore.open(path)

    assert path.read_bytes() == before


def test_a_file_that_is_no_database_is_refused(path):
    path.write_bytes(b"not a database at all" * 100)

    with pytest.raises(StoreUnavailableError, match="not a database"):
        SqliteStore.open(path)


def test_a_missing_file_is_not_made_for_reading(path):
    with pytest.raises(StoreUnavailableError, match="there is no database at"):
        SqliteStore.open(path, read_only=True)

    assert not path.exists()


def test_a_directory_that_is_not_there_is_named(path):
    with pytest.raises(StoreUnavailableError, match="No such file"):
        SqliteStore.open(path / "deeper" / "store.db")


def test_a_store_for_reading_sees_commits_and_refuses_to_write(path, store):
    front_door = SqliteStore.open(path, read_only=True)

    commit(store, change(1))

    assert customer(front_door, 1).seq == 1
    with pytest.raises(StoreUnavailableError, match="for reading only"):
        commit(front_door, change(2))
    run(front_door.close())


def test_a_damaged_file_is_found_by_the_check(path, store):
    commit(store, *[change(n, state=bytes([n]) * 3_000) for n in range(200)])
    run(store.close())
    with path.open("r+b") as file:
        file.seek(path.stat().st_size - 9_000)
        file.write(b"\xff" * 9_000)

    damaged = SqliteStore.open(path)

    assert run(damaged.check()) != []
    run(damaged.close())


def test_a_full_disk_fails_the_commit_and_leaves_nothing_of_it(store):
    commit(store, change(1))
    pages = store._writer.connection.execute("PRAGMA page_count").fetchone()[0]
    store._writer.connection.execute(f"PRAGMA max_page_count = {pages + 2}")

    with pytest.raises(StoreUnavailableError, match="full"):
        commit(store, change(1, 1), a_full_turn(2), change(3, state=b"x" * 100_000))

    store._writer.connection.execute("PRAGMA max_page_count = 1000000")
    assert customer(store, 1).seq == 1
    assert run(store.counts()) == {"customers": 1, "turns": 1, "timers": 0, "outbox": 0}
    assert commit(store, change(1, 1), a_full_turn(2)) == [COMMITTED, COMMITTED]


def test_a_database_locked_by_another_program_is_reported(path):
    store = owned(SqliteStore.open(path, patience_s=0.2))
    with other_program(path) as connection:
        connection.execute("BEGIN IMMEDIATE")

        with pytest.raises(StoreUnavailableError):
            commit(store, change(1))

    patient = SqliteStore.open(path)
    assert commit(patient, change(2)) == [COMMITTED]
    run(store.close())
    run(patient.close())


def test_a_bug_in_a_group_rolls_it_back_and_is_not_called_unavailable(store):
    with pytest.raises(OverflowError):
        commit(store, change(1), change(2, timers_set=[timer("t", 1 << 70)]))

    assert customer(store, 1) is None
    assert commit(store, change(1)) == [COMMITTED]


def test_a_group_that_writes_nothing_syncs_nothing(path, store):
    commit(store, change(1))
    wal = path.with_name(path.name + "-wal")
    before = wal.read_bytes()

    commit(store, change(1, epoch=9), change(2, 5))
    run(store.claim([(FOREIGN_P, "nobody", 3)], ME))
    run(store.forget_messages(0))

    assert wal.read_bytes() == before


def test_offsets_of_deleted_turns_are_never_given_again(path, store):
    commit(store, a_full_turn(1), a_full_turn(2))
    last = run(store.turns_after(0, 9))[-1].offset
    with other_program(path) as connection:
        connection.execute("DELETE FROM journal")

    commit(store, a_full_turn(3))

    assert run(store.turns_after(0, 9))[0].offset == last + 1


def test_counts_are_those_of_the_rows(path, store):
    commit(store, *[a_full_turn(n) for n in range(5)])
    items = due(store)
    run(store.outbox_claim(items[:2], {P: 1}, NOW, permitted))
    commit(store, change(1, 1, timers_deleted=["t"], outbox_cancelled=[(1, 1, 0)]))

    with other_program(path) as connection:
        rows = {
            table: connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
            for table in ("customer", "journal", "timer", "outbox")
        }
        sending = connection.execute("SELECT count(*) FROM outbox WHERE state = 1").fetchone()[0]

    assert list(run(store.counts()).values()) == list(rows.values()) == [5, 6, 4, 5]
    assert run(store.outbox_counts())["sending"] == sending == 2


def test_no_statement_walks_through_a_table_that_grows(path, store):
    texts = set()
    for connection in (store._writer.connection, store._reader):
        connection.set_trace_callback(texts.add)
    backlog = [timer(f"{i}", NOW) for i in range(1_600)]
    commit(store, change(9, p=FOREIGN_P, epoch=0, timers_set=backlog))
    run(store.claim([(FOREIGN_P, "", 0)], "other"))

    commit(store, a_full_turn(1), a_full_turn(2))
    commit(store, a_full_turn(1, 1), change(2, 1, outbox_cancelled=[(2, 1, 0)]))
    items = due(store)
    run(store.outbox_claim(items, {P: 1}, NOW, permitted))
    moves = {"outbox_released": [(2, 1, 0, NOW)], "outbox_dropped": [(2, 2, 0, 5, "late")]}
    commit(store, change(2, 2, **moves))
    run(store.pause("all", NOW))
    run(store.resume("all", NOW))
    run(store.pauses())
    run(store.outbox_stream("email", (0, 0, 0, 0), 9))
    run(store.lookup(Lookup((user("1"),), (2,), (message("m1.0", 1).hash,), ((1, 1),))))
    run(store.due_timers(ME, NOW, 9))
    run(store.next_timer_ms())
    run(store.timeline(1, None, (1,), 9))
    run(store.turns_after(0, 9))
    run(store.counts())
    run(store.outbox_counts())
    run(store.oldest_answer())
    run(store.forget_turns(JournalKind.EVENT, NOW + 9, 1 << 60, 9))
    run(store.forget_effects(2, NOW + 9, 9))
    run(store.forget_flows(NOW + 9, 9))
    run(store.watch("t", NOW, 1, 9))
    run(store.forget_messages(NOW + 1))

    walks = set()
    with other_program(path) as connection:
        for text in texts:
            if re.match(r"\s*(SELECT|INSERT|UPDATE|DELETE|WITH)", text):
                plan = connection.execute(f"EXPLAIN QUERY PLAN {text}").fetchall()
                walks.update((line, text) for *_, line in plan if line.startswith("SCAN"))
    grows = ("customer", "identity", "journal", "dedupe", "timer", "outbox", "segment_flow")
    assert [walk for walk in walks if walk[0].split()[1] in grows] == []
    assert len(texts) > 30


def test_a_backlog_of_others_costs_a_poll_no_more_than_a_bound(path, store):
    commit(store, change(1, timers_set=[timer("mine", NOW)], outbox=[effect(1)]))
    with other_program(path) as connection:
        connection.execute("BEGIN")
        connection.executemany(
            "INSERT INTO timer (customer, key, p, due) VALUES (?, 'theirs', ?, ?)",
            [(n, FOREIGN_P, NOW - 1) for n in range(10, 100_010)],
        )
        connection.execute("COMMIT")
    thousands_of_steps = []
    store._reader.set_progress_handler(lambda: thousands_of_steps.append(1) and 0, 1_000)

    timers = run(store.due_timers(ME, NOW, 10))

    assert [one.key for one in timers] == ["mine"]
    assert len(thousands_of_steps) < 200  # one step a row of the backlog would be 1,000 or more


def test_a_closed_store_says_so(path):
    store = SqliteStore.open(path)
    run(store.close())
    run(store.close())

    with pytest.raises(StoreUnavailableError, match="closed"):
        run(store.cells())


def test_close_lets_what_is_under_way_finish(path):
    async def scenario():
        store = SqliteStore.open(path)
        await store.claim([(P, "", 0)], ME)
        writing = [asyncio.ensure_future(store.commit([change(n)], NOW)) for n in range(20)]
        await asyncio.sleep(0)
        await store.close()
        return await asyncio.gather(*writing)

    assert run(scenario()) == [[COMMITTED]] * 20


def test_urls_name_stores(path, tmp_path):
    assert isinstance(open_store("memory://"), MemoryStore)
    spaced = tmp_path / "a b?.db"
    for target, url in ((path, f"sqlite://{path}"), (spaced, f"sqlite://{tmp_path}/a%20b%3F.db")):
        opened = open_store(url)
        assert target.is_file()
        run(opened.close())


@pytest.mark.parametrize(
    "url",
    [
        "mysql://me:secret@db/x",
        "sqlite:relative.db",
        "sqlite://host/x.db",
        "sqlite:///",
        "",
        "x",
    ],
)
def test_urls_of_other_stores_are_refused_without_repeating_them(url):
    with pytest.raises(
        ValueError, match=r"sqlite:///absolute/path/to/file, postgresql://"
    ) as caught:
        open_store(url)

    assert "secret" not in str(caught.value)
