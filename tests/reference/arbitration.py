"""Arbitration as it is meant, an object a bid: slow, and what the columns are compared with."""

from dataclasses import dataclass, field
from itertools import chain
from typing import NamedTuple

from actors.decisioning import exploration
from actors.decisioning.inputs import (
    Chosen,
    DecisionInput,
    Draw,
    Prepared,
    Ranked,
    Removal,
)
from actors.domain.scores import Score
from actors.playbook.experiment_model import RANDOM
from actors.playbook.model import Playbook
from tests.reference.bids import Bid, Bidding
from tests.reference.room import Room
from tests.reference.voting import Electorate, certain

OUTBOUND = "outbound"
"""The stream of the draw for the outbound message; a turn starts at most one."""


class Choice(NamedTuple):
    """What a record holds of it, but for what it was taken from."""

    ranked: tuple[Ranked, ...]
    chosen: tuple[Chosen, ...]
    removed: tuple[Removal, ...]
    draws: tuple[Draw, ...] = ()


def choose(
    prepared: Prepared, given: DecisionInput, scores: dict[int, Score], playbook: Playbook
) -> Choice:
    """Fill the slots: placements in the order asked, then one outbound message.

    Nothing is said twice, on whatever channels, and of a group one thing. Doing nothing is worth 0 and
    wins against everything that is not worth more. What stands in a placement already stays there.
    """
    removed = list(prepared.removed)
    bidding = Bidding(prepared, given, scores, playbook, removed)
    by_slot = bidding.by_slot()
    slots = [(p, by_slot[p]) for p in given.placements[: given.max_actions] if p in by_slot]
    if "" in by_slot:
        slots.append(("", by_slot[""]))
    if not slots:
        return Choice(_ranked(by_slot), (), tuple(removed))
    lists = [bids for _, bids in slots]
    epsilon = 1.0 if bidding.policy == RANDOM else playbook.arbitration.epsilon
    if len(by_slot) == 1 and not given.standing and certain(lists, playbook.arbitration):
        return _alone(given, slots[0], epsilon, tuple(removed))  # as in most turns
    electorate = Electorate(given.seed, lists, playbook.arbitration)
    auction = _Auction(given, playbook, removed, electorate, epsilon)
    if len(slots) > 1:
        room = Room(lists, given, playbook)
        auction.room = room if room.competing else None
    auction.run(slots)
    return auction.outcome(by_slot)


def _alone(
    given: DecisionInput, slot: tuple[str, list[Bid]], epsilon: float, removed: tuple[Removal, ...]
) -> Choice:
    """Fill the only slot that has bids, of which it is certain which one is best."""
    placement, bids = slot
    votes = [0] * (len(bids) + 1)
    votes[0 if bids[0].worth > 0.0 else -1] = 1
    nothing, picked = _drawn(given.seed, placement, bids, votes, epsilon)
    ranked = tuple([bid.ranked() for bid in bids])
    chosen: tuple[Chosen, ...] = ()
    if picked < len(bids):
        chosen = (Chosen(ranked[picked], 1, bids[picked].probability),)
    return Choice(ranked, chosen, removed, (Draw(placement, len(bids), nothing, 0, epsilon),))


def _drawn(
    seed: int, placement: str, bids: list[Bid], votes: list[int], epsilon: float
) -> tuple[float, int]:
    """Give the bids of a slot their probabilities, and draw one: its position, or how many there are.

    Returns:
        The probability with which the slot was to stay empty, and the position.
    """
    found = exploration.shares(votes, epsilon)
    for bid, probability in zip(bids, found, strict=False):
        bid.probability = probability
    picked = 0
    if len(bids) > 1 or found[-1] > 0.0:
        picked = exploration.choose(seed, f"slot/{placement or OUTBOUND}", found)
    return found[-1], picked


def _ranked(by_slot: dict[str, list[Bid]]) -> tuple[Ranked, ...]:
    return tuple([bid.ranked() for bid in chain.from_iterable(by_slot.values())])


@dataclass(slots=True)
class _Auction:
    given: DecisionInput
    playbook: Playbook
    removed: list[Removal]
    electorate: Electorate
    epsilon: float
    room: Room | None = None
    won: list[tuple[int, Bid]] = field(default_factory=list)
    draws: list[Draw] = field(default_factory=list)

    def run(self, slots: list[tuple[str, list[Bid]]]) -> None:
        """Fill the slots one after the other, first those in which something stands."""
        open_slots = []
        for place, (placement, bids) in enumerate(slots):
            stands = None
            if placement and self.given.standing:
                stands = next((bid for bid in bids if bid.again is not None), None)
            if stands is None or not self._goes_with_the_others(stands):
                open_slots.append((place, placement, bids))
            else:
                stands.probability = 1.0
                self._award(place, stands)
        while open_slots:
            place, placement, bids = open_slots[0]
            if self.room is not None and self.won:
                bids = self._with_room(bids)
            rest = [each for _, _, each in open_slots[1:]]
            open_slots = open_slots[1:]
            if bids:
                self._fill(place, placement, bids, rest)

    def _goes_with_the_others(self, stands: Bid) -> bool:
        """Return whether what stands fits beside what stands elsewhere: they come from several turns."""
        return self.room is None or self.room.fits(stands)

    def _fill(self, place: int, placement: str, bids: list[Bid], rest: list[list[Bid]]) -> None:
        room = self.room
        if room is None:
            votes, vectors = self.electorate.votes([bids], None)
        else:
            left = room.left
            live = [bids, *[kept for each in rest if (kept := _fitting(each, room))]]
            votes, vectors = self.electorate.votes(live, left)
        nothing, picked = _drawn(self.given.seed, placement, bids, votes, self.epsilon)
        self.draws.append(Draw(placement, len(bids), nothing, vectors, self.epsilon))
        if picked < len(bids):
            self._award(place, bids[picked])

    def _award(self, place: int, bid: Bid) -> None:
        self.won.append((place, bid))
        if self.room is not None:
            self.room.take(bid)

    def _with_room(self, bids: list[Bid]) -> list[Bid]:
        """Return those for which there is room beside what is chosen; the others are removed."""
        room = self.room
        kept = []
        for bid in bids:
            refusal = room.refusal(bid) if room is not None and bid.checks else None
            if refusal is None:
                kept.append(bid)
            else:
                self.removed.append(refusal)
        return kept

    def outcome(self, by_slot: dict[str, list[Bid]]) -> Choice:
        """Return what is recorded; ranks count placements and messages apart."""
        ranked = _ranked(by_slot)
        at, first = {}, 0
        for placement, bids in by_slot.items():
            at[placement] = first
            first += len(bids)
        chosen: list[Chosen] = []
        ranks = {True: 0, False: 0}
        for _, bid in sorted(self.won, key=_slot):
            placement = bid.candidate.placement
            place = at[placement] + by_slot[placement].index(bid)
            ranks[bool(placement)] += 1
            rank = ranks[bool(placement)]
            chosen.append(Chosen(ranked[place], rank, bid.probability, bid.again))
        return Choice(ranked, tuple(chosen), tuple(self.removed), tuple(self.draws))


def _slot(won: tuple[int, Bid]) -> int:
    return won[0]


def _fitting(bids: list[Bid], room: Room) -> list[Bid]:
    """Return those for which there is room: the same list where that is all of them."""
    kept = [bid for bid in bids if not bid.checks or room.fits(bid)]
    return bids if len(kept) == len(bids) else kept
