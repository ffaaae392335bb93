"""What was seen of households: their baskets, real or simulated."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]


@dataclass(slots=True)
class Seen:
    """Baskets in order of household and time: real ones, or simulated. Amounts in minor units.

    `household` counts from 0, `day` from the first of all. `kinds` is spend by category, a row a household.
    `redeemed` and `mailed` count coupons by type of campaign.
    """

    count: int
    days: int
    household: Whole
    day: Whole
    hour: Whole
    weekday: Whole
    amount: Floats
    kinds: Floats
    mailed: dict[str, int]
    redeemed: dict[str, int]

    def part(self, chosen: Whole) -> "Seen":
        """Return some of the households, counted anew; coupons stay those of all."""
        place = np.full(self.count, -1)
        place[chosen] = np.arange(len(chosen))
        kept = place[self.household] >= 0
        return replace(
            self,
            count=len(chosen),
            household=place[self.household[kept]],
            day=self.day[kept],
            hour=self.hour[kept],
            weekday=self.weekday[kept],
            amount=self.amount[kept],
            kinds=self.kinds[chosen],
        )


def gaps_of(seen: Seen) -> Whole:
    """Return the days between shopping days of each household that are next to each other."""
    days = np.unique(seen.household * 10_000 + seen.day)
    between = np.diff(days)
    return between[between < 5_000]


def last_of(seen: Seen) -> Floats:
    """Return how many days before the end each household was last seen."""
    last = np.full(seen.count, -1)
    np.maximum.at(last, seen.household, seen.day)
    found: Floats = (seen.days - 1 - last).astype(float)
    return found
