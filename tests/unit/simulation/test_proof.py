"""The power that is stated of a comparison is that with which it rejects, also when few customers differ."""

from math import comb

import numpy as np
import pytest

pytest.importorskip("pyarrow")

from scripts.simulation.proof import ALPHA, paired, power_of, wilson

SIZE = 100


def _changed(count: int) -> np.ndarray:
    """Return the differences of a comparison in which so many customers took one offer less."""
    return np.array([-300.0] * count + [0.0] * (SIZE - count))


@pytest.mark.parametrize("share", [0.04, 0.06, 0.09])
def test_power_from_customers_drawn_anew_is_that_of_the_binomial_distribution(share: float) -> None:
    nobody = np.zeros(SIZE)
    exact = sum(
        comb(SIZE, k) * share**k * (1.0 - share) ** (SIZE - k)
        for k in range(SIZE + 1)
        if paired(nobody, _changed(k)).p < ALPHA
    )
    found = power_of([_changed(round(share * SIZE))] * 20, SIZE)
    assert found == pytest.approx(exact, abs=0.025)
    assert 0.3 < exact < 0.99


def test_a_comparison_of_equals_rejects_nothing() -> None:
    assert power_of([np.zeros(SIZE)], SIZE) == 0.0
    assert paired(np.zeros(SIZE), np.zeros(SIZE)).p == 1.0


def test_p_is_by_students_t() -> None:
    change = np.linspace(-1.0, 1.0, SIZE)
    error = change.std(ddof=1) / SIZE**0.5
    assert paired(np.zeros(SIZE), change + 1.9842 * error).p == pytest.approx(0.05, abs=2e-4)


def test_the_interval_of_a_share_is_wilsons() -> None:
    assert wilson(8, 10) == pytest.approx((0.4902, 0.9433), abs=1e-4)
    low, high = wilson(0, 20)
    assert low == pytest.approx(0.0, abs=1e-12)
    assert high == pytest.approx(0.1611, abs=1e-4)
