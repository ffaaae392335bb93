import asyncio
from itertools import pairwise

from actors.ports import Delivery, DeliveryStatus, OutboxState
from actors.runtime.dispatcher import RETRY_SCHEDULE_S
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
    running,
    spin,
)


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


def test_an_unknown_channel_parks_its_rows_and_says_so():
    async def scenario():
        store, time = FakeOutbox([item(channel="fax")]), ManualTime()

        async with running(store, {"email": Receiver()}, time):
            pass

        assert store.one().state == OutboxState.PARKED
        assert store.one().last_error == "no channel 'fax' is set up"

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
        store, time = FakeOutbox([item(seq=seq) for seq in range(1, 33)]), ManualTime()
        email = Receiver(Delivery(DeliveryStatus.THROTTLED, "429"), time=time)

        async with running(store, {"email": email}, time) as dispatcher:
            assert len(email.posts) == 32
            store.add(item(seq=100))
            await time.advance(1_000)
            dispatcher.wake()
            await spin()

        assert len(email.posts) == 33

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


def test_after_a_pause_one_attempt_probes_and_each_success_doubles_the_pace():
    async def scenario():
        store, time = FakeOutbox([item(seq=1)]), ManualTime()
        email = Receiver(Delivery(DeliveryStatus.THROTTLED, "429"), DELIVERED)
        waves = []

        async with running(store, {"email": email}, time) as dispatcher:
            for seq in range(2, 100):
                store.add(item(seq=seq))
            email.hold = asyncio.Event()
            await time.advance(1_000)
            for _ in range(3):
                seen = sum(waves) + 1
                dispatcher.wake()
                await spin()
                waves.append(len(email.posts) - seen)
                email.hold, held = asyncio.Event(), email.hold
                held.set()
                await spin()

        assert waves == [1, 2, 8]

    asyncio.run(scenario())
