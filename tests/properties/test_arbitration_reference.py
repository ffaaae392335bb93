import pytest

from actors.decisioning import arbitration
from actors.decisioning.single import choose_single
from tests.reference.random_decisions import differences


def test_columns_decide_as_one_object_a_bid_does():
    compared, voted, several = differences(seed=1, books=6, decisions=25)

    assert compared == 150
    assert voted > 25
    assert several > 25


@pytest.mark.python_core
def test_the_short_way_decides_as_the_long_one(monkeypatch):
    taken = []

    def noted(*given):
        taken.append(choose_single(*given))
        return taken[-1]

    monkeypatch.setattr(arbitration, "choose_single", noted)
    compared, voted, _ = differences(seed=3, books=12, decisions=30, short=True)

    short = [choice for choice in taken if choice is not None]
    assert compared == len(taken) == 360
    assert voted > 40
    assert len(short) > 60
    assert sum(len(choice.rows) > 1 and choice.draws[0].vectors > 0 for choice in short) > 15
