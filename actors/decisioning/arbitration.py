"""Arbitration: the best assignment of candidates to slots, with a known probability for each."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from actors.decisioning import exploration
from actors.decisioning.bids import Bidding, Slot
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
from actors.decisioning.parts import Part
from actors.decisioning.plan import plan_of
from actors.decisioning.room import Room
from actors.decisioning.single import OUTBOUND, choose_single
from actors.decisioning.voting import Electorate, Live
from actors.domain.scores import Score, ScoreRow, Scores
from actors.playbook.experiment_model import RANDOM
from actors.playbook.model import Playbook


def rows_of(prepared: Prepared, playbook: Playbook, context: Sequence[Any]) -> list[ScoreRow]:
    """Return one row per distinct action among the candidates, in order of first appearance.

    `context` are the values of the rules, from which the playbook's models read their features.
    """
    rows = plan_of(playbook).rows[prepared.tier]
    indices = _distinct(prepared)
    reader = features_of(playbook)
    if reader is None or reader.actions.isdisjoint(indices):
        return [rows[i] for i in indices]
    return reader.told(rows, list(indices), context, prepared.segments, prepared.tier)


def scores_by_action(prepared: Prepared, playbook: Playbook, scores: Scores) -> dict[int, Score]:
    """Align the scorer's answer with `rows_of`; without an answer each action has its own prior."""
    indices = _distinct(prepared)
    if scores.prior:
        return {i: Score(playbook.actions[i].starting_propensity, 0.0) for i in indices}
    return dict(zip(indices, scores.rows, strict=True))


def _distinct(prepared: Prepared) -> tuple[int, ...]:
    """Return the actions among the candidates in order of first appearance."""
    if len(prepared.runs) == 1:
        only: Part = prepared.runs[0][2]
        return only.distinct
    actions: list[int] = []
    for run in prepared.runs:
        part = run[2]
        actions += part.distinct
    if not actions:
        actions = [candidate.action for candidate in prepared.candidates]
    return tuple(dict.fromkeys(actions))


def choose(
    prepared: Prepared, given: DecisionInput, scores: dict[int, Score], playbook: Playbook
) -> Choice:
    """Fill the slots: placements in the order asked, then one outbound message.

    Nothing is said twice, on whatever channels, and of a group one thing. Doing nothing is worth 0 and
    wins against everything that is not worth more. What stands in a placement already stays there.
    """
    single = choose_single(prepared, given, scores, playbook)
    if single is not None:
        return single  # as in most turns
    removed = list(prepared.removed)
    bidding = Bidding(prepared, given, scores, playbook, removed)
    by_slot = bidding.by_slot()
    slots = [by_slot[p] for p in given.placements[: given.max_actions] if p in by_slot]
    if "" in by_slot:
        slots.append(by_slot[""])
    if not slots:
        return Choice(_rows(by_slot.values()), (), tuple(removed))
    epsilon = 1.0 if bidding.policy == RANDOM else playbook.arbitration.epsilon
    electorate = Electorate(given.seed, slots, playbook.arbitration)
    auction = _Auction(given, removed, electorate, epsilon)
    if len(slots) > 1:
        room = Room(slots, given, playbook)
        auction.room = room if room.competing else None
    auction.run(slots)
    return auction.outcome(by_slot.values())


def _drawn(seed: int, live: Live, votes: list[int], epsilon: float) -> tuple[float, int | None]:
    """Give the live bids of a slot their probabilities, and draw the place of one, None for nothing.

    Returns:
        The probability with which the slot was to stay empty, and the place.
    """
    slot, places = live
    found = exploration.shares(votes, epsilon)
    if places is None:
        slot.probabilities = found[:-1]
    else:
        for place, probability in zip(places, found, strict=False):
            slot.probabilities[place] = probability
    picked, count = 0, len(found) - 1
    if count > 1 or found[-1] > 0.0:
        picked = exploration.choose(seed, f"slot/{slot.placement or OUTBOUND}", found)
    if picked == count:
        return found[-1], None
    return found[-1], picked if places is None else places[picked]


def _rows(slots: Iterable[Slot]) -> list[tuple[Any, ...]]:
    return [row for slot in slots for row in slot.rows()]


@dataclass(slots=True)
class _Auction:
    given: DecisionInput
    removed: list[Removal]
    electorate: Electorate
    epsilon: float
    room: Room | None = None
    won: list[tuple[int, Slot, int]] = field(default_factory=list)
    draws: list[Draw] = field(default_factory=list)

    def run(self, slots: list[Slot]) -> None:
        """Fill the slots one after the other, first those in which something stands."""
        open_slots: list[tuple[int, Slot]] = []
        for number, slot in enumerate(slots):
            stands = None
            if slot.placement and self.given.standing:
                stands = next((i for i, again in enumerate(slot.again) if again is not None), None)
            if stands is None or not self._goes_with_the_others(slot, stands):
                open_slots.append((number, slot))
            else:
                slot.probabilities[stands] = 1.0
                self._award(number, slot, stands)
        for following, (number, slot) in enumerate(open_slots, 1):
            live = self._with_room(slot)
            if live is not None:
                self._fill(number, live, [each for _, each in open_slots[following:]])

    def _goes_with_the_others(self, slot: Slot, stands: int) -> bool:
        """Return whether what stands fits beside what stands elsewhere: they come from several turns."""
        return self.room is None or self.room.refusal(slot, stands) is None

    def _fill(self, number: int, live: Live, rest: Sequence[Slot]) -> None:
        room = self.room
        if room is None:
            votes, vectors = self.electorate.votes([live], None)
        else:
            others = [_without(each, room.lacking(each)) for each in rest]
            fitting = [each for each in others if each is not None]
            votes, vectors = self.electorate.votes([live, *fitting], room.left)
        slot = live[0]
        nothing, picked = _drawn(self.given.seed, live, votes, self.epsilon)
        self.draws.append(Draw(slot.placement, len(votes) - 1, nothing, vectors, self.epsilon))
        if picked is not None:
            self._award(number, slot, picked)

    def _award(self, number: int, slot: Slot, place: int) -> None:
        self.won.append((number, slot, place))
        if self.room is not None:
            self.room.take(slot, place)

    def _with_room(self, slot: Slot) -> Live | None:
        """Return the bids for which there is room beside what is chosen; the others are removed."""
        room = self.room
        if room is None or not self.won:
            return slot, None
        lacking = room.lacking(slot)
        for place in lacking:
            refusal = room.refusal(slot, place)
            if refusal is not None:
                self.removed.append(refusal)
        return _without(slot, lacking)

    def outcome(self, slots: Iterable[Slot]) -> Choice:
        """Return what is recorded; ranks count placements and messages apart."""
        rows: list[tuple[Any, ...]] = []
        for slot in slots:
            slot.start = len(rows)
            rows += slot.rows()
        chosen: list[Chosen] = []
        places: list[int] = []
        ranks = {True: 0, False: 0}
        for _, slot, place in sorted(self.won, key=_number):
            is_placed = bool(slot.placement)
            ranks[is_placed] += 1
            row = rows[slot.start + place]
            probability = slot.probabilities[place]
            chosen.append(Chosen(Ranked(*row), ranks[is_placed], probability, slot.again[place]))
            places.append(slot.start + place)
        return Choice(rows, tuple(chosen), tuple(self.removed), tuple(self.draws), tuple(places))


def _number(won: tuple[int, Slot, int]) -> int:
    return won[0]


def _without(slot: Slot, lacking: Sequence[int]) -> Live | None:
    """Return the bids of a slot that are not at these places; None when there are none."""
    if not lacking:
        return slot, None
    gone = frozenset(lacking)
    kept = [place for place in range(slot.size) if place not in gone]
    return (slot, kept) if kept else None
