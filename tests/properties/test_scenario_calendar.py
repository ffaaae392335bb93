"""Moments on a wall clock are those that somebody finds who watches the clock minute by minute."""

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from actors.playbook.scenario_model import Clock, Date, Hours, Window
from actors.scenarios.calendar import next_moment

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
DAY_MS = 86_400_000

# Around what, in which zone: both changes of the clocks, jumps at midnight, days left out, year ends.
PLACES = [
    ("America/New_York", "2026-03-08"),
    ("America/New_York", "2026-11-01"),
    ("America/New_York", "2026-12-31"),
    ("Europe/Berlin", "2026-03-29"),
    ("Europe/Berlin", "2026-10-25"),
    ("Europe/Berlin", "2024-02-29"),
    ("Australia/Lord_Howe", "2026-04-05"),  # half an hour
    ("Australia/Lord_Howe", "2026-10-04"),
    ("Asia/Kathmandu", "2027-12-31"),  # +05:45
    ("Africa/Casablanca", "2026-02-15"),  # back in Ramadan
    ("Africa/Casablanca", "2026-03-22"),
    ("America/Sao_Paulo", "2018-11-04"),  # from 0:00 to 1:00
    ("America/Sao_Paulo", "2018-02-18"),  # from 0:00 back to 23:00 of the day before
    ("America/St_Johns", "2010-11-07"),  # from 0:01 back to 23:01 of the day before
    ("America/Nuuk", "2023-03-25"),
    ("America/Nuuk", "2024-03-30"),  # 23:00 becomes 0:00 of the next day
    ("Antarctica/Troll", "2026-03-29"),  # two hours
    ("Antarctica/Troll", "2026-10-25"),
    ("Pacific/Apia", "2011-12-30"),  # a Friday that never was
    ("Pacific/Apia", "2011-04-02"),
]


def of_ms(at_ms, zone):
    return (EPOCH + timedelta(milliseconds=at_ms)).astimezone(ZoneInfo(zone))


def start_ms(text):
    return (date.fromisoformat(text).toordinal() - EPOCH.toordinal()) * DAY_MS


@lru_cache(maxsize=4_000)
def shown(zone, day):
    """Write down what the clock shows each minute, from the day before to the day after.

    No zone is a day away from UTC, so that all of its day is among them.
    """
    begins = datetime.combine(day, datetime.min.time(), UTC) - timedelta(days=1)
    instants = [begins + timedelta(minutes=minutes) for minutes in range(3 * 1440)]
    local = ZoneInfo(zone)
    return [(instant, instant.astimezone(local).replace(tzinfo=None)) for instant in instants]


def watched(zone, day, minute):
    """Return when the clock first shows that day's minute, or more."""
    wanted = datetime.combine(day, datetime.min.time()) + timedelta(minutes=minute)
    instant = next(instant for instant, wall in shown(zone, day) if wall >= wanted)
    return (instant - EPOCH) // timedelta(milliseconds=1)


@lru_cache(maxsize=4_000)
def exists(zone, day):
    return any(wall.date() == day for _, wall in shown(zone, day))


def days_from(after_ms, zone, ahead=20):
    first = of_ms(after_ms, zone).date() - timedelta(days=2)
    return [first + timedelta(days=n) for n in range(ahead)]


def next_clock(after_ms, zone, minute, weekdays):
    return min(
        at_ms
        for day in days_from(after_ms, zone)
        if (not weekdays or day.weekday() in weekdays) and exists(zone, day)
        for at_ms in [watched(zone, day, minute)]
        if at_ms >= after_ms
    )


def next_open(after_ms, zone, opens, closes, weekdays):
    found = []
    for day in days_from(after_ms, zone):
        if day.weekday() not in weekdays or not exists(zone, day):
            continue
        last = day if closes > opens else day + timedelta(days=1)
        span = (watched(zone, day, opens), watched(zone, last, closes))
        if span[0] < span[1] and after_ms < span[1]:
            found.append(max(after_ms, span[0]))
    return min(found)


def next_anniversary(after_ms, zone, born, days, minute):
    for day in days_from(after_ms, zone, 800):
        of = day - timedelta(days=days)
        leap = of.year % 4 == 0 and (of.year % 100 != 0 or of.year % 400 == 0)
        on = (born.month, born.day)
        if on == (2, 29) and not leap:
            on = (2, 28)
        if (of.month, of.day) == on and of >= born:
            at_ms = watched(zone, day, minute)
            if at_ms >= after_ms:
                return at_ms
    return None


places = st.sampled_from(PLACES)
# From four days before to two after, often at and right beside a whole quarter of an hour.
offsets = st.one_of(
    st.integers(-4 * DAY_MS, 2 * DAY_MS),
    st.builds(
        lambda quarter, beside: quarter * 900_000 + beside,
        st.integers(-150, 200),
        st.sampled_from([-1, 0, 0, 1, 59_999]),
    ),
)
minutes = st.one_of(
    st.sampled_from([0, 30, 60, 90, 119, 120, 150, 1380, 1439]), st.integers(0, 1439)
)
weekdays = st.frozensets(st.integers(0, 6))


@pytest.mark.slow
@given(places, offsets, minutes, weekdays)
@example(("America/New_York", "2026-03-08"), 0, 150, frozenset())
@example(("America/New_York", "2026-11-01"), 5 * 3_600_000 + 1_800_001, 90, frozenset())
@example(("Pacific/Apia", "2011-12-30"), 0, 540, frozenset({4}))
@example(("America/Nuuk", "2024-03-30"), 25 * 3_600_000, 1410, frozenset({5}))
def test_a_time_of_day_is_the_first_that_a_watched_clock_shows(place, offset, minute, days):
    zone, around = place
    after_ms = start_ms(around) + offset

    found = next_moment(Clock(minute=minute, weekdays=days), after_ms, zone, {}, "")

    assert found == next_clock(after_ms, zone, minute, days)


@pytest.mark.slow
@given(places, offsets, minutes, minutes, weekdays.filter(bool))
@example(("America/New_York", "2026-03-08"), 0, 130, 150, frozenset({6}))
@example(("Pacific/Apia", "2011-12-30"), 8 * 3_600_000, 1320, 360, frozenset({3, 4}))
@example(("Pacific/Apia", "2011-12-30"), 9 * 3_600_000, 1320, 360, frozenset({4}))
def test_hours_are_open_when_a_watched_clock_is_between(place, offset, opens, closes, days):
    zone, around = place
    after_ms = start_ms(around) + offset
    if 0 <= closes - opens <= 120 and len(days) == 1:
        closes = (closes + 180) % 1440  # never shorter than what the clocks may jump over
    hours = {"w": Hours(name="w", weekdays=days, opens=opens, closes=closes)}

    found = next_moment(Window(name="w"), after_ms, zone, hours, "")

    assert found == next_open(after_ms, zone, opens, closes, days)


@given(
    places,
    offsets,
    st.dates(date(1920, 1, 1), date(2030, 1, 1)),
    st.integers(-40, 40),
    minutes,
)
@example(("Europe/Berlin", "2024-02-29"), 0, date(2000, 2, 29), 0, 540)
@example(("Europe/Berlin", "2026-03-29"), -30 * DAY_MS, date(2000, 2, 29), 29, 150)
@example(("America/New_York", "2026-12-31"), 0, date(1990, 1, 2), -3, 540)
def test_an_anniversary_is_the_next_that_a_leafed_calendar_has(place, offset, born, days, minute):
    zone, around = place
    after_ms = start_ms(around) + offset
    moment = Date(path="profile.traits", key="b", days=days, minute=minute, yearly=True)

    found = next_moment(moment, after_ms, zone, {}, born.isoformat())

    expected = next_anniversary(after_ms, zone, born, days, minute)
    # Somebody who leafs through two years does not get to a date further away.
    if expected is None:
        assert found >= after_ms + 700 * DAY_MS
    else:
        assert found == expected


@given(places, offsets, st.integers(-3, 3), st.integers(-400, 400), minutes)
def test_a_date_is_that_day_or_never_again(place, offset, beside, days, minute):
    zone, around = place
    after_ms = start_ms(around) + offset
    day = date.fromisoformat(around) + timedelta(days=beside)
    text = (day - timedelta(days=days)).isoformat()
    moment = Date(path="profile.traits", key="b", days=days, minute=minute)

    found = next_moment(moment, after_ms, zone, {}, text)

    at_ms = watched(zone, day, minute)
    assert found == (at_ms if at_ms >= after_ms else None)


@pytest.mark.parametrize(("zone", "around"), PLACES)
def test_waiting_day_by_day_never_repeats_nor_skips_a_day(zone, around):
    clock = Clock(minute=9 * 60)
    at_ms = start_ms(around) - 5 * DAY_MS
    seen = []

    for _ in range(10):
        at_ms = next_moment(clock, at_ms, zone, {}, "")
        seen.append(of_ms(at_ms, zone))
        at_ms += 1

    days = days_from(start_ms(around) - 3 * DAY_MS, zone, 9)
    assert {t.date() for t in seen} >= {day for day in days[2:6] if exists(zone, day)}
    assert len({t.date() for t in seen}) == 10
    assert {(t.hour, t.minute) for t in seen} == {(9, 0)}
