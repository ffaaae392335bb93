"""What the journals of others keep of a customer who was one with them for a while."""

from collections.abc import Sequence
from dataclasses import replace

from actors.ports import JournalKind, Store
from actors.session.lineage import given_by, turns_since
from actors.wire.records import pack_turn

_MERGES = (JournalKind.MERGE, JournalKind.UNMERGE)

Rewritten = dict[tuple[int, int], bytes]


async def traces_of(store: Store, numbers: Sequence[int]) -> tuple[tuple[int, int, bytes], ...]:
    """Return (number, seq, payload) of turns to rewrite when these customers are erased.

    After an unmerge the survivor's journal still has the turns that went to the other, which are
    emptied, and states that were packed when the two were one: those that no later unmerge can need,
    because it begins from the merge that was taken back, or is that merge itself.
    """
    found: Rewritten = {}
    seen, waiting = set(numbers), list(numbers)
    while waiting:
        here = waiting.pop(0)
        async for _, turn in turns_since(store, here, 0, (JournalKind.UNMERGE,)):
            if turn.merge is None or turn.merge.survivor == here:
                continue
            if turn.merge.survivor not in seen:
                seen.add(turn.merge.survivor)
                waiting.append(turn.merge.survivor)
                await _in_journal(store, turn.merge.survivor, set(numbers), found)
    return tuple((*place, payload) for place, payload in sorted(found.items()))


async def _in_journal(store: Store, survivor: int, erased: set[int], found: Rewritten) -> None:
    undone: dict[int, int] = {}
    async for seq, turn in turns_since(store, survivor, 0, _MERGES):  # newest first
        if turn.merge is None or turn.merge.survivor != survivor:
            continue
        if turn.result.get("unmerged"):
            undone[turn.result["mergeSeq"]] = seq
            if turn.merge.loser in erased:
                found.update((given, b"") for given in given_by(turn, survivor))
            continue
        merge = turn.merge
        if seq in undone:
            merge = replace(merge, loser_state=b"", moved=())
        if any(joined < seq < parted for joined, parted in undone.items()):
            merge = replace(merge, survivor_state=b"")
        if merge is not turn.merge:
            found[survivor, seq] = pack_turn(replace(turn, merge=merge))
