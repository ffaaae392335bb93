import pytest

from tests.reference.random_decisions import differences

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


def test_columns_decide_as_one_object_a_bid_does_in_thousands_of_decisions():
    compared, voted, several = differences(seed=2, books=200, decisions=30)

    assert compared == 6_000
    assert voted > 1_000
    assert several > 1_000
