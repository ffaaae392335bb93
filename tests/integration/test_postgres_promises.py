"""What only the PostgreSQL store promises: offsets in commit order, one round trip, refusals at the start."""

import threading

import pytest

from actors.domain.errors import StoreUnavailableError
from actors.domain.ids import Identity
from actors.ports import Lookup, Verdict
from actors.stores.opening import open_store
from actors.stores.postgres import PostgresStore
from actors.stores.postgres_pool import options_of
from actors.stores.postgres_schema import MIGRATIONS
from actors.stores.walking import walk
from scripts.own_postgres import own_postgres
from tests.contracts.store_support import (
    COMMITTED,
    NOW,
    P,
    change,
    commit,
    message,
    owned,
    run,
    timer,
)
from tests.postgres_databases import new_database, server

pytestmark = pytest.mark.postgres


@pytest.fixture
def url():
    return new_database()


def writing(store, base, turns, errors):
    """A cell that commits groups of three customers; everybody wants one identity and one message."""
    try:
        seqs = dict.fromkeys(range(base, base + 3), 0)
        for i in range(turns):
            shared = {"messages": [message(f"m{i}", seqs[base] + 1)], "identities": []}
            group = [
                change(n, seq, timers_set=[timer("t", NOW + i)], **(shared if n == base else {}))
                for n, seq in seqs.items()
            ]
            group[1].identities.append(Identity("user", f"u{i}"))
            for one, verdict in zip(group, commit(store, *group), strict=True):
                seqs[one.number] += verdict is COMMITTED
                assert verdict in (COMMITTED, Verdict.RACE_LOST)
    except Exception as error:
        errors.append(error)
        raise


def test_offsets_come_in_commit_order_so_that_a_learner_misses_nothing(url):
    stores = [PostgresStore.open(url) for _ in range(4)]
    reader = owned(stores[3])
    errors, seen = [], []
    cells = [
        threading.Thread(target=writing, args=(store, 100 * i, 40, errors))
        for i, store in enumerate(stores[:3], 1)
    ]
    commit(reader, change(1))
    for cell in cells:
        cell.start()
    while any(cell.is_alive() for cell in cells) or not seen:
        seen += run(reader.turns_after(seen[-1].offset if seen else 0, 1000))
    seen += run(reader.turns_after(seen[-1].offset, 1000))

    assert errors == []
    assert [row.offset for row in seen] == list(range(1, len(seen) + 1))
    counts = run(reader.counts())
    assert counts["turns"] == len(seen)
    numbers = tuple(sorted({row.number for row in seen}))
    rows = run(reader.lookup(Lookup(numbers=numbers))).customers
    assert sum(row.seq for row in rows.values()) == len(seen)
    owners = run(reader.lookup(Lookup(tuple(Identity("user", f"u{i}") for i in range(40))))).owners
    assert len(owners) == 40
    for store in stores:
        run(store.close())


def test_an_ordinary_commit_is_one_statement(url):
    store = owned(PostgresStore.open(url + "&pool=1"))
    commit(store, change(1))

    sent = []

    async def listen(connection):
        underlying = connection._con
        underlying.add_query_logger(lambda record: sent.append(record.query))

    run(store._pool.run(listen))
    commit(store, change(1, 1, messages=[message("m", 2)]), change(2))

    assert len([text for text in sent if "commit_1" in text]) == 1
    assert len(sent) == 1
    run(store.close())


@pytest.mark.parametrize("setting", ["synchronous_commit", "fsync"])
def test_a_server_that_may_forget_is_refused_unless_that_is_allowed(setting):
    with own_postgres({setting: "off"}) as forgetful:
        with pytest.raises(StoreUnavailableError, match=f"has {setting} = off"):
            open_store(forgetful.url())

        store = open_store(forgetful.url(durability="unsafe"))
        assert run(store.map_version()) == 0
        run(store.close())


def test_no_server_no_store_and_a_newer_schema_are_refused_with_a_sentence(url):
    name = url.rpartition("/")[2].partition("?")[0]
    with pytest.raises(StoreUnavailableError, match="Connect"):
        open_store("postgresql://me@127.0.0.1:1/x")
    server().create("bare")
    with pytest.raises(StoreUnavailableError, match="there is no store in this database"):
        open_store(server().url("bare", durability="unsafe"), read_only=True)
    server().sql("INSERT INTO righttime.migration VALUES (999, 'future')", name)
    for read_only in (True, False):
        with pytest.raises(StoreUnavailableError, match="use the newer version"):
            open_store(url, read_only=read_only)


def test_who_only_reads_cannot_write(url):
    store = open_store(url, read_only=True)

    with pytest.raises(StoreUnavailableError, match="read-only"):
        run(store.put_setting("s", b"v"))

    assert len(run(store.partitions())) == 4096
    run(store.close())


def test_processes_that_start_at_once_migrate_once():
    server().create("together")
    target = server().url("together", durability="unsafe")
    opened = []
    threads = [threading.Thread(target=lambda: opened.append(open_store(target))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(opened) == 4
    numbers = server().sql("SELECT count(*), max(number) FROM righttime.migration", "together")
    assert numbers == f"{len(MIGRATIONS)}|{len(MIGRATIONS)}"
    for store in opened:
        run(store.close())


def test_turns_of_any_month_find_a_place(url):
    store = owned(PostgresStore.open(url))
    from actors.ports import JournalRow

    instants = [0, 951_782_399_999, 951_782_400_000, NOW]  # around a 29 February
    rows = [JournalRow(seq, at_ms, 1, b"x") for seq, at_ms in enumerate(instants, 1)]
    assert commit(store, change(1, 0, 4, journal=rows)) == [COMMITTED]
    second = PostgresStore.open(url)  # which has seen no month yet
    assert commit(second, change(2, p=P)) == [COMMITTED]

    assert [row.at_ms for row in run(store.timeline(1, None, (), 9))] == instants[::-1]
    run(second.close())
    run(store.close())


@pytest.mark.parametrize(
    "query", ["pool=0", "pool=x", "patience_s=0", "durability=maybe", "pool=65"]
)
def test_parameters_that_say_nothing_sensible_are_refused(query):
    with pytest.raises(ValueError, match=r"pool|patience_s|durability") as caught:
        options_of(f"postgresql://me:secret@db/x?{query}")

    assert "secret" not in str(caught.value)


def test_our_parameters_are_taken_out_of_the_url_and_others_stay():
    options = options_of("postgresql://me@a,b/x?pool=2&target_session_attrs=read-write")

    assert options.dsn == "postgresql://me@a,b/x?target_session_attrs=read-write"
    assert (options.pool, options.unsafe) == (2, False)
    with pytest.raises(ValueError, match="names a database"):
        options_of("postgresql://me@host")


def test_all_states_are_walked_through_a_portion_at_a_time(url):
    store = owned(PostgresStore.open(url))
    commit(store, *[change(n) for n in (5, 1, 9, 7, 3)])

    expected = [b"state of %d at 1" % n for n in (1, 3, 5, 7, 9)]
    assert list(walk(url, portion=2)) == list(walk(url)) == expected
    run(store.close())
