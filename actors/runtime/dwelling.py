"""Where a customer is, for whoever is about to move her, and what she did last."""

from collections.abc import Mapping
from typing import Any

from actors.ports import JournalKind, Lookup, OutboxState, Store


async def movable(store: Store, number: int, epochs: Mapping[int, int]) -> tuple[int, int] | None:
    """Return her partition and the epoch under which it is held here; None when she has to stay.

    She stays while an effect of hers is being sent: its result has to find her where it began.
    """
    row = (await store.lookup(Lookup(numbers=(number,)))).customers.get(number)
    if row is None or row.partition not in epochs:
        return None
    if await store.outbox_of([number], [OutboxState.SENDING]):
        return None
    return row.partition, epochs[row.partition]


async def last_turn(store: Store, number: int) -> dict[str, Any] | None:
    """Return a customer's last committed turn, as `status` shows it; None before the first."""
    rows = await store.timeline(number, None, (), 1)
    if not rows:
        return None
    return {"seq": rows[0].seq, "at": rows[0].at_ms, "kind": _KINDS.get(rows[0].kind, "")}


_KINDS = {code: name.lower() for name, code in vars(JournalKind).items() if isinstance(code, int)}
