"""What becomes of effects on their way when their customer is erased."""

import asyncio

import pytest

from actors.channels.body import purpose_of
from actors.ports import Erasure, OutboxRow, OutboxState
from actors.stores.memory import MemoryStore
from tests.contracts.store_support import P, change
from tests.doubles.faults import FailNext
from tests.unit.channels.outbox_fakes import (
    DAY_MS,
    FAILED,
    START_MS,
    ManualTime,
    Receiver,
    item,
    key,
    payload,
    running,
    spin,
)

OWNER = "cell-0/1"


async def a_store(*purposes):
    """A store in which customer 77 has an effect of each purpose, and an eraser of that customer."""
    store = MemoryStore()
    await store.claim([(P, "", 0)], OWNER)
    rows = [
        OutboxRow(1, n, "email", START_MS, START_MS + DAY_MS, payload(purpose=purpose))
        for n, purpose in enumerate(purposes)
    ]
    await store.commit([change(77, outbox=rows)], START_MS)

    async def erase():
        erasure = Erasure((77,), (), START_MS)
        await store.commit([change(77, 1, erasure=erasure)], START_MS)

    return store, erase


def rows_of(store):
    return asyncio.ensure_future(store.outbox_of((77,)))


@pytest.mark.parametrize("when", ["outbox_claim", "outbox_due"])
def test_what_is_erased_before_its_claim_is_never_delivered(when):
    async def scenario():
        truth, erase = await a_store("marketing", "service")
        store, time, email = FailNext(truth), ManualTime(), Receiver()
        store.before(when, erase)

        async with running(
            store, {"email": email}, time, owner=lambda: OWNER, epochs=lambda: {P: 1}
        ):
            await time.advance(120_000)

        assert email.posts == []
        assert {row.state for row in await rows_of(truth)} == {OutboxState.CANCELLED}

    asyncio.run(scenario())


@pytest.mark.parametrize("answers", [(FAILED,), ()], ids=["failed", "delivered"])
def test_what_was_being_sent_when_it_was_erased_is_not_sent_again(answers):
    async def scenario():
        store, erase = await a_store("marketing")
        time, email = ManualTime(), Receiver(*answers)
        email.hold = asyncio.Event()

        async with running(
            store, {"email": email}, time, owner=lambda: OWNER, epochs=lambda: {P: 1}
        ):
            await erase()
            email.hold.set()
            await spin()
            await time.advance(DAY_MS // 2)

        assert email.keys == [key(1)]
        (row,) = await rows_of(store)
        assert (row.state, row.payload, row.last_error) == (OutboxState.CANCELLED, b"", "")

    asyncio.run(scenario())


def test_a_row_without_payload_is_parked_not_delivered():
    async def scenario():
        store, time, email = MemoryStore(), ManualTime(), Receiver()
        await store.claim([(P, "", 0)], OWNER)
        empty = OutboxRow(1, 0, "email", START_MS, START_MS + DAY_MS, b"")
        await store.commit([change(77, outbox=[empty])], START_MS)

        async with running(
            store, {"email": email}, time, owner=lambda: OWNER, epochs=lambda: {P: 1}
        ):
            await spin()

        assert email.posts == []
        assert [row.state for row in await rows_of(store)] == [OutboxState.PARKED]

    asyncio.run(scenario())


def test_what_a_channel_says_of_a_recipient_when_it_breaks_is_not_logged(caplog):
    async def scenario():
        store, _ = await a_store("marketing")
        email = Receiver(RuntimeError("no mailbox for ann@example.org"))

        async with running(
            store, {"email": email}, ManualTime(), owner=lambda: OWNER, epochs=lambda: {P: 1}
        ):
            await spin()

    asyncio.run(scenario())

    assert "RuntimeError" in caplog.text
    assert key(1) in caplog.text
    assert "ann@example.org" not in caplog.text


def test_when_an_effect_was_sent_is_kept():
    async def scenario():
        store, _ = await a_store("marketing")
        time, email = ManualTime(), Receiver()

        async with running(
            store, {"email": email}, time, owner=lambda: OWNER, epochs=lambda: {P: 1}
        ):
            await spin()

        (row,) = await rows_of(store)
        assert (row.state, row.next_at_ms) == (OutboxState.SENT, time.machine_ms())

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("data", "purpose"),
    [(payload(purpose="service"), "service"), (b"", ""), (b"\x01", ""), (b"\x80", "")],
)
def test_the_purpose_of_an_effect_is_read_from_its_payload(data, purpose):
    assert purpose_of(item(payload=data)) == purpose
