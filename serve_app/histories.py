"""Whose turns are a customer's, after merges and unmerges, and reading them page by page."""

from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass

from actors.domain.errors import InvalidIdError
from actors.domain.ids import customer_text, parse_customer
from actors.ports import JournalKind, Store, TimelineRow
from actors.session.lineage import given_by, merged_into, turns_since

_MERGES = (JournalKind.MERGE, JournalKind.UNMERGE)
_PAGE = 200

Turn = tuple[int, int]
"""A customer's number and the seq of one of their turns."""


@dataclass(frozen=True, slots=True)
class Belonging:
    """Whose turns are a customer's: those of `numbers` but `given_back`, and `received` besides.

    What came while two were one is in the survivor's journal; an unmerge gave it to the other.
    `undone` are the merges that were taken back.
    """

    numbers: tuple[int, ...]
    given_back: frozenset[Turn] = frozenset()
    received: tuple[TimelineRow, ...] = ()
    undone: frozenset[Turn] = frozenset()


async def belonging_of(store: Store, number: int) -> Belonging | None:
    """Return whose turns are a customer's; None for one who was never merged: their own.

    For the others the cost grows with the number of merges.
    """
    if not await store.timeline(number, None, _MERGES, 1):
        return None
    numbers = (number, *await merged_into(store, number))
    given_back: set[Turn] = set()
    received: set[Turn] = set()
    undone: set[Turn] = set()
    for each in numbers:
        given: set[Turn] = set()
        got: set[Turn] = set()
        async for _, turn in turns_since(store, each, 0, (JournalKind.UNMERGE,)):
            if turn.merge is None:
                continue
            if turn.merge.survivor == each:
                undone.add((each, turn.result["mergeSeq"]))
                given.update(given_by(turn, each))
            else:
                got |= await _given_to(store, turn.merge.survivor, each)
        given_back |= given
        received |= got - given
    outside = {turn for turn in received if turn[0] not in numbers}
    return Belonging(
        numbers,
        frozenset(given_back - received),
        tuple(await _rows(store, outside)),
        frozenset(undone),
    )


async def _given_to(store: Store, survivor: int, loser: int) -> set[Turn]:
    """Return the turns of a survivor that unmerges gave to one loser."""
    return {
        place
        async for _, turn in turns_since(store, survivor, 0, (JournalKind.UNMERGE,))
        if turn.merge is not None and turn.merge.loser == loser
        for place in given_by(turn, survivor)
    }


async def _rows(store: Store, turns: Iterable[Turn]) -> list[TimelineRow]:
    """Return the rows of some turns, newest first."""
    seqs: dict[int, set[int]] = {}
    for number, seq in turns:
        seqs.setdefault(number, set()).add(seq)
    found = []
    for number in sorted(seqs):
        before, last = max(seqs[number]) + 1, min(seqs[number])
        while before > last and (rows := await store.timeline(number, before, (), _PAGE)):
            found += [row for row in rows if row.seq in seqs[number]]
            before = rows[-1].seq
    return sorted(found, key=_newest_first)


def _newest_first(row: TimelineRow) -> tuple[int, int]:
    return (-row.at_ms, -row.offset)


async def page_of(
    store: Store,
    belonging: Belonging,
    before: tuple[int, int] | None,
    kinds: Sequence[int],
    limit: int,
) -> list[TimelineRow]:
    """Return turns below (at_ms, offset), newest first by these two."""
    found: list[TimelineRow] = []
    mark = before
    while len(found) < limit:
        rows = await store.history(belonging.numbers, mark, kinds, limit)
        found += [row for row in rows if (row.number, row.seq) not in belonging.given_back]
        if len(rows) < limit:
            break
        mark = (rows[-1].at_ms, rows[-1].offset)
    found += [
        row
        for row in belonging.received
        if (before is None or (row.at_ms, row.offset) < before) and (not kinds or row.kind in kinds)
    ]
    return sorted(found, key=_newest_first)[:limit]


async def all_of(
    store: Store, number: int, belonging: Belonging | None
) -> AsyncIterator[TimelineRow]:
    """Yield every turn of a customer, newest first."""
    before: int | None = None
    mark: tuple[int, int] | None = None
    while True:
        if belonging is None:
            rows = await store.timeline(number, before, (), _PAGE)
        else:
            rows = await page_of(store, belonging, mark, (), _PAGE)
        for row in rows:
            yield row
        if len(rows) < _PAGE:
            return
        before, mark = rows[-1].seq, (rows[-1].at_ms, rows[-1].offset)


CURSOR = r"^(s[0-9]{1,12}\.[0-9A-Z]{13}|t[0-9]{1,15}\.[0-9]{1,18})?$"
"""What a cursor of a timeline looks like; for clients it means nothing."""


class Timeline:
    """Pages of a customer's turns, newest first.

    By event time, and by commit where times agree, for customers who have merged; for all others in
    the order of their turns, which needs no more than a page's reads.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    async def page(
        self, number: int, cursor: str, kinds: Sequence[int], limit: int
    ) -> tuple[list[TimelineRow], str]:
        """Return a page and the cursor of the next one, which is empty after the last.

        Raises:
            InvalidIdError: The cursor is none of ours.
        """
        before = None
        if cursor.startswith("s"):
            seq, _, whose = cursor[1:].partition(".")
            reader = parse_customer("c_" + whose)
            if reader == number:
                return await self._own(number, int(seq), kinds, limit)
            before = await self._place(reader, int(seq))
        elif cursor:
            at_ms, _, offset = cursor[1:].partition(".")
            before = (int(at_ms), int(offset))
        belonging = await belonging_of(self._store, number)
        if belonging is None:
            if before is None:
                return await self._own(number, None, kinds, limit)
            belonging = Belonging((number,))
        rows = await page_of(self._store, belonging, before, kinds, limit + 1)
        if len(rows) <= limit:
            return rows, ""
        last = rows[limit - 1]
        return rows[:limit], f"t{last.at_ms}.{last.offset}"

    async def _own(
        self, number: int, before: int | None, kinds: Sequence[int], limit: int
    ) -> tuple[list[TimelineRow], str]:
        rows = await self._store.timeline(number, before, kinds, limit + 1)
        if len(rows) <= limit:
            return rows, ""
        return rows[:limit], f"s{rows[limit - 1].seq}.{customer_text(number)[2:]}"

    async def _place(self, number: int, seq: int) -> tuple[int, int]:
        """Return where a turn is in order of time: who is read has merged since the page before."""
        rows = await self._store.timeline(number, seq + 1, (), 1)
        if not rows:
            raise InvalidIdError(f"s{seq}")
        return rows[0].at_ms, rows[0].offset
