"""The expectation as a sum and as an integral: against exact arithmetic and each other."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.lifetime.expectation import by_integral, by_sum, purchases_while_there

positive = st.floats(0.02, 30.0)


def exactly(n, a, b, z, terms=220):
    """Return the expectation for a whole n ≥ 1 in rational arithmetic, with s = z/(1 − z).

    It sums over how often a customer who never leaves would buy, and over which of these
    purchases find her still there.
    """
    a, b, z = Fraction(a), Fraction(b), Fraction(z)
    weight, there, made, total = (1 - z) ** n, Fraction(1), Fraction(0), Fraction(0)
    for k in range(terms):
        made += there
        there *= (b + k) / (a + b + k)
        weight *= z * (n + k) / (k + 1)
        total += weight * made
    return float(total)


@pytest.mark.parametrize("way", [by_sum, by_integral, purchases_while_there])
@pytest.mark.parametrize(
    ("n", "a", "b"),
    [(1, "4/5", "12/5"), (1, 1, "1/3"), (2, "1/50", 3), (3, "1/2", "1/2"), (7, 2, 9), (12, 30, 1)],
)
@pytest.mark.parametrize("z", ["1/1000000", "1/50", "1/3", "3/5"])
def test_the_expectation_is_what_exact_arithmetic_gives(way, n, a, b, z):
    s = float(Fraction(z) / (1 - Fraction(z)))

    found = way(float(n), float(Fraction(a)), float(Fraction(b)), s)

    assert found == pytest.approx(exactly(n, a, b, z), rel=1e-10)


@given(n=st.floats(0.02, 200.0), a=positive, b=positive, s=st.floats(1e-6, 8.0))
def test_sum_and_integral_agree_although_they_share_nothing(n, a, b, s):
    assert by_integral(n, a, b, s) == pytest.approx(by_sum(n, a, b, s), rel=1e-9)


@given(n=st.floats(0.02, 5.0), a=positive, b=positive, s=st.floats(1e-3, 20.0))
def test_the_expectation_is_what_scipy_makes_of_the_published_formula(n, a, b, s):
    special = pytest.importorskip("scipy.special", reason="scipy is not installed (extra fit)")
    # The published form is 0/0 at a = 1, has a pole at a + b = 1, and subtracts: keep away.
    a = a if abs(a - 1.0) > 0.05 else 1.05
    b = b if abs(a + b - 1.0) > 1e-3 else b + 0.01
    gauss = special.hyp2f1(n, b, a + b - 1.0, s / (1.0 + s))
    kept = 1.0 - (1.0 + s) ** -n * gauss
    published = (a + b - 1.0) / (a - 1.0) * kept
    lost_digits = 1e-13 * max(1.0, (1.0 + s) ** -n * abs(gauss)) / abs(kept)

    assert purchases_while_there(n, a, b, s) == pytest.approx(published, rel=1e-9 + lost_digits)


@pytest.mark.parametrize("error", [1e-4, 1e-6, 1e-8])
@pytest.mark.parametrize("way", [by_sum, by_integral])
def test_fewer_digits_are_as_many_as_were_asked_for(way, error):
    for n, a, b, s in [(0.24, 0.79, 2.43, 0.3), (2.2, 0.79, 4.4, 2.0), (40.2, 3.0, 42.0, 1.1)]:
        assert way(n, a, b, s, error) == pytest.approx(by_sum(n, a, b, s), rel=100 * error)


@pytest.mark.parametrize(
    ("n", "a", "b", "s"),
    [
        (0.24, 0.79, 2.43, 1e9),
        (1e-3, 1e-3, 1e-3, 1e3),
        (1e4, 1e4, 1e5, 50.0),
        (500.0, 1e-4, 5e2, 1e-9),
        (1e-6, 1e5, 1e-5, 1e-3),
        (3e3, 0.01, 3e3, 1e5),
    ],
)
def test_extreme_parameters_give_a_number_between_nothing_and_what_a_stayer_buys(n, a, b, s):
    found = purchases_while_there(n, a, b, s)

    assert 0.0 < found <= n * s * (1 + 1e-9)


def test_no_time_is_no_purchase():
    assert purchases_while_there(1.0, 1.0, 1.0, 0.0) == 0.0


@given(n=st.floats(0.1, 3), a=st.floats(0.1, 5), b=st.floats(0.1, 9), s=st.floats(0.01, 1.5))
def test_more_time_more_zeal_and_more_loyalty_mean_more_purchases(n, a, b, s):
    base = purchases_while_there(n, a, b, s)

    assert purchases_while_there(n, a, b, 1.1 * s) > base
    assert purchases_while_there(1.1 * n, a, b, s) > base
    assert purchases_while_there(n, a, 1.1 * b, s) > base
    assert purchases_while_there(n, 1.1 * a, b, s) < base
