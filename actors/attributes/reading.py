"""Reading attributes at an instant, and when they next change by time alone.

A window of N buckets is the bucket of now and the N-1 before it, so it reaches back between N-1 and
N bucket widths. What an event claims of the next five minutes counts at once.
"""

from bisect import bisect_right
from collections.abc import Callable
from typing import Any

from actors.attributes.buckets import Entry
from actors.playbook.attribute_model import DISTINCT, LAST, Attribute, Series
from actors.playbook.model import Playbook

Value = int | float | str | None
State = dict[str, Entry]


def read(attributes: State, name: str, playbook: Playbook, now_ms: int) -> Value:
    """Return an attribute at an instant that is not before its customer's latest events.

    None means that there is nothing to tell: no minimum, mean, first or last of nothing, no ratio
    to zero. Counts, sums and distinct counts of nothing are 0.

    Raises:
        KeyError: The playbook declares no such attribute.
    """
    return value_at(playbook.attributes.by_name[name], attributes, now_ms)


def read_all(attributes: State, playbook: Playbook, now_ms: int) -> dict[str, Value]:
    """Return all attributes of the playbook by name, in file order."""
    return {each.name: value_at(each, attributes, now_ms) for each in playbook.attributes.declared}


def value_at(attribute: Attribute, attributes: State, now_ms: int) -> Value:
    """Return one attribute at an instant; see `read`."""
    return _READ[attribute.kind](attribute, attributes, now_ms)


def rule_value(attribute: Attribute, attributes: State, now_ms: int) -> int | float | str:
    """Return what rules and placeholders read: the declared default where nothing is known."""
    value = value_at(attribute, attributes, now_ms)
    return attribute.default if value is None else value


def next_change_ms(attributes: State, name: str, playbook: Playbook, now_ms: int) -> int | None:
    """Return the first instant after now at which an attribute differs if nothing more happens.

    None when it stays as it is for ever. The value is constant between two bounds of buckets.

    Raises:
        KeyError: The playbook declares no such attribute.
    """
    attribute = playbook.attributes.by_name[name]
    now = value_at(attribute, attributes, now_ms)
    expiries = _expiries(attribute, attributes, now_ms)
    if attribute.kind in {"min", "max"}:
        return _last_held(attribute, attributes, now_ms, expiries)
    for instant_ms in expiries:
        if value_at(attribute, attributes, instant_ms) != now:
            return instant_ms
    return None


def _since(attribute: Attribute, series: Series, now_ms: int) -> int:
    """Return the newest bucket that is out of the window; before all of them when there is none."""
    return now_ms // series.width_ms - attribute.buckets if attribute.buckets else -1


def _inside(
    attribute: Attribute, attributes: State, now_ms: int, series: Series | None = None
) -> list[Any]:
    """Return the values of the buckets in the window, oldest first."""
    series = series or attribute.series
    entry = attributes.get(series.key) if series is not None else None
    if series is None or entry is None:
        return []
    values: list[Any] = entry[3]
    start = bisect_right(entry[2], _since(attribute, series, now_ms) - entry[1])
    return values[start:] if start else values


def _scaled(attribute: Attribute, number: int) -> Value:
    return number / attribute.scale if attribute.type == "double" else number


def _sum(attribute: Attribute, attributes: State, now_ms: int) -> Value:
    return _scaled(attribute, sum(_inside(attribute, attributes, now_ms)))


def _active(attribute: Attribute, attributes: State, now_ms: int) -> Value:
    return len(_inside(attribute, attributes, now_ms))


def _mean(attribute: Attribute, attributes: State, now_ms: int) -> Value:
    count: int = sum(_inside(attribute, attributes, now_ms, attribute.counts))
    if not count:
        return None
    total: int = sum(_inside(attribute, attributes, now_ms))
    return total / (count * attribute.scale)


def _min(attribute: Attribute, attributes: State, now_ms: int) -> Value:
    inside = _inside(attribute, attributes, now_ms)
    return _scaled(attribute, min(inside)) if inside else None


def _max(attribute: Attribute, attributes: State, now_ms: int) -> Value:
    inside = _inside(attribute, attributes, now_ms)
    return _scaled(attribute, max(inside)) if inside else None


def _first(attribute: Attribute, attributes: State, now_ms: int) -> Value:
    inside = _inside(attribute, attributes, now_ms)
    return _told(attribute, inside[0][1]) if inside else None


def _last(attribute: Attribute, attributes: State, now_ms: int) -> Value:
    series = attribute.series
    entry = attributes.get(series.key) if series is not None else None
    if series is None or entry is None:
        return None
    if entry[1] // series.width_ms <= _since(attribute, series, now_ms):
        return None
    return _told(attribute, entry[2])


def _told(attribute: Attribute, value: Any) -> Value:
    return str(value) if attribute.type == "string" else _scaled(attribute, value)


def _distinct(attribute: Attribute, attributes: State, now_ms: int) -> Value:
    series = attribute.series
    entry = attributes.get(series.key) if series is not None else None
    if series is None or entry is None:
        return 0
    since = _since(attribute, series, now_ms)
    return min(series.limit, len([bucket for bucket in entry[2].values() if bucket > since]))


def _ratio(attribute: Attribute, attributes: State, now_ms: int) -> Value:
    if attribute.of is None or attribute.to is None:
        return None
    part = value_at(attribute.of, attributes, now_ms)
    whole = value_at(attribute.to, attributes, now_ms)
    if not whole or isinstance(part, str | None) or isinstance(whole, str):
        return None
    return part / whole


_READ: dict[str, Callable[[Attribute, State, int], Value]] = {
    "count": _sum,
    "active": _active,
    "sum": _sum,
    "mean": _mean,
    "min": _min,
    "max": _max,
    "distinct": _distinct,
    "first": _first,
    "last": _last,
    "ratio": _ratio,
}


def _expiries(attribute: Attribute, attributes: State, now_ms: int) -> list[int]:
    """Return the instants at which buckets that are in the window now leave it, in order."""
    if attribute.of is not None and attribute.to is not None:
        parts = (attribute.of, attribute.to)
        return sorted({ms for part in parts for ms in _expiries(part, attributes, now_ms)})
    series = attribute.series
    if series is None or not attribute.buckets:
        return []
    since = _since(attribute, series, now_ms)
    leaving = sorted({bucket for bucket in _held(series, attributes) if bucket > since})
    return [(bucket + attribute.buckets) * series.width_ms for bucket in leaving]


def _held(series: Series, attributes: State) -> list[int]:
    entry = attributes.get(series.key)
    if entry is None:
        return []
    if series.kind == LAST:
        return [entry[1] // series.width_ms]
    if series.kind == DISTINCT:
        return list(entry[2].values())
    return [entry[1] + offset for offset in entry[2]]


def _last_held(
    attribute: Attribute, attributes: State, now_ms: int, expiries: list[int]
) -> int | None:
    """Return when the newest bucket that holds the extreme leaves: it holds until then."""
    inside = _inside(attribute, attributes, now_ms)
    if not inside or not expiries:
        return None
    extreme = min(inside) if attribute.kind == "min" else max(inside)
    newest = len(inside) - 1 - inside[::-1].index(extreme)
    return expiries[newest]
