"""Votes of posterior vectors for who gets a slot, together with what the slots after it are left."""

from collections.abc import MutableMapping, Sequence
from typing import Any

import numpy as np

from actors.decisioning.assignment import Offer, best_assignment, lacks
from actors.decisioning.bids import Bid
from actors.decisioning.exploration import FARTHEST, LEAST, Array, posterior, uniform
from actors.playbook.arbitration_model import Arbitration


class Electorate:
    """The posterior vectors of one decision: drawn when they are first needed, and then the same.

    A vector holds a propensity for every action, the same in whatever slot; it votes for the assignment
    of actions to slots that is worth most under it.
    """

    def __init__(self, seed: int, slots: Sequence[Sequence[Bid]], book: Arbitration) -> None:
        self._seed, self._book = seed, book
        self._slots = slots
        self._rows: dict[int, int] = {}
        self._drawn: Array | None = None
        self._points: Array | None = None
        self._ramps: Array = np.zeros(0)
        self._worth_of: dict[int, Array] = {}

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
        certain = self._certain(live[:1] if left is None else live)
        if not certain:
            return self._count(live, left), self._book.vectors
        votes = [0] * (len(bids) + 1)
        if left is None:
            votes[0 if bids[0].worth > 0.0 or len(bids) == 0 else -1] = 1
        else:
            offers = [_offers([bid.worth for bid in each], each) for each in live]
            votes[best_assignment(offers, left)[0]] = 1
        return votes, 0

    def _certain(self, slots: Sequence[Sequence[Bid]]) -> bool:
        """Return whether no draw could change the assignment: quickly, and no when in doubt."""
        unsure = False
        for bids in slots:
            first = bids[0].score.positives
            for bid in bids:
                score = bid.score
                if score.sd > 0.0:
                    unsure = True
                if score.positives != first:
                    return self._certain_at_length(slots)
        return not unsure or (len(slots) == 1 and _outright(slots[0]))

    def _certain_at_length(self, slots: Sequence[Sequence[Bid]]) -> bool:
        """Return the same where positives differ, which matters below maturity only."""
        full = self._book.mature_positives
        for bids in slots:
            if len({min(bid.score.positives, full) for bid in bids}) > 1:
                return False
        if any(bid.score.sd > 0.0 for bids in slots for bid in bids):
            return len(slots) == 1 and _outright(slots[0])
        return True

    def _count(
        self, live: Sequence[Sequence[Bid]], left: MutableMapping[Any, float] | None
    ) -> list[int]:
        bids, vectors = live[0], self._book.vectors
        worths = self._worths(bids)
        best = worths.argmax(axis=0)
        empty = worths[best, np.arange(vectors)] <= 0.0
        best[empty] = len(bids)
        if left is not None:
            self._settle(live, left, best, worths)
        return [int(n) for n in np.bincount(best, minlength=len(bids) + 1)]

    def _settle(
        self,
        live: Sequence[Sequence[Bid]],
        left: MutableMapping[Any, float],
        best: Any,
        first: Array,
    ) -> None:
        """Replace the votes of the vectors whose best bids for each slot do not go together."""
        worths = [first, *map(self._worths, live[1:])]
        wishes = [best.tolist()]
        for bids, each in zip(live[1:], worths[1:], strict=True):
            wish = each.argmax(axis=0)
            wish[each[wish, np.arange(each.shape[1])] <= 0.0] = len(bids)
            wishes.append(wish.tolist())
        agreed: dict[tuple[int, ...], bool] = {}
        columns: list[Any] | None = None
        for m, wish in enumerate(zip(*wishes, strict=True)):
            if wish not in agreed:
                agreed[wish] = _together(wish, live, left)
            if agreed[wish]:
                continue
            if columns is None:
                columns = [each.T.tolist() for each in worths]
            offers, places = _sorted([column[m] for column in columns], live)
            found = best_assignment(offers, left)[0]
            best[m] = len(live[0]) if found < 0 else places[0][found]

    def _worths(self, bids: Sequence[Bid]) -> Array:
        """Return what bids are worth under each vector; without end less where one takes no part."""
        known = self._worth_of.get(id(bids))
        if known is not None:
            return known
        if self._drawn is None:
            self._draw()
        assert self._drawn is not None  # noqa: S101
        rows = [self._rows[bid.option.index] for bid in bids]
        worths: Array = self._drawn[rows]
        worths *= np.array([bid.gain for bid in bids])[:, None]
        worths -= np.array([bid.price for bid in bids])[:, None]
        ramps = self._ramps[rows]
        most = ramps.max()
        if ramps.min() < most:
            ramps /= most
            worths[self._lots()[rows] >= ramps[:, None]] = -np.inf
        if any(bids is each for each in self._slots):
            self._worth_of[id(bids)] = worths
        return worths

    def _draw(self) -> None:
        """Draw the vectors, and work out with which probability each action takes part."""
        scores = {bid.option.index: bid.score for bids in self._slots for bid in bids}
        self._rows = {index: row for row, index in enumerate(sorted(scores))}
        ordered = [scores[index] for index in self._rows]
        self._drawn = posterior(
            self._seed,
            [score.propensity for score in ordered],
            [max(0.0, score.sd) for score in ordered],
            self._book.vectors,
        )
        start, full = self._book.maturity_from, self._book.mature_positives
        ramps = np.array([score.positives for score in ordered], dtype=np.float64)
        np.minimum(ramps, full, out=ramps)
        ramps /= full
        ramps *= 1.0 - start
        ramps += start
        self._ramps = ramps

    def _lots(self) -> Array:
        if self._points is None:
            self._points = uniform(self._seed, len(self._rows), self._book.vectors)
        return self._points


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
    wished = [bids[i] for i, bids in zip(wish, live, strict=True) if i < len(bids)]
    wished = [bid for bid in wished if bid.takes]  # whatever is live fits alone
    if len(wished) < 2:
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
