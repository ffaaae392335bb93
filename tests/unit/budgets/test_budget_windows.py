"""When a budget's period begins and ends, how much of it an even pace leaves, and what a message takes."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from actors.domain.budgets import FOR_EVER_MS
from actors.playbook.budget_model import Budget, Period, Share
from actors.policies.budgets import (
    charge,
    from_ledger,
    share_limit,
    short_of,
    span_of,
    take,
    to_ledger,
    uses_now,
    uses_of,
    window_of,
)
from tests.builders import BANNER, REMINDER, make_playbook

HOUR, DAY = 3_600_000, 86_400_000
BERLIN, CAIRO = "Europe/Berlin", "Africa/Cairo"


def at(text, zone=BERLIN):
    return round(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp() * 1000)


def budget(period="day", limit=1000, **more):
    given = {"unit": "money", "share": None} | more
    return Budget(name="b", limit=limit, period=Period(period), **given)


@pytest.mark.parametrize(
    ("kind", "now", "first", "end"),
    [
        ("day", "2027-05-05T13:00", "2027-05-05T00:00", "2027-05-06T00:00"),
        ("day", "2027-05-05T00:00", "2027-05-05T00:00", "2027-05-06T00:00"),
        ("week", "2027-05-09T23:59", "2027-05-03T00:00", "2027-05-10T00:00"),
        ("week", "2027-05-10T00:00", "2027-05-10T00:00", "2027-05-17T00:00"),
        ("month", "2028-02-29T12:00", "2028-02-01T00:00", "2028-03-01T00:00"),
        ("month", "2027-12-31T23:59", "2027-12-01T00:00", "2028-01-01T00:00"),
    ],
)
def test_calendar_periods_begin_at_local_midnight(kind, now, first, end):
    assert span_of(Period(kind), BERLIN, at(now)) == (at(first), at(first), at(end))


@pytest.mark.parametrize(("day", "hours"), [("2027-03-28", 23), ("2027-10-31", 25)])
def test_a_day_on_which_the_clocks_are_moved_has_the_hours_it_has(day, hours):
    for hour in (0, 12, 23):
        first, _, end = span_of(
            Period("day"), BERLIN, at(f"{day}T00:00") + hour * HOUR - (hour > 0)
        )
        assert (first, end - first) == (at(f"{day}T00:00"), hours * HOUR)


def test_every_instant_of_two_years_is_in_the_day_that_contains_it_where_midnight_may_be_missing():
    start, end = at("2026-01-01T00:00", CAIRO), at("2028-01-01T00:00", CAIRO)
    here = start
    while here < end:
        first, _, after = span_of(Period("day"), CAIRO, here)
        assert first == here
        assert 23 * HOUR <= after - first <= 25 * HOUR
        assert span_of(Period("day"), CAIRO, after - 1)[0] == first
        here = after


def test_a_total_has_one_bucket_and_no_end():
    assert span_of(Period("total"), BERLIN, at("2027-05-05T13:00")) == (0, 0, FOR_EVER_MS)


def test_a_rolling_window_holds_every_bucket_that_it_touches():
    period = Period("rolling", window_ms=7 * DAY, bucket_ms=DAY)
    now = 100 * DAY + 5

    bucket, first, _ = span_of(period, BERLIN, now)

    assert (bucket, first) == (100 * DAY, 93 * DAY)
    assert span_of(period, BERLIN, 100 * DAY)[1] == 93 * DAY


def test_outside_its_dates_a_budget_gives_nothing():
    dates = Period("dates", from_ms=at("2027-03-01T00:00"), until_ms=at("2027-04-01T00:00"))
    spring = Budget(name="b", unit="money", limit=500, share=None, period=dates)

    limits = [
        window_of(spring, BERLIN, instant).limit
        for instant in (dates.from_ms - 1, dates.from_ms, dates.until_ms - 1, dates.until_ms)
    ]

    assert limits == [0, 500, 500, 0]


def test_an_even_pace_frees_the_limit_with_the_time_that_has_passed():
    paced = budget(limit=2400, slack=0.0)
    first = at("2027-05-05T00:00")

    found = [window_of(paced, BERLIN, first + hours * HOUR).limit for hours in (0, 6, 12, 23)]

    assert found == [0, 600, 1200, 2300]
    assert window_of(budget(limit=2400, slack=0.25), BERLIN, first).limit == 600
    assert window_of(budget(limit=2400, slack=0.25), BERLIN, first + 23 * HOUR).limit == 2400
    assert window_of(budget(limit=2400), BERLIN, first).limit == 2400


@pytest.mark.parametrize(
    ("share", "value_minor", "limit"),
    [
        (Share(0.05), 10_000, 500_000),
        (Share(0.05), 0, 0),
        (Share(0.05), -10, 0),
        (Share(0.05, at_least=70_000), 100, 70_000),
        (Share(0.05, at_most=70_000), 10_000, 70_000),
    ],
)
def test_a_customer_may_be_worth_a_share_of_the_value_predicted_within_bounds(
    share, value_minor, limit
):
    assert share_limit(share, value_minor) == limit


def test_a_budget_that_cannot_be_read_gives_nothing():
    assert short_of([("a", 1.0), ("b", 1.0)], {"a": 1.0}) == "b"
    assert short_of([], {}) == ""


def test_fractions_of_a_cent_add_up_without_drift():
    left = {"mail": 0.6}
    for _ in range(3):
        assert short_of([("mail", 0.2)], left) == ""
        take([("mail", 0.2)], left)

    assert left == {"mail": 0.0}
    assert short_of([("mail", 0.2)], left) == "mail"
    assert [to_ledger(each) for each in (0.2, 0.1 + 0.2, 1.0, 1e-7, 0.0001)] == [
        200,
        300,
        1000,
        0,
        1,
    ]
    assert from_ledger(200) == 0.2


def test_prices_are_charged_by_use_and_nothing_for_a_budget_without_one():
    assert charge([("mail", 0.5), ("calls", 1.0)], {"mail": 4.0}) == 2.0


BUDGETS = {
    "mail_money": {"limit": 10, "per": {"channels": ["email"]}, "period": "day"},
    "carts": {"limit": 5, "unit": "count", "per": {"groups": ["cart"]}, "period": "day"},
    "gold": {"limit": 5, "unit": "count", "per": {"segments": ["vip"]}, "period": "day"},
    "reminders": {"limit": 5, "unit": "count", "per": {"campaigns": ["remind"]}, "period": "day"},
    "each": {"perCustomer": {"shareOfValue": 0.1}, "per": {"purposes": ["marketing"]}},
}
BOOK = make_playbook(budgets=BUDGETS, segments={"vip": {"when": "profile.orders >= 1"}})


def test_a_message_takes_its_cost_of_money_and_one_of_a_count():
    uses = uses_of(BOOK, BOOK.action(REMINDER), "email")

    assert [(use.key, use.amount) for use in uses] == [
        ("mail_money", 1.0),
        ("carts", 1.0),
        ("gold", 1.0),
        ("reminders", 1.0),
        ("each@customer", 1.0),
    ]


def test_what_costs_nothing_takes_no_money():
    assert [use.key for use in uses_of(BOOK, BOOK.action(BANNER), "web")] == ["gold", "reminders"]


@pytest.mark.parametrize(
    ("segments", "cause", "keys"),
    [
        ((), "remind", ["reminders"]),
        (("vip",), "", ["gold"]),
        (("vip",), "remind:step:1.2", ["gold", "reminders"]),
        ((), "other", []),
    ],
)
def test_segments_and_campaigns_are_known_only_when_something_is_decided(segments, cause, keys):
    uses = uses_of(BOOK, BOOK.action(BANNER), "web")

    assert [key for key, _ in uses_now(uses, segments, cause)] == keys
