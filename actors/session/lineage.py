"""Who was merged into whom, by the journal."""

from collections.abc import AsyncIterator

from actors.decisioning.journal import TurnRecord
from actors.ports import JournalKind, Store
from actors.wire.records import unpack_turn

_PAGE = 200


async def turns_since(
    store: Store, number: int, after_seq: int, kinds: tuple[int, ...] = ()
) -> AsyncIterator[tuple[int, TurnRecord]]:
    """Yield (seq, turn) of a customer's turns above a seq, newest first, page by page."""
    before: int | None = None
    while True:
        rows = await store.timeline(number, before, kinds, _PAGE)
        for row in rows:
            if row.seq <= after_seq:
                return
            if row.payload:
                yield row.seq, unpack_turn(row.payload)
        if len(rows) < _PAGE:
            return
        before = rows[-1].seq


async def merged_into(store: Store, number: int) -> list[int]:
    """Return everybody who is part of a customer now, near and far, in the order of merges."""
    found: dict[int, None] = {}
    waiting = [number]
    while waiting:
        here = waiting.pop(0)
        parted: set[int] = set()
        kinds = (JournalKind.MERGE, JournalKind.UNMERGE)
        joined: list[int] = []
        async for _, turn in turns_since(store, here, 0, kinds):
            if turn.merge is None:
                continue
            merge, other = turn.merge, turn.merge.loser
            if merge.survivor != here:
                continue  # where this one went itself
            if turn.result.get("unmerged"):
                parted.add(other)
            elif other in parted:
                parted.discard(other)
            else:
                joined.append(other)
        new = [other for other in reversed(joined) if other not in found and other != number]
        found.update(dict.fromkeys(new))
        waiting += new
    return list(found)
