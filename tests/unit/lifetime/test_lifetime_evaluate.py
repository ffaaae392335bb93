"""One customer's future: published values, slow references, boundaries."""

import json
import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.domain.errors import CodecError
from actors.domain.profile import Purchases
from actors.lifetime.evaluate import (
    discounted_purchases,
    expected_amount,
    expected_purchases,
    lifetime_of,
    probability_alive,
)
from actors.lifetime.model import WEEK_MS, BgNbd, GammaGamma, LifetimeModel, from_bytes, to_bytes
from tests.unit.lifetime.lifetime_support import BUYING, SPEND

MODEL = LifetimeModel(BUYING, GammaGamma(6.25, 3.74, 1544.0), 52.0, 0.1, 875_664_000_000, 2_357)
HISTORIES = [(0, 0, 0), (0, 0, 39), (2, 30, 39), (2, 0, 0), (9, 3, 200), (40, 38, 39)]
histories = st.tuples(st.integers(1, 200), st.floats(0.0, 60.0), st.floats(0.0, 100.0)).map(
    lambda drawn: (drawn[0], drawn[1], drawn[1] + drawn[2])
)


def bought(orders, spend_minor=0, first_at_ms=0, last_at_ms=0):
    return Purchases(
        orders=orders, spend_minor=spend_minor, first_at_ms=first_at_ms, last_at_ms=last_at_ms
    )


def discounted_slowly(m, x, t_x, age, weeks, discount, steps=2_000):
    """Return the discounted purchases as a sum over short times, each discounted to its middle."""
    total = before = 0.0
    for i in range(1, steps + 1):
        until = expected_purchases(m, x, t_x, age, weeks * i / steps)
        years = weeks * (i - 0.5) / steps * 7 / 365.2425
        total += (until - before) * (1 + discount) ** -years
        before = until
    return total


def test_a_published_customer_has_the_published_values():
    m = BgNbd(0.24259290698180033, 4.413531558085467, 0.792886152173983, 2.4257534451703417)

    assert probability_alive(m, 2, 30.43, 38.86) == pytest.approx(0.7266091510345987, rel=1e-12)
    assert expected_purchases(m, 2, 30.43, 38.86, 39) == pytest.approx(1.2259104505889, rel=1e-10)


@pytest.mark.parametrize(
    ("weeks", "expected"),
    [(0.1429, 0.007816072062511156), (1, 0.05318474076194057), (78, 1.8579717785738714)],
)
def test_a_new_customer_is_expected_to_buy_as_published(weeks, expected):
    m = BgNbd(0.24259290698180033, 4.413531558085467, 0.792886152173983, 2.4257534451703417)

    assert expected_purchases(m, 0, 0, 0, weeks) == pytest.approx(expected, rel=1e-10)


def test_the_expected_amount_is_as_published():
    m = GammaGamma(6.24880249607099, 3.7445884609237634, 15.447748064943575)

    assert expected_amount(m, 2, 22.35) == pytest.approx(24.65861618923827, rel=1e-12)
    assert expected_amount(m, 1, 11.77) == pytest.approx(18.911479869933782, rel=1e-12)
    assert expected_amount(m, 0, 0.0) == pytest.approx(35.17100215250688, rel=1e-12)


def test_nobody_has_left_before_her_second_purchase():
    assert [probability_alive(BUYING, 0, 0, age) for age in (0, 1, 1e9)] == [1.0, 1.0, 1.0]


def test_who_bought_just_now_may_have_left_with_that_purchase():
    expected = 1 / (1 + BUYING.a / (BUYING.b + 4))

    assert probability_alive(BUYING, 5, 30, 30) == pytest.approx(expected, rel=1e-12)


def test_after_a_silence_of_any_length_the_probability_is_a_number():
    found = [probability_alive(BUYING, 200, 10, age) for age in (10, 100, 1e3, 1e6, 1e12)]

    assert found == sorted(found, reverse=True)
    assert found[-1] == 0.0
    assert lifetime_of(MODEL, bought(201, 1, 0, 10 * WEEK_MS), 10**18).value_minor == 0


@given(histories, st.floats(0.1, 50.0))
def test_silence_makes_leaving_likelier(history, silence):
    x, t_x, age = history

    assert probability_alive(BUYING, x, t_x, age + silence) <= probability_alive(BUYING, *history)


@given(histories, st.floats(0.5, 150.0), st.floats(0.01, 1.0))
def test_discounting_lowers_and_never_below_what_the_whole_horizon_costs(history, weeks, discount):
    plain = expected_purchases(BUYING, *history, weeks)

    found = discounted_purchases(BUYING, *history, weeks, discount)

    assert plain * (1 + discount) ** (-weeks * 7 / 365) <= found * (1 + 1e-3)
    assert found <= plain * (1 + 1e-9)


@pytest.mark.parametrize("history", HISTORIES, ids=str)
def test_discounted_purchases_are_what_a_fine_sum_gives(history):
    slow = discounted_slowly(BUYING, *history, 104, 0.1, steps=400)

    assert discounted_purchases(BUYING, *history, 104, 0.1) == pytest.approx(slow, rel=1e-4)


def test_without_a_discount_a_purchase_counts_one():
    plain = expected_purchases(BUYING, 2, 30, 39, 52)

    assert discounted_purchases(BUYING, 2, 30, 39, 52, 0.0) == plain


@given(st.floats(0.0, 1e6), st.integers(1, 500))
def test_the_expected_amount_lies_between_her_own_mean_and_everybodys(mean, count):
    everybody = expected_amount(SPEND, 0, 0.0)

    found = expected_amount(SPEND, count, mean)

    assert min(mean, everybody) <= found * (1 + 1e-12)
    assert found <= max(mean, everybody) * (1 + 1e-12)


def test_a_profile_is_evaluated_at_the_instant_of_asking():
    first, last, now = 10**12, 10**12 + 30 * WEEK_MS, 10**12 + 39 * WEEK_MS
    purchases = bought(3, spend_minor=6_000, first_at_ms=first, last_at_ms=last)

    found = lifetime_of(MODEL, purchases, now)

    assert found.alive == pytest.approx(probability_alive(BUYING, 2, 30, 39), rel=1e-12)
    assert found.purchases == pytest.approx(expected_purchases(BUYING, 2, 30, 39, 52), rel=1e-6)
    slow = discounted_slowly(BUYING, 2, 30, 39, 52, 0.1)
    assert found.discounted == pytest.approx(slow, rel=1e-4)
    assert found.amount_minor == expected_amount(MODEL.spend, 3, 2_000)
    assert found.value_minor == round(found.discounted * found.amount_minor)


def test_who_never_bought_has_no_lifetime_value():
    assert lifetime_of(MODEL, bought(0), 10**12) is None


def test_refunds_beyond_all_spending_do_not_make_a_negative_value():
    found = lifetime_of(MODEL, bought(3, -5_000, 0, WEEK_MS), 2 * WEEK_MS)

    assert found.value_minor > 0
    assert found.amount_minor < expected_amount(MODEL.spend, 3, 100)


def test_a_clock_behind_the_last_order_counts_as_being_at_it():
    purchases = bought(3, 6_000, 10 * WEEK_MS, 20 * WEEK_MS)

    assert lifetime_of(MODEL, purchases, 0) == lifetime_of(MODEL, purchases, 20 * WEEK_MS)


def test_without_a_model_of_amounts_there_are_purchases_but_no_value():
    found = lifetime_of(replace(MODEL, spend=None), bought(1), WEEK_MS)

    assert found.purchases > 0
    assert (found.amount_minor, found.value_minor) == (None, None)


@pytest.mark.parametrize("model", [MODEL, replace(MODEL, spend=None, discount_per_year=0.0)])
def test_a_model_is_stored_without_loss(model):
    assert from_bytes(to_bytes(model)) == model


def changed(**changes):
    return json.dumps({**json.loads(to_bytes(MODEL)), **changes}).encode()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"{}",
        b"\xff",
        changed(version=2),
        changed(buying={"r": 1.0, "alpha": 1.0, "a": 1.0}),
        changed(buying={"r": 1.0, "alpha": 1.0, "a": 1.0, "b": 0.0}),
        changed(buying={"r": 1.0, "alpha": 1.0, "a": 1.0, "b": math.inf}),
        changed(buying={"r": 1.0, "alpha": 1.0, "a": 1.0, "b": "2"}),
        changed(spend={"p": 1.0, "q": 1.0, "v": 1.0}),
        changed(discount_per_year=-0.1),
        changed(fitted_until_ms=None),
    ],
)
def test_what_is_no_model_is_refused(data):
    with pytest.raises(CodecError, match="lifetime model"):
        from_bytes(data)
