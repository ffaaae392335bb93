"""The rhythm of a customer's visits: days of the week, time between visits, and her survival probability.

Time runs by her own week: a day on which she usually comes counts for more, by the share of her visits
that fell on it (with four visits a day added for want of knowledge), so that a Saturday customer is
not missed on a Tuesday. In a mean week a day is a day. Between visits, the fourth root of that time in
days is close to normal: D. M. Hawkins and R. A. J. Wixley, A note on the transformation of chi-squared
variables to normality, The American Statistician 40 (1986), for gamma variables. The probability that she
stays away for longer than g is then the upper tail of the t statistic of g^¼ against her own gaps, as in
`actors.patterns.level`; at most 12 degrees of freedom are taken, because real gaps have such tails.
"""

from functools import lru_cache
from math import ceil, erfc, sqrt
from statistics import NormalDist

from actors.patterns.level import MEAN, Level, normal_from_t, spread, t_from_normal

DAY_MS = 86_400_000
VISIT_MS = 6 * 3_600_000
"""Whatever follows within six hours belongs to the same visit."""

Week = list[int]
"""How many visits fell on each day of the week, Monday first."""

RANDOM = 0.0787
"""Squared coefficient of variation of g^¼ for exponential gaps: Γ(3/2) ÷ Γ(5/4)² − 1."""

_PRIOR_VISITS = 4
_MONDAY = 3
_CAP = 60
_MAX_FREEDOM = 12.0
_NORMAL = NormalDist()


@lru_cache(maxsize=16)
def _quantile(probability: float) -> float:
    """Return the standard normal value below which so much lies; callers ask for very few."""
    return _NORMAL.inv_cdf(probability)


def count_visit(week: Week, at_ms: int, offset_ms: int) -> None:
    """Count a visit on its local day of the week; counts are halved when one is large."""
    day = ((at_ms + offset_ms) // DAY_MS + _MONDAY) % 7
    week[day] += 1
    if week[day] > _CAP:
        week[:] = [count // 2 for count in week]


def days_between(week: Week, start_ms: int, end_ms: int) -> float:
    """Return her days between two local instants, `start_ms` ≤ `end_ms`."""
    day, last = start_ms // DAY_MS, end_ms // DAY_MS
    first = (day + _MONDAY) % 7
    days = last - day
    total = sum(week) + 7 * _PRIOR_VISITS
    visits = days * _PRIOR_VISITS
    if days > 6:
        visits = days // 7 * total + days % 7 * _PRIOR_VISITS
        days %= 7
    twice = week + week
    if days:
        visits += sum(twice[first : first + days])
    head = (start_ms - day * DAY_MS) * (twice[first] + _PRIOR_VISITS)
    tail = (end_ms - last * DAY_MS) * (twice[first + days] + _PRIOR_VISITS)
    return 7.0 * (visits + (tail - head) / DAY_MS) / total


def after_days(week: Week, start_ms: int, days: float) -> int:
    """Return the first local instant by which so many of her days have passed."""
    total = sum(week) + 7 * _PRIOR_VISITS
    day, start = divmod(start_ms, DAY_MS)
    left = days * total / 7.0
    left += (week[(day + _MONDAY) % 7] + _PRIOR_VISITS) * (start / DAY_MS)
    weeks = int(left // total)
    day += 7 * weeks
    left -= weeks * total
    while left > (today := week[(day + _MONDAY) % 7] + _PRIOR_VISITS):
        left -= today
        day += 1
    return ceil((day + left / today) * DAY_MS)


def survival(level: Level, days: float) -> float:
    """Return the probability that a gap is longer than so many of her days."""
    deviation, freedom = spread(level, RANDOM * level[MEAN] ** 2)
    t = (sqrt(sqrt(days)) - level[MEAN]) / deviation
    return 0.5 * erfc(normal_from_t(t, min(freedom, _MAX_FREEDOM)) / sqrt(2.0))


def longest_days(level: Level, probability: float) -> float:
    """Return the length, in her days, that a gap exceeds with this probability."""
    deviation, freedom = spread(level, RANDOM * level[MEAN] ** 2)
    t = t_from_normal(-_quantile(probability), min(freedom, _MAX_FREEDOM))
    return float(max(0.0, level[MEAN] + t * deviation) ** 4)
