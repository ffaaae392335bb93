"""Restoring one customer whose record is damaged: the record of a backup, and all turns since taken again."""

from collections.abc import Collection
from dataclasses import dataclass, field

from actors.decisioning.journal import TurnRecord
from actors.decisioning.membership import look_soon
from actors.domain.errors import CodecError, RighttimeError
from actors.domain.state import CustomerState
from actors.merging import LaterTurn, Names, Reading, unmerge
from actors.playbook.model import Playbook
from actors.ports import (
    Change,
    JournalKind,
    JournalRow,
    Lookup,
    Store,
    StoredCustomer,
    TimerRow,
    Verdict,
)
from actors.session.joining import PARTS
from actors.session.journeying import at_rest, without_scenarios
from actors.session.parting import recalled
from actors.turn import wait_for_held
from actors.wire.markers import read_marker
from actors.wire.records import pack_turn, unpack_turn
from actors.wire.state import pack_state, unpack_state

_PAGE = 500
_NEVER = 2**62
_CANNOT = (JournalKind.UNMERGE, JournalKind.ERASURE)


class NotRestoredError(RighttimeError):
    """A customer cannot be restored; the reason is a sentence for operators."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(slots=True)
class Restored:
    """What a customer was restored from: turn `since`, and the `taken` turns after it.

    Turns that are `lost` are damaged themselves, or were emptied by age.
    """

    number: int
    since: int
    seq: int
    taken: int
    lost: list[int] = field(default_factory=list)


async def restore(
    store: Store, backup: bytes, number: int, playbook: Playbook, now_ms: int, machine_ms: int
) -> Restored:
    """Write a customer's record anew, from that of a backup and the journal since, whoever owns it now.

    Taken again like after an unmerge: the profile, consents, contacts and caps follow what is recorded, and
    nothing is decided or sent. Scenarios that the customer was in are left, because what they have done since
    the backup cannot be told: nothing is to be sent twice.

    Args:
        store: The store with the damaged record; it may be in use.
        backup: The customer's packed state in a backup.
        number: Whose it is.
        playbook: The active one, under which events are folded again.
        now_ms: The business clock, for the journal.
        machine_ms: The machine clock.

    Raises:
        NotRestoredError: The record is not damaged, the backup's is no use, or the customer was parted or
            erased since.
    """
    row = await _damaged(store, number)
    state = _sound(backup, number)
    since = state.seq
    records, lost = await _since(store, number, since)
    later = [
        LaterTurn(seq, record, await recalled(store, record))
        for seq, record in sorted(records.items())
    ]
    found = await store.lookup(Lookup(owned_by=(number,)))
    nobody = CustomerState(0, state.partition)
    at_rest(state, nobody)
    result = unmerge(
        state,
        nobody,
        later,
        Reading(playbook=without_scenarios(playbook), parts=PARTS, unpack=unpack_state),
        names=Names(owned=set(found.identities.get(number, ()))),
        merged_at=_NEVER,
    ).survivor
    result.partition, result.seq = row.partition, row.seq + 1
    wait_for_held(result)
    look_soon(result, playbook, now_ms)
    restored = Restored(number, since, result.seq, len(later), lost)
    await _write(store, row, result, restored, now_ms, machine_ms)
    return restored


async def _damaged(store: Store, number: int) -> StoredCustomer:
    row = (await store.lookup(Lookup(numbers=(number,)))).customers.get(number)
    if row is None:
        raise NotRestoredError("the store has no such customer")
    try:
        if read_marker(row.state) is None:
            unpack_state(row.state)
    except CodecError:
        return row
    raise NotRestoredError("the record is not damaged: nothing to restore")


def _sound(backup: bytes, number: int) -> CustomerState:
    try:
        if read_marker(backup) is not None:
            raise NotRestoredError("in the backup the customer is merged or erased")
        state = unpack_state(backup)
    except CodecError as error:
        raise NotRestoredError(f"the backup's record is damaged too: {error}") from error
    if state.number != number:
        raise NotRestoredError("the backup's record is somebody else's")
    return state


async def _since(
    store: Store, number: int, since: int, kinds: Collection[int] = _CANNOT
) -> tuple[dict[int, TurnRecord], list[int]]:
    """Return the turns after one by seq, and those that cannot be read."""
    records: dict[int, TurnRecord] = {}
    lost: list[int] = []
    before: int | None = None
    while rows := await store.timeline(number, before, (), _PAGE):
        for row in rows:
            if row.seq <= since:
                return records, sorted(lost)
            if row.kind in kinds:
                raise NotRestoredError("the customer was parted or erased since the backup")
            try:
                records[row.seq] = unpack_turn(row.payload)
            except CodecError:
                lost.append(row.seq)
        before = rows[-1].seq
    return records, sorted(lost)


async def _write(
    store: Store,
    row: StoredCustomer,
    state: CustomerState,
    restored: Restored,
    now_ms: int,
    machine_ms: int,
) -> None:
    said = {"restoredFrom": restored.since, "taken": restored.taken, "lost": restored.lost}
    record = TurnRecord(at_ms=now_ms, received_at_ms=now_ms, result=said)
    change = Change(
        state.number,
        row.partition,
        None,  # the row's seq is the proof; whoever owns the customer reads it anew
        row.seq,
        state.seq,
        pack_state(state),
        journal=[JournalRow(state.seq, now_ms, JournalKind.COMMAND, pack_turn(record))],
        timers_set=[TimerRow(timer.key, timer.due_at_ms) for timer in state.timers],
        segments_entered=list(state.segments.items()),
    )
    (verdict,) = await store.commit([change], machine_ms)
    if verdict is not Verdict.COMMITTED:
        raise NotRestoredError("somebody wrote the record meanwhile: look again")
