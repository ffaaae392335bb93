"""Votes of posterior vectors for who gets a slot, together with what the slots after it are left."""

from collections.abc import MutableMapping, Sequence
from operator import itemgetter
from typing import Any

from actors.decisioning.assignment import Offer, best_assignment, lacks
from actors.decisioning.bids import Slot
from actors.decisioning.exploration import FARTHEST, LEAST
from actors.decisioning.parts import Need
from actors.decisioning.polling import POLLS
from actors.playbook.arbitration_model import Arbitration

Live = tuple[Slot, Sequence[int] | None]
"""A slot that is still open, and the places of its bids for which there is room, in order; None for all."""


def places_of(live: Live) -> Sequence[int]:
    """Return the places of a slot's live bids."""
    slot, places = live
    return range(slot.size) if places is None else places


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
    """The posterior vectors of one decision, and for what they vote.

    A vector holds a propensity for every action, the same in whatever slot; it votes for the assignment
    of actions to slots that is worth most under it.
    """

    def __init__(self, seed: int, slots: Sequence[Slot], book: Arbitration) -> None:
        self._book = book
        self._poll = POLLS.Poll(seed, slots, book)
        self._wished: dict[tuple[str, tuple[int, ...] | None], list[int]] = {}

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
        worths = column(live[0], live[0][0].worths)
        votes = [0] * (len(worths) + 1)
        if not certain(live[:1] if left is None else live, self._book):
            best = self._wishes(live[0])
            for place in best if left is None else self._settled(live, left, best):
                votes[place] += 1
            return votes, self._book.vectors
        if left is None:
            votes[0 if worths[0] > 0.0 else -1] = 1
        else:
            votes[best_assignment([_offers(each) for each in live], left)[0]] = 1
        return votes, 0

    def _wishes(self, live: Live) -> list[int]:
        """Return for each vector which bid of a slot it would have if there were no other slot."""
        slot, places = live
        wished = slot.placement, None if places is None else tuple(places)
        known = self._wished.get(wished)
        if known is None:
            known = self._poll.wishes(slot, places_of(live))
            self._wished[wished] = known
        return known

    def _settled(
        self, live: Sequence[Live], left: MutableMapping[Any, float], best: list[int]
    ) -> list[int]:
        """Return the votes, given anew by the vectors whose best bids for each slot do not go together."""
        wishes = list(zip(best, *[self._wishes(each) for each in live[1:]], strict=True))
        checks = [column(each, each[0].checks) for each in live]
        takes = [column(each, each[0].takes) for each in live]
        apart = {wish for wish in set(wishes) if not _together(wish, checks, takes, left)}
        if not apart:
            return best
        settled = list(best)
        nobody = len(checks[0])
        vectors = [m for m, wish in enumerate(wishes) if wish in apart]
        worths = [self._poll.worths(each[0], places_of(each), vectors) for each in live]
        for m, *under in zip(vectors, *worths, strict=True):
            offers, order = _sorted(under, checks, takes)
            found = best_assignment(offers, left)[0]
            settled[m] = nobody if found < 0 else order[0][found]
        return settled


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


def _outright(live: Live) -> bool:
    """Return whether the best of them wins under every draw that there could be."""
    slot = live[0]
    first, *others = [
        (slot.means[i], max(0.0, slot.sds[i]), slot.gains[i], slot.prices[i])
        for i in places_of(live)
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
    slot = live[0]
    return [
        (slot.worths[i], slot.checks[i], slot.takes[i])
        for i in places_of(live)
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
