"""Keyed draws, and choosing with a known probability."""

from hashlib import blake2b

EPSILON = 0.05
"""Share of choices made uniformly among the survivors, so that every one keeps being tried."""

_SCALE = 2.0**-64


def seed_of(number: int, seq: int) -> int:
    """Return the seed of a customer's turn: 63 bits, the same in every process."""
    digest = blake2b(f"{number}/{seq}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1


def draw(seed: int, stream: str) -> float:
    """Return the draw of a named stream, uniform in [0, 1), dependent on nothing else."""
    digest = blake2b(stream.encode(), digest_size=8, key=seed.to_bytes(8, "big")).digest()
    return int.from_bytes(digest, "big") * _SCALE


def choose_index(seed: int, stream: str, count: int) -> tuple[int, float]:
    """Choose one of `count` candidates that are sorted best first.

    Returns:
        The index and the probability with which it was chosen: 1 − ε + ε/K for the best of K, ε/K
        for any other.
    """
    if count == 1:
        return 0, 1.0
    share = EPSILON / count
    point = draw(seed, stream)
    if point < 1.0 - EPSILON:
        return 0, 1.0 - EPSILON + share
    index = min(int((point - (1.0 - EPSILON)) / share), count - 1)
    return index, share if index else 1.0 - EPSILON + share
