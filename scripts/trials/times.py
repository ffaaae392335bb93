"""Spans and instants, as the files of tests write them and as timelines show them."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from actors.playbook.durations import parse_duration_ms

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MS = timedelta(milliseconds=1)
_UNITS = ((86_400_000, "d"), (3_600_000, "h"), (60_000, "min"), (1_000, "s"))


def read_span(value: object) -> int:
    """Return a span of elapsed time in milliseconds; `PT0S` is allowed.

    Raises:
        ValueError: It is no such span.
    """
    if not isinstance(value, str):
        raise ValueError("expected an ISO 8601 duration such as PT30M")  # noqa: TRY004 - pydantic's
    return 0 if value == "PT0S" else parse_duration_ms(value)


def read_time(value: object) -> datetime:
    """Return a date and time; without a zone it is on the customer's own clock.

    Raises:
        ValueError: It is none.
    """
    found = None
    if isinstance(value, datetime):
        found = value
    elif isinstance(value, str) and ("T" in value or " " in value):
        try:
            found = datetime.fromisoformat(value)
        except ValueError:
            found = None
    if found is None:
        raise ValueError('expected a date and time such as "2026-03-02T10:00"')
    return found


def time_ms(when: datetime, zone: str) -> int:
    """Return the instant of a date and time; the zone is for those that have none."""
    if when.tzinfo is None:
        when = when.replace(tzinfo=ZoneInfo(zone))
    return (when - _EPOCH) // _MS


def local(at_ms: int, zone: str) -> datetime:
    """Return an instant on the wall clock of a zone."""
    return (_EPOCH + at_ms * _MS).astimezone(ZoneInfo(zone))


def clock_text(at_ms: int, zone: str) -> str:
    """Return an instant as people write it."""
    return local(at_ms, zone).strftime("%a %Y-%m-%d %H:%M:%S").removesuffix(":00")


def span_text(span_ms: int) -> str:
    """Return a span in its two greatest units."""
    parts = []
    for unit, name in _UNITS:
        count, span_ms = divmod(span_ms, unit)
        if count:
            parts.append(f"{count} {name}")
    return " ".join(parts[:2]) or "0 s"
