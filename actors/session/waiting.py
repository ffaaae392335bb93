"""What the store says of effects on their way: of those that wait, and of those that never arrived."""

from collections.abc import Collection, Mapping, Sequence

from actors.domain.actions import NOT_TAUGHT
from actors.ports import OutboxState, Store
from actors.scenarios.progress import CLOSE
from actors.session.changes import Chain
from actors.session.jobs import TimerJob
from actors.turn import SEND

Place = tuple[int, int, int]
Waiting = Mapping[tuple[int, int, int], bool]
"""By (number, seq, n): True of a held one, False of one that was cancelled."""

_STATES = (OutboxState.HELD, OutboxState.CANCELLED)
_UNSENT = (
    OutboxState.PENDING,
    OutboxState.PARKED,
    OutboxState.CANCELLED,
    OutboxState.EXPIRED,
    OutboxState.HELD,
)
"""Not what was sent, nor what is being sent: that is taken for sent, as long as nobody knows."""


async def waiting_of(store: Store, chains: Sequence[Chain], now_ms: int) -> Waiting:
    """Read the effects of those who have a timer `send` in this group; mostly nobody has."""
    numbers: dict[int, None] = {}
    for chain in chains:
        if not chain.broken and _fires(chain, SEND, now_ms):
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


async def unsent_of(store: Store, chains: Sequence[Chain], now_ms: int) -> Collection[Place]:
    """Return the messages that never arrived, as far as is known, among those whose window closes now.

    One that was tried in vain is among them: it may have arrived all the same, but in doubt nothing is
    learned from silence. One of which the store has forgotten the row is not.
    """
    numbers: dict[int, None] = {}
    for chain in chains:
        if not chain.broken and _fires(chain, CLOSE, now_ms):
            asked = [j.item.now_ms for j in chain.jobs if isinstance(j.item, TimerJob)]
            until_ms = max(now_ms, *asked) if asked else now_ms
            for effect in chain.state.effects:
                silent = effect.label == NOT_TAUGHT and not effect.outcome
                if silent and effect.purpose and effect.expires_at_ms <= until_ms:
                    numbers[effect.origin or chain.number] = None
    if not numbers:
        return ()
    rows = await store.outbox_of(tuple(numbers), _UNSENT)
    return frozenset([(row.number, row.seq, row.n) for row in rows])


def _fires(chain: Chain, key: str, now_ms: int) -> bool:
    """Return whether a timer of a customer may fire in this group."""
    asked = any(isinstance(j.item, TimerJob) and j.item.key == key for j in chain.jobs)
    return asked or any(t.key == key and t.due_at_ms <= now_ms for t in chain.state.timers)


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
