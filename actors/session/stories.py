"""All turns that made a customer what it is: its own, and those that others gave it when they parted.

While a customer is part of another one, its turns are taken in that one's journal. An unmerge gives some
of them back; they count from where its own journal says that it is back.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from actors.decisioning.journal import TurnRecord
from actors.domain.events import CONSENT
from actors.ports import JournalKind, Store
from actors.session.lineage import Place, given_by, turns_since

Turns = dict[int, TurnRecord]
_JOINS = (JournalKind.MERGE, JournalKind.UNMERGE)


@dataclass(frozen=True, slots=True)
class Told:
    """One turn of a story: turn `seq` of customer `number`.

    `at` is the seq of the journal of the one who is told of, at which it counts. `record` is None when it
    was emptied. Of what is `not_theirs` they were part when it came, but it went to somebody else.
    """

    at: int
    number: int
    seq: int
    record: TurnRecord | None
    not_theirs: bool = False

    @property
    def place(self) -> Place:
        """Where the turn is journalled."""
        return (self.number, self.seq)


async def joins_of(store: Store, number: int) -> Turns:
    """Return the turns of a customer that say who came and went, oldest first."""
    found = {seq: turn async for seq, turn in turns_since(store, number, 0, _JOINS)}
    return dict(sorted(found.items()))


def given_away(joins: Turns, number: int) -> set[Place]:
    """Return the turns that unmerges of a customer have given to others."""
    return {place for turn in joins.values() for place in given_by(turn, number)}


async def story_of(
    store: Store, number: int, joins: Turns, after_seq: int, before_seq: int
) -> list[Told] | None:
    """Return what happened between two turns of a customer, in order, or None: it was erased.

    Merges and unmerges are in it, but not that this customer itself was merged and came back.
    """
    turns = {seq: turn async for seq, turn in turns_since(store, number, after_seq)}
    story: list[Told] = []
    for seq in range(after_seq + 1, before_seq):
        turn = turns.get(seq)
        if turn is None or turn.merge is None or turn.merge.loser != number:
            story.append(Told(seq, number, seq, turn))
        elif turn.result.get("unmergedFrom"):
            share = await _share(store, number, joins, seq)
            if share is None and turn.result["kept"]:
                return None
            # What changed nothing for them may have withdrawn something for one of those in them.
            lost = [Told(seq, turn.merge.survivor, 0, None, not_theirs=True)]
            story += lost if share is None else [replace(each, at=seq) for each in share]
    return story


async def _share(store: Store, number: int, joins: Turns, back_at: int) -> list[Told] | None:
    """Return what came for a customer while it was part of another one; it was back at a turn."""
    merge = joins[back_at].merge
    survivor = merge.survivor if merge is not None else 0
    earlier = [seq for seq in _parted(joins, survivor, number) if seq <= back_at]
    theirs = await joins_of(store, survivor)
    parted = _parted(theirs, survivor, number)
    if len(parted) < len(earlier):
        return None
    parted_at = parted[len(earlier) - 1]
    turn = theirs[parted_at]
    story = await story_of(store, survivor, theirs, turn.result["mergeSeq"], parted_at)
    if story is None:
        return None
    given = set(given_by(turn, survivor))
    others = given_away(theirs, survivor) - given
    return list(_given(story, given, others))


def _parted(joins: Turns, survivor: int, loser: int) -> list[int]:
    """Return where a journal of either says that the two parted, in order."""
    return [
        seq
        for seq, turn in joins.items()
        if turn.merge is not None
        and (turn.merge.survivor, turn.merge.loser) == (survivor, loser)
        and (turn.result.get("unmerged") or turn.result.get("unmergedFrom"))
    ]


def _given(story: list[Told], given: set[Place], others: set[Place]) -> Iterable[Told]:
    for told in story:
        record = told.record
        if told.place in given:
            yield told
        elif record is None:
            if told.place not in others:  # else it was emptied with whom it was given to
                yield replace(told, not_theirs=True)
        elif record.merge is None and (record.command is None or record.command.kind == CONSENT):
            yield replace(told, not_theirs=True)
