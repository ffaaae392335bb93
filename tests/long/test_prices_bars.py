"""Shadow prices on campaigns with a known optimum reach their bars, and overspend in no order."""

import pytest

pytest.importorskip("scipy", reason="the solver is in the extra fit")

from scripts.pricing.evaluation import LEARNED, WHOLE, evaluate

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def rows():
    return evaluate(8)["rows"]


def test_prices_learned_on_the_way_reach_95_percent_with_500_messages_and_90_with_200(rows):
    worst = {
        row["contacts"]: row["worst"]
        for row in rows
        if (row["order"], row["prices"]) == ("random", LEARNED)
    }

    assert worst[500] >= 0.95
    assert worst[200] >= 0.90


def test_prices_of_the_whole_campaign_reach_99_percent_in_every_order(rows):
    found = [row["worst"] for row in rows if row["prices"] == WHOLE]

    assert len(found) == 6
    assert min(found) >= 0.99


def test_nothing_is_overspent_in_any_order_and_the_regret_is_told(rows):
    assert [row["overspent"] for row in rows] == [0] * len(rows)
    assert all(row["regret"] == pytest.approx(1 - row["mean"]) for row in rows)
