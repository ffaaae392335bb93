"""How often the sequential test is wrong, and how often it sees what is there, by simulation."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from actors.experiments.statistics import ALPHA, boundary, effective, quantile

STREAMS = 1_000
LOOKS = 50
PER_ARM = 10_000
RATE, BETTER = 0.15, 0.17
SEED = 20_261_122


def standardised(
    rates: tuple[float, float], streams: int, looks: int, per_arm: int, seed: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return z by (stream, look), and the customers an arm at each look.

    Customers come evenly; at each look both arms have had the same number.
    """
    rng = np.random.default_rng(seed)
    sizes = np.diff(np.linspace(0, per_arm, looks + 1).astype(int))
    n = np.cumsum(sizes).astype(float)
    means = [rng.binomial(sizes, rate, (streams, looks)).cumsum(axis=1) / n for rate in rates]
    variance = sum(mean * (1 - mean) / (n - 1) for mean in means)
    z = (means[1] - means[0]) / np.sqrt(np.maximum(variance, 1e-12))
    return z, n


def ever_rejected(rates: tuple[float, float], **how: int) -> dict[str, float]:
    """Return how many streams are ever rejected: by the sequential test, by naive looks, by the last one."""
    z, n = standardised(rates, **how)
    naive = quantile(1 - ALPHA / 2)
    return {
        "sequential": float((np.abs(z) >= boundary(effective(n, n))).any(axis=1).mean()),
        "naivePeeking": float((np.abs(z) >= naive).any(axis=1).mean()),
        "lastLookOnly": float((np.abs(z[:, -1]) >= naive).mean()),
    }


def simulate(streams: int = STREAMS, looks: int = LOOKS, seed: int = SEED) -> dict[str, Any]:
    """Return the share of streams rejected where nothing differs, and where something does."""
    how = {"streams": streams, "looks": looks, "per_arm": PER_ARM, "seed": seed}
    return {
        "streams": streams,
        "looks": looks,
        "perArm": PER_ARM,
        "same": {"rates": [RATE, RATE], **ever_rejected((RATE, RATE), **how)},
        "different": {"rates": [RATE, BETTER], **ever_rejected((RATE, BETTER), **how)},
    }
