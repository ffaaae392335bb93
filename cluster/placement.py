"""Which cell should own which partition: rendezvous hashing, stable across processes."""

from collections.abc import Sequence
from functools import lru_cache
from hashlib import blake2b

from actors.domain.ids import PARTITIONS


def _weight(partition: int, name: str) -> int:
    digest = blake2b(f"{partition}/{name}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big")


def best_of(partition: int, names: Sequence[str]) -> str:
    """Return the cell that should own a partition: the one with the highest weight for it.

    Adding or removing a cell moves only the partitions that it wins or had. Source: Thaler and
    Ravishankar, "Using name-based mappings to increase hit rates", 1998.
    """
    return max(names, key=lambda name: (_weight(partition, name), name))


@lru_cache(maxsize=32)
def placement(names: tuple[str, ...]) -> tuple[str, ...]:
    """Return the cell of every partition, for these cells; empty when there are none."""
    if not names:
        return ()
    return tuple(best_of(partition, names) for partition in range(PARTITIONS))
