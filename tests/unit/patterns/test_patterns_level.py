"""A level: when a quantity has left what is usual for the customer."""

import statistics
from random import Random

import pytest

from actors.patterns.level import (
    GAP,
    HIGH,
    LOW,
    MEAN,
    QUIET,
    SQUARES,
    N,
    learn_value,
    merge_levels,
    new_level,
    normal_from_t,
    observe_value,
    t_from_normal,
)


def values(mean, count, seed, spread=1.0):
    rng = Random(seed)
    return [rng.gauss(mean, spread) for _ in range(count)]


def observe_all(level, xs, gap_days=4.0):
    changes = [observe_value(level, x, gap_days, 1.0) for x in xs]
    return [(n, change) for n, change in enumerate(changes, 1) if change is not None]


@pytest.mark.parametrize(
    ("t", "freedom", "z"), [(2.228, 10, 1.96), (1.812, 10, 1.645), (-2.764, 10, -2.326)]
)
def test_a_t_value_becomes_the_normal_value_that_is_as_unlikely(t, freedom, z):
    assert normal_from_t(t, freedom) == pytest.approx(z, abs=0.01)


@pytest.mark.parametrize("t", [-5.0, -0.3, 0.0, 1.0, 12.0])
def test_the_way_back_from_normal_to_t_is_exact(t):
    assert t_from_normal(normal_from_t(t, 9.0), 9.0) == pytest.approx(t)


def test_mean_and_squares_are_those_of_all_values():
    xs = values(8.0, 60, seed=1)
    level = new_level()

    observe_all(level, xs)

    assert level[N] == 60
    assert level[MEAN] == pytest.approx(statistics.fmean(xs))
    assert level[SQUARES] == pytest.approx(statistics.pvariance(xs) * 60)
    assert level[GAP] == pytest.approx(4.0)


def test_old_values_fade_so_that_the_mean_follows():
    level = new_level()
    for x in [0.0] * 500 + [1.0] * 300:
        learn_value(level, x)

    assert level[N] == 100
    assert level[MEAN] > 0.9


@pytest.mark.parametrize("step", [-1.5, 1.5])
def test_a_lasting_change_is_one_alarm(step):
    level = new_level()
    observe_all(level, values(8.0, 60, seed=3, spread=0.5))

    found = observe_all(level, values(8.0 + step, 60, seed=4, spread=0.5))

    assert len(found) == 1
    events, change = found[0]
    assert events <= 10
    assert change.up == (step > 0)
    assert change.usual == pytest.approx(8.0, abs=0.4)
    assert change.now == pytest.approx(8.0 + step, abs=0.7)
    assert 1 <= change.events <= events + 3
    assert change.surprise > 1.0


def test_the_return_to_the_old_level_is_an_alarm_of_its_own():
    level = new_level()
    observe_all(level, values(8.0, 60, seed=5, spread=0.5))
    observe_all(level, values(6.0, 60, seed=6, spread=0.5))

    found = observe_all(level, values(8.0, 30, seed=7, spread=0.5))

    assert [change.up for _, change in found] == [True]


def test_who_comes_often_needs_more_evidence():
    rare, frequent = new_level(), new_level()
    before, after = values(8.0, 60, seed=8), values(6.5, 60, seed=9)
    observe_all(rare, before, gap_days=15.0)
    observe_all(frequent, before, gap_days=0.05)

    (first_rare, _), *_ = observe_all(rare, after, gap_days=15.0)
    (first_frequent, _), *_ = observe_all(frequent, after, gap_days=0.05)

    assert first_rare < first_frequent


def test_nothing_is_a_change_before_five_values_are_known():
    level = new_level()

    assert observe_all(level, [8.0, 8.0, 2.0, 2.0, 2.0], gap_days=60.0) == []


def test_one_outlier_is_no_change():
    level = new_level()
    observe_all(level, [8.0] * 30)

    assert observe_all(level, [-50.0]) == []


def test_values_that_never_vary_are_bearable():
    level = new_level()

    found = [observe_value(level, 0.0, 1.0, 0.0) for _ in range(20)]

    assert found == [None] * 20


def test_merging_pools_the_values_and_keeps_the_stronger_suspicion():
    xs, ys = values(8.0, 30, seed=10), values(5.0, 12, seed=11)
    a, b = new_level(), new_level()
    for x in xs:
        learn_value(a, x)
    for y in ys:
        learn_value(b, y)
    a[LOW : LOW + 3] = [1.0, 2, 15.0]
    b[LOW : LOW + 3] = [3.0, 1, 4.0]
    b[HIGH : HIGH + 3] = [0.5, 1, 9.0]

    both = merge_levels(a, b)

    assert both[N] == 42
    assert both[MEAN] == pytest.approx(statistics.fmean(xs + ys))
    assert both[SQUARES] == pytest.approx(statistics.pvariance(xs + ys) * 42)
    assert both[LOW:QUIET] == [3.0, 1, 4.0, 0.5, 1, 9.0]


def test_merging_two_of_which_nothing_is_known_gives_such_a_one():
    assert merge_levels(new_level(), new_level()) == new_level()


def test_an_outlier_hardly_moves_what_is_usual():
    with_outlier, without = new_level(), new_level()
    observe_all(with_outlier, values(8.0, 30, seed=12))
    observe_all(without, values(8.0, 30, seed=12))

    observe_all(with_outlier, [-50.0])

    assert with_outlier[MEAN] == pytest.approx(without[MEAN], abs=0.15)
    assert with_outlier[SQUARES] == pytest.approx(without[SQUARES], rel=0.5)
