"""How well a score finds those whom a treatment moves: Qini, area under the uplift curve, uplift at k.

As scikit-uplift defines them. Customers are taken by falling score, those of equal scores together. With
Y the outcomes and N the customers among the first k, of the treated (t) and of the others (c):

    qini(k)   = Y_t − Y_c · N_t / N_c
    uplift(k) = (Y_t / N_t − Y_c / N_c) · (N_t + N_c)

Each coefficient is the area between the curve and the straight line to its end, over that of the best
possible order. Sources: Radcliffe, "Using Control Groups to Target on Predicted Lift", 2007; Gutierrez &
Gérardy, "Causal Inference and Uplift Modelling: A Review of the Literature", PMLR 67, 2017.
"""

from typing import NamedTuple

import numpy as np

from actors.evaluation.log import Numbers, Places


class Curve(NamedTuple):
    """A curve over numbers of customers, from (0, 0) on."""

    customers: Numbers
    gain: Numbers


def _running(
    outcome: Numbers, score: Numbers, treated: Places
) -> tuple[Numbers, Numbers, Numbers, Numbers]:
    """Return outcomes and numbers of the treated and of the others, at the end of each score."""
    order = np.argsort(score, kind="stable")[::-1]
    outcome, score, treated = outcome[order], score[order], treated[order]
    ends = np.r_[np.where(np.diff(score))[0], len(score) - 1]
    number = np.cumsum(treated)[ends].astype(float)
    gained = np.cumsum(outcome * treated)[ends]
    return gained, np.cumsum(outcome * (1 - treated))[ends], number, ends + 1.0 - number


def _share(part: Numbers, whole: Numbers) -> Numbers:
    return np.divide(part, whole, out=np.zeros_like(part), where=whole != 0)


def qini_curve(outcome: Numbers, score: Numbers, treated: Places) -> Curve:
    """Return the outcomes that treating the first k added, over k."""
    gained, without, number, others = _running(outcome, score, treated)
    gain = gained - without * _share(number, others)
    return Curve(np.r_[0.0, number + others], np.r_[0.0, gain])


def uplift_curve(outcome: Numbers, score: Numbers, treated: Places) -> Curve:
    """Return the difference of the rates among the first k, times k."""
    gained, without, number, others = _running(outcome, score, treated)
    gain = (_share(gained, number) - _share(without, others)) * (number + others)
    return Curve(np.r_[0.0, number + others], np.r_[0.0, gain])


def qini(outcome: Numbers, score: Numbers, treated: Places) -> float:
    """Return the Qini coefficient, 1 at best and 0 for an order by chance; outcomes are 0 or 1.

    Raises:
        ValueError: An array has other values than these, or there is only one group.
    """
    _check(outcome, score, treated)
    best = outcome * treated - outcome * (1 - treated)
    return _coefficient(qini_curve(outcome, score, treated), qini_curve(outcome, best, treated))


def auuc(outcome: Numbers, score: Numbers, treated: Places) -> float:
    """Return the normalised area under the uplift curve, 1 at best and 0 for an order by chance.

    Raises:
        ValueError: An array has other values than these, or there is only one group.
    """
    _check(outcome, score, treated)
    responders = ((outcome == 1) & (treated == 0)).sum()
    silent = ((outcome == 0) & (treated == 1)).sum()
    best = 2.0 * (outcome == treated) + (outcome if responders > silent else treated)
    return _coefficient(uplift_curve(outcome, score, treated), uplift_curve(outcome, best, treated))


def _coefficient(curve: Curve, best: Curve) -> float:
    chance = best.customers[-1] * best.gain[-1] / 2.0
    most = float(np.trapezoid(best.gain, best.customers)) - chance
    return (float(np.trapezoid(curve.gain, curve.customers)) - chance) / most if most else 0.0


def uplift_at(
    outcome: Numbers, score: Numbers, treated: Places, k: float, *, by_group: bool = False
) -> float:
    """Return the difference of the rates among the share `k` with the highest scores, 0 < k ≤ 1.

    Of all together, or with `by_group` of the treated and of the others apart.

    Raises:
        ValueError: k is out of range, or one group has nobody among them.
    """
    if not 0.0 < k <= 1.0:
        raise ValueError(f"k is {k:g}: expected a share above 0, up to 1")
    _check(outcome, score, treated)
    rates = []
    for group in (1, 0):
        if by_group:
            inside = treated == group
            order = np.argsort(score[inside], kind="stable")[::-1]
            first = outcome[inside][order][: int(inside.sum() * k)]
        else:
            order = np.argsort(score, kind="stable")[::-1][: int(len(score) * k)]
            first = outcome[order][treated[order] == group]
        if not len(first):
            raise ValueError(f"nobody of the {'treated' if group else 'others'} is among the first")
        rates.append(float(first.mean()))
    return rates[0] - rates[1]


def _check(outcome: Numbers, score: Numbers, treated: Places) -> None:
    if not len(outcome) == len(score) == len(treated):
        raise ValueError("outcomes, scores and treatments differ in number")
    for name, values in (("outcomes", outcome), ("treatments", treated)):
        other = set(np.unique(values).tolist()) - {0, 1}
        if other:
            raise ValueError(f"{name} are 0 or 1, not {min(other)!r}")
    if not np.isfinite(score).all():
        raise ValueError("a score is not a finite number")
    if len(set(np.unique(treated).tolist())) < 2:
        raise ValueError("both the treated and the others are needed")
