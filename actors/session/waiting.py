"""What the store says of effects at which no attempt has begun, for those whose time to send has come."""

from collections.abc import Mapping, Sequence

from actors.ports import OutboxState, Store
from actors.session.changes import Chain
from actors.session.jobs import TimerJob
from actors.turn import SEND

Waiting = Mapping[tuple[int, int, int], bool]
"""By (number, seq, n): True of a held one, False of one that was cancelled."""

_STATES = (OutboxState.HELD, OutboxState.CANCELLED)


async def waiting_of(store: Store, chains: Sequence[Chain], now_ms: int) -> Waiting:
    """Read the effects of those who have a timer `send` in this group; mostly nobody has."""
    numbers: dict[int, None] = {}
    for chain in chains:
        if not chain.broken and _sends(chain, now_ms):
            numbers[chain.number] = None
            numbers.update((effect.origin, None) for effect in chain.state.effects if effect.origin)
    if not numbers:
        return {}
    rows = await store.outbox_of(tuple(numbers), _STATES)
    return {
        (row.number, row.seq, row.n): row.state == OutboxState.HELD
        for row in rows
        if not row.attempts
    }


def _sends(chain: Chain, now_ms: int) -> bool:
    asked = any(isinstance(j.item, TimerJob) and j.item.key == SEND for j in chain.jobs)
    return asked or any(t.key == SEND and t.due_at_ms <= now_ms for t in chain.state.timers)


def waiting_now(chain: Chain, stored: Waiting) -> Waiting:
    """Return what waits, with what earlier turns of the group have done that is not committed yet."""
    waiting = dict(stored)
    for _, turn, _ in chain.done:
        made = turn.record.received_at_ms
        for effect in turn.outbox:
            if effect.send_at_ms > made:
                waiting[chain.number, effect.seq, effect.n] = True
        for *place, _ in turn.released:
            waiting.pop(_place(place), None)
    return waiting


def _place(place: Sequence[int]) -> tuple[int, int, int]:
    number, seq, n = place
    return number, seq, n
