import asyncio

import pytest

from actors.ports import OutboxState
from actors.runtime.dispatcher import CLAIMED_AT_ONCE
from tests.unit.channels.outbox_fakes import (
    DAY_MS,
    FAILED,
    START_MS,
    FakeOutbox,
    ManualTime,
    Receiver,
    dispatcher_for,
    item,
    key,
    running,
    spin,
)


def test_a_due_effect_is_claimed_then_delivered_then_settled():
    async def scenario():
        store, time = FakeOutbox([item(seq=4, n=2)]), ManualTime()
        email = Receiver()

        async with running(store, {"email": email}, time):
            pass

        assert email.posts == [(key(4, 2), 1, 0)]
        assert (store.one().state, store.one().attempts) == (OutboxState.SENT, 1)

    asyncio.run(scenario())


@pytest.mark.parametrize("after", [False, True], ids=["before-write", "after-write"])
def test_a_success_is_never_posted_again_while_settling_fails(after):
    async def scenario():
        store, time = FakeOutbox([item()]), ManualTime()
        store.fail_settles, store.after = 200, after
        email = Receiver()

        async with running(store, {"email": email}, time) as dispatcher:
            for _ in range(150):  # far past the minute after which the store offers it again
                await time.advance(1_000)
            assert dispatcher.stats().unsettled == 1
            store.fail_settles = 0
            await time.advance(1_000)
            assert dispatcher.stats().unsettled == 0

        assert email.keys == [key(1)]
        assert store.one().state == OutboxState.SENT

    asyncio.run(scenario())


def test_while_settling_fails_nothing_new_is_claimed():
    async def scenario():
        store, time = FakeOutbox([item()]), ManualTime()
        store.fail_settles = 1_000
        email = Receiver()

        async with running(store, {"email": email}, time) as dispatcher:
            store.add(item(seq=2))
            dispatcher.wake()
            await time.advance(5_000)
            assert email.keys == [key(1)]
            store.fail_settles = 0
            await time.advance(5_000)

        assert email.keys == [key(1), key(2)]

    asyncio.run(scenario())


def test_after_a_crash_between_send_and_settle_the_same_key_is_sent_again():
    async def scenario():
        store, time = FakeOutbox([item()]), ManualTime()
        store.fail_settles = 1_000_000
        email = Receiver()

        async with running(store, {"email": email}, time):
            pass
        store.fail_settles = 0
        async with running(store, {"email": email}, time):  # a new process: it remembers nothing
            await time.advance(59_000)
            assert email.keys == [key(1)]
            await time.advance(2_000)

        assert email.keys == [key(1), key(1)]
        assert store.one().state == OutboxState.SENT

    asyncio.run(scenario())


def test_a_late_failure_does_not_undo_a_newer_claim():
    async def scenario():
        store, time = FakeOutbox([item()]), ManualTime()
        store.fail_settles = 1_000
        email = Receiver(FAILED)

        async with running(store, {"email": email}, time) as dispatcher:
            email.hold = asyncio.Event()
            await time.advance(61_000)
            store.fail_settles = 0
            await time.advance(1_000)
            assert dispatcher.stats().in_flight == 1
            assert store.settled == []
            email.hold.set()
            await spin()

        assert [attempt for _, attempt, _ in email.posts] == [1, 2]

    asyncio.run(scenario())


@pytest.mark.parametrize("after", [False, True], ids=["before-write", "after-write"])
def test_a_claim_of_unknown_outcome_sends_nothing_now_and_once_later(after):
    async def scenario():
        store, time = FakeOutbox([item()]), ManualTime()
        store.fail_claims, store.after = 1, after
        email = Receiver()

        async with running(store, {"email": email}, time) as dispatcher:
            assert (email.keys, dispatcher.stats().store_errors) == ([], 1)
            await time.advance(61_000)

        assert email.keys == [key(1)]

    asyncio.run(scenario())


def test_a_fenced_owner_sends_nothing():
    async def scenario():
        store, time = FakeOutbox([item(), item(partition=9, seq=2)], {3: 2, 9: 1}), ManualTime()
        email = Receiver()

        async with running(store, {"email": email}, time) as dispatcher:
            for _ in range(5):
                await time.advance(1_000)
            assert dispatcher.stats().refused_claims > 0

        assert email.posts == []
        assert store.states() == [OutboxState.PENDING, OutboxState.PENDING]

    asyncio.run(scenario())


def test_an_attempt_whose_claim_grew_old_is_dropped_and_put_back():
    async def scenario():
        store, time = FakeOutbox([item()]), ManualTime()
        email = Receiver()
        stalls = iter([2_001, 2_000])  # the second is just young enough

        def stall():
            time.now_ms += next(stalls, 0)

        store.on_claim = stall

        async with running(store, {"email": email}, time) as dispatcher:
            assert dispatcher.stats().dropped == 1

        assert [result.state for result in store.settled] == [OutboxState.PENDING, OutboxState.SENT]
        assert email.keys == [key(1)]

    asyncio.run(scenario())


def test_an_attempt_is_dropped_when_its_partition_goes_after_the_claim():
    async def scenario():
        store, time = FakeOutbox([item()]), ManualTime()
        epochs = {3: 1}
        store.on_claim = epochs.clear
        email = Receiver()

        async with running(store, {"email": email}, time, epochs=lambda: dict(epochs)):
            pass

        assert email.posts == []
        assert store.one().state == OutboxState.PENDING

    asyncio.run(scenario())


def test_what_expired_on_the_business_clock_is_not_sent():
    async def scenario():
        time = ManualTime()
        time.business_offset_ms = 30 * DAY_MS
        store = FakeOutbox(
            [
                item(seq=1, expires_at_ms=START_MS + 30 * DAY_MS),
                item(seq=2, expires_at_ms=START_MS + 30 * DAY_MS + 1),
            ]
        )
        email = Receiver()

        async with running(store, {"email": email}, time) as dispatcher:
            assert dispatcher.stats().expired == 1

        assert email.keys == [key(2)]
        assert store.states() == [OutboxState.EXPIRED, OutboxState.SENT]

    asyncio.run(scenario())


def test_a_row_that_cannot_be_read_is_parked():
    async def scenario():
        rows = [item(seq=1, payload=b"\xc1"), item(seq=2, payload=b"\x80"), item(seq=3)]
        store, time = FakeOutbox(rows), ManualTime()
        email = Receiver()

        async with running(store, {"email": email}, time):
            pass

        assert store.states() == [OutboxState.PARKED, OutboxState.PARKED, OutboxState.SENT]
        assert email.keys == [key(3)]

    asyncio.run(scenario())


def test_waking_is_immediate_and_idle_polls_back_off_to_a_second():
    async def scenario():
        store, time = FakeOutbox(), ManualTime()
        email = Receiver()
        naps = []

        async def sleep(seconds):
            naps.append(seconds)
            await time.sleep(seconds)

        async with running(store, {"email": email}, time, sleep=sleep) as dispatcher:
            for _ in range(10):
                await time.advance(1_000)
            assert naps[-1] == 1.0
            assert naps == sorted(naps)
            store.add(item())
            dispatcher.wake()
            await spin()
            assert email.keys == [key(1)]  # no time has passed

    asyncio.run(scenario())


def test_claims_and_settlements_go_in_batches():
    async def scenario():
        store, time = (
            FakeOutbox([item(seq=seq) for seq in range(1, CLAIMED_AT_ONCE + 1)]),
            ManualTime(),
        )

        async with running(store, {"email": Receiver()}, time):
            pass

        assert (store.claims, store.settles) == (1, 1)
        assert set(store.states()) == {OutboxState.SENT}

    asyncio.run(scenario())


def test_stopping_waits_for_what_is_under_way():
    async def scenario():
        store, time = FakeOutbox([item()]), ManualTime()
        email = Receiver()
        email.hold = asyncio.Event()
        dispatcher = dispatcher_for(store, {"email": email}, time)
        run = asyncio.create_task(dispatcher.run())
        await spin()

        stop = asyncio.create_task(dispatcher.stop(5))
        await spin()
        store.add(item(seq=2))
        await time.advance(1_000)
        assert not stop.done()
        email.hold.set()
        await asyncio.gather(stop, run)

        assert store.states() == [OutboxState.SENT, OutboxState.PENDING]

    asyncio.run(scenario())


def test_stopping_puts_back_what_does_not_end_in_time():
    async def scenario():
        store, time = FakeOutbox([item()]), ManualTime()
        email = Receiver()
        email.hold = asyncio.Event()
        dispatcher = dispatcher_for(store, {"email": email}, time)
        run = asyncio.create_task(dispatcher.run())
        await spin()

        stop = asyncio.create_task(dispatcher.stop(5))
        await spin()
        await time.advance(5_000)
        await asyncio.gather(stop, run)

        row = store.one()
        assert (row.state, row.last_error) == (OutboxState.PENDING, "interrupted by a shutdown")
        assert row.next_at_ms == START_MS + 10_000

    asyncio.run(scenario())


def test_an_attempt_that_outlives_its_claim_is_not_begun_a_second_time():
    async def scenario():
        store, time = FakeOutbox([item()]), ManualTime()
        email = Receiver()
        email.hold = asyncio.Event()

        async with running(store, {"email": email}, time):
            for _ in range(200):
                await time.advance(1_000)
            email.hold.set()
            await spin()

        assert email.keys == [key(1)]
        assert store.one().state == OutboxState.SENT

    asyncio.run(scenario())
