"""The best assignment of offers to slots, when they compete for what a turn may use only once."""

from collections.abc import MutableMapping, Sequence
from typing import Any

Offer = tuple[float, Sequence[tuple[Any, float]], Sequence[tuple[Any, float]]]
"""What it is worth, what must be left for it, and what it takes: (key, amount) of each."""

MAX_NODES = 4096
"""Offers looked at before the best assignment found so far is taken. A few slots need a few dozen."""

_SLACK = 1e-9
"""An assignment is better when it is by more than this share: less is rounding."""


def best_assignment(
    slots: Sequence[Sequence[Offer]], left: MutableMapping[Any, float]
) -> list[int]:
    """Return for each slot the position of its offer, or -1 for none, so that their worths sum to most.

    Offers are sorted best first and worth more than 0; `left` says what is left of each key, and is as
    before when this returns. Of assignments that are worth the same, the one with the better offer
    in the earlier slot is taken. Exact by branch and bound, within `MAX_NODES`.
    """
    search = _Search(slots, left)
    search.go(0, 0.0)
    return search.best


def lacks(checks: Sequence[tuple[Any, float]], left: MutableMapping[Any, float]) -> Any:
    """Return the first key of which too little is left, or None."""
    for key, amount in checks:
        if left[key] < amount - _SLACK:
            return key
    return None


class _Search:
    def __init__(self, slots: Sequence[Sequence[Offer]], left: MutableMapping[Any, float]) -> None:
        self.slots, self.left = slots, left
        self.best = [-1] * len(slots)
        self.best_worth = -1.0
        self.taken = [-1] * len(slots)
        self.nodes = 0
        tops = [offers[0][0] if offers else 0.0 for offers in slots]
        self.beyond = [sum(tops[i:]) for i in range(len(slots) + 1)]
        self.slack = _SLACK * self.beyond[0]
        self.merged = self._merged() if len(slots) > 2 else None

    def _merged(self) -> list[tuple[float, Any]]:
        """Return all offers with what only one of them can take, best first: for a sharper bound."""
        found = [
            (offer[0], offer[1][0][0] if offer[1] else None)
            for offers in self.slots
            for offer in offers
        ]
        return sorted(found, key=lambda each: -each[0])

    def bound(self, slot: int) -> float:
        """Return what the slots from this one on are worth at most."""
        bound = self.beyond[slot]
        if self.merged is None:
            return bound
        total, missing, seen = 0.0, len(self.slots) - slot, set()
        for worth, key in self.merged:
            if key is not None:
                if key in seen or self.left[key] <= 0.0:
                    continue
                if key[0] == "group":
                    seen.add(key)
            total += worth
            missing -= 1
            if not missing:
                break
        return min(bound, total)

    def go(self, slot: int, worth: float) -> None:
        """Fill the slots from this one on, knowing what those before are worth."""
        if slot == len(self.slots):
            if worth > self.best_worth + self.slack:
                self.best_worth, self.best = worth, list(self.taken)
            return
        enough = self.best_worth + self.slack - self.beyond[slot + 1] - worth
        for i, offer in enumerate(self.slots[slot]):
            if offer[0] <= enough or self.nodes >= MAX_NODES:
                break
            self.nodes += 1
            if lacks(offer[1], self.left) is None:
                self.taken[slot] = i
                self._with(offer, slot, worth)
                enough = self.best_worth + self.slack - self.beyond[slot + 1] - worth
        self.taken[slot] = -1
        if worth + self.bound(slot + 1) > self.best_worth + self.slack:
            self.go(slot + 1, worth)

    def _with(self, offer: Offer, slot: int, worth: float) -> None:
        """Go on with an offer in a slot, and put back what it takes."""
        value, _, takes = offer
        before = [(key, self.left[key]) for key, _ in takes]
        for key, amount in takes:
            self.left[key] -= amount
        if worth + value + self.bound(slot + 1) > self.best_worth + self.slack:
            self.go(slot + 1, worth + value)
        for key, amount_left in before:
            self.left[key] = amount_left
