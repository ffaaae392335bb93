"""Eight estimators of what a policy would have brought, each with its influence on every decision.

With w = π(a|s)/p, the model's value of the policy d = Σ_a π(a|s) q(s, a), and what it missed e = r − q(s, a):

| name | estimate | source |
| --- | --- | --- |
| ips | mean of w r | Horvitz & Thompson, JASA 1952 |
| clipped | mean of min(w, λ) r | Ionides, J. Comp. Graph. Stat. 2008; λ = √n there and by default |
| snips | Σ w r / Σ w | Swaminathan & Joachims, NeurIPS 2015 |
| dm | mean of d | |
| dr | mean of d + w e | Dudík, Langford, Li, ICML 2011 |
| sndr | mean of d, + Σ w e / Σ w | Thomas & Brunskill, ICML 2016 |
| switch-dr | mean of d + [w ≤ τ] w e | Wang, Agarwal, Dudík, ICML 2017 |
| dros | mean of d + λ w / (w² + λ) e | Su, Dimakopoulou, Krishnamurthy, Dudík, ICML 2020 |

ips and dr are unbiased when the propensities are right, snips and sndr in the limit. The others trade
bias for noise; `moved` says how far they went.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import sqrt

import numpy as np

from actors.evaluation.log import Log, Numbers
from actors.evaluation.rewards import RewardModel


@dataclass(frozen=True, slots=True)
class Tuning:
    """Where weights are cut. None: √n for `clip` and `switch`, n for `shrink`: less and less as logs grow."""

    clip: float | None = None
    switch: float | None = None
    shrink: float | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """An estimate.

    `influence` (n) has mean 0: what each decision moved the estimate by, times n. `moved` (n) is, likewise, by
    what the estimate would change if its weights were not cut, mean included; None where they are not.
    """

    name: str
    value: float
    influence: Numbers
    moved: Numbers | None = None


def _averaged(name: str, terms: Numbers, moved: Numbers | None = None) -> Found:
    value = float(terms.mean())
    return Found(name, value, terms - value, moved)


def _ips(log: Log, model: RewardModel, tuning: Tuning) -> Found:
    return _averaged("ips", log.weights * log.reward)


def _clipped(log: Log, model: RewardModel, tuning: Tuning) -> Found:
    weights = log.weights
    cut = np.minimum(weights, sqrt(log.size) if tuning.clip is None else tuning.clip)
    return _averaged("clipped", cut * log.reward, (weights - cut) * log.reward)


def _snips(log: Log, model: RewardModel, tuning: Tuning) -> Found:
    weights = log.weights
    value = float((weights * log.reward).mean() / weights.mean())
    return Found("snips", value, weights * (log.reward - value) / weights.mean())


def _modelled(
    name: str, log: Log, model: RewardModel, factors: Numbers, moved: Numbers | None = None
) -> Found:
    """Return mean(d) + mean(f e); its influence holds that of the model, as far as f e does not cancel it."""
    rows = np.arange(log.size)
    direct = (log.target * model.values).sum(axis=1)
    terms = direct + factors * (log.reward - model.values[rows, log.action])
    value = float(terms.mean())
    demand = log.target.copy()
    demand[rows, log.action] -= factors
    influence = terms - value + model.influence(demand)
    return Found(name, value, influence - influence.mean(), moved)


def _missed(log: Log, model: RewardModel) -> Numbers:
    found: Numbers = log.reward - model.values[np.arange(log.size), log.action]
    return found


def _dm(log: Log, model: RewardModel, tuning: Tuning) -> Found:
    return _modelled("dm", log, model, np.zeros(log.size), log.weights * _missed(log, model))


def _dr(log: Log, model: RewardModel, tuning: Tuning) -> Found:
    return _modelled("dr", log, model, log.weights)


def _sndr(log: Log, model: RewardModel, tuning: Tuning) -> Found:
    weights = log.weights
    scaled = weights / weights.mean()
    found = _modelled("sndr", log, model, scaled)
    correction = float((scaled * _missed(log, model)).mean())
    influence = found.influence - correction * (scaled - 1.0)
    return Found("sndr", found.value, influence)


def _switch(log: Log, model: RewardModel, tuning: Tuning) -> Found:
    weights = log.weights
    limit = sqrt(log.size) if tuning.switch is None else tuning.switch
    kept = np.where(weights <= limit, weights, 0.0)
    return _modelled("switch-dr", log, model, kept, (weights - kept) * _missed(log, model))


def _dros(log: Log, model: RewardModel, tuning: Tuning) -> Found:
    weights = log.weights
    shrink = float(log.size) if tuning.shrink is None else tuning.shrink
    kept = shrink * weights / (weights**2 + shrink)
    return _modelled("dros", log, model, kept, (weights - kept) * _missed(log, model))


ESTIMATORS: dict[str, Callable[[Log, RewardModel, Tuning], Found]] = {
    "ips": _ips,
    "clipped": _clipped,
    "snips": _snips,
    "dm": _dm,
    "dr": _dr,
    "sndr": _sndr,
    "switch-dr": _switch,
    "dros": _dros,
}
"""By name, in the order in which they are shown."""
