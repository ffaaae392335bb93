"""What a webhook answers to the call of a scenario goes to the customer before the row is settled."""

import asyncio

import pytest

from actors.domain.errors import StoreUnavailableError
from actors.ports import Delivery, DeliveryStatus, OutboxState
from actors.runtime.answering import answer_command, is_call
from tests.unit.channels.outbox_fakes import (
    DAY_MS,
    FAILED,
    GONE,
    START_MS,
    FakeOutbox,
    ManualTime,
    Receiver,
    item,
    key,
    payload,
    running,
)

CALL = payload("call/complaints/ask", purpose="call")


class Told:
    """Takes answers; `fails` of them fail first, `after` they were taken or before."""

    def __init__(self, fails=0, after=False):
        self.fails, self.after = fails, after
        self.answers = []

    async def __call__(self, row, ok, body):
        fails, self.fails = self.fails > 0, self.fails - 1
        if not fails or self.after:
            self.answers.append((row.seq, ok, body))
        if fails:
            raise StoreUnavailableError("the cell is busy")


def dispatched(row, receiver, told, seconds=0, store=None, later_ms=0):
    """Run a dispatcher over one row for some virtual seconds; return the store."""
    store = store or FakeOutbox([row])
    time = ManualTime(START_MS + later_ms)

    async def scenario():
        async with running(store, {"email": receiver}, time, answered=told):
            for _ in range(seconds):
                await time.advance(1_000)

    asyncio.run(scenario())
    return store


def test_the_answer_to_a_call_is_told_and_then_the_row_is_settled():
    told = Told()
    answer = Delivery(DeliveryStatus.DELIVERED, answer=b'{"score": 7}')

    store = dispatched(item(seq=4, payload=CALL), Receiver(answer), told)

    assert told.answers == [(4, True, b'{"score": 7}')]
    assert store.one().state == OutboxState.SENT


def test_of_what_is_no_call_nobody_is_told():
    told = Told()

    store = dispatched(item(), Receiver(), told)

    assert told.answers == []
    assert store.one().state == OutboxState.SENT


def test_an_endpoint_that_is_gone_has_failed_to_answer():
    told = Told()

    store = dispatched(item(payload=CALL), Receiver(GONE), told)

    assert told.answers == [(1, False, b"")]
    assert store.one().state == OutboxState.PARKED


def test_while_it_is_tried_again_nobody_is_told():
    told = Told()

    store = dispatched(item(payload=CALL), Receiver(FAILED), told)

    assert told.answers == []
    assert store.one().state == OutboxState.PENDING


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_an_answer_that_could_not_be_taken_is_asked_for_again_under_the_same_key(after):
    told, receiver = Told(fails=1, after=after), Receiver()

    store = dispatched(item(payload=CALL), receiver, told, seconds=10)

    assert receiver.keys == [key(1), key(1)]
    # Twice told is once taken: the command has the key in its message id.
    assert told.answers == [(1, True, b"")] * (2 if after else 1)
    assert store.one().state == OutboxState.SENT


def test_a_crash_after_the_answer_asks_again_and_the_command_is_the_same():
    told, receiver = Told(), Receiver()
    store = FakeOutbox([item(payload=CALL)])
    store.fail_settles = 1_000_000
    dispatched(None, receiver, told, store=store)
    store.fail_settles = 0

    dispatched(None, receiver, told, store=store, later_ms=61_000)

    assert receiver.keys == [key(1), key(1)]
    rows = {answer_command(item(payload=CALL), ok, body).message_id for _, ok, body in told.answers}
    assert rows == {f"answer:{key(1)}"}
    assert store.one().state == OutboxState.SENT


@pytest.mark.parametrize(
    ("body", "kept"),
    [
        (b'{"score": 7, "name": "Ann", "ok": true, "rate": 0.5}', 4),
        (b'{"deep": {"a": 1}, "list": [1], "none": null, "score": 1}', 1),
        (b'{"long": "' + b"x" * 300 + b'", "big": 99999999999999999999, "inf": 1e999}', 0),
        (b"[1, 2]", 0),
        (b"not json", 0),
        (b"\xff\xfe", 0),
        (b"", 0),
        (b"{" + b",".join(b'"k%d": %d' % (i, i) for i in range(40)) + b"}", 16),
    ],
)
def test_of_an_answer_few_flat_values_are_kept(body, kept):
    properties = answer_command(item(payload=CALL), True, body).arguments["properties"]

    assert len(properties) == kept


def test_a_payload_that_cannot_be_read_is_no_call():
    assert is_call(item(payload=CALL))
    assert not is_call(item(payload=b"\xc1"))
    assert not is_call(item(payload=b""))
    assert item(payload=CALL).expires_at_ms > DAY_MS
