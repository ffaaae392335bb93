"""Keyed draws, posterior vectors, and choosing with a known probability.

Nothing here differs between processes or machines: draws are keyed hashes, the normal quantiles a
table of rounded numbers, and what follows are single additions and multiplications of doubles.
"""

from collections.abc import Sequence
from hashlib import blake2b, shake_128
from statistics import NormalDist
from typing import Final

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_SCALE = 2.0**-64
_STEPS = 4096
_NORMAL = NormalDist()
QUANTILES: Array = np.array(
    [round(_NORMAL.inv_cdf((i + 0.5) / _STEPS), 9) for i in range(_STEPS)], dtype=np.float64
)
"""Of the normal distribution, at the midpoints of equal steps; rounded, so that no machine differs."""
FARTHEST = float(QUANTILES[-1])
"""How many standard deviations a draw can be from its mean."""
LEAST: Final = 1e-6
"""The least propensity of a posterior vector: the normal curve reaches below 0, the posterior does not."""
DOUBTFUL: Final = 1e-9
"""What a vector takes a bid for that it doubts: more than nothing, less than anything else, in minor units."""
LOTS: Final = 65536
"""How many lots there are for a new action to take part in a vote."""


POSTERIOR = "posterior"
MATURITY = "maturity"
"""The streams of the posterior vectors and of those lots."""


def seed_of(number: int, seq: int) -> int:
    """Return the seed of a customer's turn: 63 bits, the same in every process."""
    digest = blake2b(f"{number}/{seq}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1


def draw(seed: int, stream: str) -> float:
    """Return the draw of a named stream, uniform in [0, 1), dependent on nothing else."""
    digest = blake2b(stream.encode(), digest_size=8, key=seed.to_bytes(8, "big")).digest()
    return int.from_bytes(digest, "big") * _SCALE


def stream(seed: int, name: str, size: int) -> bytes:
    """Return the first bytes of a named stream; those of a shorter one are the same."""
    return shake_128(seed.to_bytes(8, "big") + name.encode()).digest(size)


def _words(seed: int, name: str, rows: Sequence[int], columns: int) -> NDArray[np.uint16]:
    """Return rows of a named stream, `columns` words of 16 bits each."""
    data = stream(seed, name, 2 * columns * (max(rows) + 1))
    return np.frombuffer(data, dtype="<u2").reshape(-1, columns).take(rows, axis=0)


def posterior(
    seed: int, means: Sequence[float], sds: Sequence[float], vectors: int, rows: Sequence[int]
) -> Array:
    """Draw propensities: a row per mean, a column per vector, normal and clipped to [LEAST, 1].

    `rows` says with which row of the draws each of them goes; not empty.
    """
    words = _words(seed, POSTERIOR, rows, vectors)
    words &= _STEPS - 1
    drawn: Array = QUANTILES.take(words, mode="clip")  # none is beyond: nothing to check
    drawn *= np.fmax(np.array(sds, dtype=np.float64), 0.0)[:, None]
    drawn += np.array(means, dtype=np.float64)[:, None]
    np.maximum(drawn, LEAST, out=drawn)
    np.minimum(drawn, 1.0, out=drawn)
    return drawn


def lots(seed: int, rows: Sequence[int], vectors: int) -> NDArray[np.uint16]:
    """Draw whole numbers below LOTS by which new actions take part or not; `rows` as for `posterior`."""
    return _words(seed, MATURITY, rows, vectors)


def shares(votes: Sequence[int], epsilon: float) -> list[float]:
    """Return π = (1 − ε) v + ε / K of K survivors; `votes` has those for nothing as one more, the last.

    Returns:
        K probabilities, each above 0, and last that of nothing: (1 − ε) v.
    """
    total, survivors = sum(votes), len(votes) - 1
    each = epsilon / survivors
    found = [(1.0 - epsilon) * (n / total) + each for n in votes[:-1]]
    found.append((1.0 - epsilon) * (votes[-1] / total))
    return found


def choose(seed: int, stream: str, probabilities: Sequence[float]) -> int:
    """Choose a position with these probabilities, which sum to 1, by one draw of a stream.

    What is rounded away at the end goes to the last position that has a probability.
    """
    point, reached, last = draw(seed, stream), 0.0, 0
    for i, probability in enumerate(probabilities):
        if probability > 0.0:
            reached += probability
            last = i
            if point < reached:
                return i
    return last
