"""Local time in the zone of a customer, or of the playbook where hers is not known."""

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

_QUARTER_MS = 900_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@lru_cache(maxsize=1024)
def _zone(name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return None


def zone_exists(name: str) -> bool:
    """Return whether a name is that of a zone."""
    return _zone(name) is not None


def local_time(now_ms: int, *names: str) -> datetime:
    """Return the local time in the first zone of `names` that exists, else in UTC."""
    moment = _EPOCH + timedelta(milliseconds=now_ms)
    for name in names:
        zone = _zone(name) if name else None
        if zone is not None:
            return moment.astimezone(zone)
    return moment


Calendar = tuple[int, int, int, int]
"""Hour, weekday, day and month."""


def _calendar_of(local: datetime) -> Calendar:
    return local.hour, local.weekday(), local.day, local.month


@lru_cache(maxsize=4096)
def _quarter(number: int, *zones: str) -> Calendar | None:
    """Return what holds all through a quarter of an hour since 1970; None if it changes within."""
    first = _calendar_of(local_time(number * _QUARTER_MS, *zones))
    last = _calendar_of(local_time((number + 1) * _QUARTER_MS - 1, *zones))
    return first if first == last else None


def calendar(now_ms: int, *names: str) -> Calendar:
    """Return the local hour, weekday (Monday is 0), day and month; zones as for `local_time`."""
    known = _quarter(now_ms // _QUARTER_MS, *names)
    return _calendar_of(local_time(now_ms, *names)) if known is None else known
