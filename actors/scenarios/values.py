"""What is taken of the properties of signals: the key of an instance, and few, short, flat values."""

from collections.abc import Iterable, Mapping
from hashlib import blake2b
from math import isfinite
from typing import Any

from actors.domain.journeys import MAX_DATA, MAX_TEXT, Instance

_MAX_KEY = 64
_MAX_INT = 2**63
_WHOLE_UP_TO = 1e16
"""From here on the shortest text of a float is in powers of ten."""


def key_text(value: Any) -> str | None:
    """Return a property as the key of an instance, or None when it is of no type that gives one."""
    if isinstance(value, str):
        text = value
    elif isinstance(value, bool):
        text = "true" if value else "false"
    elif isinstance(value, int):
        text = str(value)
    elif isinstance(value, float) and isfinite(value):
        text = str(int(value)) if value.is_integer() and abs(value) < _WHOLE_UP_TO else repr(value)
    else:
        return None
    if len(text) > _MAX_KEY:
        return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
    return text


def key_of(keyed_by: str, properties: Mapping[str, Any]) -> str:
    """Return the key that a signal gives to the instance it starts; empty for none."""
    if not keyed_by:
        return ""
    return key_text(properties.get(keyed_by)) or ""


def is_flat(value: Any) -> bool:
    """Return whether a value may be kept."""
    if isinstance(value, str):
        return len(value) <= MAX_TEXT
    if isinstance(value, int):
        return -_MAX_INT <= value < _MAX_INT
    return isinstance(value, float) and isfinite(value)


def flat(properties: Mapping[str, Any], first: Iterable[str] = ()) -> dict[str, Any]:
    """Return the flat properties, those named first before the others; no more than are kept."""
    kept: dict[str, Any] = {}
    for name in first:
        if name in properties and len(kept) < MAX_DATA and is_flat(properties[name]):
            kept[name] = properties[name]
    for name, value in properties.items():
        if len(kept) >= MAX_DATA:
            break
        # Most are short texts: no call for them.
        if (type(value) is str and len(value) <= MAX_TEXT) or is_flat(value):
            kept[name] = value
    return kept


def some_of(properties: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """Return those of the named properties that are there and flat; no more than are kept."""
    return flat({name: properties[name] for name in names if name in properties})


def keep(
    instance: Instance, names: Iterable[tuple[str, str]], properties: Mapping[str, Any]
) -> None:
    """Copy properties into an instance: (name in the instance, name of the property)."""
    data = instance.data
    for name, source in names:
        if source in properties and (name in data or len(data) < MAX_DATA):
            value = properties[source]
            if is_flat(value):
                data[name] = value
