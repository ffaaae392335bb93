import asyncio

import pytest

from actors import turn as core
from actors.domain.errors import StoreUnavailableError
from actors.ports import JournalKind
from actors.runtime.clocks import VirtualClock, store_virtual_ms, stored_virtual_ms
from actors.stores.memory import MemoryStore
from actors.wire.records import unpack_turn
from tests.builders import (
    DAY,
    MINUTE,
    NOW,
    REMINDER,
    added,
    consent,
    make_event,
    number_of,
    order,
    user,
)
from tests.doubles.clocks import ManualClock
from tests.doubles.hosts import answered, hosting

ANN, BOB = number_of(user("ann")), number_of(user("bob"))


async def woken(host, *numbers):
    """What was woken, in commit order, as (customer, key, when it fired)."""
    rows = [row for n in numbers for row in await host.truth.timeline(n, None, (), 1000)]
    rows = sorted((row for row in rows if row.kind == JournalKind.WAKE), key=lambda r: r.offset)
    records = [(row.number, unpack_turn(row.payload)) for row in rows]
    return [(number, r.timer[0].rsplit("/")[-1], r.received_at_ms) for number, r in records]


async def until(condition):
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.001)


def test_advancing_fires_what_is_due_in_order_of_time_and_moves_the_clock():
    async def scenario():
        clock = VirtualClock(NOW)
        async with hosting(clock) as host:
            await answered(
                host,
                added("c3", "ann", id="m1", at=NOW - 1 * MINUTE),
                added("c1", "bob", id="m2", at=NOW - 3 * MINUTE),
                added("c2", "ann", id="m3", at=NOW - 2 * MINUTE),
                added("c9", "bob", id="m4", at=NOW),
            )

            fired = await host.advance(NOW + 29 * MINUTE)

            assert fired == 3
            assert await woken(host, ANN, BOB) == [
                (BOB, "c1", NOW + 27 * MINUTE),
                (ANN, "c2", NOW + 28 * MINUTE),
                (ANN, "c3", NOW + 29 * MINUTE),
            ]
            assert clock.business_ms() == NOW + 29 * MINUTE
            assert await host.advance(NOW + 30 * MINUTE) == 1

    asyncio.run(scenario())


def test_what_is_handed_over_before_the_clock_moves_still_fires_at_its_time():
    async def scenario():
        clock = VirtualClock(NOW)
        async with hosting(clock) as host:
            assert await host.fire_until(NOW + DAY) == 0
            assert clock.business_ms() == NOW
            await answered(host, added("c1", "ann", id="m1", at=NOW))

            assert await host.fire_until(NOW + DAY) >= 1
            host.move_clock(NOW + DAY)

            assert (ANN, "c1", NOW + 30 * MINUTE) in await woken(host, ANN)
            assert clock.business_ms() == NOW + DAY

    asyncio.run(scenario())


def test_advancing_fires_what_a_wake_itself_has_set():
    async def scenario():
        async with hosting(VirtualClock(NOW)) as host:
            await answered(host, consent(id="m1"), added("c1", id="m2"))

            fired = await host.advance(NOW + 10 * DAY)

            assert fired == 2
            assert await woken(host, ANN) == [
                (ANN, "c1", NOW + 30 * MINUTE),
                (ANN, "close", NOW + 30 * MINUTE + 2 * DAY),
            ]

    asyncio.run(scenario())


def test_advancing_fires_a_prolonged_wait_at_its_later_time():
    async def scenario():
        async with hosting(VirtualClock(NOW)) as host:
            await answered(host, added("c1", id="m1"), added("c1", id="m2", at=NOW + 5 * MINUTE))

            async with asyncio.timeout(5):
                await host.advance(NOW + 34 * MINUTE)
                assert await woken(host, ANN) == []
                await host.advance(NOW + DAY)

            assert await woken(host, ANN) == [(ANN, "c1", NOW + 35 * MINUTE)]

    asyncio.run(scenario())


def test_a_real_clock_fires_a_prolonged_wait_at_its_later_time():
    async def scenario():
        clock = ManualClock(NOW)
        async with hosting(clock) as host:
            await answered(host, added("c1", id="m1"), added("c1", id="m2", at=NOW + 5 * MINUTE))
            for _ in range(2):
                clock.advance(30 * MINUTE)
                seen = host.store.calls.count("due_timers")
                await until(lambda seen=seen: host.store.calls.count("due_timers") > seen + 3)

            assert await woken(host, ANN) == [(ANN, "c1", NOW + 60 * MINUTE)]

    asyncio.run(scenario())


def test_advancing_fires_different_customers_timers_together_each_at_its_time():
    async def scenario():
        async with hosting(VirtualClock(NOW)) as host:
            await answered(
                host, *[added("c1", f"u{i}", id=f"m{i}", at=NOW - i * MINUTE) for i in range(20)]
            )
            before = host.stats.groups

            assert await host.advance(NOW + DAY) == 20
            assert host.stats.groups <= before + 3  # and not one for each instant
            number = number_of(user("u7"))
            assert await woken(host, number) == [(number, "c1", NOW + 23 * MINUTE)]

    asyncio.run(scenario())


def test_advancing_in_small_batches_misses_nothing():
    async def scenario():
        async with hosting(VirtualClock(NOW), timer_batch=2) as host:
            await answered(host, *[added(f"c{i}", f"u{i % 5}", id=f"m{i}") for i in range(11)])

            assert await host.advance(NOW + DAY) == 11
            assert await host.truth.next_timer_ms() is None

    asyncio.run(scenario())


def test_time_does_not_run_backward():
    async def scenario():
        clock = VirtualClock(NOW)
        async with hosting(clock) as host:
            assert await host.advance(NOW - DAY) == 0
            assert clock.business_ms() == NOW

    asyncio.run(scenario())


@pytest.mark.python_core
def test_a_timer_that_fails_does_not_hold_time(monkeypatch):
    wake = core.wake

    def fragile(state, timer, *args):
        if timer.key.endswith("bad"):
            raise RuntimeError("a rule went wrong")
        return wake(state, timer, *args)

    monkeypatch.setattr(core, "wake", fragile)

    async def scenario():
        clock = VirtualClock(NOW)
        async with hosting(clock, timer_batch=1) as host:
            await answered(host, added("bad", id="m1"), added("good", "bob", id="m2", at=NOW + 1))

            async with asyncio.timeout(5):
                fired = await host.advance(NOW + DAY)

            assert fired == 1
            assert await woken(host, ANN, BOB) == [(BOB, "good", NOW + 30 * MINUTE + 1)]
            assert clock.business_ms() == NOW + DAY

    asyncio.run(scenario())


@pytest.mark.parametrize("when", ["before", "after"])
def test_time_stands_still_when_the_store_does_not_answer(when):
    async def scenario():
        clock = VirtualClock(NOW)
        async with hosting(clock) as host:
            await answered(host, consent(id="m1"), added("c1", id="m2"))
            host.store.fail("commit", when)

            with pytest.raises(StoreUnavailableError):
                await host.advance(NOW + DAY)
            assert clock.business_ms() == NOW
            await host.advance(NOW + DAY)

            assert await woken(host, ANN) == [(ANN, "c1", NOW + 30 * MINUTE)]
            sent = await host.truth.outbox_of((ANN,))
            assert [REMINDER.encode() in row.payload for row in sent] == [True]

    asyncio.run(scenario())


def test_a_host_that_stops_does_not_hang_who_advances_it():
    async def scenario():
        async with hosting(VirtualClock(NOW)) as host:
            await answered(host, added("c1", id="m2"))
            await host.stop()

            with pytest.raises(StoreUnavailableError):
                await host.advance(NOW + DAY)

    asyncio.run(scenario())


def test_a_real_clock_fires_timers_by_itself():
    async def scenario():
        clock = ManualClock(NOW)
        async with hosting(clock) as host:
            await answered(host, consent(id="m1"), added("c1", id="m2"))
            clock.advance(30 * MINUTE)
            await until(lambda: host.stats.timers == 1)

            assert await woken(host, ANN) == [(ANN, "c1", NOW + 30 * MINUTE)]
            assert host.told

    asyncio.run(scenario())


def test_a_virtual_clock_fires_nothing_by_itself():
    async def scenario():
        async with hosting(VirtualClock(NOW)) as host:
            await answered(host, added("c1", id="m2", at=NOW - DAY))
            for _ in range(50):
                await asyncio.sleep(0)

            assert await woken(host, ANN) == []

    asyncio.run(scenario())


def test_timers_go_on_after_the_store_was_away():
    async def scenario():
        clock = ManualClock(NOW)
        async with hosting(clock) as host:
            await answered(host, consent(id="m1"), added("c1", id="m2"))
            clock.advance(30 * MINUTE)
            host.store.fail("commit", "before", times=3)
            await until(lambda: host.stats.timers == 1)

            assert await woken(host, ANN) == [(ANN, "c1", NOW + 30 * MINUTE)]

    asyncio.run(scenario())


def test_a_customers_turn_wakes_what_is_due_in_a_busy_host_too():
    async def scenario():
        clock = ManualClock(NOW)
        async with hosting(clock, timer_poll_s=60.0) as host:
            await answered(host, consent(id="m1"), added("c1", id="m2"))
            clock.advance(30 * MINUTE)

            await answered(host, order(id="m3"), make_event(id="m4"))

            assert await woken(host, ANN) == [(ANN, "c1", NOW + 30 * MINUTE)]

    asyncio.run(scenario())


def test_the_virtual_time_survives_in_the_store():
    async def scenario():
        store = MemoryStore()
        assert await stored_virtual_ms(store) is None
        await store_virtual_ms(store, NOW)
        assert await stored_virtual_ms(store) == NOW

    asyncio.run(scenario())
