"""Fitting: the published figures of CDNOW, gradients, and what cannot be fitted."""

from datetime import date

import numpy as np
import pytest

from actors.lifetime.evaluate import expected_purchases
from actors.lifetime.model import WEEK_MS
from scripts.fitting.cohort import from_purchases, from_totals
from tests.unit.lifetime.lifetime_support import BUYING, CALIBRATED_UNTIL, CDNOW, needs_cdnow

pytest.importorskip("scipy", reason="scipy is not installed (extra fit)")

from scripts.fitting.clv import (
    NoFitError,
    buying_objective,
    fit_buying,
    fit_spend,
    spend_objective,
)
from scripts.fitting.goodness import probability_of, repeat_counts
from scripts.fitting.sources import day_number, from_file


def quiet(_done):
    """Tell nobody how far the reading is."""


@pytest.fixture(scope="module")
def cdnow():
    return from_file(CDNOW, day_number(CALIBRATED_UNTIL), 2, quiet)


@pytest.fixture(scope="module")
def cdnow_fit(cdnow):
    return fit_buying(cdnow)


@needs_cdnow
def test_cdnow_gives_the_published_parameters(cdnow_fit):
    m, fit = cdnow_fit

    assert (m.r, m.alpha, m.a, m.b) == pytest.approx(
        (0.2425945053, 4.4136016967, 0.7929219962, 2.4259066658), abs=1e-5
    )
    assert fit.log_likelihood == pytest.approx(-9582.42920667, abs=1e-6)
    assert fit.customers == 2_357
    assert fit.steepest < 1e-10


@needs_cdnow
def test_cdnow_expects_the_published_number_of_purchases_in_weeks_40_to_78(cdnow, cdnow_fit):
    m, _ = cdnow_fit

    expected = sum(
        expected_purchases(m, x, t_x, age, 39)
        for x, t_x, age in zip(cdnow.x, cdnow.t_x, cdnow.age, strict=True)
    )

    assert expected == pytest.approx(1_653.409, abs=0.05)
    assert (cdnow.later_weeks, cdnow.later.sum()) == (39.0, 1_882)


@needs_cdnow
def test_cdnow_repeat_counts_are_told_again(cdnow, cdnow_fit):
    counts = repeat_counts(cdnow_fit[0], cdnow)

    assert counts.observed == [1_411, 439, 214, 100, 62, 38, 29, 64]
    assert sum(counts.expected) == pytest.approx(2_357)
    assert counts.expected[:3] == pytest.approx([1_407.7, 460.3, 192.5], abs=0.1)


@needs_cdnow
def test_cdnow_gives_the_published_amounts(cdnow):
    m, fit = fit_spend(cdnow)

    assert (m.p, m.q, m.v / 100) == pytest.approx((6.25, 3.74, 15.44), abs=0.01)
    assert fit.customers == 946
    assert fit.steepest < 1e-10


def simulated(customers, seed):
    """Draw customers from the model itself: (x, t_x, age, count, mean) by its own story."""
    rng = np.random.default_rng(seed)
    totals = []
    for _ in range(customers):
        rate = rng.gamma(BUYING.r, 1 / BUYING.alpha)
        p = rng.beta(BUYING.a, BUYING.b)
        age, at, orders = rng.uniform(27, 52), 0.0, 1
        while rng.random() >= p or orders == 1:
            pause = rng.exponential(1 / rate) if rate > 0 else np.inf
            if at + pause > age:
                break
            at, orders = at + pause, orders + 1
        scale = 1_544.0 / rng.gamma(3.74)
        spend = int(rng.gamma(6.25 * orders) * scale)
        first = int((52 - age) * WEEK_MS)
        totals.append((orders, spend, first, first + int(at * WEEK_MS)))
    return from_totals(totals, 52 * WEEK_MS)


def test_customers_drawn_from_the_model_of_amounts_give_its_parameters_back():
    m, fit = fit_spend(simulated(1_500, seed=5))

    for name, true in (("p", 6.25), ("q", 3.74), ("v", 1_544.0)):
        assert abs(fit.parameters[name] - true) < 4 * fit.errors[name]
    assert m.p * m.v / (m.q - 1) == pytest.approx(6.25 * 1_544 / 2.74, rel=0.1)


def slopes(objective, theta, step=1e-6):
    found = []
    for i in range(len(theta)):
        change = np.zeros(len(theta))
        change[i] = step
        found.append((objective(theta + change)[0] - objective(theta - change)[0]) / (2 * step))
    return found


@pytest.mark.parametrize("theta", [(0.0, 0.0, 0.0, 0.0), (-1.4, 1.5, -0.2, 0.9), (2, 3, -4, -3)])
def test_the_gradient_of_the_buying_likelihood_is_its_slope(theta):
    x, t_x = np.array([0.0, 0, 1, 5, 90]), np.array([0.0, 0, 0, 3.5, 38])
    objective = buying_objective(
        x, t_x, np.array([0.1, 39, 2, 39, 39]), np.array([1.0, 3, 2, 1, 1])
    )
    theta = np.array(theta, dtype=float)

    assert objective(theta)[1] == pytest.approx(slopes(objective, theta), rel=1e-5, abs=1e-7)


@pytest.mark.parametrize("theta", [(0.0, 0.0, 0.0), (1.8, 1.0, 2.7), (-2.0, -3.0, 1.0)])
def test_the_gradient_of_the_likelihood_of_amounts_is_its_slope(theta):
    objective = spend_objective(
        np.array([1.0, 2, 30]), np.array([0.2, 1, 9]), np.array([1.0, 2, 1])
    )
    theta = np.array(theta, dtype=float)

    assert objective(theta)[1] == pytest.approx(slopes(objective, theta), rel=1e-5, abs=1e-7)


def test_the_chances_of_all_counts_of_purchases_add_up_to_one():
    ages = np.array([0.0, 0.5, 39.0])

    total = sum(probability_of(BUYING, x, ages) for x in range(150))

    assert total == pytest.approx([1.0, 1.0, 1.0], abs=1e-6)


def test_purchases_of_one_day_are_one_and_the_first_amount_does_not_count():
    cohort = from_purchases(
        [("a", 0, 900.0), ("a", 7, 100.0), ("a", 7, 200.0), ("a", 21, 500.0), ("b", 14, 50.0)], 28
    )

    assert list(cohort.x) == [2, 0]
    assert list(cohort.t_x) == [3, 0]
    assert list(cohort.age) == [3, 1]
    assert list(cohort.mean) == [400, 0]


def test_what_comes_after_the_observation_is_kept_apart():
    rows = [("a", 0, 1.0), ("a", 10, 1.0), ("a", 12, 1.0), ("b", 11, 1.0), ("c", 3, 1.0)]

    cohort = from_purchases(rows, 5)

    assert list(cohort.x) == [0, 0]
    assert list(cohort.later) == [2, 0]
    assert cohort.later_weeks == 1.0
    assert cohort.until_ms == 6 * 24 * 3600 * 1000


@pytest.mark.parametrize("text", ["1997-09-30", "19970930", "1997-09-30T23:59:59Z"])
def test_a_day_is_read_in_every_usual_form(text):
    assert day_number(text) == (date(1997, 9, 30) - date(1970, 1, 1)).days


@pytest.mark.parametrize("totals", [[], [(1, 500, 0, 0)] * 20, [(0, 0, 0, 0)]])
def test_without_a_repeat_purchase_there_is_nothing_to_fit(totals):
    with pytest.raises(NoFitError):
        fit_buying(from_totals(totals, WEEK_MS))


def test_amounts_without_spread_are_refused_in_a_sentence():
    cohort = from_totals([(2, 1_000, 0, WEEK_MS)] * 20, 2 * WEEK_MS)

    with pytest.raises(NoFitError, match="spend the same"):
        fit_spend(cohort)


def test_customers_who_all_stay_leave_parameters_open_and_the_fit_says_so():
    totals = [(20 + n % 7, 0, 0, (50 + n % 2) * WEEK_MS) for n in range(200)]

    m, fit = fit_buying(from_totals(totals, 52 * WEEK_MS))

    assert fit.undetermined
    assert fit.errors == {}
    assert m.a / (m.a + m.b) < 0.05
