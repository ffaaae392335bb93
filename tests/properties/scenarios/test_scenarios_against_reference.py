"""The engine of scenarios equals a slow interpreter that was written from its description alone."""

from collections import Counter

import pytest

from actors.playbook.scenario_model import Clock, Date, Window
from tests.properties.scenarios.cases import life
from tests.properties.scenarios.drive import Drive
from tests.properties.scenarios.planting import found_after, plant
from tests.properties.scenarios.shrink import difference, shrunk, told
from tests.properties.scenarios.test_planted_bugs import ELEMENTS

CASES = 300
KINDS = {
    *("Wait", "WaitUntil", "Listen", "Filter", "Branch", "Split", "Fork", "Join", "Repeat"),
    *("Propose", "Update", "Thread", "Emit", "Call", "End"),
}
HAPPENED = {
    *("started", "entered", "passed", "sent", "lost", "refused", "held", "expired"),
    *("skipped", "moved", "goal", "stopped", "ended"),
}


def test_the_engine_equals_the_reference():
    said = Counter()
    for seed in range(CASES):
        case = life(seed)
        drive = Drive(case)
        try:
            drive.run()
        except AssertionError:
            smallest = shrunk(case)
            pytest.fail(told(smallest, difference(smallest)))
        said.update(line.what for line in drive.lines)

    assert {what for what, times in said.items() if times >= 10} == HAPPENED


def test_lives_have_all_kinds_of_steps():
    found = Counter()
    moments = Counter()
    for seed in range(CASES):
        for scenario in life(seed).books[0]:
            found.update(type(step).__name__ for step in scenario.steps.values())
            moments.update(type(s.moment) for s in scenario.steps.values() if hasattr(s, "moment"))

    assert {kind for kind, times in found.items() if times >= 50} == KINDS
    assert {kind for kind, times in moments.items() if times >= 50} == {Clock, Date, Window}


def test_a_seed_gives_the_same_life():
    assert told_of(life(7)) == told_of(life(7)) != told_of(life(8))


@pytest.mark.python_core
def test_a_difference_is_made_small_and_told_with_its_seed(monkeypatch):
    bug = next(bug for bug in ELEMENTS if bug.name == "repeat once more")
    plant(bug, monkeypatch)
    seed = found_after(CASES) - 1

    smallest = shrunk(life(seed))

    assert len(smallest.ops) <= 4
    assert sum(len(scenario.steps) for scenario in smallest.books[0]) <= 4
    text = told(smallest, difference(smallest))
    assert f"seed {seed}: lines differ" in text
    assert "Repeat(" in text


def told_of(case):
    return told(case, AssertionError("nothing", 0, 0))
