"""A policy judged on a log by all estimators, with intervals, and with warnings where they mean little."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from actors.evaluation.estimators import ESTIMATORS, Found, Tuning
from actors.evaluation.intervals import (
    Interval,
    asymptotic,
    bootstrap,
    by_cluster,
    standard_error,
)
from actors.evaluation.log import Log, Numbers, check
from actors.evaluation.rewards import RewardModel, Table

LEAST_REWARDED = 20.0
"""Rewarded decisions, weighted, that an interval needs: (Σ w r)² / Σ (w r)²."""
LEAST_SHARE = 0.01
"""Share of the decisions that the effective sample size must reach."""
FAR = 4.0
"""Standard errors by which the mean weight may miss 1."""
MOST_MOVED = 0.25
"""Share of a standard error by which cutting weights, or leaving them out, may have moved an estimate."""


@dataclass(frozen=True, slots=True)
class Reliability:
    """What can be seen from the weights alone, and from the weighted rewards."""

    size: int
    clusters: int
    mean_weight: float
    largest_weight: float
    effective: float
    """(Σ w)² / Σ w²: as many decisions of the policy itself would say as much."""
    rewarded: float
    """(Σ w r)² / Σ (w r)²."""
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """One estimate of the mean immediate reward; `lift` is its difference from what the log brought.

    The interval of the difference is a bootstrap one.
    """

    name: str
    value: float
    se: float
    asymptotic: Interval
    bootstrap: Interval
    lift: float
    lift_se: float
    lift_interval: Interval
    warnings: tuple[str, ...]
    """Of this estimator, besides those of all."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """A policy on a log."""

    reliability: Reliability
    logged: Estimate
    """What the log itself brought."""
    estimates: tuple[Estimate, ...]


def reliability(log: Log) -> Reliability:
    """Return how much the log says about the policy."""
    weights = log.weights
    weighted = weights * log.reward
    effective, rewarded = _effective(weights), _effective(weighted)
    mean = float(weights.mean())
    sums = by_cluster(weights - mean, log.cluster)
    warnings = []
    if rewarded < LEAST_REWARDED:
        warnings.append(
            f"few rewarded decisions: (Σwr)²/Σ(wr)² is {rewarded:.1f}, below {LEAST_REWARDED:g}"
        )
    if effective < LEAST_SHARE * log.size:
        warnings.append(
            f"the effective sample size is {effective:.0f}, below {LEAST_SHARE:.0%} of {log.size:,}"
        )
    if abs(mean - 1.0) > FAR * standard_error(sums, log.size) + 1e-6:
        warnings.append(
            f"weights average {mean:.4g}, not 1: propensities are wrong, or support is missing"
        )
    return Reliability(
        log.size, len(sums), mean, float(weights.max()), effective, rewarded, tuple(warnings)
    )


def _effective(values: Numbers) -> float:
    squares = float((values**2).sum())
    return float(values.sum()) ** 2 / squares if squares else 0.0


def judge(
    log: Log,
    rng: np.random.Generator,
    *,
    model: RewardModel | None = None,
    tuning: Tuning | None = None,
    names: Sequence[str] = tuple(ESTIMATORS),
    resamples: int = 1000,
) -> Judgement:
    """Estimate what the policy would have brought, by every estimator named.

    Without a model, a `Table` is fitted on the log. Bootstrap intervals of one call share their draws.

    Raises:
        Unsupported: The log can say nothing about the policy.
    """
    check(log)
    model = Table(log) if model is None else model
    tuning = tuning or Tuning()
    mean = float(log.reward.mean())
    found = [Found("logged", mean, log.reward - mean)]
    found += [ESTIMATORS[name](log, model, tuning) for name in names]
    sums = np.column_stack([by_cluster(each.influence, log.cluster) for each in found])
    sums = np.column_stack([sums, sums - sums[:, :1]])  # and of the differences from the log
    values = np.array([each.value for each in found])
    drawn = bootstrap(np.r_[values, values - mean], sums, log.size, rng, resamples)
    errors = [standard_error(column, log.size) for column in sums.T]
    count = len(found)
    estimates = [
        Estimate(
            name=each.name,
            value=each.value,
            se=errors[k],
            asymptotic=asymptotic(each.value, errors[k]),
            bootstrap=drawn[k],
            lift=each.value - mean,
            lift_se=errors[count + k],
            lift_interval=drawn[count + k],
            warnings=_moved(each, errors[k], log),
        )
        for k, each in enumerate(found)
    ]
    return Judgement(reliability(log), estimates[0], tuple(estimates[1:]))


def _moved(found: Found, se: float, log: Log) -> tuple[str, ...]:
    """Warn where cutting weights has moved an estimate by more than its interval can hide."""
    if found.moved is None:
        return ()
    distance = float(found.moved.mean())
    if abs(distance) <= MOST_MOVED * se:
        return ()
    noise = standard_error(by_cluster(found.moved - distance, log.cluster), log.size)
    what = "the model alone" if found.name == "dm" else "cutting weights"
    return (
        f"{what} moved it by {-distance:+.3g} (± {1.96 * noise:.2g}), {abs(distance) / se:.1f} standard"
        " errors: the interval leaves that out",
    )
