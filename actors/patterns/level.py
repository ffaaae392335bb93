"""When one quantity of a customer, gap by gap or basket by basket, has left its usual level.

A self-starting two-sided CUSUM. Each new value x, on a scale where it is about normal, is compared
with the n values before it by a t statistic with ν degrees of freedom,

    t = (x − mean) ÷ √(s² (1 + 1/n)),   s² = (squares + ν₀ s₀²) ÷ ν,   ν = n − 1 + ν₀,

which is turned into a standard normal value by Wallace's approximation,

    u = ±(8ν + 1)/(8ν + 3) · √(ν ln(1 + t²/ν)),

clipped at ±2.2 (x itself at ±3 s before it is learned), and summed on both sides: low ← max(0, low − u − k), high ← max(0, high + u − k), k = ¼.
A sum above h is a change of level. 2k·sum is the log-likelihood ratio of a shift by half a standard
deviation against none: that is the surprise, in nats. A CUSUM's mean run between false alarms grows
with exp(2kh), so h = ln(1.7 · events a month) ÷ 2k makes false alarms equally rare in time for frequent
and for rare customers.

After an alarm both sums are zero, and the baseline is the run that raised it together with 15 values'
worth of the old mean: the new level is the usual one from now on. A large change may need several such
steps; what raises the same sum within the next 10 values is the same change: it moves the
baseline, by now with 5 values' worth of the old mean, without another alarm.

Sources: D. M. Hawkins, Self-starting cusum charts for location and scale, The Statistician 36 (1987);
D. L. Wallace, Bounds on normal approximations to Student's and the chi-square distributions, Annals of
Mathematical Statistics 30 (1959); E. S. Page, Continuous inspection schemes, Biometrika 41 (1954).
"""

from math import exp, log, log1p, sqrt
from typing import NamedTuple

Level = list[float]
"""[n, mean, squares, gap, low, events in low, their sum, high, events in high, their sum, quiet].

`squares` is the sum of squared deviations from the mean, `gap` the mean number of days between values,
`quiet` how many values are left that may belong to the last change, negative after a fall.
"""

N, MEAN, SQUARES, GAP, LOW, HIGH, QUIET = 0, 1, 2, 3, 4, 7, 10

MIN_KNOWN = 5
"""With fewer values nothing is usual yet."""

PRIOR = 8.0
"""ν₀: how many values the prior variance is worth."""

_K = 0.25
_CLIP = 2.2
_OUTLIER = 3.0
_CAP = 100
_KEEP, _KEEP_AGAIN = 15, 5
_QUIET = 10
_ALARMS = 1.7
_MONTH = 30.4375
_MIN_H, _MAX_H = 2.5, 12.0
_GAP_CAP = 20


class Change(NamedTuple):
    """A change of level: up or down, from which mean to which, on the level's own scale."""

    up: bool
    surprise: float
    usual: float
    now: float
    events: int


def new_level() -> Level:
    """Return a level of which nothing is known."""
    return [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]


def spread(level: Level, prior_variance: float) -> tuple[float, float]:
    """Return (√(s² (1 + 1/n)), ν): how far the next value is expected to lie from the mean."""
    n = level[N]
    freedom = n - 1 + PRIOR
    variance = (level[SQUARES] + PRIOR * prior_variance) / freedom
    return sqrt(variance * (1.0 + 1.0 / n)), freedom


def normal_from_t(t: float, freedom: float) -> float:
    """Return the standard normal value that is as unlikely as `t` (Wallace)."""
    u = (8.0 * freedom + 1.0) / (8.0 * freedom + 3.0) * sqrt(freedom * log1p(t * t / freedom))
    return u if t >= 0 else -u


def t_from_normal(u: float, freedom: float) -> float:
    """Return the inverse of `normal_from_t`."""
    z = u * (8.0 * freedom + 3.0) / (8.0 * freedom + 1.0)
    t = sqrt(freedom * (exp(z * z / freedom) - 1.0))
    return t if u >= 0 else -t


def observe_value(level: Level, x: float, gap_days: float, prior_variance: float) -> Change | None:
    """Compare the newest value with the level, then make it part of it.

    `gap_days` is the time since the value before; it only says how frequent values are.
    """
    n, usual, squares, gap, low, low_n, low_sum, high, high_n, high_sum, quiet = level
    if n < 2:
        learn_value(level, x)
        level[GAP] = gap_days if n else 0
        return None
    before = x - usual
    freedom = n - 1 + PRIOR
    variance = (squares + PRIOR * prior_variance) / freedom * (1.0 + 1.0 / n)
    u = _clipped(before, variance, freedom)
    low -= u + _K
    if low > 0:
        low_n += 1
        low_sum += x
    else:
        low = low_n = low_sum = 0
    high += u - _K
    if high > 0:
        high_n += 1
        high_sum += x
    else:
        high = high_n = high_sum = 0
    gap += (gap_days - gap) / min(n, _GAP_CAP)
    if quiet:
        quiet += 1 if quiet < 0 else -1
    if n >= _CAP:
        squares *= (_CAP - 1) / n
        n = _CAP - 1
    n += 1
    limit = _OUTLIER * sqrt(variance)
    before = max(-limit, min(limit, before))
    mean = usual + before / n
    squares += before * (usual + before - mean)
    level[:] = (n, mean, squares, gap, low, low_n, low_sum, high, high_n, high_sum, quiet)
    if (low < _MIN_H and high < _MIN_H) or n <= MIN_KNOWN:
        return None
    return _judged(level, usual)


def _judged(level: Level, usual: float) -> Change | None:
    _, _, _, gap, low, low_n, low_sum, high, high_n, high_sum, quiet = level
    most = max(low, high)
    if most < _threshold(gap):
        return None
    up = high > low
    events, total = (high_n, high_sum) if up else (low_n, low_sum)
    now = total / events
    if (quiet > 0 and up) or (quiet < 0 and not up):
        _restart(level, events, now, _KEEP_AGAIN)
        return None
    _restart(level, events, now, _KEEP)
    level[QUIET] = _QUIET if up else -_QUIET
    return Change(up, 2.0 * _K * most, usual, now, int(events))


def _clipped(apart: float, variance: float, freedom: float) -> float:
    """Return u; `normal_from_t` written out, because this runs twice an event."""
    if variance <= 0.0:
        return 0.0
    u = (8.0 * freedom + 1.0) / (8.0 * freedom + 3.0)
    u *= sqrt(freedom * log1p(apart * apart / (variance * freedom)))
    if u > _CLIP:
        u = _CLIP
    return u if apart >= 0 else -u


def learn_value(level: Level, x: float) -> None:
    """Make a value part of what is usual, without asking whether it is."""
    n = level[N]
    if n >= _CAP:
        level[SQUARES] *= (_CAP - 1) / n
        n = _CAP - 1
    n += 1
    before = x - level[MEAN]
    mean = level[MEAN] + before / n
    level[N], level[MEAN] = n, mean
    level[SQUARES] += before * (x - mean)


def merge_levels(a: Level, b: Level) -> Level:
    """Return the level of both: values pooled, of two suspicions the stronger.

    Pooling is that of T. F. Chan, G. H. Golub and R. J. LeVeque (1979). Commutative, and
    associative up to rounding.
    """
    n = a[N] + b[N]
    if not n:
        return new_level()
    apart = b[MEAN] - a[MEAN]
    return [
        n,
        (a[N] * a[MEAN] + b[N] * b[MEAN]) / n,
        a[SQUARES] + b[SQUARES] + apart * apart * a[N] * b[N] / n,
        (a[N] * a[GAP] + b[N] * b[GAP]) / n,
        *max(a[LOW:HIGH], b[LOW:HIGH]),
        *max(a[HIGH:QUIET], b[HIGH:QUIET]),
        max(a[QUIET], b[QUIET], key=lambda quiet: (abs(quiet), quiet)),
    ]


def _threshold(gap_days: float) -> float:
    monthly = _MONTH / gap_days if gap_days > 0 else _MONTH
    return max(_MIN_H, min(_MAX_H, log(_ALARMS * monthly) / (2.0 * _K)))


def _restart(level: Level, events: float, now: float, keep: int) -> None:
    n = events + keep
    level[SQUARES] *= n / level[N]
    level[MEAN] = (events * now + keep * level[MEAN]) / n
    level[N] = n
    level[LOW:QUIET] = (0, 0, 0, 0, 0, 0)
