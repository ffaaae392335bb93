"""What an event's properties hold at a path, as texts or as scaled integers."""

from collections.abc import Sequence
from hashlib import sha256
from itertools import islice
from typing import Any

from actors.domain.money import minor_of

MAX_TEXT = 40
"""A longer text is kept as its beginning and a hash, so that texts that differ stay apart."""

MAX_VALUES = 64
"""Of one event, no more values than this are taken."""

_HASH = 16


def found_at(properties: dict[str, Any], path: tuple[str, ...]) -> list[Any]:
    """Return the values at a path; a list on the way stands for each of its entries."""
    value = properties.get(path[0])
    if value is None:
        return []
    here: list[Any] = value[:MAX_VALUES] if isinstance(value, list) else [value]
    for part in path[1:]:
        here = [each[part] for each in here if isinstance(each, dict) and part in each]
        if any(isinstance(each, list) for each in here):
            here = [one for each in here for one in (each if isinstance(each, list) else [each])]
        del here[MAX_VALUES:]
    return here


def numbers_at(properties: dict[str, Any], path: tuple[str, ...], digits: int) -> Sequence[int]:
    """Return the numbers at a path in units of 10 to the minus `digits`; others are left out.

    Rounded half to even, as `minor_of` does for amounts of money.
    """
    if len(path) == 1:
        value = properties.get(path[0])
        if type(value) is not list:
            number = minor_of(value, digits)
            return () if number is None else (number,)
    found = [minor_of(value, digits) for value in found_at(properties, path)]
    return [number for number in found if number is not None]


def texts_at(properties: dict[str, Any], path: tuple[str, ...]) -> Sequence[str]:
    """Return the texts at a path; numbers and bools as JSON writes them, of a mapping its keys."""
    if len(path) == 1:
        value = properties.get(path[0])
        if type(value) is str and len(value) <= MAX_TEXT:
            return (value,)
    texts: list[str] = []
    for value in found_at(properties, path):
        for part in islice(value, MAX_VALUES) if type(value) is dict else (value,):
            text = part if type(part) is str and len(part) <= MAX_TEXT else _text(part)
            if text is not None:
                texts.append(text)
    return texts[:MAX_VALUES]


def _text(value: Any) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        value = int(value)  # JSON does not tell 42 from 42.0
    if isinstance(value, int | float):
        value = repr(value)
    if not isinstance(value, str):
        return None
    if len(value) <= MAX_TEXT:
        return value
    digest = sha256(value.encode("utf-8", "surrogatepass")).hexdigest()
    return f"{value[: MAX_TEXT - _HASH - 1]}#{digest[:_HASH]}"
