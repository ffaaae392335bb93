"""Arbitration: the best assignment of candidates to slots, with a known probability for each."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

from actors.decisioning import exploration
from actors.decisioning.bids import Bid, Bidding
from actors.decisioning.features import features_of
from actors.decisioning.inputs import (
    Choice,
    Chosen,
    DecisionInput,
    Draw,
    Prepared,
    Ranked,
    Removal,
)
from actors.decisioning.plan import plan_of
from actors.decisioning.room import Room
from actors.decisioning.voting import Electorate
from actors.domain.scores import Score, ScoreRow, Scores
from actors.playbook.experiment_model import RANDOM
from actors.playbook.model import Playbook

OUTBOUND = "outbound"
"""The stream of the draw for the outbound message; a turn starts at most one."""


def rows_of(prepared: Prepared, playbook: Playbook, context: Sequence[Any]) -> list[ScoreRow]:
    """Return one row per distinct action among the candidates, in order of first appearance.

    `context` are the values of the rules, from which the playbook's models read their features.
    """
    rows = plan_of(playbook).rows[prepared.tier]
    indices = dict.fromkeys([each.action for each in prepared.candidates])
    reader = features_of(playbook)
    if reader is None or reader.actions.isdisjoint(indices):
        return [rows[i] for i in indices]
    return reader.told(rows, list(indices), context, prepared.segments, prepared.tier)


def scores_by_action(prepared: Prepared, playbook: Playbook, scores: Scores) -> dict[int, Score]:
    """Align the scorer's answer with `rows_of`; without an answer each action has its own prior."""
    indices = dict.fromkeys([candidate.action for candidate in prepared.candidates])
    if scores.prior:
        return {i: Score(playbook.actions[i].starting_propensity, 0.0) for i in indices}
    return dict(zip(indices, scores.rows, strict=True))


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
    auction = _Auction(
        given, playbook, removed, Electorate(given.seed, lists, playbook.arbitration)
    )
    auction.epsilon = 1.0 if bidding.policy == RANDOM else playbook.arbitration.epsilon
    if len(slots) > 1:
        room = Room(lists, given, playbook)
        auction.room = room if room.competing else None
    auction.run(slots)
    return auction.outcome(by_slot)


def _ranked(by_slot: dict[str, list[Bid]]) -> tuple[Ranked, ...]:
    return tuple([bid.ranked() for bid in chain.from_iterable(by_slot.values())])


@dataclass(slots=True)
class _Auction:
    given: DecisionInput
    playbook: Playbook
    removed: list[Removal]
    electorate: Electorate
    epsilon: float = 0.0
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
            if stands is None:
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

    def _fill(self, place: int, placement: str, bids: list[Bid], rest: list[list[Bid]]) -> None:
        room = self.room
        if room is None:
            votes, vectors = self.electorate.votes([bids], None)
        else:
            left = room.left
            live = [bids, *[kept for each in rest if (kept := _fitting(each, room))]]
            votes, vectors = self.electorate.votes(live, left)
        found = exploration.shares(votes, self.epsilon)
        for bid, probability in zip(bids, found, strict=False):
            bid.probability = probability
        self.draws.append(Draw(placement, len(bids), found[-1], vectors, self.epsilon))
        picked = 0
        if len(bids) > 1 or found[-1] > 0.0:
            picked = exploration.choose(self.given.seed, f"slot/{placement or OUTBOUND}", found)
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
            refusal = None if room is None else room.refusal(bid)
            if refusal is None:
                kept.append(bid)
            else:
                self.removed.append(refusal)
        return kept

    def outcome(self, by_slot: dict[str, list[Bid]]) -> Choice:
        """Return what is recorded; ranks count placements and messages apart."""
        records = {id(bid): bid.ranked() for bids in by_slot.values() for bid in bids}
        chosen: list[Chosen] = []
        ranks = {True: 0, False: 0}
        for _, bid in sorted(self.won, key=lambda each: each[0]):
            ranks[bool(bid.placement)] += 1
            rank = ranks[bool(bid.placement)]
            chosen.append(Chosen(records[id(bid)], rank, bid.probability, bid.again))
        return Choice(
            tuple(records.values()), tuple(chosen), tuple(self.removed), tuple(self.draws)
        )


def _fitting(bids: list[Bid], room: Room) -> list[Bid]:
    return [bid for bid in bids if room.refusal(bid) is None]
