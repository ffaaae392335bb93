"""ISO 8601 durations of elapsed time, such as `PT30M` and `P7D`."""

import re

_DURATION = re.compile(
    r"P(?:(\d{1,6})W|(?:(\d{1,6})D)?(?:T(?=\d)(?:(\d{1,6})H)?(?:(\d{1,6})M)?(?:(\d{1,6})S)?)?)"
)
_UNITS_MS = (604_800_000, 86_400_000, 3_600_000, 60_000, 1_000)
MAX_MS = 3660 * 86_400_000


def format_duration(duration_ms: int) -> str:
    """Return a duration of whole seconds in ISO 8601, as `parse_duration_ms` reads it."""
    days, rest = divmod(duration_ms // 1000, 86_400)
    hours, rest = divmod(rest, 3_600)
    minutes, rest = divmod(rest, 60)
    clock = "".join(f"{n}{unit}" for n, unit in ((hours, "H"), (minutes, "M"), (rest, "S")) if n)
    return f"P{f'{days}D' if days else ''}{'T' if clock else ''}{clock}"


def parse_duration_ms(text: str) -> int:
    """Return a duration in milliseconds: weeks, or days, hours, minutes and seconds.

    Years and months are refused, because how long they are depends on when they start.

    Raises:
        ValueError: It is no such duration, is zero, or is longer than ten years.
    """
    match = _DURATION.fullmatch(text)
    if match is None:
        raise ValueError("expected an ISO 8601 duration such as PT30M, PT12H, P7D or P4W")
    parts = zip(match.groups(), _UNITS_MS, strict=True)
    total = sum(int(digits) * unit for digits, unit in parts if digits)
    if not 0 < total <= MAX_MS:
        raise ValueError("expected a duration longer than zero and at most ten years")
    return total
