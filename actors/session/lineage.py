"""Who was merged into whom, by the journal."""

from collections.abc import AsyncIterator

from actors.decisioning.journal import TurnRecord
from actors.domain.ids import parse_customer
from actors.ports import JournalKind, Lookup, Store
from actors.wire.markers import Erased, Redirect, read_marker
from actors.wire.records import unpack_turn

_PAGE = 200

Place = tuple[int, int]
"""Where a turn is journalled: a customer's number, and the seq."""


def given_by(turn: TurnRecord, number: int) -> list[Place]:
    """Return the turns that an unmerge in a customer's journal gave to the other; else none."""
    if turn.merge is None or turn.merge.survivor != number or not turn.result.get("unmerged"):
        return []
    elsewhere = [
        (parse_customer(each["customerId"]), seq)
        for each in turn.result.get("elsewhere", ())
        for seq in each["toLoser"]
    ]
    return [*((number, seq) for seq in turn.result["toLoser"]), *elsewhere]


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


async def was_erased(store: Store, number: int, seq: int) -> bool:
    """Return whether a turn that is empty was emptied by an erasure; else it was, by age.

    An unmerge may have given it to somebody who was erased since, or has passed it on.
    """
    return await _erased_with(store, number, (number, seq))


async def _erased_with(store: Store, holder: int, place: Place) -> bool:
    if await _is_erased(store, holder):
        return True
    async for _, turn in turns_since(store, holder, 0, (JournalKind.UNMERGE,)):
        if turn.merge is None or place not in given_by(turn, holder):
            continue
        if await _erased_with(store, turn.merge.loser, place):
            return True
    return False


async def _is_erased(store: Store, number: int) -> bool:
    """Return whether whoever this customer is part of was erased."""
    while True:
        row = (await store.lookup(Lookup(numbers=(number,)))).customers.get(number)
        marker = None if row is None else read_marker(row.state)
        if not isinstance(marker, Redirect):
            return isinstance(marker, Erased)
        number = marker.target
