"""What is said to whoever sent an item, once its turn is committed."""

import logging

from actors.decisioning.journal import TurnRecord
from actors.domain.errors import CodecError
from actors.domain.events import Event, Response
from actors.playbook.model import Playbook
from actors.ports import Store
from actors.session.faults import place_of
from actors.session.lineage import was_erased
from actors.wire.messages import Answer, Code, Item
from actors.wire.records import unpack_turn
from actors.wire.replies import reply_json

log = logging.getLogger(__name__)

CHANGED_NOTHING = "the turn failed; it changed nothing"
ERASED = "this customer was erased"
DAMAGED = "the customer's record is damaged and set aside until it is restored"
NO_CUSTOMER = "no such customer"
NO_EFFECT = "no effect has this key"
FORGOTTEN_EFFECT = "what is known of this effect was forgotten by age"


def answer(
    record: TurnRecord, number: int, seq: int, playbook: Playbook, *, duplicate: bool = False
) -> Answer:
    """Return the reply of a turn that is committed, so that nothing may go wrong any more."""
    try:
        body = reply_json(record, number, seq, playbook.minor_digits, duplicate=duplicate)
    except Exception as error:  # noqa: BLE001  the turn is committed, whatever is wrong with it
        log.error("the reply to turn %d of %d cannot be written: %s", seq, number, place_of(error))  # noqa: TRY400
        return Answer(Code.FAILED, detail="the turn was taken, but its reply cannot be written")
    return Answer(Code.DUPLICATE if duplicate else Code.ACCEPTED, body)


def answer_again(payload: bytes, number: int, seq: int, playbook: Playbook) -> Answer:
    """Return the first answer to a message again, from the journal."""
    try:
        record = unpack_turn(payload)
    except CodecError as error:
        log.exception("turn %d of customer %d is damaged", seq, number)
        return Answer(Code.FAILED, detail=str(error))
    return answer(record, number, seq, playbook, duplicate=True)


async def answer_without(
    store: Store, item: Item, number: int, seq: int, playbook: Playbook
) -> Answer:
    """Return what can be said of a message whose turn is empty: that it was taken, and by whom.

    Whose turn was erased is told so.
    """
    if await was_erased(store, number, seq):
        return Answer(Code.GONE, detail="the first answer was erased")
    record = TurnRecord(at_ms=0, received_at_ms=0)
    if isinstance(item, Event):
        record.event = item
    elif isinstance(item, Response):
        record.response = item
    else:
        record.command = item
    return answer(record, number, seq, playbook, duplicate=True)
