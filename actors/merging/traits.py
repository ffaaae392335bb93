"""Traits of two customers as one's, by the strategy that the playbook declares for each name.

| strategy | result |
| --- | --- |
| `latest` (default) | what was said last; that it was taken back counts too |
| `oldest` | what was said first |
| `min`, `max` | the smaller, the greater; of texts by their letters |
| `sum` | the sum |
| `union` | a list of all that either has, each once, in a fixed order |
| `most_restrictive` | `false` before `true`, `denied` before `granted`, the smaller number |

A strategy for numbers (`sum`, and `min` and `max` among numbers) passes over what is none. Two values
said at the same instant are told apart by the channel, then by the values themselves.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from actors.domain.histories import MAX_TRAIT_ORIGINS, TraitOrigin
from actors.domain.profile import MAX_TRAITS
from actors.merging.joins import add, order_of

_MAX_UNION = 1024
_RESTRICTIONS = {"denied": 0, "no": 0, "opted_out": 0, "granted": 3, "yes": 3, "opted_in": 3}
_NEVER = TraitOrigin(0, "")

Traits = tuple[dict[str, Any], dict[str, TraitOrigin]]


class _Said(NamedTuple):
    """A trait as one side has it. `known` is False when it was taken back."""

    value: Any
    origin: TraitOrigin
    known: bool


def join_traits(a: Traits, b: Traits, strategies: Mapping[str, str]) -> Traits:
    """Return traits and their origins. Beyond the limits what was said last stays."""
    values: dict[str, Any] = {}
    origins: dict[str, TraitOrigin] = {}
    for name in sorted({*a[0], *a[1], *b[0], *b[1]}):
        said = _joined(_said(a, name), _said(b, name), strategies.get(name, "latest"))
        if said.known:
            values[name] = said.value
        if said.origin != _NEVER:
            origins[name] = said.origin
    if len(values) > MAX_TRAITS:
        order = sorted(values, key=lambda name: (origins.get(name, _NEVER), name))
        values = {name: values[name] for name in sorted(order[-MAX_TRAITS:])}
    if len(origins) > MAX_TRAIT_ORIGINS:
        order = sorted(origins, key=lambda name: (name in values, origins[name], name))
        origins = {name: origins[name] for name in sorted(order[-MAX_TRAIT_ORIGINS:])}
    return values, origins


def _said(side: Traits, name: str) -> _Said | None:
    values, origins = side
    if name in values:
        return _Said(values[name], origins.get(name, _NEVER), known=True)
    return _Said(None, origins[name], known=False) if name in origins else None


def _joined(a: _Said | None, b: _Said | None, strategy: str) -> _Said:
    if a is None or b is None:
        only = a or b
        assert only is not None  # noqa: S101  one of the two has the name
        return only
    if strategy == "latest":
        return max(a, b, key=_time)
    if a.known != b.known:
        return a if a.known else b
    if strategy == "oldest":
        return min(a, b, key=_time)
    origin = max(a.origin, b.origin)
    return _Said(_combined(a.value, b.value, strategy), origin, known=a.known)


def _time(said: _Said) -> tuple[int, bool, str, tuple[int, str]]:
    return (said.origin.at_ms, said.known, said.origin.source, order_of(said.value))


def _combined(a: Any, b: Any, strategy: str) -> Any:
    if strategy == "union":
        return _union(a, b)
    if strategy == "most_restrictive":
        return min(a, b, key=_permission)
    if _is_number(a) != _is_number(b):
        return a if _is_number(a) else b
    if not _is_number(a):
        return min(a, b, key=order_of) if strategy == "min" else max(a, b, key=order_of)
    return _NUMBERS[strategy](a, b)


def _sum(a: Any, b: Any) -> Any:
    return add(a, b) if isinstance(a, int) and isinstance(b, int) else a + b


def _least(a: Any, b: Any) -> Any:
    return min(a, b, key=_amount)


def _most(a: Any, b: Any) -> Any:
    return max(a, b, key=_amount)


_NUMBERS: dict[str, Callable[[Any, Any], Any]] = {"sum": _sum, "min": _least, "max": _most}


def _is_number(value: Any) -> bool:
    return isinstance(value, bool | int | float)


def _amount(value: Any) -> tuple[float, tuple[int, str]]:
    return (value, order_of(value))


def _permission(value: Any) -> tuple[int, float, tuple[int, str]]:
    """Order values from the most restrictive one: refusals, numbers, other words, permissions."""
    if isinstance(value, bool):
        return (3 if value else 0, 0.0, order_of(value))
    if _is_number(value):
        return (1, value, order_of(value))
    word = value.strip().casefold().replace("-", "_") if isinstance(value, str) else ""
    return (_RESTRICTIONS.get(word, 2), 0.0, order_of(value))


def _union(a: Any, b: Any) -> list[Any]:
    entries = {order_of(each): each for side in (a, b) for each in _as_list(side)}
    kept, size = [], 0
    for key in sorted(entries):
        size += len(key[1]) + 2
        if size > _MAX_UNION:
            break
        kept.append(entries[key])
    return kept


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
