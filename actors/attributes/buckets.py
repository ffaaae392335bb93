"""How series are kept: plain lists of what msgpack can pack.

Counts, sums, lowest, highest and first: `[keep, base, offsets, values]`. `offsets` are sorted and
count buckets from `base`, so that one of them takes a byte rather than five; an empty bucket takes
nothing. Last: `[keep, at_ms, value]`. Distinct: `[keep, limit, {text: newest bucket}]`.

Numbers are integers, scaled by the decimals of their series: sums are exact, and the same in
whatever order events arrive. Of buckets older than the newest by `keep` or more nothing is kept.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable
from typing import Any

from actors.domain.fold import MAX_SUM

Entry = list[Any]

_SHIFT = 64
_ONE_BYTE = 127


def _add(known: int, more: int) -> int:
    total = known + more
    return total if -MAX_SUM <= total <= MAX_SUM else max(-MAX_SUM, min(MAX_SUM, total))


def _earlier(known: list[Any], other: list[Any]) -> list[Any]:
    return min(known, other)


COMBINE: dict[str, Callable[[Any, Any], Any]] = {
    "n": _add,
    "s": _add,
    "l": min,
    "h": max,
    "f": _earlier,
}
"""By kind of series, how two values of one bucket make one: commutative and associative."""


def put(entry: Entry, index: int, value: Any, combine: Callable[[Any, Any], Any]) -> None:
    """Combine a value into bucket `index`; nothing happens when that is too old to be kept."""
    offsets, values = entry[2], entry[3]
    offset = index - entry[1]
    newest = offsets[-1]
    if offset == newest:
        values[-1] = combine(values[-1], value)
    elif offset > newest:
        offsets.append(offset)
        values.append(value)
        if offset - offsets[0] >= entry[0]:
            trim(entry)
        if offset > _ONE_BYTE and offsets[0] >= _SHIFT:
            _rebase(entry)
    elif offset > newest - entry[0]:
        at = bisect_left(offsets, offset)
        if offsets[at] == offset:
            values[at] = combine(values[at], value)
        else:
            offsets.insert(at, offset)
            values.insert(at, value)


def trim(entry: Entry) -> None:
    """Drop the buckets that are too old to be kept."""
    offsets = entry[2]
    old = bisect_right(offsets, offsets[-1] - entry[0])
    if old:
        del offsets[:old], entry[3][:old]


def _rebase(entry: Entry) -> None:
    """Count from the oldest bucket that is kept; a bucket's turn comes once in `_SHIFT` new ones."""
    first = entry[2][0]
    entry[1] += first
    entry[2] = [offset - first for offset in entry[2]]


def later(at_ms: int, value: Any, entry: Entry) -> bool:
    """Return whether a value is later than a last entry's; of two at one instant, the greater is."""
    return bool(at_ms > entry[1] or (at_ms == entry[1] and value > entry[2]))


def prune(entry: Entry) -> None:
    """Bring a distinct entry back to its limit: the values seen last stay.

    Of the values seen in any window that reaches to now, those that stay are all, or at least
    `limit`: so a count up to the limit is exact, whatever has been dropped and comes late again.
    """
    keep, limit, seen = entry
    oldest = max(seen.values()) - keep
    fresh = [(bucket, text) for text, bucket in seen.items() if bucket > oldest]
    if len(fresh) > limit:
        fresh = sorted(fresh, reverse=True)[:limit]
    entry[2] = {text: bucket for bucket, text in fresh}
