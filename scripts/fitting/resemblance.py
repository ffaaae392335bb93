"""Ten statistics of households, and how far two sets of households are apart in each.

Distributions of numbers are compared by the largest difference of their distribution functions
(Kolmogorov-Smirnov), shares by half the sum of absolute differences (total variation).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scripts.fitting.seen import Seen, gaps_of, last_of

Floats = NDArray[np.float64]

LIMIT = 1.5
"""How many times as far from held-out households as other real ones simulated ones may be."""


@dataclass(frozen=True, slots=True)
class Statistic:
    """One of the ten: what is taken of households, and whether as values or as shares by label."""

    name: str
    of: Callable[[Seen], Any]
    shares: bool = False
    shown: str = "{:.2f}"


def _counts(seen: Seen) -> Floats:
    return np.bincount(seen.household, minlength=seen.count) * 7.0 / seen.days


def _spend(seen: Seen) -> Floats:
    return np.bincount(seen.household, seen.amount, seen.count) / 100.0


def _mean_basket(seen: Seen) -> Floats:
    counts = np.bincount(seen.household, minlength=seen.count)
    return _spend(seen)[counts > 0] / counts[counts > 0]


def _shares(values: NDArray[Any], count: int) -> Floats:
    found: Floats = np.bincount(values, minlength=count) / max(1, len(values))
    return found


def _redemption(seen: Seen) -> Floats:
    return np.array([seen.redeemed.get(k, 0) / n for k, n in sorted(seen.mailed.items())])


STATISTICS = (
    Statistic("baskets a week, by household", _counts),
    Statistic("days between shopping days", lambda seen: gaps_of(seen).astype(float)),
    Statistic("basket, in dollars", lambda seen: seen.amount / 100.0),
    Statistic("spend of a year, by household", _spend),
    Statistic("mean basket, by household", _mean_basket),
    Statistic("shares of categories", lambda seen: seen.kinds.sum(0) / seen.kinds.sum(), True),
    Statistic("shares of weekdays", lambda seen: _shares(seen.weekday, 7), True),
    Statistic("shares of hours", lambda seen: _shares(seen.hour, 24), True),
    Statistic("redemption by type of campaign", _redemption, True, "{:.4f}"),
    Statistic("survival: days since last seen, at the end", last_of),
)


def distance(statistic: Statistic, one: Seen, other: Seen) -> float:
    """Return how far apart two sets of households are, in [0, 1]."""
    first, second = statistic.of(one), statistic.of(other)
    if statistic.shares:
        return float(np.abs(first - second).sum()) / 2.0
    return largest_gap(first, second)


def largest_gap(first: Floats, second: Floats) -> float:
    """Return the largest difference of two empirical distribution functions."""
    first, second = np.sort(first), np.sort(second)
    points = np.union1d(first, second)
    a = np.searchsorted(first, points, side="right") / len(first)
    b = np.searchsorted(second, points, side="right") / len(second)
    return float(np.abs(a - b).max())


def compared(fitted: Seen, held_out: Seen, simulated: Seen) -> list[dict[str, Any]]:
    """Return a line a statistic: held-out households beside simulated ones, and both distances."""
    lines = []
    for statistic in STATISTICS:
        between = distance(statistic, fitted, held_out)
        apart = distance(statistic, simulated, held_out)
        lines.append(
            {
                "statistic": statistic.name,
                "real": _shown(statistic, held_out),
                "simulated": _shown(statistic, simulated),
                "distance": round(apart, 5),
                "between_halves": round(between, 5),
                "ratio": round(apart / between, 3) if between else float(apart > 0.0),
                "passed": apart <= LIMIT * between,
            }
        )
    return lines


def _shown(statistic: Statistic, seen: Seen) -> str:
    values = statistic.of(seen)
    if statistic.shares:
        return " ".join(f"{100 * v:.1f}" for v in values) + " %"
    quartiles = np.quantile(values, (0.25, 0.5, 0.75, 0.95))
    return " ".join(statistic.shown.format(float(q)) for q in quartiles)
