import asyncio
from contextlib import asynccontextmanager
from itertools import pairwise

import pytest

from actors.ports import Delivery, DeliveryStatus, OutboxState
from actors.runtime.dispatcher import RETRY_SCHEDULE_S, Dispatcher
from tests.unit.channels.outbox_fakes import (
    DAY_MS,
    DELIVERED,
    FAILED,
    GONE,
    HOUR_MS,
    START_MS,
    FakeOutbox,
    ManualTime,
    Receiver,
    item,
    key,
    spin,
)


def dispatcher_for(store, channels, time, **changes):
    settings = {
        "owner": lambda: "cell-1/a",
        "epochs": lambda: {3: 1},
        "retry_jitter": 0,
        "sleep": time.sleep,
    } | changes
    return Dispatcher(store, channels, time, **settings)


@asynccontextmanager
async def running(store, channels, time, **changes):
    dispatcher = dispatcher_for(store, channels, time, **changes)
    run = asyncio.create_task(dispatcher.run())
    await spin()
    try:
        yield dispatcher
    finally:
        await dispatcher.stop(0)
        await run


def test_a_due_effect_is_claimed_then_delivered_then_settled():
    async def scenario():
        store, time = FakeOutbox([item(seq=4, n=2)]), ManualTime()
        email = Receiver()

        async with running(store, {"email": email}, time):
            pass

        assert email.posts == [(key(4, 2), 1, 0)]
        assert (store.one().state, store.one().attempts) == (OutboxState.SENT, 1)

    asyncio.run(scenario())


def test_the_whole_retry_schedule_ends_parked_with_the_last_error():
    async def scenario():
        store, time = FakeOutbox([item()]), ManualTime()
        email = Receiver(FAILED, time=time)

        async with running(store, {"email": email}, time) as dispatcher:
            for wait_s in RETRY_SCHEDULE_S[1:]:
                posts = len(email.posts)
                await time.advance(wait_s * 1_000 - 1)
                assert len(email.posts) == posts  # not a millisecond early
                await time.advance(1_000)
            stats = dispatcher.stats()

        starts = [at for _, _, at in email.posts]
        waits_s = [round((b - a) / 1_000) for a, b in pairwise(starts)]
        assert [attempt for _, attempt, _ in email.posts] == list(range(1, 11))
        assert waits_s == [wait_s + 1 for wait_s in RETRY_SCHEDULE_S[1:]]
        assert set(email.keys) == {key(1)}
        assert store.one().state == OutboxState.PARKED
        assert store.one().last_error == "the endpoint answered 500; gave up after attempt 10"
        assert (stats.retried, stats.parked, stats.sent) == (9, 1, 0)

    asyncio.run(scenario())


def test_the_schedule_is_the_contract():
    minute, hour = 60, 3_600

    waits = (0, 5, 5 * minute, 30 * minute, *(h * hour for h in (2, 5, 10, 14, 20, 24)))

    assert waits == RETRY_SCHEDULE_S


def test_jitter_only_lengthens_waits_and_differs_between_effects():
    async def scenario():
        store, time = FakeOutbox([item(seq=seq) for seq in range(1, 30)]), ManualTime()

        async with running(store, {"email": Receiver(FAILED)}, time, retry_jitter=0.5):
            pass

        waits = {row.next_at_ms - START_MS for row in store.rows.values()}
        assert len(waits) > 20
        assert all(5_000 <= wait < 7_500 for wait in waits)

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


def test_an_unknown_channel_parks_its_rows_and_says_so():
    async def scenario():
        store, time = FakeOutbox([item(channel="fax")]), ManualTime()

        async with running(store, {"email": Receiver()}, time):
            pass

        assert store.one().state == OutboxState.PARKED
        assert store.one().last_error == "no channel 'fax' is set up"

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


def test_a_gone_endpoint_is_left_alone_and_its_rows_parked_until_it_is_configured_anew():
    async def scenario():
        store, time = FakeOutbox([item()]), ManualTime()
        old, new = Receiver(GONE, DELIVERED), Receiver()
        channels = {"email": old, "store": Receiver()}

        async with running(store, channels, time) as dispatcher:
            store.add(item(seq=2))
            store.add(item(seq=3, channel="store"))
            await time.advance(1_000)
            assert dispatcher.stats().channels == {"email": "gone", "store": "open"}
            channels["email"] = new
            store.add(item(seq=4))
            await time.advance(1_000)

        sent, parked = OutboxState.SENT, OutboxState.PARKED
        assert store.states() == [parked, parked, sent, sent]
        assert (old.keys, new.keys) == ([key(1)], [key(4)])
        assert store.rows[77, 2, 0].last_error == "the endpoint answered 410"

    asyncio.run(scenario())


def test_a_refused_endpoint_parks_at_once():
    async def scenario():
        store, time = FakeOutbox([item()]), ManualTime()
        refused = Delivery(DeliveryStatus.REFUSED, "hooks.example has a private address")

        async with running(store, {"email": Receiver(refused)}, time):
            pass

        assert (store.one().state, store.one().last_error) == (OutboxState.PARKED, refused.detail)

    asyncio.run(scenario())


def test_a_throttled_channel_pauses_as_asked_while_others_go_on():
    async def scenario():
        store, time = FakeOutbox([item(seq=1)]), ManualTime()
        email = Receiver(Delivery(DeliveryStatus.THROTTLED, "429", 40), DELIVERED, time=time)
        app = Receiver(time=time)

        async with running(store, {"email": email, "app": app}, time) as dispatcher:
            for seq in range(2, 300):
                store.add(item(seq=seq))
            store.add(item(seq=300, channel="app"))
            await time.advance(39_000)
            assert (len(email.posts), len(app.posts)) == (1, 1)
            assert dispatcher.stats().channels["email"] == "paused"
            await time.advance(1_000)

        # One attempt probes first; its success opens the channel again.
        assert email.posts[1][2] == START_MS + 40_000
        assert len(set(email.keys)) == len(store.rows) - 1

    asyncio.run(scenario())


def test_throttling_without_a_word_on_how_long_doubles_the_pause():
    async def scenario():
        rows = [item(seq=seq) for seq in range(1, 40)]
        store, time = FakeOutbox(rows), ManualTime()
        email = Receiver(Delivery(DeliveryStatus.THROTTLED, "502"), time=time)

        async with running(store, {"email": email}, time, max_in_flight=1) as dispatcher:
            for _ in range(70):
                await time.advance(100)
                dispatcher.wake()
                await spin()

        starts = [at - START_MS for _, _, at in email.posts]
        assert starts[:3] == [0, 1_000, 3_000]
        assert len(starts) == 4  # 7 s passed: 1 + 2 + 4

    asyncio.run(scenario())


def test_a_wave_of_throttled_answers_doubles_the_pause_once():
    async def scenario():
        store, time = FakeOutbox([item(seq=seq) for seq in range(1, 65)]), ManualTime()
        email = Receiver(Delivery(DeliveryStatus.THROTTLED, "429"), time=time)

        async with running(store, {"email": email}, time) as dispatcher:
            assert len(email.posts) == 64
            store.add(item(seq=100))
            await time.advance(1_000)
            dispatcher.wake()
            await spin()

        assert len(email.posts) == 65

    asyncio.run(scenario())


def test_a_slow_channel_never_hides_the_rows_of_another():
    async def scenario():
        rows = [item(seq=seq) for seq in range(1, 1_000)]
        store, time = FakeOutbox([*rows, item(seq=5_000, channel="app")]), ManualTime()
        email, app = Receiver(), Receiver()
        email.hold = asyncio.Event()

        async with running(store, {"email": email, "app": app}, time, max_in_flight=8) as it:
            assert (len(email.posts), app.keys) == (8, [key(5_000)])
            assert it.stats().in_flight == 8

    asyncio.run(scenario())


def test_a_channel_that_raises_is_retried_and_does_not_stop_the_loop():
    async def scenario():
        store, time = FakeOutbox([item()]), ManualTime()
        email = Receiver(RuntimeError("bug"), DELIVERED)

        async with running(store, {"email": email}, time):
            assert store.one().last_error == "the channel raised RuntimeError"
            await time.advance(5_000)

        assert store.one().state == OutboxState.SENT

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
        store, time = FakeOutbox([item(seq=seq) for seq in range(1, 65)]), ManualTime()

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


def test_an_asked_wait_is_honoured_up_to_a_day_for_the_row_and_an_hour_for_the_channel():
    async def scenario():
        store, time = FakeOutbox([item(seq=1)]), ManualTime()
        email = Receiver(Delivery(DeliveryStatus.THROTTLED, "429", 1e9), DELIVERED)

        async with running(store, {"email": email}, time) as dispatcher:
            store.add(item(seq=2))
            await time.advance(HOUR_MS - 1)
            assert email.keys == [key(1)]
            await time.advance(1)
            dispatcher.wake()
            await spin()
            assert email.keys == [key(1), key(2)]

        assert store.rows[77, 1, 0].next_at_ms == START_MS + DAY_MS

    asyncio.run(scenario())
