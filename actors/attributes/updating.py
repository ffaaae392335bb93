"""Folding one event into the series that listen to it."""

from collections.abc import Callable, Sequence
from typing import Any

from actors.attributes.buckets import COMBINE, Entry, later, prune, put
from actors.attributes.values import numbers_at, texts_at
from actors.playbook.attribute_model import (
    COUNT,
    DISTINCT,
    FIRST,
    HIGH,
    LAST,
    LOW,
    SUM,
    Series,
)
from actors.playbook.model import Playbook, event_key

State = dict[str, Entry]


def update(
    attributes: State,
    event_type: str,
    event_name: str,
    channel: str,
    properties: dict[str, Any],
    at_ms: int,
    playbook: Playbook,
) -> None:
    """Fold one event that happened at `at_ms`; only the series that listen to it are touched.

    A late event counts in the bucket of its own time; one that is older than a window is ignored.
    State that belongs to no attribute of the playbook any more is dropped.
    """
    declared = playbook.attributes
    touched = declared.by_event.get(event_key(event_type, event_name), declared.by_any)
    found: dict[object, Any] = {}  # what series share is worked out once
    for series in touched:
        if series.channels is not None and channel not in series.channels:
            continue
        where = series.where
        if where is not None:
            met = found.get(where)
            if met is None:
                met = found[where] = where.met(event_type, event_name, channel, properties)
            if not met:
                continue
        taken = series.property
        if taken is None:
            _into_bucket(attributes, series, at_ms, 1)
            continue
        values = found.get(taken)
        if values is None:
            values = found[taken] = (
                texts_at(properties, taken.path)
                if taken.digits < 0
                else numbers_at(properties, taken.path, taken.digits)
            )
        if values:
            _FOLDS[series.kind](attributes, series, values, at_ms)
    if len(attributes) > len(declared.keys):
        _forget(attributes, declared.keys)


def _forget(attributes: State, keys: frozenset[str]) -> None:
    for key in [key for key in attributes if key not in keys]:
        del attributes[key]


def _into_bucket(attributes: State, series: Series, at_ms: int, value: Any) -> None:
    entry = attributes.get(series.key)
    if entry is None:
        attributes[series.key] = [series.keep, at_ms // series.width_ms, [0], [value]]
        return
    entry[0] = series.keep
    put(entry, at_ms // series.width_ms, value, COMBINE[series.kind])


def _count(attributes: State, series: Series, values: Sequence[Any], at_ms: int) -> None:
    _into_bucket(attributes, series, at_ms, len(values))


def _number(attributes: State, series: Series, values: Sequence[Any], at_ms: int) -> None:
    for number in values:
        _into_bucket(attributes, series, at_ms, number)


def _first(attributes: State, series: Series, values: Sequence[Any], at_ms: int) -> None:
    for value in values:
        _into_bucket(attributes, series, at_ms, [at_ms % series.width_ms, value])


def _last(attributes: State, series: Series, values: Sequence[Any], at_ms: int) -> None:
    for value in values:
        entry = attributes.get(series.key)
        if entry is None:
            attributes[series.key] = [series.keep, at_ms, value]
        elif later(at_ms, value, entry):
            entry[1] = at_ms
            entry[2] = value


def _distinct(attributes: State, series: Series, values: Sequence[Any], at_ms: int) -> None:
    index = at_ms // series.width_ms
    entry = attributes.get(series.key)
    if entry is None:
        entry = attributes[series.key] = [series.keep, series.limit, {}]
    entry[0] = series.keep
    seen = entry[2]
    for text in values:
        if seen.get(text, -1) < index:
            seen[text] = index
    if len(seen) > series.limit + series.limit // 4:
        prune(entry)


_FOLDS: dict[str, Callable[[State, Series, Sequence[Any], int], None]] = {
    COUNT: _count,
    SUM: _number,
    LOW: _number,
    HIGH: _number,
    FIRST: _first,
    LAST: _last,
    DISTINCT: _distinct,
}
