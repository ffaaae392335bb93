"""Votes of posterior vectors for who gets a slot, together with what the slots after it are left."""

from collections.abc import MutableMapping, Sequence
from itertools import chain
from operator import itemgetter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from actors.decisioning.assignment import Offer, best_assignment, lacks
from actors.decisioning.bids import Slot
from actors.decisioning.exploration import FARTHEST, LEAST, LOTS, Array, lots, posterior
from actors.decisioning.parts import Need
from actors.playbook.arbitration_model import Arbitration

_DOUBTFUL = 1e-9
"""More than nothing, and less than anything else, in minor units."""

Live = tuple[Slot, Sequence[int] | None]
"""A slot that is still open, and the places of its bids for which there is room, in order; None for all."""


def column(live: Live, values: Sequence[Any]) -> Sequence[Any]:
    """Return those of the values of a slot's bids that are of live ones."""
    places = live[1]
    if places is None:
        return values
    if len(places) == 1:
        return (values[places[0]],)
    found: tuple[Any, ...] = itemgetter(*places)(values)
    return found


class Electorate:
    """The posterior vectors of one decision: drawn when they are first needed, and then the same.

    A vector holds a propensity for every action, the same in whatever slot; it votes for the assignment
    of actions to slots that is worth most under it.
    """

    def __init__(self, seed: int, slots: Sequence[Slot], book: Arbitration) -> None:
        self._seed, self._book = seed, book
        self._slots = slots
        self._drawn: Array | None = None
        self._ramps: Array = np.zeros(0)
        self._lots: NDArray[np.uint16] | None = None
        self._rows: list[int] = []
        self._begins: dict[str, int] = {}
        self._among: dict[tuple[str, float], Array] = {}

    def votes(
        self, live: Sequence[Live], left: MutableMapping[Any, float] | None
    ) -> tuple[list[int], int]:
        """Return the votes for the live bids of the first slot and, last, for leaving it empty.

        `live` are the slots that are still open, each with at least one bid, best first; `left` is what
        is left of what they compete for, None when they do not.

        Returns:
            The votes, and how many vectors voted: 0 when one assignment is best under all of them, which
            then has the only vote.
        """
        if left is not None and not _meet(live, left):
            left = None
        if not certain(live[:1] if left is None else live, self._book):
            return self._count(live, left), self._book.vectors
        worths = column(live[0], live[0][0].worths)
        votes = [0] * (len(worths) + 1)
        if left is None:
            votes[0 if worths[0] > 0.0 else -1] = 1
        else:
            votes[best_assignment([_offers(each) for each in live], left)[0]] = 1
        return votes, 0

    def _count(self, live: Sequence[Live], left: MutableMapping[Any, float] | None) -> list[int]:
        worths = self._worths_of(live[0])
        best = _wishes(worths)
        if left is not None:
            self._settle(live, left, best, worths)
        votes: list[int] = np.bincount(best, minlength=len(worths) + 1).tolist()
        return votes

    def _settle(
        self,
        live: Sequence[Live],
        left: MutableMapping[Any, float],
        best: NDArray[np.intp],
        first: Array,
    ) -> None:
        """Replace the votes of the vectors whose best bids for each slot do not go together."""
        worths = [first, *map(self._worths_of, live[1:])]
        wishes = list(
            zip(best.tolist(), *[_wishes(each).tolist() for each in worths[1:]], strict=True)
        )
        checks = [column(each, each[0].checks) for each in live]
        takes = [column(each, each[0].takes) for each in live]
        apart = {wish for wish in set(wishes) if not _together(wish, checks, takes, left)}
        if not apart:
            return
        for m, wish in enumerate(wishes):
            if wish in apart:
                offers, places = _sorted([each[:, m].tolist() for each in worths], checks, takes)
                found = best_assignment(offers, left)[0]
                best[m] = len(first) if found < 0 else places[0][found]

    def _worths_of(self, live: Live) -> Array:
        """Return what bids of a slot are worth under each vector; nothing where one is left out.

        The most mature of them takes part under all vectors.
        """
        drawn = self._draw() if self._drawn is None else self._drawn
        slot, places = live
        start = self._begins[slot.placement]
        ramps = self._ramps[start : start + slot.size]
        most = float((ramps if places is None else ramps.take(places)).max())
        among = self._among.get((slot.placement, most))
        if among is None:
            worths = drawn[start : start + slot.size]
            among = worths if ramps.min() >= most else self._taking_part(start, worths, most)
            self._among[slot.placement, most] = among
        return among if places is None else among.take(places, axis=0)

    def _taking_part(self, start: int, worths: Array, most: float) -> Array:
        """Return what bids from one on are worth where the most mature competitor is so mature."""
        if self._lots is None:
            self._lots = lots(self._seed, self._rows, self._book.vectors)
        here = slice(start, start + len(worths))
        ramps = self._ramps[here]
        last = np.ceil(ramps / most * LOTS) - 1.0  # lots up to this one take part
        last = last.astype(np.int32 if last.min() < 0.0 else np.uint16)
        part: Array = worths * (self._lots[here] <= last[:, None])
        return part

    def _draw(self) -> Array:
        """Draw the vectors, and work out with which probability each action takes part."""
        slots, reached = self._slots, 0
        for slot in slots:
            self._begins[slot.placement] = reached
            reached += slot.size
        actions = list(chain.from_iterable([slot.actions for slot in slots]))
        row_of = {index: row for row, index in enumerate(sorted(set(actions)))}
        self._rows = [row_of[index] for index in actions]
        means = list(chain.from_iterable([slot.means for slot in slots]))
        sds = list(chain.from_iterable([slot.sds for slot in slots]))
        worths = posterior(self._seed, means, sds, self._book.vectors, self._rows)
        worths *= _stacked([slot.gains for slot in slots])[:, None]
        worths -= _stacked([slot.prices for slot in slots])[:, None]
        raise_doubtful(worths)
        start, full = self._book.maturity_from, self._book.mature_positives
        ramps = _stacked([slot.positives for slot in slots])
        np.minimum(ramps, full, out=ramps)
        ramps /= full
        ramps *= 1.0 - start
        ramps += start
        self._drawn, self._ramps = worths, ramps
        return worths


def raise_doubtful(worths: Array) -> None:
    """Make all worth more than nothing, as they are expected to be.

    A vector that doubts it still votes for the best of them, and the order among those in doubt stays.
    """
    if worths.min() <= 0.0:
        low = worths <= 0.0
        worths[low] = _DOUBTFUL / (1.0 - worths[low])


def _stacked(columns: Sequence[Sequence[float]]) -> Array:
    return np.array(list(chain.from_iterable(columns)), dtype=np.float64)


def certain(slots: Sequence[Live], book: Arbitration) -> bool:
    """Return whether no draw could change the assignment: quickly, and no when in doubt."""
    unsure, full = False, book.mature_positives
    for live in slots:
        positives: Sequence[float] = column(live, live[0].positives)
        least = min(positives)
        if least < full and max(positives) > least:  # beyond maturity they do not differ
            return False
        unsure = unsure or any(sd > 0.0 for sd in column(live, live[0].sds))
    return not unsure or (len(slots) == 1 and _outright(slots[0]))


def _wishes(worths: Array) -> NDArray[np.intp]:
    """Return for each vector the row that is worth most: one always is worth more than nothing."""
    best: NDArray[np.intp] = worths.argmax(axis=0)
    return best


def _outright(live: Live) -> bool:
    """Return whether the best of them wins under every draw that there could be."""
    slot, places = live
    first, *others = [
        (slot.means[i], max(0.0, slot.sds[i]), slot.gains[i], slot.prices[i])
        for i in (range(slot.size) if places is None else places)
    ]
    worst = worth_at(-FARTHEST, *first)
    return worst > 0.0 and all(worth_at(FARTHEST, *each) <= worst for each in others)


def worth_at(deviations: float, mean: float, sd: float, gain: float, price: float) -> float:
    """Return what a bid is worth under a draw so many standard deviations from its mean."""
    propensity = min(max(deviations * sd + mean, LEAST), 1.0)
    return float(propensity * gain - price)


def _meet(live: Sequence[Live], left: MutableMapping[Any, float]) -> bool:
    """Return whether what the first slot takes is anything that a later one needs."""
    if len(live) == 1:
        return False
    taken = {key for needs in column(live[0], live[0][0].takes) for key, _ in needs if key in left}
    return any(
        key in taken
        for each in live[1:]
        for needs in column(each, each[0].checks)
        for key, _ in needs
    )


def _offers(live: Live) -> list[Offer]:
    slot, places = live
    return [
        (slot.worths[i], slot.checks[i], slot.takes[i])
        for i in (range(slot.size) if places is None else places)
        if slot.worths[i] > 0.0
    ]


def _sorted(
    worths: Sequence[Sequence[float]],
    checks: Sequence[Sequence[Sequence[Need]]],
    takes: Sequence[Sequence[Sequence[Need]]],
) -> tuple[list[list[Offer]], list[list[int]]]:
    """Return offers worth more than nothing, best first, and the positions of their bids."""
    offers: list[list[Offer]] = []
    places: list[list[int]] = []
    for each, needs, uses in zip(worths, checks, takes, strict=True):
        order = [i for i, worth in enumerate(each) if worth > 0.0]
        order.sort(key=each.__getitem__, reverse=True)
        places.append(order)
        offers.append([(each[i], needs[i], uses[i]) for i in order])
    return offers, places


def _together(
    wish: Sequence[int],
    checks: Sequence[Sequence[Sequence[Need]]],
    takes: Sequence[Sequence[Sequence[Need]]],
    left: MutableMapping[Any, float],
) -> bool:
    """Return whether bids, one a slot, can all be had: whatever is live fits alone."""
    if len(wish) == 2:  # as mostly
        wished = [(checks[0][wish[0]], takes[0][wish[0]]), (checks[1][wish[1]], takes[1][wish[1]])]
        if not wished[0][1] or not wished[1][1]:
            return True
    else:
        wished = [(c[i], t[i]) for i, c, t in zip(wish, checks, takes, strict=True) if t[i]]
    if len(wished) < 2 or not _clash(wished):
        return True
    before = dict(left)
    fits = True
    for needs, uses in wished:
        if lacks(needs, left) is not None:
            fits = False
            break
        for key, amount in uses:
            left[key] -= amount
    left.update(before)
    return fits


def _clash(wished: Sequence[tuple[Sequence[Need], Sequence[Need]]]) -> bool:
    """Return whether any of them needs something of which one before it takes."""
    taken: set[Any] = set()
    for needs, uses in wished:
        for key, _ in needs:
            if key in taken:
                return True
        taken.update([key for key, _ in uses])
    return False
