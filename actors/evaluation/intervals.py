"""Intervals around an estimate, from the influence of each decision on it."""

from math import inf, sqrt
from typing import NamedTuple

import numpy as np

from actors.evaluation.log import Numbers, Places
from actors.experiments.statistics import quantile

LEVEL = 0.95
_BLOCK = 2_000_000
"""Draws that are held at once."""


class Interval(NamedTuple):
    """From where to where."""

    low: float
    high: float


def by_cluster(influence: Numbers, cluster: Places | None) -> Numbers:
    """Return influences added up within clusters; they are what is independent."""
    if cluster is None:
        return influence
    sums: Numbers = np.bincount(cluster, weights=influence).astype(np.float64)
    return sums


def standard_error(sums: Numbers, size: int) -> float:
    """Return the standard error of a mean over `size` decisions, from influences by cluster.

    √(g/(g − 1) Σ s²) / n with g clusters; with a decision each it is the ordinary one.
    """
    groups = len(sums)
    return sqrt(groups / (groups - 1) * float(sums @ sums)) / size if groups > 1 else inf


def asymptotic(value: float, se: float, level: float = LEVEL) -> Interval:
    """Return value ± z se: the normal approximation."""
    half = quantile(0.5 + level / 2) * se
    return Interval(value - half, value + half)


def resampled(sums: Numbers, resamples: int, rng: np.random.Generator) -> tuple[Numbers, Numbers]:
    """Return, of each resample and column, the sum and the sum of squares about its mean.

    `sums` is (clusters × columns). Clusters are drawn as often as there are, with replacement.
    """
    groups = len(sums)
    totals, spreads = [], []
    block = max(1, _BLOCK // groups)
    for first in range(0, resamples, block):
        rows = min(block, resamples - first)
        drawn = rng.integers(groups, size=(rows, groups))
        drawn += np.arange(rows)[:, None] * groups
        counts = np.bincount(drawn.ravel(), minlength=rows * groups).reshape(rows, groups)
        total = counts.astype(float) @ sums
        totals.append(total)
        spreads.append(counts.astype(float) @ sums**2 - total**2 / groups)
    return np.concatenate(totals), np.maximum(np.concatenate(spreads), 0.0)


def bootstrap(
    values: Numbers, sums: Numbers, size: int, rng: np.random.Generator, resamples: int = 1000
) -> list[Interval]:
    """Return studentised bootstrap intervals of several estimates: (k) values, (clusters × k) influences.

    Every resample is measured in its own standard error, so that intervals lean to the side on which a
    rare large reward may still come. Source: Hall, "The Bootstrap and Edgeworth Expansion", 1992, ch. 3.
    """
    totals, spreads = resampled(sums, resamples, rng)
    groups = len(sums)
    scale = sqrt(groups / (groups - 1)) if groups > 1 else inf
    errors = scale * np.sqrt(spreads)
    found = []
    for k, value in enumerate(values.tolist()):
        se = standard_error(sums[:, k], size)
        usable = errors[:, k] > 1e-9 * float(errors[:, k].max(initial=0.0))
        if not usable.any():
            found.append(Interval(value, value))
            continue
        t = totals[usable, k] / errors[usable, k]
        low, high = np.quantile(t, [0.5 - LEVEL / 2, 0.5 + LEVEL / 2])
        found.append(Interval(value - float(high) * se, value - float(low) * se))
    return found
