"""A slow calendar for the reference: it walks through time in steps of a quarter of an hour.

Generated times of day are whole quarters, and all zones differ from UTC by whole quarters.
"""

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from actors.playbook.scenario_model import Clock, Date, Window

QUARTER_MS = 15 * 60_000


def local(at_ms, zone):
    """Return the wall time: a datetime without zone, and whether the clock shows it a second time."""
    there = datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(ZoneInfo(zone))
    return there.replace(tzinfo=None, fold=0), there.fold == 1


def quarters(after_ms):
    """Yield the quarters of an hour from an instant on."""
    at_ms = -(-after_ms // QUARTER_MS) * QUARTER_MS
    while True:
        yield at_ms
        at_ms += QUARTER_MS


def reached(at_ms, zone, minute):
    """Return the day on which the clock comes to `minute` of the day at this quarter, or None.

    It comes to it also by jumping over it, but not by going back.
    """
    before, _ = local(at_ms - QUARTER_MS, zone)
    now, again = local(at_ms, zone)
    target = datetime.combine(now.date(), datetime.min.time()) + timedelta(minutes=minute)
    return now.date() if before < target <= now and not again else None


@lru_cache(maxsize=100_000)
def next_moment(moment, after_ms, zone, hours, text):
    """Return the first such moment at or after an instant; `hours` are the windows as pairs."""
    if isinstance(moment, Window):
        return next_open(dict(hours)[moment.name], after_ms, zone)
    if isinstance(moment, Clock):
        return next_clock(moment.minute, moment.weekdays, after_ms, zone)
    assert isinstance(moment, Date)
    return next_date(moment, after_ms, zone, text)


def next_clock(minute, weekdays, after_ms, zone):
    """Return when it is next `minute` of the day on one of `weekdays`."""
    for at_ms in quarters(after_ms):
        day = reached(at_ms, zone, minute)
        if day is not None and (not weekdays or day.weekday() in weekdays):
            return at_ms
    return None


def next_open(window, after_ms, zone):
    """Return when a window is next open: at once, or at a whole quarter."""
    zone = window.zone or zone
    if is_open(window, after_ms, zone):
        return after_ms
    return next(at_ms for at_ms in quarters(after_ms) if is_open(window, at_ms, zone))


def is_open(window, at_ms, zone):
    """Return whether the wall clock stands inside the window."""
    now, _ = local(at_ms, zone)
    minute = now.hour * 60 + now.minute
    today = now.weekday() in window.weekdays
    yesterday = (now.weekday() - 1) % 7 in window.weekdays
    if window.opens < window.closes:
        return today and window.opens <= minute < window.closes
    return (today and minute >= window.opens) or (yesterday and minute < window.closes)


def next_date(moment, after_ms, zone, text):
    """Return when the shifted date, or its next anniversary, is at the minute of its day."""
    if not text:
        return None
    first = date.fromisoformat(text)
    if not moment.yearly:
        at_ms = on_day(first + timedelta(days=moment.days), moment.minute, zone)
        return at_ms if at_ms >= after_ms else None
    year = first.year
    while True:
        leapless = (first.month, first.day) == (2, 29) and not leap(year)
        day = date(year, 2, 28) if leapless else first.replace(year=year)
        at_ms = on_day(day + timedelta(days=moment.days), moment.minute, zone)
        if at_ms >= after_ms:
            return at_ms
        year += 1


def leap(year):
    """Return whether a year has a 29 February."""
    return (date(year, 3, 1) - date(year, 2, 28)).days == 2


@lru_cache(maxsize=100_000)
def on_day(day, minute, zone):
    """Return when it is `minute` of a day of the wall calendar."""
    midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
    begin_ms = int(midnight.timestamp()) * 1000 - 15 * 3_600_000
    return next(at_ms for at_ms in quarters(begin_ms) if reached(at_ms, zone, minute) == day)
