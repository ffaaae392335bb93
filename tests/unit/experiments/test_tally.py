"""What counts, in which arm, and for how long."""

import pytest

from actors.experiments.report import report
from actors.experiments.tally import Tally
from tests.builders import DAY, HOUR, NOW
from tests.unit.experiments.experiment_books import experiments_of, split

BOOK = experiments_of({"outer": split(), "test": split(within="outer", control="b")})
TEST, OUTER = BOOK.by_name["test"], BOOK.by_name["outer"]
VISIT, ORDER, REVENUE = 0, 1, 2
LATER = NOW + 14 * DAY


@pytest.fixture
def tally() -> Tally:
    return Tally(BOOK)


def bought(tally, number, total, at_ms):
    tally.event(number, "Order Completed", at_ms, {"total": total})


def units(tally, experiment=TEST):
    return [(unit.arm, *unit.values) for unit in tally.cohort(experiment, BOOK).units]


def test_outcomes_count_from_the_first_reach_until_the_horizon(tally):
    bought(tally, 1, 100, NOW)
    tally.reach(1, 5, "test", "a", NOW)
    assert units(tally) == [("a", 0.0, 0.0, 0.0)]

    bought(tally, 1, 7, NOW - 1)  # heard of late
    bought(tally, 1, 10, NOW + HOUR)
    bought(tally, 1, "2.5", NOW + 14 * DAY - 1)
    bought(tally, 1, 1000, NOW + 14 * DAY)

    assert units(tally) == [("a", 1.0, 1.0, 12.5)]


def test_a_second_reach_changes_neither_arm_nor_time(tally):
    tally.reach(1, 5, "test", "a", NOW)
    tally.reach(1, 9, "test", "b", NOW + DAY)

    assert [(u.arm, u.reached_at_ms) for u in tally.cohort(TEST, BOOK).units] == [("a", NOW)]


def test_any_event_is_a_visit_but_those_that_are_not_the_customers(tally):
    tally.reach(1, 1, "test", "a", NOW)
    tally.reach(2, 1, "test", "a", NOW)
    tally.event(1, "Campaign Assigned", NOW + 1, {})
    tally.event(2, "type:page", NOW + 1, {})

    assert units(tally) == [("a", 0.0, 0.0, 0.0), ("a", 1.0, 0.0, 0.0)]


@pytest.mark.parametrize("total", ["much", None, True, float("nan"), 1e300, [1]])
def test_an_amount_that_is_none_adds_nothing(tally, total):
    tally.reach(1, 1, "test", "a", NOW)
    bought(tally, 1, total, NOW + 1)

    assert units(tally) == [("a", 1.0, 1.0, 0.0)]


def test_whoever_is_merged_across_arms_is_left_out_and_counted_until_parted_again(tally):
    tally.reach(1, 1, "test", "a", NOW)
    tally.reach(2, 1, "test", "b", NOW)
    tally.merge(1, 2)
    assert (units(tally), tally.cohort(TEST, BOOK).mixed) == ([], 1)

    tally.unmerge(1, 2, [])
    assert [arm for arm, *_ in units(tally)] == ["a", "b"]
    assert tally.cohort(TEST, BOOK).mixed == 0


def test_whoever_is_merged_within_an_arm_is_one_since_the_earlier(tally):
    tally.reach(1, 1, "test", "a", NOW + DAY)
    tally.reach(2, 1, "test", "a", NOW)
    bought(tally, 2, 3, NOW + HOUR)
    bought(tally, 1, 4, NOW + 2 * DAY)
    tally.merge(1, 2)
    bought(tally, 1, 5, NOW + 3 * DAY)

    assert units(tally) == [("a", 1.0, 1.0, 12.0)]
    assert tally.cohort(TEST, BOOK).units[0].reached_at_ms == NOW


def test_events_after_a_merge_count_for_the_one_of_both_who_is_in_it(tally):
    tally.reach(2, 1, "test", "a", NOW)
    tally.merge(1, 2)
    bought(tally, 1, 5, NOW + DAY)

    assert units(tally) == [("a", 1.0, 1.0, 5.0)]


def test_whoever_is_mixed_in_an_outer_experiment_is_left_out_of_those_within(tally):
    for number, arm in ((1, "a"), (2, "b")):
        tally.reach(number, 1, "outer", arm, NOW)
    tally.reach(1, 1, "test", "a", NOW)
    tally.merge(1, 2)

    assert tally.cohort(TEST, BOOK).mixed == 1
    assert tally.cohort(OUTER, BOOK).mixed == 1


def test_a_reach_that_turns_out_to_be_the_others_goes_there(tally):
    tally.merge(1, 2)
    tally.reach(1, 7, "test", "a", NOW)
    tally.unmerge(1, 2, [7])
    bought(tally, 2, 5, NOW + DAY)

    assert units(tally) == [("a", 1.0, 1.0, 5.0)]
    assert list(tally.units("test")) == [2]


def test_whoever_is_erased_counts_nowhere(tally):
    tally.reach(1, 1, "test", "a", NOW)
    tally.reach(2, 1, "test", "a", NOW)
    tally.merge(1, 2)
    tally.erase(1)

    assert units(tally) == []


def test_the_report_compares_those_whose_horizon_has_passed_with_the_control(tally):
    for number in range(60):
        tally.reach(number, 1, "test", "ab"[number % 2], NOW)
        if number % 2 == 0 or number % 3 == 0:
            bought(tally, number, 10, NOW + DAY)
    tally.reach(99, 1, "test", "a", NOW + DAY)

    found = report(TEST, BOOK, tally.cohort(TEST, BOOK), LATER)

    a, b = found["arms"]
    assert (a["reached"], a["complete"], b["reached"], b["complete"]) == (31, 30, 30, 30)
    assert a["outcomes"]["order"]["mean"] == 1.0
    assert b["outcomes"]["revenue"] == {
        "mean": 10 / 3,
        "sum": 100.0,
        "se": pytest.approx(0.8754, abs=1e-4),
    }
    rows = {row["outcome"]: row for row in found["differences"]}
    assert rows["revenue"]["difference"] == pytest.approx(20 / 3)
    assert (rows["revenue"]["arm"], rows["revenue"]["control"]) == ("a", "b")
    always = rows["revenue"]["anytime"]
    assert always["low"] < rows["revenue"]["low"] < rows["revenue"]["high"] < always["high"]
    assert found["sampleRatio"]["flagged"] is False


def test_arms_of_the_wrong_size_are_flagged(tally):
    for number in range(400):
        tally.reach(number, 1, "test", "a" if number % 3 else "b", NOW)

    found = report(TEST, BOOK, tally.cohort(TEST, BOOK), NOW)

    assert found["sampleRatio"]["flagged"] is True
    assert found["differences"] == []  # nobody's horizon has passed


def test_an_arm_that_is_gone_is_counted_apart(tally):
    tally.reach(1, 1, "test", "c", NOW)

    cohort = tally.cohort(TEST, BOOK)

    assert (cohort.units, cohort.unknown) == ([], 1)
