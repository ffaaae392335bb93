"""The event stream: what one receiver sees, with time moved by hand."""

import asyncio
import json
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.domain.errors import InvalidIdError, StoreUnavailableError
from actors.ports import OutboxState
from serve_app.stream import Pace, event_id, parse_event_id, sse_events
from tests.unit.channels.outbox_fakes import (
    DAY_MS,
    START_MS,
    FakeOutbox,
    ManualTime,
    item,
    key,
    position,
    spin,
)


def web(seq, **fields):
    return item(seq=seq, channel="web", **{"attempts": 1, "state": OutboxState.SENDING} | fields)


class Listener:
    """Reads a stream into messages, heartbeats and the last id."""

    def __init__(self, events):
        self.messages = []
        self.heartbeats = 0
        self.last_id = None
        self.raw = b""
        self.task = asyncio.create_task(self._read(events))

    @property
    def keys(self):
        return [message["effectKey"] for message in self.messages]

    async def _read(self, events):
        async for chunk in events:
            self.raw += chunk
            for block in chunk.decode().split("\n\n")[:-1]:
                fields = dict(line.split(": ", 1) for line in block.split("\n") if line[0] != ":")
                self.heartbeats += block.startswith(":")
                if "data" in fields:
                    assert fields["event"] == "action"
                    self.messages.append(json.loads(fields["data"]))
                    self.last_id = fields["id"]


@asynccontextmanager
async def listening(store, time, last_id=None, **settings_):
    events = sse_events(store, "web", last_id, clock=time, sleep=time.sleep, **settings_)
    listener = Listener(events)
    await spin()
    try:
        yield listener
    finally:
        listener.task.cancel()
        await asyncio.gather(listener.task, return_exceptions=True)
        await events.aclose()


def test_effects_arrive_in_order_of_commit_and_new_ones_follow():
    async def scenario():
        rows = [web(2, at_ms=START_MS - 5), web(1, at_ms=START_MS - 3), web(9, number=5)]
        store, time = FakeOutbox([*rows, item(seq=50)]), ManualTime()

        async with listening(store, time) as listener:
            assert listener.keys == [key(2), key(1), key(9, number=5)]
            store.add(web(3, at_ms=START_MS + 100))
            await time.advance(200)
            assert listener.keys[3:] == [key(3)]
            assert listener.raw.startswith(b"retry: 2000\n\n")

    asyncio.run(scenario())


def test_the_data_is_the_webhooks_body_and_the_id_names_the_effect():
    async def scenario():
        store, time = FakeOutbox([web(1)]), ManualTime()

        async with listening(store, time) as listener:
            (message,) = listener.messages
            assert message["effectKey"] == key(1)
            assert message["content"] == {"title": "Zwölf % für dich\nheute"}
            assert parse_event_id(listener.last_id) == position(store.one())

    asyncio.run(scenario())


def test_rows_are_streamed_whatever_their_state_but_not_when_withdrawn():
    async def scenario():
        states = [
            OutboxState.PENDING,  # its first attempt has failed
            OutboxState.SENDING,
            OutboxState.SENT,
            OutboxState.PARKED,
            OutboxState.CANCELLED,
            OutboxState.EXPIRED,
        ]
        rows = [web(seq, state=state) for seq, state in enumerate(states, 1)]

        async with listening(FakeOutbox(rows), ManualTime()) as listener:
            assert listener.keys == [key(1), key(2), key(3), key(4)]

    asyncio.run(scenario())


def test_what_no_claim_has_permitted_is_not_streamed():
    async def scenario():
        rows = [web(1, attempts=0, state=OutboxState.PENDING), web(2)]

        async with listening(FakeOutbox(rows), ManualTime()) as listener:
            assert listener.keys == [key(2)]

    asyncio.run(scenario())


def test_neither_expired_nor_day_old_effects_are_streamed():
    async def scenario():
        time = ManualTime()
        time.business_offset_ms = 1_000
        store = FakeOutbox(
            [
                web(1, at_ms=START_MS - DAY_MS - 1),
                web(2, at_ms=START_MS - DAY_MS),
                web(3, expires_at_ms=START_MS + 1_000),
                web(4, expires_at_ms=START_MS + 1_001),
            ]
        )

        async with listening(store, time) as listener:
            assert listener.keys == [key(2), key(4)]

    asyncio.run(scenario())


def test_a_resume_steps_back_ten_seconds_and_may_repeat_but_loses_nothing():
    async def scenario():
        rows = [web(seq, at_ms=START_MS - 60_000 + seq * 1_000) for seq in range(1, 31)]
        store, time = FakeOutbox(rows), ManualTime()
        last = store.rows[77, 20, 0]
        # A writer whose clock runs behind commits now, dated before what was read.
        store.add(web(100, at_ms=last.committed_at_ms - 9_999))

        async with listening(store, time, event_id(last)) as listener:
            assert listener.keys[0] == key(10)
            assert set(listener.keys) == {key(seq) for seq in [*range(10, 31), 100]}

    asyncio.run(scenario())


def test_a_row_that_becomes_visible_late_is_found_while_the_stream_runs():
    async def scenario():
        store, time = FakeOutbox([web(1, at_ms=START_MS)]), ManualTime()

        async with listening(store, time) as listener:
            store.add(web(2, at_ms=START_MS - 8_000))
            for _ in range(15):
                await time.advance(200)
            assert listener.keys == [key(1), key(2)]
            for _ in range(60):
                await time.advance(1_000)
            assert listener.keys == [key(1), key(2)]  # once per stream

    asyncio.run(scenario())


def test_many_pages_come_without_waiting_and_each_effect_once():
    async def scenario():
        rows = [web(seq, at_ms=START_MS - 20_000 + seq // 7 * 100) for seq in range(1, 400)]
        store, time = FakeOutbox(rows), ManualTime()

        async with listening(store, time, pace=Pace(page=10)) as listener:
            await spin(200)
            assert listener.keys == [key(row.seq) for row in sorted(rows, key=position)]
            for _ in range(15):  # sweeps over several pages repeat nothing
                await time.advance(1_000)
            assert len(listener.keys) == 399

    asyncio.run(scenario())


def test_a_quiet_stream_says_every_fifteen_seconds_that_it_lives():
    async def scenario():
        time = ManualTime()

        async with listening(FakeOutbox(), time) as listener:
            for _ in range(5 * 46):
                await time.advance(200)
            assert listener.heartbeats == 3

    asyncio.run(scenario())


def test_a_stream_ends_when_its_key_is_revoked():
    async def scenario():
        time = ManualTime()
        answers = iter([True, False])

        async def allowed():
            return next(answers)

        async with listening(FakeOutbox(), time, allowed=allowed) as listener:
            await time.advance(15_000)
            assert not listener.task.done()
            await time.advance(15_000)
            assert listener.task.done()

    asyncio.run(scenario())


def test_a_failing_store_delays_the_stream_but_does_not_end_it():
    class Failing(FakeOutbox):
        fails = True

        async def outbox_stream(self, channel, after, limit):
            if self.fails:
                raise StoreUnavailableError("down")
            return await super().outbox_stream(channel, after, limit)

    async def scenario():
        store, time = Failing([web(1)]), ManualTime()

        async with listening(store, time) as listener:
            await time.advance(15_000)
            assert (listener.keys, listener.heartbeats) == ([], 1)
            store.fails = False
            await time.advance(200)
            assert listener.keys == [key(1)]

    asyncio.run(scenario())


def test_a_row_that_cannot_be_read_is_passed_over():
    async def scenario():
        store = FakeOutbox([web(1, payload=b"\xc1"), web(2)])

        async with listening(store, ManualTime()) as listener:
            assert listener.keys == [key(2)]

    asyncio.run(scenario())


@pytest.mark.parametrize("text", ["x", "1", "1.", "-1.e_1_1_1", "١." + key(1), "9" * 16 + key(1)])
def test_a_foreign_event_id_is_refused(text):
    with pytest.raises(InvalidIdError):
        parse_event_id(text)


@settings(max_examples=15, deadline=None)
@given(
    commits=st.lists(
        st.tuples(st.integers(0, 9_000), st.integers(0, 3_000)), min_size=1, max_size=25
    ),
    breaks=st.lists(st.integers(1, 60), max_size=5),
)
def test_whoever_reconnects_with_the_last_id_gets_every_effect(commits, breaks):
    """Rows become visible up to 9 s after their stamp; the receiver hangs up now and then."""

    async def scenario():
        store, time = FakeOutbox(), ManualTime()
        arrivals, at_ms = [], START_MS
        for seq, (delay_ms, gap_ms) in enumerate(commits, 1):
            at_ms += gap_ms
            arrivals.append((at_ms + delay_ms, web(seq, at_ms=at_ms)))
        got, last_id = set(), None
        runs_ms = [count * 400 for count in breaks] + [90_000]
        for run_ms in runs_ms:
            async with listening(store, time, last_id) as listener:
                until_ms = time.now_ms + run_ms
                while time.now_ms < until_ms:
                    for visible_ms, row in arrivals:
                        if visible_ms <= time.now_ms:
                            store.rows.setdefault((row.number, row.seq, row.n), replace(row))
                    await time.advance(400 if run_ms < 90_000 else 1_000)
                got.update(listener.keys)
                assert len(listener.keys) == len(set(listener.keys))
            last_id = listener.last_id or last_id

        assert got == {key(seq) for seq in range(1, len(commits) + 1)}

    asyncio.run(scenario())
