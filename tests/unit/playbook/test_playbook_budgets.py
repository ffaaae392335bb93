"""`budgets.yaml`: what it says, and what is told of mistakes in it."""

import pytest

from actors.playbook.budget_model import NO_BUDGETS, Period, Share
from actors.playbook.loader import compile_bundle
from tests.unit.playbook.playbook_bundles import problems_of, small_bundle

BUDGETS = """\
budgets:
  mail_week:
    description: What e-mail may cost.
    limit: 20.005
    per: {channels: [email]}
    period: week
    pacing: {evenly: true, slack: 0.1}
  tasks:
    limit: 40
    unit: count
    period: {rolling: {window: P7D, bucket: P1D}}
  spring:
    limit: 100
    period: {from: '2027-03-01', until: '2027-03-31'}
  each:
    period: month
    perCustomer: {shareOfValue: 0.05, atLeast: 0.5, atMost: 20}
"""


def compiled(text=BUDGETS):
    return compile_bundle({**small_bundle(), "budgets.yaml": text}).budgets


def test_without_the_file_nothing_is_limited():
    assert not compile_bundle(small_bundle()).budgets
    assert not NO_BUDGETS


def test_limits_are_kept_in_thousandths_of_the_minor_unit_or_of_one():
    budgets = compiled()

    assert [each.name for each in budgets.shared] == ["mail_week", "tasks", "spring"]
    assert [each.limit for each in budgets.all] == [2_000_500, 40_000, 10_000_000, None]
    assert budgets.named("each").share == Share(0.05, 50_000, 2_000_000)
    assert [each.name for each in budgets.own] == ["each"]
    assert budgets.named("nothing") is None


def test_periods_are_calendars_rolling_windows_and_dates_with_their_last_day():
    budgets = compiled()
    day = 86_400_000

    assert budgets.named("mail_week").period == Period("week")
    assert budgets.named("tasks").period == Period("rolling", 7 * day, day)
    spring = budgets.named("spring").period
    assert round((spring.until_ms - spring.from_ms) / day) == 31


def test_pacing_has_a_slack_and_may_be_switched_off():
    assert compiled().named("mail_week").slack == 0.1
    assert compiled().named("tasks").slack is None
    off = BUDGETS.replace("evenly: true", "evenly: false")
    assert compiled(off).named("mail_week").slack is None


@pytest.mark.parametrize(
    ("old", "new", "place", "text"),
    [
        ("[email]", "[emial]", "5:22", "unknown channel 'emial'"),
        ("per: {channels: [email]}", "per: {actions: [a/b/c]}", "5:21", "unknown action 'a/b/c'"),
        ("per: {channels: [email]}", "per: {segments: [vip]}", "5:22", "unknown segment 'vip'"),
        ("per: {channels: [email]}", "per: {campaigns: [x]}", "5:23", "unknown campaign 'x'"),
        ("[email]", "[email, email]", "5:29", "channel 'email' is listed twice"),
        ("period: week", "period: weak", "6:13", "did you mean 'week'"),
        ("period: month", "period: total\n    pacing: {}", "16:5", "period that ends"),
        ("limit: 40", "limit: 40.5", "9:5", "whole number"),
        ("    limit: 100\n", "", "13:5", "expected a 'limit'"),
        ("window: P7D", "window: P7DT1H", "11:23", "whole number of buckets"),
        ("until: '2027-03-31'", "until: '2027-02-31'", "14:41", "expected a date"),
        ("until: '2027-03-31'", "until: '2027-02-01'", "14:13", "not to be before"),
        ("shareOfValue: 0.05", "shareOfValue: 1.5", "17:33", "1 or less"),
        ("atMost: 20", "atMost: 0.1", "17:18", "not to be below"),
        ("unit: count", "unit: pieces", "10:11", ""),
    ],
)
def test_mistakes_are_told_at_their_place(old, new, place, text):
    assert BUDGETS.count(old) == 1

    problems = problems_of({**small_bundle(), "budgets.yaml": BUDGETS.replace(old, new)})

    assert any(text in each for each in problems), problems
    assert any(each.startswith(f"budgets.yaml:{place}") for each in problems), problems
