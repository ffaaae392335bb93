"""Votes of posterior vectors for who gets a slot, together with what the slots after it are left."""

from collections.abc import MutableMapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from actors.decisioning.assignment import Offer, best_assignment, lacks
from actors.decisioning.exploration import FARTHEST, LEAST, LOTS, Array, lots, posterior
from actors.playbook.arbitration_model import Arbitration
from tests.reference.bids import Bid

_DOUBTFUL = 1e-9
"""More than nothing, and less than anything else, in minor units."""


class Electorate:
    """The posterior vectors of one decision: drawn when they are first needed, and then the same.

    A vector holds a propensity for every action, the same in whatever slot; it votes for the assignment
    of actions to slots that is worth most under it.
    """

    def __init__(self, seed: int, slots: Sequence[Sequence[Bid]], book: Arbitration) -> None:
        self._seed, self._book = seed, book
        self._slots = slots
        self._worths: Array | None = None
        self._ramps: Array = np.zeros(0)
        self._lots: NDArray[np.uint16] | None = None
        self._rows: list[int] = []
        self._slot_of: list[int] = []
        self._bounds = [0]
        self._among: dict[tuple[int, float], Array] = {}

    def votes(
        self, live: Sequence[Sequence[Bid]], left: MutableMapping[Any, float] | None
    ) -> tuple[list[int], int]:
        """Return the votes for the bids of the first slot and, last, for leaving it empty.

        `live` are the slots that are still open, each with at least one bid, best first; `left` is what
        is left of what they compete for, None when they do not.

        Returns:
            The votes, and how many vectors voted: 0 when one assignment is best under all of them, which
            then has the only vote.
        """
        bids = live[0]
        if left is not None and not _meet(live, left):
            left = None
        if not certain(live[:1] if left is None else live, self._book):
            return self._count(live, left), self._book.vectors
        votes = [0] * (len(bids) + 1)
        if left is None:
            votes[0 if bids[0].worth > 0.0 or len(bids) == 0 else -1] = 1
        else:
            offers = [_offers([bid.worth for bid in each], each) for each in live]
            votes[best_assignment(offers, left)[0]] = 1
        return votes, 0

    def _count(
        self, live: Sequence[Sequence[Bid]], left: MutableMapping[Any, float] | None
    ) -> list[int]:
        bids = live[0]
        worths = self._worths_of(bids)
        best = _wishes(worths)
        if left is not None:
            self._settle(live, left, best, worths)
        votes: list[int] = np.bincount(best, minlength=len(bids) + 1).tolist()
        return votes

    def _settle(
        self,
        live: Sequence[Sequence[Bid]],
        left: MutableMapping[Any, float],
        best: Any,
        first: Array,
    ) -> None:
        """Replace the votes of the vectors whose best bids for each slot do not go together."""
        worths = [first, *map(self._worths_of, live[1:])]
        wishes = [best.tolist(), *[_wishes(each).tolist() for each in worths[1:]]]
        agreed: dict[tuple[int, ...], bool] = {}
        for m, wish in enumerate(zip(*wishes, strict=True)):
            if wish not in agreed:
                agreed[wish] = _together(wish, live, left)
            if agreed[wish]:
                continue
            columns = [each[:, m].tolist() for each in worths]
            offers, places = _sorted(columns, live)
            found = best_assignment(offers, left)[0]
            best[m] = len(live[0]) if found < 0 else places[0][found]

    def _worths_of(self, bids: Sequence[Bid]) -> Array:
        """Return what bids of a slot are worth under each vector; without end less where one is left out.

        The most mature of them takes part under all vectors.
        """
        if self._worths is None:
            self._draw()
        places = [bid.place for bid in bids]  # in ascending order, as in their slot
        first, last = places[0], places[-1]
        whole = last - first == len(places) - 1
        here = slice(first, last + 1)
        most = float((self._ramps[here] if whole else self._ramps.take(places)).max())
        slot = self._slot_of[first]
        among = self._among.get((slot, most))
        if among is None:
            among = self._among[slot, most] = self._taking_part(slot, most)
        start = self._bounds[slot]
        if whole:
            return among[first - start : last - start + 1]
        return among.take([place - start for place in places], axis=0)

    def _taking_part(self, slot: int, most: float) -> Array:
        """Return what the bids of a slot are worth where the most mature competitor is so mature."""
        here = slice(self._bounds[slot], self._bounds[slot + 1])
        assert self._worths is not None
        worths, ramps = self._worths[here], self._ramps[here]
        if ramps.min() >= most:
            return worths
        if self._lots is None:
            self._lots = lots(self._seed, self._rows, self._book.vectors)
        last = np.ceil(ramps / most * LOTS) - 1.0  # lots up to this one take part
        last = last.astype(np.int32 if last.min() < 0.0 else np.uint16)
        return np.where(self._lots[here] > last[:, None], -np.inf, worths)

    def _draw(self) -> None:
        """Draw the vectors, and work out with which probability each action takes part."""
        bids: list[Bid] = []
        for slot, each in enumerate(self._slots):
            bids += each
            self._slot_of += [slot] * len(each)
            self._bounds.append(len(bids))
        for place, bid in enumerate(bids):
            bid.place = place
        actions = [bid.candidate[0] for bid in bids]
        row_of = {index: row for row, index in enumerate(sorted(set(actions)))}
        self._rows = [row_of[index] for index in actions]
        scores = [bid.score for bid in bids]
        means, sds = [score[0] for score in scores], [score[2] for score in scores]
        worths = posterior(self._seed, means, sds, self._book.vectors, self._rows)
        worths *= np.array([bid.gain for bid in bids])[:, None]
        worths -= np.array([bid.price for bid in bids])[:, None]
        low = worths <= 0.0
        if low.any():
            # All of them are expected to be worth more than nothing: a vector that doubts it still
            # votes for the best of them, and the order among those in doubt stays.
            worths[low] = _DOUBTFUL / (1.0 - worths[low])
        start, full = self._book.maturity_from, self._book.mature_positives
        ramps = np.array([score[3] for score in scores], dtype=np.float64)
        np.minimum(ramps, full, out=ramps)
        ramps /= full
        ramps *= 1.0 - start
        ramps += start
        self._worths, self._ramps = worths, ramps


def certain(slots: Sequence[Sequence[Bid]], book: Arbitration) -> bool:
    """Return whether no draw could change the assignment: quickly, and no when in doubt."""
    unsure = False
    for bids in slots:
        first = bids[0].score.positives
        for bid in bids:
            score = bid.score
            if score.sd > 0.0:
                unsure = True
            if score.positives != first:
                return _certain_at_length(slots, book.mature_positives)
    return not unsure or (len(slots) == 1 and _outright(slots[0]))


def _certain_at_length(slots: Sequence[Sequence[Bid]], full: float) -> bool:
    """Return the same where positives differ, which matters below maturity only."""
    for bids in slots:
        if len({min(bid.score.positives, full) for bid in bids}) > 1:
            return False
    if any(bid.score.sd > 0.0 for bids in slots for bid in bids):
        return len(slots) == 1 and _outright(slots[0])
    return True


def _wishes(worths: Array) -> NDArray[np.intp]:
    """Return for each vector the row that is worth most, or how many rows there are for none at all."""
    best: NDArray[np.intp] = worths.argmax(axis=0)
    best[worths[best, np.arange(worths.shape[1])] <= 0.0] = len(worths)
    return best


def _outright(bids: Sequence[Bid]) -> bool:
    """Return whether the best of them wins under every draw that there could be."""
    best, *others = bids
    worst = _at(best, -FARTHEST)
    return worst > 0.0 and all(_at(bid, FARTHEST) <= worst for bid in others)


def _at(bid: Bid, deviations: float) -> float:
    """Return what a bid is worth under a draw so many standard deviations from its mean."""
    sd = max(0.0, bid.score.sd)
    propensity = min(max(deviations * sd + bid.score.propensity, LEAST), 1.0)
    return propensity * bid.gain - bid.price


def _meet(live: Sequence[Sequence[Bid]], left: MutableMapping[Any, float]) -> bool:
    """Return whether what the first slot takes is anything that a later one needs."""
    taken = {key for bid in live[0] for key, _ in bid.takes if key in left}
    return any(key in taken for bids in live[1:] for bid in bids for key, _ in bid.checks)


def _offers(worths: Sequence[float], bids: Sequence[Bid]) -> list[Offer]:
    return [
        (worth, bid.checks, bid.takes)
        for worth, bid in zip(worths, bids, strict=True)
        if worth > 0.0
    ]


def _sorted(
    worths: Sequence[Sequence[float]], live: Sequence[Sequence[Bid]]
) -> tuple[list[list[Offer]], list[list[int]]]:
    """Return offers worth more than nothing, best first, and the positions of their bids."""
    offers: list[list[Offer]] = []
    places: list[list[int]] = []
    for column, bids in zip(worths, live, strict=True):
        order = [i for i, worth in enumerate(column) if worth > 0.0]
        order.sort(key=column.__getitem__, reverse=True)
        places.append(order)
        offers.append([(column[i], bids[i].checks, bids[i].takes) for i in order])
    return offers, places


def _together(
    wish: Sequence[int], live: Sequence[Sequence[Bid]], left: MutableMapping[Any, float]
) -> bool:
    """Return whether bids, one a slot or none, can all be had."""
    wished = [  # whatever is live fits alone
        bids[i] for i, bids in zip(wish, live, strict=True) if i < len(bids) and bids[i].takes
    ]
    if len(wished) < 2 or not _clash(wished):
        return True
    before = dict(left)
    fits = True
    for bid in wished:
        if lacks(bid.checks, left) is not None:
            fits = False
            break
        for key, amount in bid.takes:
            left[key] -= amount
    left.update(before)
    return fits


def _clash(wished: Sequence[Bid]) -> bool:
    """Return whether any of them needs something of which one before it takes."""
    taken: set[Any] = set()
    for bid in wished:
        for key, _ in bid.checks:
            if key in taken:
                return True
        taken.update([key for key, _ in bid.takes])
    return False
