"""What becomes of commits when connections and servers die at the worst moment."""

import asyncio
import threading
from contextlib import suppress

import pytest

from actors.domain.errors import StoreUnavailableError
from actors.ports import Claim, Lookup, Permit
from actors.stores.opening import open_store
from actors.stores.postgres import PostgresStore
from scripts.own_postgres import own_postgres
from tests.contracts.store_support import (
    COMMITTED,
    FENCED,
    ME,
    NOW,
    OTHER,
    RACE_LOST,
    P,
    change,
    commit,
    customer,
    due,
    effect,
    message,
    owned,
    permitted,
    run,
)
from tests.integration.postgres_proxy import Proxy
from tests.postgres_databases import new_database, server

pytestmark = [pytest.mark.postgres, pytest.mark.fault]

STATE = b"a state that no other statement holds"


@pytest.fixture(scope="module")
def url():
    return new_database()


@pytest.fixture
def store(url):
    store = PostgresStore.open(url)
    run(store._pool.run(lambda c: c.execute("DELETE FROM customer; DELETE FROM journal;"
        "DELETE FROM dedupe; DELETE FROM outbox; UPDATE partition SET owner='', epoch=0")))  # fmt: skip
    yield owned(store)
    run(store.close())


@pytest.fixture
def behind_proxy(url, store):
    proxy = Proxy(server().port)
    name = url.rpartition("/")[2].partition("?")[0]
    through = PostgresStore.open(
        server().url(name, port=proxy.port, durability="unsafe", pool="1", patience_s="2")
    )
    commit(through, change(9))  # the month of the journal is made, the statement prepared
    yield through, proxy
    run(through.close())
    proxy.close()


@pytest.mark.parametrize(("how", "written"), [("before", False), ("after", True)])
def test_a_commit_whose_connection_breaks_is_unknown_and_never_sent_twice(
    behind_proxy, store, how, written
):
    through, proxy = behind_proxy
    proxy.cut(STATE, how)

    with pytest.raises(StoreUnavailableError):
        commit(through, change(1, state=STATE, messages=[message("m", 1)]))

    assert proxy.cuts == 1
    assert (customer(store, 1) is not None) is written
    found = run(through.lookup(Lookup(numbers=(1,), messages=(message("m", 1).hash,))))
    assert len(found.customers) == len(found.messages) == int(written)
    # the client's retry, after its activation was read again, meets deduplication or the first commit
    verdicts = commit(through, change(1, state=STATE, messages=[message("m", 1)]))
    assert verdicts == [RACE_LOST if written else COMMITTED]
    assert run(store.counts())["turns"] == len(run(store.turns_after(0, 99))) or written


def test_a_server_that_does_not_answer_is_given_up_after_the_patience(behind_proxy):
    through, proxy = behind_proxy
    proxy.silent = True

    with pytest.raises(StoreUnavailableError):
        commit(through, change(1))

    proxy.silent = False
    assert commit(through, change(2)) == [COMMITTED]


def test_a_statement_that_waits_too_long_is_undone_by_the_server(store, url):
    impatient = PostgresStore.open(url + "&patience_s=0.5")

    async def blocked():
        async with asyncio.timeout(10):
            connection = await store._pool.connect()
            async with connection.transaction():
                await connection.execute("SELECT 1 FROM counter FOR UPDATE")
                with pytest.raises(StoreUnavailableError):
                    await impatient.commit([change(1)], NOW)
            await connection.close()

    commit(store, change(9))
    store._pool.apart(blocked)

    assert customer(store, 1) is None
    assert commit(impatient, change(1)) == [COMMITTED]
    run(impatient.close())


def test_of_two_cells_with_one_partition_the_one_that_was_overtaken_is_fenced(store, url):
    second = PostgresStore.open(url)
    commit(store, change(1))

    assert run(second.claim([(P, ME, 1)], OTHER)) == {P: 2}

    assert commit(store, change(1, 1, epoch=1)) == [FENCED]
    assert commit(second, change(1, 1, epoch=2)) == [COMMITTED]
    run(second.close())


def test_a_claim_waits_for_a_commit_under_way_and_fences_the_next(store, url):
    """The commit holds its partition's row until it is durable, so no epoch changes under it."""
    second = PostgresStore.open(url)
    commit(store, change(1))
    order, watcher = [], None

    async def waiting():
        return await watcher.fetchval(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )

    async def both():
        nonlocal watcher
        watcher = await store._pool.connect()
        connection = await store._pool.connect()
        transaction = connection.transaction()
        await transaction.start()
        await connection.execute(
            f"SELECT own_1(ARRAY[{P}], ARRAY[1::bigint])"
        )  # as a commit begins
        claiming = asyncio.ensure_future(second.claim([(P, ME, 1)], OTHER))
        claiming.add_done_callback(lambda _: order.append("claimed"))
        while not claiming.done() and not await waiting():
            await asyncio.sleep(0.01)
        order.append("commits")
        await transaction.commit()
        won = await claiming
        await connection.close()
        await watcher.close()
        return won

    assert store._pool.apart(both) == {P: 2}
    assert order == ["commits", "claimed"]
    assert commit(store, change(1, 1, epoch=1)) == [FENCED]
    run(second.close())


def test_what_changes_while_a_claim_is_judged_is_judged_again(store, url):
    """A switch, and a turn of the customer, between the look and the claim."""
    other = PostgresStore.open(url)
    commit(store, change(1, outbox=[effect(1)]))
    seen = []

    def meanwhile():
        if len(seen) == 1:
            run(other.pause("all", NOW))
        elif len(seen) == 2:
            commit(other, change(1, 1, state=b"no consent"))

    def check(item, state, pauses):
        seen.append((state, pauses))
        elsewhere = threading.Thread(target=meanwhile)  # as in another process
        elsewhere.start()
        elsewhere.join()
        return permitted(item, state, pauses) if not pauses else Permit(Claim.LATER, NOW + 1, "p")

    answers = run(store.outbox_claim(due(store), {P: 1}, NOW, check))

    first = b"state of 1 at 1"
    assert seen == [(first, ()), (first, ("all",)), (b"no consent", ("all",))]
    assert answers == [Claim.LATER]
    assert run(store.outbox_counts())["sending"] == 0
    run(store.resume("all", NOW))
    run(other.close())


class Writers:
    """Threads that commit one customer's turn after another and note what was acknowledged."""

    def __init__(self, url, count):
        self.acknowledged, self.unknown, self.stop = {}, 0, threading.Event()
        self._threads = [
            threading.Thread(target=self._write, args=(url, 100 + i)) for i in range(count)
        ]
        for thread in self._threads:
            thread.start()

    def _write(self, url, number):
        store = open_store(url)
        seq = 0
        while not self.stop.is_set():
            with suppress(StoreUnavailableError):
                row = customer(store, number)
                seq = row.seq if row else 0
                told = message(f"{number}-{seq}", seq + 1)
                try:
                    if commit(store, change(number, seq, messages=[told])) == [COMMITTED]:
                        self.acknowledged[number] = seq + 1
                except StoreUnavailableError:
                    self.unknown += 1
                    raise
        run(store.close())

    def join(self):
        self.stop.set()
        for thread in self._threads:
            thread.join(30)


@pytest.mark.slow
def test_what_was_acknowledged_survives_a_server_that_is_killed_again_and_again():
    with own_postgres() as own:  # with fsync: this one must not forget
        own.create("here")
        url = own.url("here", pool="1", patience_s="2")
        store = owned(PostgresStore.open(url))
        commit(store, change(1))
        writers = Writers(url, 3)
        for _ in range(4):
            threading.Event().wait(0.7)
            own.kill()
            own.start()
        threading.Event().wait(0.5)
        writers.join()

        rows = run(store.lookup(Lookup(numbers=(100, 101, 102)))).customers
        assert set(rows) == {100, 101, 102} == set(writers.acknowledged)
        for number, row in rows.items():
            assert row.seq >= writers.acknowledged[number]  # an unknown one may be there too
            turns = run(store.timeline(number, None, (), 100_000))
            assert [turn.seq for turn in turns] == list(range(row.seq, 0, -1))
        offsets = [turn.offset for turn in run(store.turns_after(0, 1_000_000))]
        assert offsets == list(range(1, len(offsets) + 1))
        assert run(store.counts())["turns"] == len(offsets)
        assert writers.unknown > 0
        run(store.close())
