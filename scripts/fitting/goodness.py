"""How well a fitted model tells again what was seen, and what was not shown to it."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import betaln, gammaln

from actors.lifetime.evaluate import expected_purchases
from actors.lifetime.model import BgNbd
from scripts.fitting.cohort import Cohort, Floats

LAST = 7
"""The last row of the table of counts stands for so many repeat purchases and more."""


@dataclass(frozen=True, slots=True)
class Counts:
    """How many customers made 0, 1, … `LAST` or more repeat purchases."""

    observed: list[int]
    expected: list[float]


def repeat_counts(m: BgNbd, cohort: Cohort) -> Counts:
    """Compare the number of repeat purchases, each customer over her own time of observation."""
    ages, people = np.unique(cohort.age, return_counts=True)
    expected = [float(people @ probability_of(m, x, ages)) for x in range(LAST)]
    observed = [int((cohort.x == x).sum()) for x in range(LAST)]
    return Counts(
        [*observed, len(cohort) - sum(observed)], [*expected, len(cohort) - sum(expected)]
    )


def probability_of(m: BgNbd, x: int, age: Floats) -> Floats:
    """Return P(X(T) = x) for a customer of whom nothing is known.

    Source: Fader, Hardie & Lee (2005), equation 8.
    """
    there = m.r * np.log(m.alpha / (m.alpha + age))
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.log(age / (m.alpha + age))
        j = np.arange(x + 1)
        chances = (
            (gammaln(m.r + j) - gammaln(m.r) - gammaln(j + 1))[:, None]
            + there
            + np.where(j[:, None] > 0, j[:, None] * share, 0.0)
        )
    stayed: Floats = np.exp(betaln(m.a, m.b + x) - betaln(m.a, m.b) + chances[-1])
    if x:
        left = np.exp(betaln(m.a + 1, m.b + x - 1) - betaln(m.a, m.b))
        stayed = stayed + left * np.maximum(0.0, 1.0 - np.exp(chances[:-1]).sum(axis=0))
    return stayed


def later_purchases(m: BgNbd, cohort: Cohort) -> dict[str, Any] | None:
    """Compare what was expected of all customers with what they bought later, if that is known."""
    if cohort.later is None:
        return None
    rows, people = np.unique(
        np.stack([cohort.x, cohort.t_x, cohort.age]), axis=1, return_counts=True
    )
    expected = sum(
        int(n)
        * expected_purchases(m, float(row[0]), float(row[1]), float(row[2]), cohort.later_weeks)
        for n, row in zip(people, rows.T, strict=True)
    )
    return {
        "weeks": cohort.later_weeks,
        "expected": expected,
        "observed": int(cohort.later.sum()),
    }
