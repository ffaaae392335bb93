"""Maximum likelihood for BG/NBD and Gamma-Gamma, with standard errors.

Both are fitted on logarithms of their parameters (q of Gamma-Gamma: of q − 1), by BFGS from several
starting points with analytic gradients, and finished by Newton's method. (Not by L-BFGS-B: its
LAPACK calls wait for threads, ten times as long as the rest takes.)
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize
from scipy.special import digamma, gammaln

from actors.lifetime.model import BgNbd, GammaGamma
from scripts.fitting.cohort import Cohort, Floats

Objective = Callable[[Floats], tuple[float, Floats]]

_BOUND = 14.0
"""Parameters stay within e^±14, about a millionth to a million."""

_VAGUE = 3.0
"""A logarithm with a standard error above this is as good as unknown."""

_BUYING_STARTS = ((0.0, 1.0, 0.0, 1.0), (-1.5, 1.5, -0.3, 1.0), (0.5, 0.5, -2.0, 0.5))
_SPEND_STARTS = ((1.0, 1.0), (0.0, 0.0), (2.0, 1.0))


@dataclass(frozen=True, slots=True)
class Fit:
    """How a fit ended. `errors` are standard errors, by parameter; none when it is `undetermined`:
    the likelihood has no peak within bounds, or one so flat that a parameter may be anything.

    `log_likelihood` is the natural logarithm over all `customers`; `steepest` is the largest
    absolute derivative of its mean by a logarithm of a parameter.
    """  # noqa: D205

    parameters: dict[str, float]
    errors: dict[str, float]
    log_likelihood: float
    customers: int
    steepest: float
    undetermined: bool


class NoFitError(ValueError):
    """There is not enough to fit a model to; the message says what is missing."""


def fit_buying(cohort: Cohort) -> tuple[BgNbd, Fit]:
    """Fit BG/NBD to a cohort.

    Raises:
        NoFitError: Nobody bought twice, or nobody was observed for any time.
    """
    if not len(cohort):
        raise NoFitError("there are no customers with a purchase")
    if not (cohort.x > 0).any():
        raise NoFitError("no customer bought twice: there is nothing to learn a rhythm from")
    if not (cohort.age > 0).all():
        # A customer who arrives as the observation ends says nothing: T = 0 and x = 0.
        keep = cohort.age > 0
        x, t_x, age = cohort.x[keep], cohort.t_x[keep], cohort.age[keep]
    else:
        x, t_x, age = cohort.x, cohort.t_x, cohort.age
    rows, counts = np.unique(np.stack([x, t_x, age]), axis=1, return_counts=True)
    scale = float(np.log(np.average(rows[2], weights=counts)))
    starts = [(s[0], s[1] - 2.5 + scale, s[2], s[3]) for s in _BUYING_STARTS]
    objective = buying_objective(rows[0], rows[1], rows[2], counts.astype(np.float64))
    theta, fit = _maximise(objective, starts, int(counts.sum()), ("r", "alpha", "a", "b"))
    return BgNbd(*(float(v) for v in np.exp(theta))), fit


def fit_spend(cohort: Cohort) -> tuple[GammaGamma, Fit]:
    """Fit Gamma-Gamma to customers with repeat purchases and a positive mean amount.

    Raises:
        NoFitError: There are fewer than ten of them, or all spend the same.
    """
    keep = (cohort.x > 0) & (cohort.count > 0) & (cohort.mean > 0)
    count, mean = cohort.count[keep], cohort.mean[keep]
    if len(mean) < 10:
        raise NoFitError(f"only {len(mean)} customers bought twice for a known amount, expected 10")
    if np.ptp(mean) <= 1e-9 * mean.max():
        raise NoFitError("all customers spend the same: there is no spread to fit")
    rows, counts = np.unique(np.stack([count, mean]), axis=1, return_counts=True)
    typical = float(np.exp(np.average(np.log(rows[1]), weights=counts)))
    # Amounts are fitted in units of a typical one, so that starting points suit every currency.
    objective = spend_objective(rows[0], rows[1] / typical, counts.astype(np.float64))
    starts = [(p, q, q - p) for p, q in _SPEND_STARTS]
    theta, fit = _maximise(objective, starts, int(counts.sum()), ("p", "q", "v"))
    p, beyond, v = (float(value) for value in np.exp(theta))
    fit.parameters.update(q=1.0 + beyond, v=v * typical)
    if fit.errors:
        fit.errors["v"] *= typical
    unit = int(counts.sum()) * float(np.log(typical))
    scaled = Fit(
        fit.parameters,
        fit.errors,
        fit.log_likelihood - unit,
        fit.customers,
        fit.steepest,
        fit.undetermined,
    )
    return GammaGamma(p, 1.0 + beyond, v * typical), scaled


def buying_objective(x: Floats, t_x: Floats, age: Floats, weights: Floats) -> Objective:
    """Return the mean negative log-likelihood and its gradient, by ln (r, α, a, b).

    Fader, Hardie & Lee (2005), equation 6, with what is common taken out: ln L = ln Γ(r+x) − ln Γ(r)
    + r ln α + ln B(a, b+x) − ln B(a, b) − (r+x) ln(α+T) + ln(1 + δ·ρ), where δ is 1 for x > 0 and
    ρ = a/(b+x−1) · ((α+T)/(α+t_x))^(r+x).
    """
    numbers, at = np.unique(x, return_inverse=True)
    share = weights / weights.sum()
    again = x > 0

    def objective(theta: Floats) -> tuple[float, Floats]:
        r, alpha, a, b = np.exp(theta)
        gammas = gammaln(r + numbers) - gammaln(r)
        betas = gammaln(b + numbers) - gammaln(a + b + numbers) - gammaln(b) + gammaln(a + b)
        in_all, in_last = np.log(alpha + age), np.log(alpha + t_x)
        before = np.where(again, b + x - 1.0, 1.0)
        log_rho = np.where(again, theta[2] - np.log(before) + (r + x) * (in_all - in_last), -np.inf)
        value = (gammas + betas)[at] + r * theta[1] - (r + x) * in_all + np.logaddexp(0.0, log_rho)
        gone = _logistic(log_rho)
        by_r = (digamma(r + numbers) - digamma(r))[at] + theta[1] - in_all
        by_r = by_r + gone * (in_all - in_last)
        by_alpha = r / alpha - (r + x) / (alpha + age)
        by_alpha = by_alpha + gone * (r + x) * (1.0 / (alpha + age) - 1.0 / (alpha + t_x))
        joint = (digamma(a + b) - digamma(a + b + numbers))[at]
        by_a = joint + gone / a
        by_b = joint + (digamma(b + numbers) - digamma(b))[at] - gone / before
        slopes = np.array([share @ by_r, share @ by_alpha, share @ by_a, share @ by_b])
        return -float(share @ value), -slopes * np.exp(theta)

    return objective


def spend_objective(count: Floats, mean: Floats, weights: Floats) -> Objective:
    """Return the mean negative log-likelihood and its gradient, by ln p, ln(q − 1) and ln v.

    Fader & Hardie (2013), equation 1a: the density of the mean of `count` purchases.
    """
    share = weights / weights.sum()
    log_mean, log_count = np.log(mean), np.log(count)

    def objective(theta: Floats) -> tuple[float, Floats]:
        p, beyond, v = np.exp(theta)
        q = 1.0 + beyond
        px = p * count
        in_all = np.log(v + count * mean)
        value = (
            gammaln(px + q)
            - gammaln(px)
            - gammaln(q)
            + q * theta[2]
            + (px - 1.0) * log_mean
            + px * log_count
            - (px + q) * in_all
        )
        by_p = count * (digamma(px + q) - digamma(px) + log_mean + log_count - in_all)
        by_q = digamma(px + q) - digamma(q) + theta[2] - in_all
        by_v = q / v - (px + q) / (v + count * mean)
        slopes = np.array([share @ by_p, share @ by_q, share @ by_v])
        return -float(share @ value), -slopes * np.exp(theta)

    return objective


def _logistic(values: Floats) -> Floats:
    result: Floats = np.exp(-np.logaddexp(0.0, -values))
    return result


def _maximise(
    objective: Objective, starts: Sequence[Sequence[float]], customers: int, names: tuple[str, ...]
) -> tuple[Floats, Fit]:
    """Minimise from every start, take the best, and polish it. Returns the logarithms and a report."""

    def bounded(free: Floats) -> tuple[float, Floats]:
        inside = np.tanh(free / _BOUND)
        value, slopes = objective(_BOUND * inside)
        return value, slopes * (1.0 - inside**2)

    found = [
        minimize(
            bounded,
            np.array(start),
            jac=True,
            method="BFGS",
            options={"gtol": 1e-7, "maxiter": 100},
        )
        for start in starts
    ]
    usable = [one for one in found if np.isfinite(one.fun)]
    if not usable:
        raise NoFitError("the likelihood has no finite maximum for these customers")
    theta: Floats = _BOUND * np.tanh(min(usable, key=lambda one: float(one.fun)).x / _BOUND)
    polished, spread = _polish(objective, theta)
    errors: dict[str, float] = {}
    if spread is not None:
        deviations = np.sqrt(np.diag(spread) / customers)
        if deviations.max() < _VAGUE and np.abs(polished).max() < _BOUND:
            theta = polished
            by_name = zip(names, np.exp(theta) * deviations, strict=True)
            errors = {name: float(deviation) for name, deviation in by_name}
    value, slopes = objective(theta)
    parameters = {name: float(v) for name, v in zip(names, np.exp(theta), strict=True)}
    steepest = float(np.abs(slopes).max())
    return theta, Fit(parameters, errors, -value * customers, customers, steepest, not errors)


def _polish(objective: Objective, theta: Floats) -> tuple[Floats, Floats | None]:
    """Take Newton steps while they make the gradient smaller; return the inverse Hessian too."""
    inverse: Floats | None = None
    for _ in range(20):
        hessian = _hessian(objective, theta)
        if np.linalg.eigvalsh(hessian)[0] <= 0.0:
            return theta, None
        inverse = np.asarray(np.linalg.inv(hessian), dtype=np.float64)
        slopes = objective(theta)[1]
        further = theta - np.clip(inverse @ slopes, -0.5, 0.5)
        if not np.abs(objective(further)[1]).max() < np.abs(slopes).max():
            break
        theta = further
    return theta, inverse


def _hessian(objective: Objective, theta: Floats, step: float = 1e-4) -> Floats:
    """Return the Hessian by central differences of the gradient."""
    rows = []
    for i in range(len(theta)):
        change = np.zeros_like(theta)
        change[i] = step
        rows.append((objective(theta + change)[1] - objective(theta - change)[1]) / (2 * step))
    matrix: Floats = np.array(rows)
    symmetric: Floats = (matrix + matrix.T) / 2
    return symmetric
