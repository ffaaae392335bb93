"""Ways to make one value of two. Each is commutative and associative, or says when it is not."""

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from actors.domain.folding.reading import OTHER, bounded

Join = Callable[[Any, Any], Any]
"""Returns one value for two; takes over its arguments, which are not used afterwards."""


def add(a: int, b: int) -> int:
    """Return the sum, kept within what can be stored."""
    return bounded(a + b)


def add_each(a: list[int], b: list[int]) -> list[int]:
    """Return the sums place by place; a shorter list counts as filled up with zeros."""
    short, long = (a, b) if len(a) <= len(b) else (b, a)
    return [add(x, y) for x, y in zip(short, long, strict=False)] + long[len(short) :]


def earliest(a: int, b: int) -> int:
    """Return the earlier instant; 0 is never."""
    return min(a or b, b or a)


def order_of(value: Any) -> tuple[int, str]:
    """Return a key by which JSON values of any type can be ordered, the same on every machine."""
    if isinstance(value, bool | int | float):
        return (1, f"{type(value).__name__}{value!r}")
    return (0, json.dumps(value, sort_keys=True, default=repr))


def latest(at: int) -> Join:
    """Return a join of tuples: the one whose instant, at place `at`, is later; at a tie the greater."""

    def join(a: tuple[Any, ...], b: tuple[Any, ...]) -> tuple[Any, ...]:
        return max(a, b, key=lambda each: (each[at], [order_of(part) for part in each]))

    return join


def named(value: str, other: str) -> str:
    """Return the greater of two words; an empty one never wins."""
    return max(value, other)


class Record:
    """Joins two dataclass instances of a kind, part by part.

    The keys of `joins` are names of fields, or tuples of names that belong together: their join is
    given tuples, and returns one.
    """

    def __init__(self, kind: type[Any], joins: Mapping[str | tuple[str, ...], Join]) -> None:
        self.kind = kind
        self.joins = joins

    @property
    def names(self) -> list[str]:
        """The fields that a strategy is declared for."""
        keys = [(key,) if isinstance(key, str) else key for key in self.joins]
        return [name for key in keys for name in key]

    def __call__(self, a: Any, b: Any) -> Any:
        """Return a new instance of the kind."""
        values: dict[str, Any] = {}
        for key, join in self.joins.items():
            if isinstance(key, str):
                values[key] = join(getattr(a, key), getattr(b, key))
            else:
                joined = join(
                    tuple(getattr(a, name) for name in key), tuple(getattr(b, name) for name in key)
                )
                values.update(zip(key, joined, strict=True))
        return self.kind(**values)


Rank = Callable[[str, Any], Any]
"""What a key and its value are worth when there is no room for all: the greatest stay."""


def union(join: Join, limit: int, rank: Rank) -> Join:
    """Return a join of mappings, key by key; beyond the limit those of the lowest rank go.

    Whatever goes is forgotten: which keys stay does not depend on the order of several merges as
    long as a join never lowers a rank, but a count that went with its key does not come back.
    """

    def joined(a: dict[str, Any], b: dict[str, Any]) -> dict[str, Any]:
        merged = _by_key(join, a, b)
        if len(merged) > limit:
            stay = sorted(merged, key=lambda key: (rank(key, merged[key]), key))[-limit:]
            merged = {key: merged[key] for key in sorted(stay)}
        return merged

    return joined


def union_with_rest(join: Join, limit: int) -> Join:
    """Return a join of mappings that loses no count: beyond the limit they go to `*other`.

    Keys stay in the order of their names, because any other rule would depend on the order of merges.
    """

    def joined(a: dict[str, Any], b: dict[str, Any]) -> dict[str, Any]:
        merged = _by_key(join, a, b)
        for key in [key for key in merged if key != OTHER][limit:]:
            gone = merged.pop(key)
            merged[OTHER] = join(merged[OTHER], gone) if OTHER in merged else gone
        return merged

    return joined


def _by_key(join: Join, a: dict[str, Any], b: dict[str, Any]) -> dict[str, Any]:
    merged = {}
    for key in sorted(a.keys() | b.keys()):
        if key not in b:
            merged[key] = a[key]
        else:
            merged[key] = join(a[key], b[key]) if key in a else b[key]
    return merged


def newest(limit: int, key: Callable[[Any], Any]) -> Join:
    """Return a join of lists: all of both in ascending order of `key`, the last `limit` of them."""

    def joined(a: list[Any], b: list[Any]) -> list[Any]:
        return sorted([*a, *b], key=key)[-limit:]

    return joined


def listed(join: Join, name: Callable[[Any], str], limit: int, key: Callable[[Any], Any]) -> Join:
    """Return a join of lists whose entries have a name: those of one name become one."""

    def joined(a: list[Any], b: list[Any]) -> list[Any]:
        mine, hers = {name(each): each for each in a}, {name(each): each for each in b}
        return _last(_by_key(join, mine, hers).values(), limit, key)

    return joined


def _last(entries: Iterable[Any], limit: int, key: Callable[[Any], Any]) -> list[Any]:
    return sorted(entries, key=key)[-limit:]
