from decimal import ROUND_HALF_EVEN, Decimal
from time import perf_counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.domain.money import LIMIT_MINOR, minor_of


@pytest.mark.parametrize(
    ("value", "minor"),
    [
        (0, 0),
        (12, 1200),
        (-3, -300),
        (12.34, 1234),
        (0.1 + 0.2, 30),
        (0.285, 28),  # 28.5 cents: to even
        (0.295, 30),  # 29.5 cents: to even, though the float is just below
        (1.005, 100),
        (1.015, 102),
        (-0.285, -28),
        (1e-320, 0),
        ("12.34", 1234),
        ("0.285", 28),
        ("1e2", 10_000),
        ("-0", 0),
        ({"amount": 5}, 500),
        ({"amount": "5.5", "currency": "EUR"}, 550),
        (LIMIT_MINOR // 100, LIMIT_MINOR),
    ],
)
def test_an_amount_becomes_minor_units(value, minor):
    assert minor_of(value, 2) == minor


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        False,
        [],
        [1],
        {},
        {"amount": None},
        {"amount": True},
        {"amount": {"amount": 1}},
        "",
        "ten",
        "nan",
        "inf",
        "-Infinity",
        "sNaN",
        "1,50",
        "0x10",
        float("nan"),
        float("inf"),
        float("-inf"),
        1e300,
        10**400,
        LIMIT_MINOR // 100 + 1,
        -(LIMIT_MINOR // 100) - 1,
        "1e40",
        b"5",
    ],
)
def test_what_is_no_amount_is_none(value):
    assert minor_of(value, 2) is None


@pytest.mark.parametrize(
    "text",
    [
        "1e99999",
        "1e999999",
        "-1e999998",
        "1e-999999",
        "9" * 5000,
    ],
)
def test_absurd_exponents_are_answered_at_once(text):
    started = perf_counter()

    amount = minor_of(text, 2)

    assert amount in {None, 0}
    assert perf_counter() - started < 0.05


@pytest.mark.parametrize("digits", [0, 2, 3, 4])
def test_the_digits_of_the_currency_scale(digits):
    assert minor_of(7, digits) == minor_of(7.0, digits) == minor_of("7", digits) == 7 * 10**digits


@given(st.decimals(-(10**9), 10**9, places=3))
def test_floats_and_texts_round_as_their_shortest_decimal_does(amount):
    exact = int((Decimal(repr(float(amount))) * 100).to_integral_value(ROUND_HALF_EVEN))

    assert minor_of(float(amount), 2) == exact
    assert minor_of(str(amount), 2) == exact


@given(st.lists(st.decimals(0, 1000, places=2), max_size=50))
def test_sums_of_cents_are_exact(amounts):
    assert sum(minor_of(float(a), 2) for a in amounts) == int(sum(amounts) * 100)
