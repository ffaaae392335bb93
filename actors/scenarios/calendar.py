"""When a wall clock shows what a step waits for: times of day, dates and business hours, in a zone.

The rules of every look-up here, which docs/scenarios.md states for users:

- A wall time that the clocks jump over is the instant at which they jump.
- A wall time that comes twice is the first of both. Whoever begins to wait after it has passed waits for
  that of the next day, even if the hands are to show it again within the hour.
- A day that a zone has left out altogether has no times of day, and no business hours begin on it.
- A zone that is not known is UTC.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo

from actors.playbook.scenario_model import Clock, Date, Hours, Moment
from actors.scenarios.zones_table import COUNTRIES, REGIONS

_DAY_MINUTES = 1440
_DAY_S = 86_400
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_DAY = _EPOCH.toordinal()
_AHEAD = 16
"""Days looked at: a week for each weekday, and once more, should the day have been left out."""

_DATE = re.compile(
    r"(?:(\d{4})-|(?:--)?)(\d{2})-(\d{2})"
    r"(?:[Tt ]\d{2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?\s?(?:[Zz]|[+-]\d{2}:?(?:\d{2})?)?)?",
    re.ASCII,
)


def next_moment(
    moment: Moment, after_ms: int, zone: str, hours: Mapping[str, Hours], date: str
) -> int | None:
    """Return the first such moment at or after an instant, both in milliseconds since 1970.

    Args:
        moment: What to wait for.
        after_ms: From when on.
        zone: The zone of the customer's wall clock, by its IANA name.
        hours: The declared windows that `moment` may name.
        date: What the profile holds for a `Date`; see `read_date`.

    Returns:
        None when there is none: no date, one that is past and not yearly, a window that is not
        declared, or a moment after the year 9999.
    """
    try:
        if isinstance(moment, Clock):
            return _next_clock(moment, after_ms, zone)
        if isinstance(moment, Date):
            return _next_date(moment, after_ms, zone, date)
        window = hours.get(moment.name)
        return None if window is None else _next_open(window, after_ms, window.zone or zone)
    except (OverflowError, ValueError):
        return None


@lru_cache(maxsize=4096)
def read_date(text: str) -> tuple[int | None, int, int] | None:
    """Return (year, month, day) of a date in ISO 8601, None as year when it has none.

    Taken are `2026-03-01`, the same with a time (of which the date counts, as written, whatever its offset),
    and `--03-01` or `03-01`. None for anything else, and for dates that no calendar has.
    """
    match = _DATE.fullmatch(text.strip())
    if match is None:
        return None
    year, month, day = (int(part) if part else None for part in match.groups())
    try:
        # 2000 has every day that some year has.
        datetime(2000 if year is None else year, month or 0, day or 0, tzinfo=UTC)
    except ValueError:
        return None
    return year, month or 0, day or 0


def local_day(at_ms: int, zone: str) -> int:
    """Return the local day of an instant, counted from the first of January of the year 1."""
    return _day_of(at_ms, zone)


def day_begins(zone: str, day: int, minute: int = 0) -> int:
    """Return when a local day, counted as by `local_day`, or a minute of it is; it may reach beyond the day."""
    return _instant(zone, day, minute)[0]


def is_zone(name: str) -> bool:
    """Return whether a name is that of a zone."""
    return name != "" and _zone(name) is not UTC


def place_zone(country: str, region: str = "") -> str | None:
    """Return the one zone of a place; None when it has several, or is not known.

    `country` is a code of ISO 3166-1 (`DE`), `region` of ISO 3166-2 with or without the country (`US-CA`, `CA`).
    Case does not matter.
    """
    country = country.strip().upper()
    if country in COUNTRIES:
        return COUNTRIES[country]
    region = region.strip().upper().removeprefix(country + "-")
    return REGIONS.get(f"{country}-{region}")


def _next_clock(clock: Clock, after_ms: int, zone: str) -> int | None:
    today, weekdays = _day_of(after_ms, zone), clock.weekdays
    # The day before as well: a time that the clocks jumped over may be today's first instant.
    for day in range(today - 1, today + _AHEAD):
        if weekdays and (day + 6) % 7 not in weekdays:
            continue
        at_ms, exists = _instant(zone, day, clock.minute)
        if exists and at_ms >= after_ms:
            return at_ms
    return None


def _next_date(moment: Date, after_ms: int, zone: str, text: str) -> int | None:
    date = read_date(text)
    if date is None:
        return None
    year, month, day = date
    if not moment.yearly:
        if year is None:
            return None
        ordinal = datetime(year, month, day, tzinfo=UTC).toordinal() + moment.days
        at_ms, _ = _instant(zone, ordinal, moment.minute)
        return at_ms if at_ms >= after_ms else None
    # From the year before that of the day whose shifted moment would be today; not before the date.
    today = _day_of(after_ms, zone)
    about = datetime.fromordinal(max(1, today - moment.days)).year
    first = max(about - 1, year or 1)
    for candidate in range(first, max(first, about) + 3):
        ordinal = _anniversary(candidate, month, day) + moment.days
        if ordinal < today - 1:  # yesterday's may be today's first instant, as with times of day
            continue
        at_ms, _ = _instant(zone, ordinal, moment.minute)
        if at_ms >= after_ms:
            return at_ms
    return None


def _anniversary(year: int, month: int, day: int) -> int:
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    if (month, day) == (2, 29) and not leap:
        day = 28
    return datetime(year, month, day, tzinfo=UTC).toordinal()


def _next_open(window: Hours, after_ms: int, zone: str) -> int | None:
    today, weekdays = _day_of(after_ms, zone), window.weekdays
    overnight = _DAY_MINUTES if window.closes <= window.opens else 0
    for day in range(today - 1, today + _AHEAD):  # hours that began yesterday may run still
        if weekdays and (day + 6) % 7 not in weekdays:
            continue
        opens_ms, exists = _instant(zone, day, window.opens)
        closes_ms, _ = _instant(zone, day, window.closes + overnight)
        if exists and after_ms < closes_ms and opens_ms < closes_ms:
            return max(opens_ms, after_ms)
    return None


@lru_cache(maxsize=1024)
def _zone(name: str) -> tzinfo:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return UTC


def _day_of(at_ms: int, zone: str) -> int:
    """Return the local day of an instant, counted from the first of January of the year 1."""
    return (_EPOCH + timedelta(milliseconds=at_ms)).astimezone(_zone(zone)).toordinal()


@lru_cache(maxsize=16_384)
def _instant(zone: str, day: int, minute: int) -> tuple[int, bool]:
    """Return when a day's minute is, and whether the zone has any of that day.

    `minute` may reach beyond the day. Days that the zone left out begin when the next one does.
    """
    day, minute = day + minute // _DAY_MINUTES, minute % _DAY_MINUTES
    zone_info = _zone(zone)
    wall = datetime.fromordinal(day).replace(
        hour=minute // 60, minute=minute % 60, tzinfo=zone_info
    )
    first, second = _offset_s(wall), _offset_s(wall.replace(fold=1))
    wall_s = (day - _EPOCH_DAY) * _DAY_S + minute * 60
    if second <= first:
        return (wall_s - first) * 1000, True
    # The clocks jump from the first offset to the second somewhere in between.
    low, high = wall_s - second, wall_s - first
    while high - low > 1:
        middle = (low + high) // 2
        if _offset_s((_EPOCH + timedelta(seconds=middle)).astimezone(zone_info)) == first:
            low = middle
        else:
            high = middle
    begins = (day - _EPOCH_DAY) * _DAY_S
    left_out = high + first <= begins and begins + _DAY_S <= high + second
    return high * 1000, not left_out


def _offset_s(wall: datetime) -> int:
    offset = wall.utcoffset()
    return 0 if offset is None else offset.days * _DAY_S + offset.seconds
