"""Who gets an actor of her own, who goes back, and who sits where nobody meant her to. Pure."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import inf

from actors.domain.errors import InvalidIdError
from actors.domain.ids import PARTITIONS, customer_text, home_partition, parse_customer
from actors.ports import PartitionRow
from actors.runtime.owning import CUSTOMER

AT_ONCE = 2
"""Promotions of one round: each starts a process, about two seconds of a processor."""

IDLE_MS = 600_000
"""Without a turn for so long, by the machine's clock, nobody needs an actor."""

UNWANTED_S = 120.0
"""The rule must have been false for so long, by the watcher's clock, or one would come and go all day."""


def actor_name(number: int) -> str:
    """Return the name of the actor of a customer, such as `customer:c_04ZQ3N8F1T2RA`."""
    return CUSTOMER + customer_text(number)


def customer_of(name: str) -> int | None:
    """Return whose actor has a name; None for a cell of many."""
    if not name.startswith(CUSTOMER):
        return None
    try:
        return parse_customer(name.removeprefix(CUSTOMER))
    except InvalidIdError:
        return None


@dataclass(frozen=True, slots=True)
class Wish:
    """A customer for whom the rule holds, and the cell that says so."""

    number: int
    cell: str
    idle_ms: int


@dataclass(frozen=True, slots=True)
class Seat:
    """A living actor of a customer; `node` is Ray's id of the machine that it runs on."""

    number: int
    owner: str
    node: str
    wanted: bool
    idle_ms: int


@dataclass(slots=True)
class Steps:
    """What is to be done: (wish, node) of who gets an actor; whose actors end; who goes home from where."""

    promote: list[tuple[Wish, str]] = field(default_factory=list)
    end: list[Seat] = field(default_factory=list)
    home: list[tuple[int, PartitionRow]] = field(default_factory=list)


@dataclass(slots=True)
class Dedication:
    """Decides, round by round. `per_node` 0 is for nobody: all go home. One is made every `every_s` at most."""

    per_node: int
    every_s: float = 0.0
    _next_s: float = -inf
    _unwanted_s: dict[int, float] = field(default_factory=dict)

    def room(self, seats: Sequence[Seat], nodes: Iterable[str]) -> list[str]:
        """Return the nodes with room, one entry a free place, those with most room first."""
        taken = Counter(seat.node for seat in seats)
        free = {node: self.per_node - taken[node] for node in nodes}
        places: list[str] = []
        while any(left > 0 for left in free.values()):
            node = min(free, key=lambda name: (-free[name], name))
            free[node] -= 1
            places.append(node)
        return places

    def steps(
        self,
        rows: Mapping[int, PartitionRow],
        apart: Mapping[int, int],
        seats: Sequence[Seat],
        wishes: Sequence[Wish],
        nodes: Sequence[str],
        now_s: float,
    ) -> Steps:
        """Return what is to be done now.

        `rows` are the partitions, `apart` is in which of those of their own customers are, `now_s` the
        watcher's own monotonic clock.
        """
        seated = {seat.number: seat for seat in seats}
        steps = Steps(end=[seat for seat in seats if self._is_over(seat, apart, now_s)])
        for gone in self._unwanted_s.keys() - seated.keys():
            del self._unwanted_s[gone]
        for number, partition in sorted(apart.items()):
            row = rows.get(partition)
            # Her actor has died, and a cell has taken over. Until one has, it waits for that.
            if row is not None and row.owner and customer_of(_name(row.owner)) is None:
                steps.home.append((number, row))
        places = self.room(seats, nodes)
        fresh = [w for w in wishes if w.number not in seated and w.number not in apart]
        fresh.sort(key=lambda wish: (wish.idle_ms, wish.number))
        steps.promote = list(zip(fresh, places[: self._due(now_s)], strict=False))
        self._next_s = max(self._next_s, self._since(now_s)) + len(steps.promote) * self.every_s
        return steps

    def _since(self, now_s: float) -> float:
        """Return from when on at the earliest what was not used is still due: as much as one round takes."""
        return now_s - (AT_ONCE - 1) * self.every_s

    def _due(self, now_s: float) -> int:
        """Return how many may be made now; making one is seconds of a processor that serves others too."""
        if not self.every_s:
            return AT_ONCE
        late_s = now_s - max(self._next_s, self._since(now_s))
        return 0 if late_s < 0 else min(AT_ONCE, 1 + int(late_s / self.every_s))

    def _is_over(self, seat: Seat, apart: Mapping[int, int], now_s: float) -> bool:
        if self.per_node == 0 or seat.number not in apart or seat.idle_ms > IDLE_MS:
            return True  # not apart: it was made for her, and she never came, or has gone
        if seat.wanted:
            self._unwanted_s.pop(seat.number, None)
            return False
        return now_s - self._unwanted_s.setdefault(seat.number, now_s) >= UNWANTED_S


def is_apart(row: PartitionRow) -> bool:
    """Return whether a partition is one of those that were opened for single customers."""
    return row.partition >= PARTITIONS


def home_of(number: int, rows: Mapping[int, PartitionRow]) -> tuple[int, int]:
    """Return a customer's home partition and its epoch now."""
    row = rows[home_partition(number)]
    return row.partition, row.epoch


def empty_partitions(
    rows: Mapping[int, PartitionRow], apart: Mapping[int, int], taken: Iterable[str]
) -> list[PartitionRow]:
    """Return the opened partitions without a customer that are no actor's in `taken`, in order."""
    used, owners = set(apart.values()), set(taken)
    free = (row for row in rows.values() if is_apart(row) and row.partition not in used)
    return sorted((row for row in free if row.owner not in owners), key=lambda row: row.partition)


def _name(owner: str) -> str:
    return owner.rpartition("/")[0]
