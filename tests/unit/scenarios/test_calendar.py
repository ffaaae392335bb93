"""Cases of the calendar that one can check against a clock on the wall."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from actors.playbook.scenario_model import Clock, Date, Hours, Window
from actors.scenarios.calendar import next_moment, place_zone, read_date

NEW_YORK, BERLIN, APIA = "America/New_York", "Europe/Berlin", "Pacific/Apia"
OFFICE = {
    "office": Hours(name="office", weekdays=frozenset(range(5)), opens=540, closes=1020),
    "night": Hours(name="night", weekdays=frozenset({4}), opens=22 * 60, closes=6 * 60),
    "berlin": Hours(
        name="berlin", weekdays=frozenset(range(5)), opens=540, closes=1020, zone=BERLIN
    ),
    "all_day": Hours(name="all_day", weekdays=frozenset({5}), opens=0, closes=0),
}


def at(text, zone=NEW_YORK, fold=0):
    local = datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=fold)
    return round(local.timestamp() * 1000)


def shown(at_ms, zone=NEW_YORK):
    return datetime.fromtimestamp(at_ms / 1000, ZoneInfo(zone)).isoformat(timespec="minutes")


def clock(text, *weekdays):
    hour, minute = text.split(":")
    return Clock(minute=int(hour) * 60 + int(minute), weekdays=frozenset(weekdays))


def dated(**how):
    return Date(path="profile.traits", key="birthday", **how)


def test_a_time_that_is_now_is_at_once_and_a_moment_later_is_tomorrow():
    nine = at("2026-05-04T09:00")

    assert next_moment(clock("9:00"), nine, NEW_YORK, {}, "") == nine
    assert next_moment(clock("9:00"), nine + 1, NEW_YORK, {}, "") == nine + 86_400_000


def test_a_time_that_the_clocks_jump_over_is_when_they_jump():
    found = next_moment(clock("2:30"), at("2026-03-07T12:00"), NEW_YORK, {}, "")

    assert shown(found) == "2026-03-08T03:00-04:00"


def test_a_time_that_comes_twice_is_the_first_and_not_again_an_hour_later():
    first = next_moment(clock("1:30"), at("2026-10-31T12:00"), NEW_YORK, {}, "")
    second = next_moment(clock("1:30"), first + 1, NEW_YORK, {}, "")

    assert shown(first) == "2026-11-01T01:30-04:00"
    assert shown(second) == "2026-11-02T01:30-05:00"


def test_half_an_hour_of_summer_time_is_jumped_over_in_lord_howe():
    zone = "Australia/Lord_Howe"

    found = next_moment(clock("2:15"), at("2026-10-03T12:00", zone), zone, {}, "")

    assert shown(found, zone) == "2026-10-04T02:30+11:00"


def test_kathmandu_has_its_quarter_of_an_hour():
    zone = "Asia/Kathmandu"

    found = next_moment(clock("9:00"), at("2026-06-01T09:01", zone), zone, {}, "")

    assert shown(found, zone) == "2026-06-02T09:00+05:45"


def test_on_a_day_that_a_zone_left_out_no_clock_strikes():
    before = at("2011-12-29T12:00", APIA)

    assert shown(next_moment(clock("9:00"), before, APIA, {}, ""), APIA)[:16] == "2011-12-31T09:00"
    friday = next_moment(clock("9:00", 4), before, APIA, {}, "")
    assert shown(friday, APIA)[:16] == "2012-01-06T09:00"


def test_a_date_on_a_day_that_a_zone_left_out_is_the_instant_after_it():
    found = next_moment(dated(minute=540), at("2011-12-01T00:00", APIA), APIA, {}, "2011-12-30")

    assert shown(found, APIA)[:16] == "2011-12-31T00:00"


def test_an_anniversary_on_the_last_day_of_a_year_that_was_left_out_is_new_year():
    zone = "Pacific/Kiritimati"  # left out 31 December 1994
    new_year = at("1995-01-01T00:00", zone)

    assert next_moment(dated(yearly=True), new_year, zone, {}, "1980-12-31") == new_year


def test_a_zone_that_nobody_knows_is_utc():
    found = next_moment(clock("9:00"), 0, "Mars/Olympus", {}, "")

    assert found == 9 * 3_600_000


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        ("2026-02-01T00:00", "2026-02-28T09:00"),
        ("2028-02-01T00:00", "2028-02-29T09:00"),
        ("2026-02-28T09:01", "2027-02-28T09:00"),
    ],
)
def test_those_born_on_leap_day_have_their_birthday_every_year(now, expected):
    moment = dated(minute=540, yearly=True)

    for text in ("2000-02-29", "--02-29", "02-29"):
        assert shown(next_moment(moment, at(now), NEW_YORK, {}, text))[:16] == expected


def test_three_days_before_a_birthday_at_new_year_is_in_the_old_year():
    moment = dated(minute=540, days=-3, yearly=True)

    assert shown(next_moment(moment, at("2026-12-30T09:00"), NEW_YORK, {}, "1980-01-02"))[:16] == (
        "2026-12-30T09:00"
    )
    assert shown(next_moment(moment, at("2026-12-30T09:01"), NEW_YORK, {}, "1980-01-02"))[:16] == (
        "2027-12-30T09:00"
    )


def test_a_yearly_date_in_the_future_is_waited_for():
    moment = dated(yearly=True)

    found = next_moment(moment, at("2026-01-01T00:00"), NEW_YORK, {}, "2031-07-01")

    assert shown(found)[:10] == "2031-07-01"


def test_a_date_that_is_past_is_never_again_and_one_without_a_year_only_yearly():
    now = at("2026-05-04T09:00")

    assert next_moment(dated(minute=540), now + 1, NEW_YORK, {}, "2026-05-04") is None
    assert next_moment(dated(minute=540), now, NEW_YORK, {}, "2026-05-04") == now
    assert next_moment(dated(), now, NEW_YORK, {}, "--12-24") is None


@pytest.mark.parametrize(
    "text",
    ["", "soon", "2026-02-30", "2025-02-29", "2026-13-01", "2026-1-1", "02-30", "2026-03-01x"],
)
def test_what_is_no_date_is_no_moment(text):
    assert next_moment(dated(yearly=True), 0, NEW_YORK, {}, text) is None


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("2026-03-01", (2026, 3, 1)),
        (" 2026-03-01 ", (2026, 3, 1)),
        ("2026-03-01T23:59:59.999Z", (2026, 3, 1)),
        ("2026-03-01 23:59+05:45", (2026, 3, 1)),
        ("--03-01", (None, 3, 1)),
        ("03-01", (None, 3, 1)),
        ("-03-01", None),
    ],
)
def test_dates_are_read_as_they_are_written(text, parts):
    assert read_date(text) == parts


def test_a_date_further_than_calendars_reach_is_no_moment():
    moment = dated(days=10, yearly=True)

    assert next_moment(moment, at("9999-12-30T00:00"), NEW_YORK, {}, "2000-12-31") is None
    assert next_moment(clock("9:00"), 10**17, NEW_YORK, {}, "") is None


@pytest.mark.parametrize(
    ("window", "now", "expected"),
    [
        ("office", "2026-05-04T08:59", "2026-05-04T09:00-04:00"),
        ("office", "2026-05-04T12:00", "2026-05-04T12:00-04:00"),
        ("office", "2026-05-04T17:00", "2026-05-05T09:00-04:00"),
        ("office", "2026-05-08T17:00", "2026-05-11T09:00-04:00"),
        ("night", "2026-05-09T05:59", "2026-05-09T05:59-04:00"),
        ("night", "2026-05-09T06:00", "2026-05-15T22:00-04:00"),
        ("berlin", "2026-05-04T02:00", "2026-05-04T03:00-04:00"),
        ("all_day", "2026-05-09T23:59", "2026-05-09T23:59-04:00"),
        ("all_day", "2026-05-10T00:00", "2026-05-16T00:00-04:00"),
        # The clocks go forward at two in this night, and back in that.
        ("night", "2027-03-13T05:59", "2027-03-13T05:59-05:00"),
    ],
)
def test_business_hours_are_at_once_when_open_and_else_when_they_open(window, now, expected):
    found = next_moment(Window(name=window), at(now), NEW_YORK, OFFICE, "")

    assert shown(found) == expected


def test_hours_that_the_clocks_jump_over_do_not_open_that_day():
    short = {"w": Hours(name="w", weekdays=frozenset({6}), opens=130, closes=170)}

    found = next_moment(Window(name="w"), at("2026-03-07T12:00"), NEW_YORK, short, "")

    assert shown(found) == "2026-03-15T02:10-04:00"


def test_hours_do_not_close_and_open_again_within_a_repeated_hour():
    night = {"w": Hours(name="w", weekdays=frozenset({6}), opens=90, closes=180)}
    again = at("2026-11-01T01:15", fold=1)

    assert next_moment(Window(name="w"), again, NEW_YORK, night, "") == again


def test_hours_that_are_not_declared_are_never_open():
    assert next_moment(Window(name="nobody"), 0, NEW_YORK, OFFICE, "") is None


@pytest.mark.parametrize(
    ("country", "region", "zone"),
    [
        ("DE", "", BERLIN),
        ("de", "BY", BERLIN),
        ("US", "", None),
        ("US", "NY", NEW_YORK),
        ("us", "us-ny", NEW_YORK),
        ("US", "TX", None),
        ("CA", "AB", "America/Edmonton"),
        ("CA", "ON", None),
        ("AU", "VIC", "Australia/Melbourne"),
        ("AU", "NSW", None),
        ("ES", "CN", "Atlantic/Canary"),
        ("", "", None),
        ("XX", "NY", None),
    ],
)
def test_a_place_has_a_zone_when_all_of_it_has_the_same(country, region, zone):
    assert place_zone(country, region) == zone
