import pytest

from actors.domain.habits import local_hours, preferred_hours, total_hours
from actors.domain.histories import Ledger, Service, Voice
from actors.domain.loyalty import STAGES, gap_ms, loyalty_stage, quantile_score, rfm
from actors.domain.profile import Profile, Purchases
from tests.builders import DAY, HOUR, NOW


def buyer(orders, first_days_ago=0, last_days_ago=0, **parts):
    book = Purchases(orders, 0, 0, 0, NOW - first_days_ago * DAY, NOW - last_days_ago * DAY)
    return Profile(purchases=book if orders else Purchases(), **parts)


@pytest.mark.parametrize(
    ("profile", "stage"),
    [
        (Profile(), "prospect"),
        (Profile(voice=Voice(referrals=1)), "prospect"),
        (buyer(1, 900, 900), "first_time_buyer"),
        (buyer(2, 9), "repeat_buyer"),
        (buyer(4, 90), "repeat_buyer"),
        (buyer(5, 90), "client"),
        (buyer(5, 90, voice=Voice(reviews=1)), "client"),
        (buyer(5, 90, voice=Voice(praises=1)), "supporter"),
        (buyer(5, 90, service=Service(last_rating=4)), "supporter"),
        (buyer(5, 90, service=Service(last_rating=3)), "client"),
        (buyer(5, 90, voice=Voice(referrals=1)), "advocate"),
        (buyer(5, 90, voice=Voice(referrals_converted=1)), "advocate"),
        (
            buyer(5, 90, voice=Voice(referrals=1, praises=2), service=Service(last_rating=2)),
            "client",
        ),
    ],
)
def test_the_rung_is_known_from_orders_and_from_what_she_says(profile, stage):
    assert loyalty_stage(profile, NOW) == stage
    assert stage in STAGES


def test_a_client_lapses_by_her_own_rhythm():
    yearly = buyer(5, 5 * 365, 365)
    weekly = buyer(53, 52 * 7 + 31, 31)
    hasty = buyer(5, 30, 29)

    assert [loyalty_stage(p, NOW) for p in (yearly, weekly, hasty)] == [
        "client",
        "repeat_buyer",
        "client",
    ]
    assert loyalty_stage(yearly, NOW + 3 * 365 * DAY) == "repeat_buyer"
    assert loyalty_stage(hasty, NOW + 2 * DAY) == "repeat_buyer"


def test_recency_frequency_and_value_leave_the_first_order_out_of_the_repeats():
    book = Purchases(3, 1, 9, 9_000, NOW - 30 * DAY, NOW - 10 * DAY)
    ledger = Ledger(NOW - 25 * DAY, first_order_minor=4_000, refunded_minor=1_000)

    found = rfm(Profile(purchases=book, ledger=ledger), NOW)

    assert (found.orders, found.since_last_ms, found.spend_minor) == (3, 10 * DAY, 9_000)
    assert (found.gap_ms, found.mean_gap_ms) == (15 * DAY, 10 * DAY)
    assert (found.mean_order_minor, found.mean_repeat_minor) == (10_000 / 3, 3_000)


def test_before_any_order_there_is_nothing_to_measure():
    found = rfm(Profile(), NOW)

    assert (found.orders, found.since_last_ms, found.mean_gap_ms) == (0, 0, 0.0)
    assert gap_ms(Profile()) == 0


@pytest.mark.parametrize(("value", "more", "less"), [(0, 1, 5), (10, 1, 5), (11, 2, 4), (99, 5, 1)])
def test_a_score_says_in_which_fifth_a_value_lies(value, more, less):
    quintiles = [10, 20, 30, 40]

    assert quantile_score(value, quintiles) == more
    assert quantile_score(value, quintiles, less_is_more=True) == less


def test_hours_are_shown_where_the_customer_is_and_the_busiest_half_is_preferred():
    web, app = [0] * 24, [0] * 24
    web[23], web[0], app[12] = 6, 3, 3

    local = local_hours(total_hours([web, app]), -5 * HOUR)

    assert {h: n for h, n in enumerate(local) if n} == {18: 6, 19: 3, 7: 3}
    assert preferred_hours(local) == [18]
    local[18] = 5
    assert preferred_hours(local) == [18, 7]
    assert preferred_hours([0] * 24) == []
    assert preferred_hours([1] * 24) == [0, 1, 2, 3, 4, 5]
