"""Uniform draws keyed by (seed, customer, instant, stream), with Philox4x64-10.

Source: Salmon, Moraes, Dror & Shaw (2011), "Parallel random numbers: as easy as 1, 2, 3". A counter-based
generator has no state: whoever asks for the same key and counter gets the same number, in whatever order and
process. Constructing numpy's costs 30 µs, so that many are worked out at once here, bit for bit the same, and
single ones by a generator that is set anew, for a fifth of that.
"""

from hashlib import blake2b
from threading import local

import numpy as np
from numpy.typing import NDArray

Words = NDArray[np.uint64]
Floats = NDArray[np.float64]

_LOW = np.uint64(0xFFFFFFFF)
_HALF = np.uint64(32)
_MULTIPLIERS = (0xD2E7470EE14C6C93, 0xCA5A826395121157)
_WEYL = (0x9E3779B97F4A7C15, 0xBB67AE8584CAA73B)
_ROUNDS = 10
_MASK = (1 << 64) - 1
_SCALE = 2.0**-53
_SHIFT = np.uint64(11)
_FEW = 48
"""So few keys are taken one by one by numpy's generator: the same numbers, sooner."""
KEY = 0x5269676874
"""The second word of the key, so that a seed means nothing else elsewhere."""

STREAMS = (
    *("channel", "notice", "take", "buy", "basket", "items", "category", "second_category"),
    *("open", "delay", "unsubscribe", "spam", "complain", "rating", "extra", "minute"),
)
"""Streams that are drawn together for an occasion; others have any other name."""
DAILY = ("visits", "first", "second", "third", "leave", "return", "first_channel", "second_channel")
"""Streams that are drawn together for a customer's day."""

_AT = {name: place for place, name in enumerate(STREAMS)}
OCCASION, DAY, TRAITS = 1, 2, 3
"""What the last word of a counter stands for; named streams have a hash there."""


def _product(words: Words, multiplier: int) -> tuple[Words, Words]:
    """Return the high and the low words of 128-bit products."""
    factor = np.uint64(multiplier)
    low, high = factor & _LOW, factor >> _HALF
    a, b = words & _LOW, words >> _HALF
    cross = b * low + ((a * low) >> _HALF)  # below 2^64: each part is below 2^32
    middle = a * high + (cross & _LOW)
    return b * high + (cross >> _HALF) + (middle >> _HALF), words * factor


def philox(seed: int, counters: tuple[Words, Words, Words, Words]) -> tuple[Words, ...]:
    """Return four words for each counter, under the key (seed, `KEY`)."""
    c0, c1, c2, c3 = counters
    k0, k1 = seed & _MASK, KEY
    for _ in range(_ROUNDS):
        high0, low0 = _product(c0, _MULTIPLIERS[0])
        high1, low1 = _product(c2, _MULTIPLIERS[1])
        c0, c1 = high1 ^ c1 ^ np.uint64(k0), low1
        c2, c3 = high0 ^ c3 ^ np.uint64(k1), low0
        k0, k1 = (k0 + _WEYL[0]) & _MASK, (k1 + _WEYL[1]) & _MASK
    return c0, c1, c2, c3


def uniforms(
    seed: int, customers: NDArray[np.int64], at: NDArray[np.int64], count: int, kind: int
) -> Floats:
    """Return a row of `count` draws in [0, 1) for each pair of a customer and an instant.

    The instants may be milliseconds or numbers of days; `kind` tells their uses apart.
    """
    size, blocks = len(customers), -(-count // 4)
    if size <= _FEW:
        return np.array(
            [
                one(seed, int(c), int(t), blocks, kind)[:count]
                for c, t in zip(customers, at, strict=True)
            ]
        ).reshape(size, count)
    block = np.tile(np.arange(1, blocks + 1, dtype=np.uint64), size)
    words = philox(
        seed,
        (
            block,
            np.repeat(customers.astype(np.uint64), blocks),
            np.repeat(at.astype(np.uint64), blocks),
            np.full(size * blocks, kind, dtype=np.uint64),
        ),
    )
    raw = np.stack(words, axis=1).reshape(size, 4 * blocks)[:, :count]
    drawn: Floats = (raw >> _SHIFT).astype(np.float64) * _SCALE
    return drawn


class _Generator(local):
    """numpy's generator of a thread; nothing stays in it from one use to the next."""

    def __init__(self) -> None:
        self.made = np.random.Philox(key=np.zeros(2, dtype=np.uint64))
        self.numbers = np.random.Generator(self.made)
        self.state = self.made.state
        self.counter, self.key = self.state["state"]["counter"], self.state["state"]["key"]


_GENERATOR = _Generator()


def one(seed: int, customer: int, at: int, blocks: int, kind: int) -> Floats:
    """Return four times `blocks` draws for one customer and instant: the row that `uniforms` has."""
    generator = _GENERATOR
    counter, key = generator.counter, generator.key
    # numpy's counter is increased before it is used, and blocks begin at 1: so it is set to 0.
    counter[0], counter[1], counter[2], counter[3] = 0, customer, at, kind
    key[0], key[1] = seed & _MASK, KEY
    generator.made.state = generator.state
    return generator.numbers.random(
        4 * blocks
    )  # which are words without their last 11 bits, times 2^-53


class Chance:
    """The draws of one customer at one instant, by the names of streams."""

    __slots__ = ("_at_ms", "_customer", "_row", "_seed")

    def __init__(
        self, seed: int, customer: int, at_ms: int, row: list[float] | None = None
    ) -> None:
        """Take the row of `STREAMS` if it has been drawn already, together with those of others."""
        self._seed = seed
        self._customer = customer
        self._at_ms = at_ms
        self._row = row

    def uniform(self, stream: str) -> float:
        """Return the draw of a stream, in [0, 1); the same whenever it is asked for."""
        place = _AT.get(stream)
        if place is None:
            digest = blake2b(stream.encode(), digest_size=8).digest()
            kind = int.from_bytes(digest, "big") | 1 << 63  # never one of the small ones
            return float(one(self._seed, self._customer, self._at_ms, 1, kind)[0])
        if self._row is None:
            blocks = len(STREAMS) // 4
            drawn = one(self._seed, self._customer, self._at_ms, blocks, OCCASION)
            self._row = drawn.tolist()
        return self._row[place]
