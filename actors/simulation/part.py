"""What a part of a population is made of, before anybody moves."""

from dataclasses import dataclass, field
from heapq import heappush
from typing import Any

from actors.domain.ids import IdSpace
from actors.playbook.model import Playbook
from actors.session.keeping import Kept
from actors.simulation.behaviour import Behaviour
from actors.simulation.choosing import Decide
from actors.simulation.learning import Taught
from actors.simulation.ledger import Sums, Tables
from actors.simulation.population import Population
from actors.simulation.spec import Spec
from actors.simulation.store import PopulationStore
from actors.simulation.touchpoints import Channels, identity_of

Item = tuple[int, int, int, str, list[Any]]
"""(instant, row of the customer, number of the item, kind, what it is about)."""


class BlockClock:
    """Virtual time for everything: what is measured by a machine's clock takes no time here."""

    virtual = True

    def __init__(self, now_ms: int) -> None:
        self.now_ms = now_ms

    def business_ms(self) -> int:
        """Return virtual time."""
        return self.now_ms

    def machine_ms(self) -> int:
        """Return virtual time."""
        return self.now_ms


@dataclass(frozen=True, slots=True)
class World:
    """What all parts have in common and none changes."""

    spec: Spec
    population: Population
    behaviour: Behaviour
    playbook: Playbook
    decide: Decide


@dataclass(slots=True)
class Failed:
    """Turns that were refused, by what was said: there should be none."""

    counts: dict[str, int] = field(default_factory=dict)

    def note(self, what: str) -> None:
        """Count one."""
        self.counts[what] = self.counts.get(what, 0) + 1


class Part:
    """Some customers: their columns, store, clock, what waits for them, and what has been written down.

    `kept` has their states between turns; None where they are packed at every commit.
    """

    def __init__(self, world: World, number: int, ids: IdSpace, kept: Kept | None) -> None:
        self.world = world
        self.number = number
        first, count = world.spec.part(number)
        self.first = first
        self.people = world.population.people(first, count)
        self.numbers = [ids.customer_number(identity_of(first + i)) for i in range(count)]
        self.row_of = {number: row for row, number in enumerate(self.numbers)}
        self.kept = kept
        self.store = PopulationStore(self.row_of, kept)
        self.rows = self.store.rows
        self.clock = BlockClock(world.spec.start_ms)
        self.channels = Channels.of(world.playbook)
        self.tables, self.sums, self.failed = Tables(), Sums(), Failed()
        self.taught: list[Taught] = []
        self.decisions = 0
        self.mark = "p"
        self._queue: list[Item] = []
        self._serial = 0

    def said(self, row: int, serial: int) -> str:
        """Return the id of what a customer says or does: `mark`, customer, and a number of its own."""
        return f"{self.mark}-{self.first + row}-{serial}"

    def push(self, at_ms: int, row: int, kind: str, about: list[Any]) -> None:
        """Have something happen to a customer at an instant, not before the next tick."""
        self._serial += 1
        tick = self.world.spec.tick_ms
        at_ms = max(at_ms, self.clock.now_ms + 1)
        heappush(self._queue, (-(-at_ms // tick) * tick, row, self._serial, kind, about))
