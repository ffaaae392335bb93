import asyncio

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from actors.domain.ids import effect_text
from actors.ports import Delivery, DeliveryStatus, OutboxState
from actors.runtime.dispatcher import Dispatcher
from tests.contracts.store_support import permitted
from tests.unit.channels.outbox_fakes import FakeOutbox, ManualTime, item, spin

ENDS = {OutboxState.SENT, OutboxState.PARKED}
CHANNELS = ("email", "app", "fax")

deliveries = st.builds(
    Delivery,
    st.sampled_from(DeliveryStatus),
    st.just("said so"),
    st.none() | st.floats(0, 10_000),
)
behaviours = st.lists(deliveries | st.just(RuntimeError("bug")), max_size=25)


class Whimsical:
    """Answers from a list, then accepts. Knows what it accepted."""

    def __init__(self, answers):
        self.answers = list(answers)
        self.posts = []
        self.accepted = []

    async def deliver(self, effect_key, body, attempt):
        assert effect_key.encode() in body
        self.posts.append(effect_key)
        await asyncio.sleep(0)
        answer = self.answers.pop(0) if self.answers else Delivery(DeliveryStatus.DELIVERED)
        if isinstance(answer, Exception):
            raise answer
        if answer.status is DeliveryStatus.DELIVERED:
            self.accepted.append(effect_key)
        return answer

    async def close(self):
        pass


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(
    channels=st.lists(st.sampled_from(CHANNELS), min_size=1, max_size=12),
    email=behaviours,
    app=behaviours,
    faults=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3), st.booleans()), max_size=8),
    width=st.integers(1, 5),
)
def test_every_effect_ends_sent_or_parked_under_its_own_key(channels, email, app, faults, width):
    async def scenario():
        time = ManualTime()
        rows = [item(seq=seq, channel=name) for seq, name in enumerate(channels, 1)]
        store = FakeOutbox(rows)
        receivers = {"email": Whimsical(email), "app": Whimsical(app)}  # nobody set up the fax
        dispatcher = Dispatcher(
            store,
            receivers,
            time,
            owner=lambda: "cell-1/a",
            epochs=lambda: {3: 1},
            check=permitted,
            max_in_flight=width,
            sleep=time.sleep,
        )
        run = asyncio.create_task(dispatcher.run())
        await spin()
        pending_faults = list(faults)
        for step in range(2_000):
            if set(store.states()) <= ENDS:
                break
            if pending_faults:
                store.fail_settles, store.fail_claims, store.after = pending_faults.pop()
            await time.advance(1_000 * 2 ** min(step // 4, 17))
        await dispatcher.stop(0)
        await run

        assert set(store.states()) <= ENDS
        by_channel = {name: set() for name in CHANNELS}
        for row in rows:
            by_channel[row.channel].add(effect_text(row.number, row.seq, row.n))
        for name, receiver in receivers.items():
            assert set(receiver.posts) <= by_channel[name]
            assert len(receiver.accepted) == len(set(receiver.accepted))
            sent = {
                effect_text(row.number, row.seq, row.n)
                for row in store.rows.values()
                if row.channel == name and row.state == OutboxState.SENT
            }
            assert sent == set(receiver.accepted)

    asyncio.run(scenario())
