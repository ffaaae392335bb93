"""Who should have got which arm: learned on one half of a campaign, judged on the other.

The policy takes, for each customer, the arm whose model expects most; one ridge regression an arm, over
the customer's columns. Its value is estimated doubly robust: the model's expectation, corrected where
the logged arm is the policy's by what the model got wrong there. With logged propensities that are
right it is unbiased whatever the models are. Source: Dudík, Langford, Li, ICML 2011.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from actors.evaluation.rewards import corrected, fit_ridge
from actors.experiments.statistics import quantile, two_sided

Matrix = NDArray[np.float64]
Places = NDArray[np.int64]

RIDGE = 10.0
"""Penalty of the standardised columns; the intercept has none."""


@dataclass(frozen=True, slots=True)
class Logged:
    """A randomised campaign: columns, the position of each arm, its propensity, and the outcome."""

    columns: Matrix
    arm: Places
    propensity: Matrix
    outcome: Matrix

    def part(self, which: Any) -> "Logged":
        """Return some of the rows."""
        return Logged(self.columns[which], self.arm[which], self.propensity, self.outcome[which])


@dataclass(frozen=True, slots=True)
class Comparison:
    """Policy minus something else, per customer: mean, standard error, 95 % interval, p, and the verdict."""

    difference: float
    se: float
    low: float
    high: float
    p: float
    verdict: str


def columns_of(
    rows: Sequence[dict[str, Any]], numbers: Sequence[str], words: Sequence[str]
) -> Matrix:
    """Return numbers, their logarithms, and words one column a value; standardised, intercept first."""
    columns = [np.array([row[name] for row in rows], dtype=float) for name in numbers]
    columns += [np.log1p(column) for column in columns if column.max() > 1.0]
    for name in words:
        for value in sorted({row[name] for row in rows})[1:]:
            columns.append(np.array([row[name] == value for row in rows], dtype=float))
    table = np.column_stack(columns)
    spread = table.std(axis=0)
    table = (table - table.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    return np.column_stack([np.ones(len(rows)), table])


def halves(count: int, seed: int = 1) -> tuple[Places, Places]:
    """Return the rows to learn from and those to judge on, in a random but fixed split."""
    order = np.random.default_rng(seed).permutation(count)
    return np.sort(order[: count // 2]), np.sort(order[count // 2 :])


def fit(logged: Logged) -> Matrix:
    """Return one ridge regression of the outcome an arm, as (arms, columns)."""
    arms = len(logged.propensity)
    return fit_ridge(logged.columns, logged.arm, logged.outcome, arms, RIDGE)[0]


def doubly_robust(logged: Logged, models: Matrix) -> Matrix:
    """Return what each customer would have brought in each arm, as (customers, arms)."""
    propensity = logged.propensity[logged.arm]
    return corrected(logged.columns @ models.T, logged.arm, logged.outcome, propensity)


def compare(gains: Matrix) -> Comparison:
    """Return the mean of differences, one a customer."""
    value, se = float(gains.mean()), float(gains.std(ddof=1)) / sqrt(len(gains))
    half = quantile(0.975) * se
    verdict = "better" if value > half else "worse" if value < -half else "not distinguishable"
    p = two_sided(value / se) if se else 1.0
    return Comparison(value, se, value - half, value + half, p, verdict)


def learn_and_judge(logged: Logged, arms: Sequence[str], seed: int = 1) -> dict[str, Any]:
    """Learn on one half, judge on the other: against uniform assignment and the best single arm.

    Which arm is best is taken from the half that was learned on, so that the other half judges both
    alike.
    """
    first, second = halves(len(logged.arm), seed)
    learned, judged = logged.part(first), logged.part(second)
    models = fit(learned)
    best = int(doubly_robust(learned, models).mean(axis=0).argmax())
    choice = (judged.columns @ models.T).argmax(axis=1)
    worth = doubly_robust(judged, models)
    chosen = worth[np.arange(len(choice)), choice]
    return {
        "learnedOn": len(first),
        "judgedOn": len(second),
        "value": float(chosen.mean()),
        "uniform": float((worth @ logged.propensity).mean()),
        "bestArm": arms[best],
        "bestArmValue": float(worth[:, best].mean()),
        "assigns": {arm: float((choice == i).mean()) for i, arm in enumerate(arms)},
        "againstUniform": compare(chosen - worth @ logged.propensity),
        "againstBestArm": compare(chosen - worth[:, best]),
    }
