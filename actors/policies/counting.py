"""How many contacts the windows of a cap hold, by binary search in sorted instants.

A contact may happen from its first instant, at which it is planned, up to its last: they differ for a
message, which may be late. It is in every window that holds any instant between the two.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence

from actors.playbook.model import Cap
from actors.policies.verdicts import LATE_MS
from actors.policies.whereabouts import period

Times = tuple[list[int], list[int]]
"""The first instants of some contacts and their last ones, each sorted."""
Room = tuple[int, int]
"""How many contacts the fullest window holds that another one would be in; when one fits, or 0."""

_NONE: Room = (0, 0)


def room_in(times: Times, cap: Cap, at_ms: int, zones: Sequence[str]) -> Room:
    """Return how full a cap is for a contact at an instant; zones are of calendar windows."""
    if not times[0]:
        return _NONE
    if not cap.unit:
        return _elapsed(times, cap, at_ms)
    count, until_ms = _fullest(times, cap, at_ms, zones)
    retry_at_ms = 0
    while until_ms:
        retry_at_ms = until_ms
        until_ms = _fullest(times, cap, retry_at_ms, zones)[1]
    return count, retry_at_ms


def room_in_all(all_: Sequence[Times], cap: Cap, at_ms: int, zones: Sequence[str]) -> Room:
    """Return how full a cap is that several count: the fullest, and when there is room in each."""
    if len(all_) == 1:
        return room_in(all_[0], cap, at_ms, zones)
    rooms = [room_in(times, cap, at_ms, zones) for times in all_]
    count = max([room[0] for room in rooms])
    if count < cap.limit:
        return count, 0
    retry_at_ms, again = max([at_ms, *(room[1] for room in rooms)]), True
    while again:
        again = False
        for times in all_:
            later_ms = room_in(times, cap, retry_at_ms, zones)[1]
            if later_ms > retry_at_ms:
                retry_at_ms, again = later_ms, True
    return count, retry_at_ms


def _fullest(times: Times, cap: Cap, at_ms: int, zones: Iterable[str]) -> Room:
    """Return (contacts in the fullest calendar window, the end of the last full one, or 0)."""
    firsts, lasts = times
    most, until_ms = 0, 0
    for begins_ms, ends_ms in _periods(cap.unit, at_ms, zones):
        count = bisect_left(firsts, ends_ms) - bisect_left(lasts, begins_ms)
        most = max(most, count)
        if count >= cap.limit:
            until_ms = max(until_ms, ends_ms)
    return most, until_ms


def _periods(unit: str, at_ms: int, zones: Iterable[str]) -> Iterator[tuple[int, int]]:
    """Yield the calendar windows in which a message planned for an instant may be sent."""
    for zone in zones:
        window = period(unit, at_ms, zone)
        yield window
        if at_ms + LATE_MS >= window[1]:
            yield period(unit, window[1], zone)


def _elapsed(times: Times, cap: Cap, at_ms: int) -> Room:
    firsts, lasts = times
    window_ms, limit = cap.window_ms, cap.limit
    gone = bisect_right(lasts, at_ms - window_ms)
    near = bisect_left(firsts, at_ms + window_ms + LATE_MS)
    count = near - gone
    if count < limit:
        return count, 0
    if firsts[-1] <= at_ms:
        return count, lasts[gone + count - limit] + window_ms
    # Something is planned: not all are in one window. Windows are fullest when one of those begins.
    begun = bisect_right(firsts, at_ms)
    planned = firsts[begun:]
    held = [_holding(times, window_ms, first) for first in planned]
    count = max([begun - gone, *held[: near - begun]])
    if count < limit:
        return count, 0
    full = [first for first, there in zip(planned, held, strict=True) if there >= limit]
    # Those that have begun leave the window in the order of their ends: no sooner than this one.
    ends = [last + window_ms for last in lasts[max(gone, begun - limit) :]]
    return count, next(end for end in ends if _is_free(times, cap, end, full))


def _holding(times: Times, window_ms: int, at_ms: int) -> int:
    """Return how many contacts the window holds that ends at an instant."""
    return bisect_right(times[0], at_ms) - bisect_right(times[1], at_ms - window_ms)


def _is_free(times: Times, cap: Cap, at_ms: int, full: Sequence[int]) -> bool:
    """Return whether one more contact fits; `full` are the later instants at which windows are full."""
    i = bisect_right(full, at_ms)
    if i < len(full) and full[i] < at_ms + cap.window_ms + LATE_MS:
        return False
    return _holding(times, cap.window_ms, at_ms) < cap.limit
