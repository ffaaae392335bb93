"""What is to be simulated: everything that results depend on, and nothing else."""

from dataclasses import asdict, dataclass
from typing import Any

from actors.simulation.people import DAY_MS

MONDAY_MS = 1_767_571_200_000
"""2026-01-05T00:00Z, a Monday: where populations begin by default."""
BLOCKS = 16
"""Into how many parts a population is divided, whatever works on them; see docs/decisions/simulation.md."""
LARGEST_BLOCK = 25_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Spec:
    """A run. `tick_ms` is how exact time is: whoever comes within a tick is served at its end, in one group.

    `barrier_ms` is how often what customers share (models, budgets) is brought together. `blocks` 0 means as
    many as `block_count` says.
    """

    population: int
    days: int
    seed: int = 1
    start_ms: int = MONDAY_MS
    tick_ms: int = 60_000
    barrier_ms: int = 3_600_000
    blocks: int = 0

    @property
    def end_ms(self) -> int:
        """The instant at which it is over."""
        return self.start_ms + self.days * DAY_MS

    def block_count(self) -> int:
        """Return how many parts the population has: a function of its size alone."""
        most = max(1, self.population)
        return self.blocks or min(most, max(BLOCKS, -(-self.population // LARGEST_BLOCK)))

    def part(self, block: int) -> tuple[int, int]:
        """Return the first customer of a part, and how many there are."""
        count = self.block_count()
        first = self.population * block // count
        return first, self.population * (block + 1) // count - first

    def to_fields(self) -> dict[str, Any]:
        """Return it as a plain object."""
        return asdict(self)
