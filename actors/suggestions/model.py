"""Which items are bought together: a table of each item's nearest, and its form in the store.

Two items are as near as the cosine of the baskets that hold them, shrunk where few baskets do:

    s(i, j) = n_ij / √(n_i n_j) × n_ij / (n_ij + λ)

with n_i the baskets that hold item i and n_ij those that hold both. What goes with a basket is what has the
greatest sum of s over the basket's items. Source of the cosine on baskets: Sarwar, Karypis, Konstan &
Riedl (2001), Item-based collaborative filtering recommendation algorithms, WWW 10.
"""

import sys
import zlib
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import msgpack

from actors.domain.errors import CodecError

SETTING = "item_model"
"""The store's setting that holds the model in use."""
USUAL = "items"
"""What actions of a playbook call it."""

MAX_ITEMS = 65_535
MAX_BASKET = 200
"""How many items of a basket are looked at; the last ones count."""
MAX_ITEM = 200
_VERSION = 1
_SCALE = 65_535
_MAX_BYTES = 64_000_000


class Suggestion(NamedTuple):
    """An item, what it is called, and how near it is: the sum of s over the basket, 0.0 for a best-seller."""

    item: str
    name: str
    score: float


@dataclass(frozen=True, slots=True)
class ItemModel:
    """Items, the best-selling first, and the nearest of each.

    `near` holds `width` places of items for each item, nearest first, and `weights` how near, in parts of
    65,535; a row that has fewer is filled up with weight 0. `baskets` are those fitted, the last of them
    bought at `fitted_until_ms`.
    """

    items: tuple[str, ...]
    names: tuple[str, ...]
    width: int
    near: Sequence[int]
    weights: Sequence[int]
    baskets: int = 0
    fitted_until_ms: int = 0
    places: dict[str, int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "places", {item: i for i, item in enumerate(self.items)})

    def next_items(self, basket: Iterable[str], count: int) -> list[Suggestion]:
        """Return what goes with a basket, nearest first; nothing when no item of it is known.

        Ties go to the item that sells better. What is in the basket is not suggested.
        """
        held = self._held(basket)
        sums: dict[int, int] = {}
        width, near, weights = self.width, self.near, self.weights
        for place in held:
            for i in range(place * width, (place + 1) * width):
                weight = weights[i]
                if not weight:
                    break
                other = near[i]
                sums[other] = sums.get(other, 0) + weight
        for place in held:
            sums.pop(place, None)
        best = sorted(sums, key=lambda place: (-sums[place], place))[:count]
        return [self._suggestion(place, sums[place]) for place in best]

    def best_sellers(self, basket: Iterable[str], count: int) -> list[Suggestion]:
        """Return what sells best and is not in the basket."""
        held = set(self._held(basket))
        found: list[Suggestion] = []
        for place in range(len(self.items)):
            if len(found) == count:
                break
            if place not in held:
                found.append(self._suggestion(place, 0))
        return found

    def _held(self, basket: Iterable[str]) -> list[int]:
        known = dict.fromkeys(self.places[item] for item in basket if item in self.places)
        return list(known)[-MAX_BASKET:]

    def _suggestion(self, place: int, weight: int) -> Suggestion:
        item = self.items[place]
        return Suggestion(item, self.names[place] or item, weight / _SCALE)


def to_bytes(model: ItemModel) -> bytes:
    """Write a model, compressed, so that `from_bytes` gives an equal one."""
    packed: bytes = msgpack.packb(
        [
            _VERSION,
            model.items,
            model.names,
            model.width,
            _little(model.near),
            _little(model.weights),
            model.baskets,
            model.fitted_until_ms,
        ]
    )
    return zlib.compress(packed, 6)


def from_bytes(data: bytes) -> ItemModel:
    """Read a model from `to_bytes`.

    Raises:
        CodecError: The bytes are no model, or from a newer version.
    """
    try:
        unpack = zlib.decompressobj()
        packed = unpack.decompress(data, _MAX_BYTES)
        version, items, names, width, near, weights, *rest = msgpack.unpackb(packed)
    except (ValueError, TypeError, zlib.error, msgpack.UnpackException) as error:
        raise CodecError("item model: not a model") from error
    if not unpack.eof:
        raise CodecError("item model: cut off, or too large")
    if version != _VERSION:
        raise CodecError(f"item model: version {version!r}, expected {_VERSION}")
    try:
        model = ItemModel(
            tuple(items), tuple(names), width, _array(near), _array(weights), *map(int, rest)
        )
        fits = _fits(model)
    except (TypeError, ValueError) as error:
        raise CodecError(f"item model: {error}") from error
    if not fits:
        raise CodecError("item model: its parts do not fit together")
    return model


def _fits(model: ItemModel) -> bool:
    count = len(model.items)
    cells = count * model.width
    return (
        len(model.near) == len(model.weights) == cells
        and len(model.names) == count == len(model.places)
        and (not cells or max(model.near) < count)
    )


def _little(numbers: Sequence[int]) -> bytes:
    found = array("H", numbers)
    if sys.byteorder == "big":
        found.byteswap()
    return found.tobytes()


def _array(data: bytes) -> "array[int]":
    found = array("H")
    found.frombytes(data)
    if sys.byteorder == "big":
        found.byteswap()
    return found
