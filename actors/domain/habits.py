"""At which hours of the day a customer is about, from counts by hour in UTC.

Zones that are not whole hours off, and the hour by which summer time moves, are lost in counts by
hour: an hour read here may be one off.
"""

from collections.abc import Iterable, Sequence

HOURS = 24
MAX_PREFERRED = 6
_HOUR_MS = 3_600_000


def local_hours(utc_hours: Sequence[int], offset_ms: int) -> list[int]:
    """Return counts by local hour, where local time is `offset_ms` ahead of UTC."""
    ahead = round(offset_ms / _HOUR_MS)
    return [utc_hours[(hour - ahead) % HOURS] for hour in range(HOURS)]


def preferred_hours(hours: Sequence[int]) -> list[int]:
    """Return the fewest hours that hold half of the counts, busiest first, at most `MAX_PREFERRED`.

    Of equally busy hours the earlier one comes first.
    """
    half, held = sum(hours) / 2.0, 0
    preferred: list[int] = []
    for hour in sorted(range(HOURS), key=lambda h: (-hours[h], h)):
        if held >= half or len(preferred) >= MAX_PREFERRED:
            break
        held += hours[hour]
        preferred.append(hour)
    return preferred


def total_hours(by_channel: Iterable[Sequence[int]]) -> list[int]:
    """Return the counts of several channels together."""
    total = [0] * HOURS
    for hours in by_channel:
        for hour, count in enumerate(hours):
            total[hour] += count
    return total
