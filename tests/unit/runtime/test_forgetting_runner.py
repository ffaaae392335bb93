"""The runner that forgets by age, over both stores."""

import asyncio
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from actors.domain.errors import StoreUnavailableError
from actors.playbook.retention_model import Retention
from actors.ports import JournalKind, JournalRow, Lookup, OutboxState
from actors.runtime.clocks import VirtualClock
from actors.runtime.forgetting import PORTION, Forgetter
from actors.stores.memory import MemoryStore
from actors.wire.state import unpack_state
from tests.builders import DAY, NOW, POLICIES, make_event, make_playbook, number_of, order, user
from tests.contracts.store_contract_retention import ended, outbound
from tests.contracts.store_support import change, commit, message, owned, run
from tests.doubles.clocks import ManualClock
from tests.doubles.faults import FailNext
from tests.doubles.hosts import answered, hosting
from tests.sqlite_files import new_sqlite

NAMES = {
    "event": JournalKind.EVENT,
    "decide": JournalKind.DECIDE,
    "outcome": JournalKind.OUTCOME,
    "wake": JournalKind.WAKE,
    "command": JournalKind.COMMAND,
}
AGES = Retention(
    journal_ms={"event": 20 * DAY, "decide": 9 * DAY, "wake": 30 * DAY},
    outbox_ms={"sent": 10 * DAY},
    segments_ms=40 * DAY,
)


class Ahead(ManualClock):
    """A clock whose business side is virtual."""

    virtual = True


@pytest.fixture(params=["memory", "sqlite"])
def store(request, tmp_path):
    file = tmp_path / "store.db"
    store = owned(new_sqlite(file) if request.param == "sqlite" else MemoryStore())
    yield store
    run(store.close())


def forgetter(store, retention=AGES, clock=None, is_runner=True, **options):
    book = replace(make_playbook(), retention=retention)
    return Forgetter(store, clock or ManualClock(NOW), lambda: book, lambda: is_runner, **options)


def row(seq, days, kind):
    return JournalRow(seq, NOW - days * DAY, kind, b"%d" % seq)


def said(store, number=1):
    return {r.seq for r in run(store.timeline(number, None, (), 100_000)) if r.payload}


def test_each_kind_goes_by_its_own_age_and_what_has_none_stays(store):
    kinds = [*NAMES.values(), JournalKind.MERGE, JournalKind.UNMERGE, JournalKind.ERASURE]
    rows = [row(i + 1, 15, kind) for i, kind in enumerate(kinds)]
    rows += [row(len(rows) + i + 1, 400, kind) for i, kind in enumerate(kinds)]
    commit(store, change(1, 0, len(rows), journal=rows))
    runner = forgetter(store)

    assert run(runner.run()) == 4

    gone = {r.seq for r in rows} - said(store)
    assert sorted((r.kind, (NOW - r.at_ms) // DAY) for r in rows if r.seq in gone) == [
        (JournalKind.EVENT, 400), (JournalKind.DECIDE, 15), (JournalKind.DECIDE, 400),
        (JournalKind.WAKE, 400),
    ]  # fmt: skip
    assert {k: n for k, n in runner.forgotten.items() if n} == {
        "journal.event": 1,
        "journal.decide": 2,
        "journal.wake": 1,
    }


def test_effects_and_days_go_too_and_what_may_be_sent_stays(store):
    commit(store, change(1, outbox=[outbound(1, 400)]))
    commit(store, change(2, outbox=[outbound(1, 400)]))
    commit(store, change(3, outbox=[outbound(1, 9)]))
    commit(store, change(4, segments_entered=[("gold", NOW - 50 * DAY), ("new", NOW)]))
    ended(store, 1, 3)
    runner = forgetter(store)

    run(runner.run())

    assert [i.number for i in run(store.outbox_of((1, 2, 3)))] == [2, 3]
    assert run(store.outbox_of((2,)))[0].state == OutboxState.PENDING
    assert run(store.flows("gold", 0)) == []
    assert run(store.member_counts()) == {"gold": 1, "new": 1}
    assert (runner.forgotten["outbox.sent"], runner.forgotten["segments"]) == (1, 1)


def test_only_one_cell_is_the_runner(store):
    commit(store, change(1, journal=[row(1, 400, JournalKind.EVENT)]))

    assert run(forgetter(store, is_runner=False).run()) == 0
    assert said(store) == {1}


def test_it_goes_in_portions_and_gives_way_in_between(store):
    count = 2 * PORTION + 5
    rows = [row(i + 1, 400, JournalKind.EVENT) for i in range(count)]
    commit(store, change(1, 0, count, journal=rows))
    left = []

    async def pause(_):
        left.append(sum(bool(r.payload) for r in await store.timeline(1, None, (), 100_000)))

    assert run(forgetter(store, pause=pause).run()) == count
    assert left == [PORTION + 5, 5]


def test_a_turn_stays_while_its_message_may_be_told_again(store):
    stale = [row(1, 400, JournalKind.EVENT)]
    old, young = (change(n, journal=stale, messages=[message(f"m{n}", 1)]) for n in (1, 2))
    commit(store, old, now_ms=NOW - 8 * DAY - 1)
    commit(store, young, now_ms=NOW - 8 * DAY)
    runner = forgetter(store)

    assert run(runner.run()) == 2
    assert (said(store, 1), said(store, 2)) == (set(), {1})
    assert runner.forgotten["dedupe"] == 1


def test_message_ids_are_remembered_as_long_as_the_playbook_says(store):
    commit(store, change(1, messages=[message("m", 1)]), now_ms=NOW - 20 * DAY)

    assert run(forgetter(store, Retention(dedupe_ms=20 * DAY)).run()) == 0
    assert run(forgetter(store, Retention(dedupe_ms=20 * DAY - 1)).run()) == 1


def test_a_virtual_clock_forgets_what_is_old_by_it(store):
    commit(
        store,
        change(1, journal=[row(1, 30, JournalKind.EVENT)], messages=[message("m", 1)]),
        now_ms=NOW,
    )

    run(forgetter(store, clock=Ahead(NOW)).run())

    assert said(store) == set()


def test_what_fails_is_gone_on_with_in_the_next_run(store):
    count = PORTION + 5
    rows = [row(i + 1, 400, JournalKind.EVENT) for i in range(count)]
    commit(store, change(1, 0, count, journal=rows))
    failing = FailNext(store)
    runner = forgetter(failing)

    async def break_off(_):
        failing.fail("forget_turns", "before")

    runner._pause = break_off
    with pytest.raises(StoreUnavailableError):
        run(runner.run())
    assert runner.forgotten["journal.event"] == PORTION

    assert run(runner.run()) == 5


kinds = st.sampled_from([*range(1, 9)])
journals = st.lists(
    st.tuples(kinds, st.integers(0, 60), st.none() | st.integers(0, 20)), max_size=25
)
retentions = st.dictionaries(st.sampled_from(sorted(NAMES)), st.integers(8, 50))


@pytest.mark.slow
@given(journals, retentions)
@settings(
    max_examples=100,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
def test_nothing_younger_is_dropped_and_everything_older_is(journal, days):
    """Each entry: kind, days since the event, days since its message was stored if it had one."""
    store = owned(MemoryStore())
    stored = sorted(enumerate(journal), key=lambda each: -(each[1][2] or 0))
    for i, (kind, age, since) in stored:
        told = [message(f"m{i}", 1)] if since is not None else []
        one = change(i + 1, journal=[row(1, age, kind)], messages=told)
        commit(store, one, now_ms=NOW - (since or 0) * DAY)
    retention = Retention(journal_ms={name: each * DAY for name, each in days.items()})

    run(forgetter(store, retention).run())

    limits = {NAMES[name]: each for name, each in days.items()}
    answering = [i for i, (_, _, since) in stored if since is not None and since <= 8]
    first = [i for i, _ in stored].index(answering[0]) if answering else len(stored)
    for place, (i, (kind, age, _)) in enumerate(stored):
        old = kind in limits and age > limits[kind] and place < first
        assert said(store, i + 1) == (set() if old else {1})
    assert run(forgetter(store, retention).run()) == 0


BOOK = make_playbook(
    policies={**POLICIES, "retention": {"journal": {"event": "P30D"}, "conversation": "P10D"}}
)
ANN = number_of(user("ann"))


def test_advancing_a_virtual_clock_forgets_on_the_way():
    async def scenario():
        async with hosting(VirtualClock(NOW)) as host:
            host.playbook = BOOK
            await answered(host, order(5, id="m1"))
            await host.advance(NOW + 29 * DAY)
            assert host.forgetter.forgotten["journal.event"] == 0
            assert (await host.truth.timeline(ANN, 2, (), 1))[0].payload

            await host.advance(NOW + 30 * DAY + 1)

            assert host.forgetter.forgotten["journal.event"] == 1
            assert (await host.truth.timeline(ANN, 2, (), 1))[0].payload == b""
            assert await answered(host, order(5, id="m1")) == ["DUPLICATE"]

    asyncio.run(scenario())


def test_a_host_on_a_real_clock_forgets_by_itself_where_it_has_the_first_partition():
    async def scenario():
        clock = ManualClock(NOW)
        async with hosting(clock, forget_s=0.001) as host:
            host.playbook = BOOK
            await answered(host, make_event(id="m1"))
            clock.advance(31 * DAY)
            async with asyncio.timeout(5):
                while not host.forgetter.forgotten["journal.event"]:
                    await asyncio.sleep(0.001)

            assert host.forgetter.forgotten["dedupe"] == 1
            assert (await host.truth.timeline(ANN, 2, (), 1))[0].payload == b""

    asyncio.run(scenario())


def test_a_rule_that_is_new_reaches_customers_who_stay_away():
    async def scenario():
        async with hosting(VirtualClock(NOW)) as host:
            who = make_event("", type="identify", traits={"income": "high"}, id="m1")
            await answered(host, who)
            host.playbook = make_playbook(
                policies={**POLICIES, "retention": {"traits": {"income": "P30D"}}}
            )
            await host.advance(NOW + DAY)
            await host.advance(NOW + 32 * DAY)
            found = await host.truth.lookup(Lookup(numbers=(ANN,)))
            assert unpack_state(found.customers[ANN].state).profile.traits == {}

            watched = host.store.calls.count("watch")
            await host.advance(NOW + 33 * DAY)
            assert host.store.calls.count("watch") == watched

    asyncio.run(scenario())
