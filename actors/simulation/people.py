"""Many customers as columns: what they are like, and what they remember."""

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]

DAY_MS = 86_400_000


@dataclass(slots=True)
class People:
    """Columns of equal length, one row a customer.

    Traits, which never change: `index` in the population, `rate` of visits a day, `basket` and `spread` (mean
    and standard deviation of the logarithm of a basket in minor units), `tastes` by category and `habits` by
    channel (each row cumulated to 1), `offers` (log-odds with which a noticed offer is taken), `price` and
    `tiring` (how strongly value and fatigue count, about 1), `consents`.

    Memory: `fatigue` as of `fatigue_ms` (messages remembered), `satisfaction` in [0, 1] (0.7 is usual), `active`,
    `last_day` of a visit, `orders`, `met` (whether the company has heard of them).
    """

    index: Whole
    rate: Floats
    basket: Floats
    spread: Floats
    tastes: Floats
    habits: Floats
    offers: Floats
    price: Floats
    tiring: Floats
    consents: NDArray[np.bool_]
    fatigue: Floats
    fatigue_ms: Whole
    satisfaction: Floats
    active: NDArray[np.bool_]
    last_day: Whole
    orders: Whole
    met: NDArray[np.bool_]

    def __len__(self) -> int:
        """Return how many they are."""
        return len(self.index)

    def memory(self) -> dict[str, bytes]:
        """Return what changes, as bytes by column."""
        return {name: getattr(self, name).tobytes() for name in MEMORY}

    def remember(self, memory: dict[str, bytes]) -> None:
        """Take back what `memory` gave."""
        for name in MEMORY:
            column = getattr(self, name)
            column[:] = np.frombuffer(memory[name], dtype=column.dtype)

    def nbytes(self) -> int:
        """Return what all columns take."""
        return sum(column(self, each.name).nbytes for each in fields(self))


MEMORY = ("fatigue", "fatigue_ms", "satisfaction", "active", "last_day", "orders", "met")
"""The columns that change."""


def column(people: People, name: str) -> NDArray[Any]:
    """Return a column by its name."""
    found: NDArray[Any] = getattr(people, name)
    return found
