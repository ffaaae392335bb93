"""What figures of two arms say: differences, sample ratios, and tests that may be looked at any time.

Nothing here reads or draws anything. Functions take single numbers or numpy arrays where they say so.
"""

from math import erfc, exp, inf, lgamma, log, sqrt
from statistics import NormalDist
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]

ALPHA = 0.05
RATIO_ALPHA = 0.001
"""A split whose p-value is below this is not the one that was asked for."""
EFFECT_SD = 0.05
"""The usual effect, in standard deviations of the outcome, that the sequential test is tuned for.

It is fixed beforehand; power is best near it, validity does not depend on it.
"""
LEAST_EVENTS = 20
"""Customers that each arm needs before a variance is taken for known."""
_TERMS = 10_000
_PRECISION = 1e-15


class Moments(NamedTuple):
    """How many, their sum, and the sum of their squares."""

    n: int = 0
    total: float = 0.0
    squares: float = 0.0

    @property
    def mean(self) -> float:
        """Return the mean; 0 of nobody."""
        return self.total / self.n if self.n else 0.0

    @property
    def variance(self) -> float:
        """Return the sample variance, with n − 1; 0 of fewer than two."""
        if self.n < 2:
            return 0.0
        return max(self.squares - self.total * self.total / self.n, 0.0) / (self.n - 1)


class Difference(NamedTuple):
    """Mean of one arm minus that of another: standard error, 95 % interval, z, and two-sided p."""

    value: float
    se: float
    low: float
    high: float
    z: float
    p: float


class Anytime(NamedTuple):
    """A difference with an interval and a p-value that hold however often one looks."""

    low: float
    high: float
    p: float


class Ratio(NamedTuple):
    """Whether arms have the sizes that they should: χ², degrees of freedom, p, and the verdict."""

    chi2: float
    degrees: int
    p: float
    flagged: bool


def difference(treated: Moments, control: Moments) -> Difference | None:
    """Compare two means, variances unequal, by the normal approximation; None without variances."""
    if min(treated.n, control.n) < 2:
        return None
    value = treated.mean - control.mean
    se = sqrt(treated.variance / treated.n + control.variance / control.n)
    if se == 0.0:
        return Difference(value, 0.0, value, value, 0.0, 1.0 if value == 0.0 else 0.0)
    half = quantile(1 - ALPHA / 2) * se
    z = value / se
    return Difference(value, se, value - half, value + half, z, two_sided(z))


def quantile(p: float) -> float:
    """Return the standard normal quantile."""
    return NormalDist().inv_cdf(p)


def two_sided(z: float) -> float:
    """Return the probability of a standard normal at least as far from 0 as `z`."""
    return erfc(abs(z) / sqrt(2.0))


def anytime(treated: Moments, control: Moments) -> Anytime | None:
    """Test two means by a mixture sequential probability ratio; None while there are too few.

    The mixture over true differences is normal with standard deviation `EFFECT_SD` × that of the
    outcome. With V the variance of the difference and τ² that of the mixture, the ratio is
    Λ = √(V/(V+τ²)) exp(τ²d² / 2V(V+τ²)), p = 1/Λ, and the interval all differences with Λ < 1/α.

    Sources: Johari, Koomen, Pekelis, Walsh, "Always Valid Inference", Operations Research 2022; the plug-in
    of estimated variances: Waudby-Smith, Arbour, Sinha, Kennedy, Ramdas, Annals of Statistics 2024.
    """
    found = difference(treated, control)
    if found is None or found.se == 0.0 or min(treated.n, control.n) < LEAST_EVENTS:
        return None
    size = float(effective(np.float64(treated.n), np.float64(control.n)))
    half = found.se * float(boundary(np.float64(size)))
    p = exp(min(0.0, -float(log_ratio(np.float64(found.z), np.float64(size)))))
    return Anytime(found.value - half, found.value + half, p)


def effective(treated: Numbers | np.float64, control: Numbers | np.float64) -> Any:
    """Return the size of two arms together, 1 / (1/n + 1/m); of arrays or of single numbers."""
    return treated * control / (treated + control)


def log_ratio(z: Numbers | np.float64, size: Numbers | np.float64) -> Any:
    """Return log Λ of the mixture at a standardised difference; of arrays or of single numbers."""
    weight = EFFECT_SD**2 * size  # τ²/V
    return 0.5 * (z * z * weight / (1.0 + weight) - np.log1p(weight))


def boundary(size: Numbers | np.float64, alpha: float = ALPHA) -> Any:
    """Return the |z| from which on `log_ratio` is at least log 1/α; of arrays or of single numbers."""
    weight = EFFECT_SD**2 * size
    return np.sqrt((1.0 + weight) / weight * (2.0 * log(1.0 / alpha) + np.log1p(weight)))


def sample_ratio(counts: list[int], shares: list[float]) -> Ratio | None:
    """Compare the sizes of arms with their shares, which add up to 1; None while nobody is in any."""
    n = sum(counts)
    if not n or len(counts) < 2:
        return None
    chi2 = sum(
        (count - n * share) ** 2 / (n * share) for count, share in zip(counts, shares, strict=True)
    )
    p = chi2_tail(chi2, len(counts) - 1)
    return Ratio(chi2, len(counts) - 1, p, p < RATIO_ALPHA)


def chi2_tail(x: float, degrees: int) -> float:
    """Return the probability that χ² of so many degrees of freedom is above `x`: Q(degrees/2, x/2)."""
    return gamma_tail(degrees / 2.0, x / 2.0)


def gamma_tail(a: float, x: float) -> float:
    """Return the regularised upper incomplete gamma function Q(a, x), for a > 0, to about 1e-14.

    By the series of P for x < a + 1, else by Lentz's continued fraction: Press et al., Numerical Recipes, 6.2.
    """
    if x <= 0.0:
        return 1.0
    scale = exp(a * log(x) - x - lgamma(a))
    if x < a + 1.0:
        term = total = 1.0 / a
        for i in range(1, _TERMS):
            term *= x / (a + i)
            total += term
            if term < total * _PRECISION:
                break
        return max(0.0, 1.0 - scale * total)
    b = x + 1.0 - a
    c, d = inf, 1.0 / b
    fraction = d
    for i in range(1, _TERMS):
        top = -i * (i - a)
        b += 2.0
        d = 1.0 / (top * d + b)
        c = b + top / c
        fraction *= d * c
        if abs(d * c - 1.0) < _PRECISION:
            break
    return scale * fraction
