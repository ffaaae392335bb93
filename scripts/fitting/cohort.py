"""What a lifetime fit needs of customers: when they bought, and for how much."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from actors.lifetime.model import WEEK_MS

Floats = NDArray[np.float64]
DAY_MS = 24 * 3600 * 1000


@dataclass(frozen=True, slots=True)
class Cohort:
    """Customers as columns of equal length, times in weeks, amounts in minor units.

    `x` repeat purchases, `t_x` from the first to the last, `age` (T) from the first to the end of
    observation; `mean` is over `count` purchases, and `count` is 0 where no amount is known.
    `later` counts purchases in the `later_weeks` after the observation; None when nobody looked.
    """

    x: Floats
    t_x: Floats
    age: Floats
    count: Floats
    mean: Floats
    until_ms: int = 0
    later: Floats | None = None
    later_weeks: float = 0.0

    def __len__(self) -> int:
        """Return how many customers there are."""
        return len(self.x)


def columns(rows: Iterable[tuple[float, ...]], width: int) -> Floats:
    """Return rows as an array of shape (width, rows)."""
    table: Floats = np.array(list(rows), dtype=np.float64).reshape(-1, width).T
    return table


def from_purchases(
    purchases: Iterable[tuple[Any, int, float]], until_day: int | None = None
) -> Cohort:
    """Make a cohort of single purchases: (customer, day number since 1970, amount in minor units).

    Purchases of one customer on one day are one, as in Fader, Hardie & Lee (2005), and the amounts
    are those of repeat purchases. Purchases after `until_day` are `later`, up to the last day that
    there is; whoever first bought after it is left out. Without it all are observed.
    """
    baskets: dict[Any, dict[int, float]] = {}
    last_day = -(10**9)
    for customer, day, amount in purchases:
        days = baskets.setdefault(customer, {})
        days[day] = days.get(day, 0.0) + amount
        last_day = max(last_day, day)
    end = last_day if until_day is None else min(until_day, last_day)
    rows = []
    for days in baskets.values():
        seen = sorted(day for day in days if day <= end)
        if seen:
            x = len(seen) - 1
            mean = sum(days[day] for day in seen[1:]) / x if x else 0.0
            span, age = (seen[-1] - seen[0]) / 7, (end - seen[0]) / 7
            rows.append((x, span, age, x, mean, len(days) - len(seen)))
    x_, t_x, age_, count, mean_, later = columns(rows, 6)
    weeks = (last_day - end) / 7
    return Cohort(
        x_,
        t_x,
        age_,
        count,
        mean_,
        until_ms=(end + 1) * DAY_MS if rows else 0,
        later=later if weeks > 0 else None,
        later_weeks=weeks,
    )


def from_totals(totals: Iterable[tuple[int, int, int, int]], until_ms: int | None = None) -> Cohort:
    """Make a cohort of what profiles keep: (orders, spend_minor, first_at_ms, last_at_ms).

    Every order is a purchase, amounts are over all of them. `until_ms` is the end of observation,
    by default the last order of anybody.
    """
    kept = [row for row in totals if row[0] >= 1]
    end = until_ms if until_ms is not None else max((row[3] for row in kept), default=0)
    rows = [
        (
            orders - 1,
            max(0, last - first) / WEEK_MS if orders > 1 else 0.0,
            (max(end, last, first) - first) / WEEK_MS,
            orders,
            spend / orders,
        )
        for orders, spend, first, last in kept
    ]
    x, t_x, age, count, mean = columns(rows, 5)
    return Cohort(x, t_x, age, count, mean, until_ms=end)
