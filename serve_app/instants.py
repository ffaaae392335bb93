"""RFC 3339 instants and ISO 8601 durations at the edge; integers of milliseconds inside."""

import re
from datetime import datetime

from actors.domain.instants import EPOCH

_DAY_MS = 86_400_000
_INSTANT = re.compile(
    r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:(\d\d)(?:\.\d{1,9})?(?:[Zz]|[+-]\d\d:?\d\d)", re.ASCII
)
_DURATION = re.compile(
    r"P(?=.)(?:(\d{1,6})W)?(?:(\d{1,7})D)?"
    r"(?:T(?=.)(?:(\d{1,9})H)?(?:(\d{1,10})M)?(?:(\d{1,12})(?:[.,](\d{1,3}))?S)?)?",
    re.ASCII,
)


def parse_instant(text: str) -> int:
    """Return milliseconds since 1970, rounded down.

    Raises:
        ValueError: It is not RFC 3339 with a zone. The message never repeats the text.
    """
    match = _INSTANT.fullmatch(text)
    if match is None:
        raise ValueError("must be an RFC 3339 time with a zone, such as 2026-01-31T12:00:00Z")
    extra = 0
    if match[1] == "60":  # a leap second, which datetime does not know
        start = match.start(1)
        text = text[:start] + "59" + text[start + 2 :]
        extra = 1000
    try:
        since = datetime.fromisoformat(text.upper()) - EPOCH
    except ValueError:
        raise ValueError("names a day or an hour that does not exist") from None
    return since.days * _DAY_MS + since.seconds * 1000 + since.microseconds // 1000 + extra


def parse_duration(text: str) -> int:
    """Return the milliseconds of an ISO 8601 duration in weeks, days, hours, minutes, seconds.

    Raises:
        ValueError: It is something else; years and months have no fixed length and are refused.
    """
    match = _DURATION.fullmatch(text)
    if match is None:
        raise ValueError("must be an ISO 8601 duration without years and months, such as PT30M")
    weeks, days, hours, minutes, seconds = (int(part or 0) for part in match.groups()[:5])
    millis = int((match[6] or "0").ljust(3, "0"))
    total_s = (((weeks * 7 + days) * 24 + hours) * 60 + minutes) * 60 + seconds
    return total_s * 1000 + millis
