"""Which cell should own which partition: weighted rendezvous hashing, stable across processes."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from hashlib import blake2b
from math import log

from actors.domain.ids import PARTITIONS

_ALL = 1 << 64

Weights = tuple[tuple[str, float], ...]
"""Weights by cell name, in order of name; a cell that is not named weighs 1."""

EVEN: Weights = ()

_STEP = 1 / 8
_LIGHTEST, _HEAVIEST = 0.5, 2.0
_UNEVEN = 1.25
_TOO_FEW = 1_000
"""Turns in a period below which a difference says nothing."""


def _draw(partition: int, name: str) -> int:
    digest = blake2b(f"{partition}/{name}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big")


def best_of(
    partition: int, names: Sequence[str], weights: Mapping[str, float] | None = None
) -> str:
    """Return the cell that should own a partition: the one with the highest score for it.

    With -w / ln(u), u being a draw in (0, 1) of partition and name, a cell's share is proportional to
    its weight, and a cell that comes, goes or changes its weight moves only what it wins or loses.
    Sources: Thaler and Ravishankar, "Using name-based mappings to increase hit rates", 1998;
    Schindelhauer and Schomaker, "Weighted distributed hash tables", 2005.
    """
    if not weights:  # the same winner, without logarithms
        return max(names, key=lambda name: (_draw(partition, name), name))

    def score(name: str) -> tuple[float, int, str]:
        draw = _draw(partition, name)
        return -weights.get(name, 1.0) / log((draw + 0.5) / _ALL), draw, name

    return max(names, key=score)


@lru_cache(maxsize=64)
def placement(
    names: tuple[str, ...], weights: Weights = EVEN, count: int = PARTITIONS
) -> tuple[str, ...]:
    """Return the cell of every partition below `count`; empty when there are no cells."""
    if not names:
        return ()
    by_name = dict(weights)
    return tuple(best_of(partition, names, by_name) for partition in range(count))


def reweighed(weights: Weights, turns: Mapping[str, int]) -> Weights:
    """Return the weights after a period in which cells took so many turns.

    Unchanged while the busiest has at most a quarter more than the mean, or when there was too little
    to tell: moving costs more than it brings then. Otherwise each goes half the way, as a factor, to the
    weight that would have made the loads equal, in eighths between 1/2 and 2.
    """
    total = sum(turns.values())
    if len(turns) < 2 or total < _TOO_FEW or max(turns.values()) * len(turns) <= _UNEVEN * total:
        return weights
    mean = total / len(turns)
    before = dict(weights)
    after = {}
    for name in sorted(turns):
        wanted = before.get(name, 1.0) * (mean / max(turns[name], 1)) ** 0.5
        after[name] = min(max(round(wanted / _STEP) * _STEP, _LIGHTEST), _HEAVIEST)
    return tuple(sorted(after.items())) if set(after.values()) != {1.0} else EVEN
