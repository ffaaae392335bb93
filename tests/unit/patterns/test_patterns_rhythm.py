"""The rhythm: a customer's own week, and how long she may stay away."""

from datetime import UTC, datetime

import pytest

from actors.patterns.level import learn_value, new_level
from actors.patterns.rhythm import (
    DAY_MS,
    after_days,
    count_visit,
    days_between,
    longest_days,
    survival,
)

EVEN = [10] * 7
SATURDAYS = [0, 0, 0, 0, 0, 50, 0]


def ms(day, hour=0):
    """An instant in June 2026, whose first day is a Monday."""
    return int(datetime(2026, 6, day, hour, tzinfo=UTC).timestamp() * 1000)


def level_of(gaps):
    level = new_level()
    for days in gaps:
        learn_value(level, days**0.25)
    return level


def test_visits_are_counted_on_the_local_day():
    week = [0] * 7

    count_visit(week, ms(1, hour=2), 0)
    count_visit(week, ms(1, hour=2), -5 * 3_600_000)

    assert week == [1, 0, 0, 0, 0, 0, 1]


def test_counts_of_visits_stay_small():
    week = [0] * 7
    for n in range(10_000):
        count_visit(week, ms(1) + n * DAY_MS, 0)

    assert max(week) <= 60


@pytest.mark.parametrize("days", [0.0, 0.3, 1.0, 6.9, 7.0, 30.25])
def test_days_are_days_for_who_comes_on_all_days_alike(days):
    start = ms(3, hour=9)

    assert days_between(EVEN, start, start + round(days * DAY_MS)) == pytest.approx(days)


@pytest.mark.parametrize("day", range(1, 8))
def test_a_week_is_seven_days_for_everybody(day):
    assert days_between(SATURDAYS, ms(day, 13), ms(day + 7, 13)) == pytest.approx(7.0)


def test_a_saturday_customer_is_not_missed_on_a_tuesday():
    after_saturday = days_between(SATURDAYS, ms(6, 23), ms(9, 23))
    over_saturday = days_between(SATURDAYS, ms(12, 1), ms(14, 1))

    assert after_saturday == pytest.approx(3 * 4 * 7 / 78, rel=0.2)
    assert over_saturday > 4.5


@pytest.mark.parametrize("week", [EVEN, SATURDAYS, [0] * 7])
@pytest.mark.parametrize("days", [0.2, 3.0, 7.0, 40.5])
def test_the_instant_after_so_many_of_her_days_is_that_many_days_away(week, days):
    start = ms(2, hour=17)

    assert days_between(week, start, after_days(week, start, days)) == pytest.approx(days, abs=1e-6)


def test_half_of_her_gaps_are_longer_than_the_usual_one():
    level = level_of([2.0, 3.0, 4.0, 5.0, 6.0] * 4)

    assert survival(level, level[1] ** 4) == pytest.approx(0.5)


def test_survival_falls_the_longer_she_stays_away():
    level = level_of([2.0, 3.0, 4.0, 5.0, 6.0] * 4)

    falling = [survival(level, days) for days in (0.0, 1.0, 4.0, 9.0, 20.0, 1000.0)]

    assert falling == sorted(falling, reverse=True)
    assert falling[0] > 0.99
    assert falling[-1] < 1e-4


@pytest.mark.parametrize("probability", [0.2, 0.01, 0.0001])
def test_the_longest_gap_has_the_probability_that_was_asked_for(probability):
    level = level_of([1.0, 3.0, 4.0, 5.0, 16.0] * 3)

    assert survival(level, longest_days(level, probability)) == pytest.approx(probability)


def test_a_regular_customer_is_missed_sooner_than_an_irregular_one_with_the_same_gap():
    regular, irregular = level_of([4.0] * 20), level_of([1.0, 11.0, 2.0, 4.0] * 5)

    assert longest_days(regular, 0.01) < longest_days(irregular, 0.01) / 1.5
