"""The statistics, against closed forms and published values."""

import csv
import gzip
import json
from math import erfc, exp, factorial, log, sqrt
from pathlib import Path

import numpy as np
import pytest

from actors.experiments.statistics import (
    ALPHA,
    EFFECT_SD,
    Moments,
    anytime,
    boundary,
    chi2_tail,
    difference,
    gamma_tail,
    log_ratio,
    sample_ratio,
    two_sided,
)

DATA = Path(__file__).parents[4] / "shared" / "data"
CAMPAIGN = DATA / "hillstrom" / "hillstrom.csv.gz"
needs_campaign = pytest.mark.skipif(
    not CAMPAIGN.is_file(), reason="the Hillstrom data set is not at ../shared/data/hillstrom"
)


@pytest.mark.parametrize("x", [0.01, 0.5, 1.0, 3.84, 25.0, 300.0])
def test_chi_square_of_one_degree_is_a_squared_normal(x):
    assert chi2_tail(x, 1) == pytest.approx(erfc(sqrt(x / 2)), rel=1e-12)


@pytest.mark.parametrize("half", [1, 2, 5, 100])
@pytest.mark.parametrize("x", [0.1, 2.0, 9.5, 180.0, 300.0])
def test_chi_square_of_even_degrees_is_a_poisson_sum(half, x):
    poisson = sum(exp(-x / 2 + j * log(x / 2) - log(factorial(j))) for j in range(half))

    assert chi2_tail(x, 2 * half) == pytest.approx(poisson, rel=1e-11)


def test_the_tails_have_their_tabled_values():
    assert chi2_tail(7.814727903251179, 3) == pytest.approx(0.05, abs=1e-14)
    assert chi2_tail(16.266236196238129, 3) == pytest.approx(0.001, abs=1e-15)
    assert gamma_tail(2.5, 0.0) == 1.0
    assert two_sided(1.959963984540054) == pytest.approx(0.05, abs=1e-15)


def test_a_difference_is_that_of_two_samples_with_variances_of_their_own():
    a, b = [1.0, 2.0, 4.0, 5.0], [0.0, 1.0, 1.0]
    found = difference(moments(a), moments(b))

    se = sqrt(np.var(a, ddof=1) / 4 + np.var(b, ddof=1) / 3)
    assert found.value == pytest.approx(3.0 - 2 / 3)
    assert found.se == pytest.approx(se)
    assert (found.low, found.high) == pytest.approx(
        (found.value - 1.959963984540054 * se, found.value + 1.959963984540054 * se)
    )


def test_one_customer_an_arm_gives_no_difference_and_few_no_sequential_test():
    one, few = moments([1.0]), moments([0.0, 1.0] * 9)

    assert difference(one, few) is None
    assert anytime(few, few) is None


def test_the_boundary_is_where_the_mixture_reaches_its_level():
    sizes = np.array([10.0, 500.0, 5_000.0, 1e6])

    assert log_ratio(boundary(sizes), sizes) == pytest.approx(np.full(4, log(1 / ALPHA)))


def test_the_mixture_is_the_integral_of_likelihood_ratios_over_normal_effects():
    z, size = 2.7, 3_000.0
    tau = EFFECT_SD * sqrt(size)  # in units of the difference's standard error
    effects = np.linspace(-12 * tau, 12 * tau, 200_001)
    density = np.exp(-0.5 * (effects / tau) ** 2) / (tau * sqrt(2 * np.pi))
    ratios = np.exp(effects * z - 0.5 * effects**2)

    assert np.exp(log_ratio(z, size)) == pytest.approx(np.trapezoid(ratios * density, effects))


def test_the_interval_at_any_time_excludes_nothing_just_when_its_p_is_below_alpha():
    control = Moments(10_000, 1_500.0, 1_500.0)
    for total in range(1_500, 1_800, 5):
        found = anytime(Moments(10_000, float(total), float(total)), control)

        assert (found.low > 0) == (found.p < ALPHA)


def test_hillstroms_arms_have_the_sizes_asked_for_until_some_rows_are_taken_away():
    counts = [21_307, 21_306, 21_387]

    intact = sample_ratio(counts, [1 / 3] * 3)
    short = sample_ratio([counts[0] - round(0.03 * counts[0]), *counts[1:]], [1 / 3] * 3)

    assert intact.p == pytest.approx(0.904, abs=0.0005)
    assert not intact.flagged
    assert short.flagged
    assert short.p < 0.001


@needs_campaign
def test_the_differences_of_hillstroms_arms_are_those_of_the_reference():
    reference = json.loads((DATA / "reference" / "hillstrom.json").read_text())["ATE"]
    with gzip.open(CAMPAIGN, "rt") as file:
        rows = list(csv.DictReader(file))
    by_arm = {
        (arm, outcome): moments([float(row[outcome]) for row in rows if row["segment"] == arm])
        for arm in ("Mens E-Mail", "Womens E-Mail", "No E-Mail")
        for outcome in ("visit", "conversion", "spend")
    }

    for pair, expected in reference.items():
        arm, against = pair.split(" - ")
        for outcome, wanted in expected.items():
            found = difference(by_arm[arm, outcome], by_arm[against, outcome])
            assert found.value == pytest.approx(wanted["diff"], rel=1e-9)
            assert found.se == pytest.approx(wanted["se"], rel=1e-9)
            assert (found.low, found.high) == pytest.approx(tuple(wanted["ci95"]), rel=1e-9)
            assert found.p == pytest.approx(wanted["p_two_sided"], rel=1e-6)


def test_the_sizes_of_no_arms_say_nothing():
    assert sample_ratio([0, 0], [0.5, 0.5]) is None


def moments(values) -> Moments:
    return Moments(len(values), sum(values), sum(v * v for v in values))
