"""The small world that is explored: everything in it is a tuple of integers, so that states compare and hash.

Owners are numbers: ten times the cell's place plus its incarnation, from 1; 0 is nobody. Time is in
ticks, of which each process counts its own.
"""

from typing import NamedTuple

NOBODY = 0
NOT_HELD = -1
TICK_MS = 3_000
"""Longer than a claim serves: one tick between claim and attempt is too late."""

NONE, PENDING, SENDING, SENT = -1, 0, 1, 2


class Row(NamedTuple):
    """A customer's row. `applied` are messages in order, `into` where one that was merged has gone."""

    partition: int
    seq: int = 1
    applied: tuple[int, ...] = ()
    timer: int = 0
    fired: int = 0
    into: int = -1
    merged: int = 0


NO_ROW = Row(-1, 0)


class Effect(NamedTuple):
    """An outbox row. `claimers` are all owners who have claimed it."""

    state: int = NONE
    attempts: int = 0
    due: int = 0
    partition: int = 0
    claimers: tuple[int, ...] = ()
    customer: int = 0


class Beat(NamedTuple):
    """A cell's registration. `at` is by the cell's own wall clock, and nobody may look at it."""

    incarnation: int = 0
    beat: int = 0
    at: int = 0


class Lease(NamedTuple):
    """What an owner may spend of a budget; `until` by the clock of who granted it."""

    owner: int = NOBODY
    granted: int = 0
    spent: int = 0
    until: int = 0


class Stored(NamedTuple):
    """The store: the only truth."""

    parts: tuple[tuple[int, int], ...]
    rows: tuple[Row, ...]
    taken: int = 0
    effects: tuple[Effect, ...] = ()
    spent: int = 0
    leases: tuple[Lease, ...] = ()
    cells: tuple[Beat, ...] = ()


class Cell(NamedTuple):
    """A process. `turn`, `send` and `own` are what its three activities are in the middle of.

    They run at once and wait for the store one by one; only handing over waits for the turn.
    """

    alive: bool = True
    incarnation: int = 1
    held: tuple[int, ...] = ()
    cache: tuple[Row, ...] = ()
    turn: tuple = ()
    send: tuple = ()
    own: tuple = ()
    inbox: tuple[tuple, ...] = ()
    alarm: int = -1
    clock: int = 0


class Supervisor(NamedTuple):
    """The watcher: what it has seen of beats, who it knows to be dead, and what it is about to do."""

    clock: int = 0
    looked: int = -1
    seen: tuple[tuple[int, int, int], ...] = ()
    died: tuple[int, ...] = ()
    living: tuple[int, ...] = ()
    calls: tuple[tuple, ...] = ()


class Left(NamedTuple):
    """What may still go wrong, and how often each message is still sent."""

    crashes: int = 0
    losses: int = 0
    ticks: int = 0
    tries: tuple[int, ...] = ()
    moves: int = 0


class World(NamedTuple):
    """One state of everything. `bad` says which promise the step that led here has broken."""

    stored: Stored
    cells: tuple[Cell, ...]
    supervisor: Supervisor
    left: Left
    acked: int = 0
    sent: int = 0
    bad: str = ""


class Sizes(NamedTuple):
    """Which world is explored.

    The last `apart` of the `cells` are actors of single customers: each begins with a partition of its
    own, which follow the others, and `moves` is how often somebody is asked to go there or back.
    """

    name: str
    cells: int = 2
    partitions: int = 2
    merge: bool = False
    sends: bool = False
    waits: bool = False
    timer: bool = False
    strays: bool = False
    budget: int = -1
    leases: int = 0
    supervised: bool = True
    same_host: bool = False
    before: int = 2
    wanted: int = 2
    crashes: int = 0
    losses: int = 0
    ticks: int = 0
    messages: tuple[int, ...] = ()
    tries: int = 2
    skew: tuple[int, ...] = (0, 0, 0)
    apart: int = 0
    moves: int = 0


def owner_of(place: int, incarnation: int) -> int:
    """Return the number of an incarnation of a cell."""
    return 10 * (place + 1) + incarnation


def place_of(owner: int) -> int:
    """Return which cell an owner is an incarnation of."""
    return owner // 10 - 1


def put(items: tuple, index: int, item: object) -> tuple:
    """Return a tuple with one item replaced."""
    return (*items[:index], item, *items[index + 1 :])


def with_cell(world: World, place: int, **changes: object) -> World:
    """Return a world in which something of one cell is different."""
    cell = world.cells[place]._replace(**changes)
    return world._replace(cells=put(world.cells, place, cell))


def changed_hands(world: World, parts: tuple) -> World:
    """Return the world with another map; an epoch that does not grow with its owner is a broken promise."""
    bad = world.bad
    for p, (before, after) in enumerate(zip(world.stored.parts, parts, strict=True)):
        if after[1] < before[1] or (after[1] == before[1] and after[0] != before[0]):
            bad = bad or f"partition {p} went from {before} to {after}: its epoch has not grown"
    return world._replace(stored=world.stored._replace(parts=parts), bad=bad)


def first(sizes: Sizes, homes: tuple[str, ...]) -> World:
    """Return the state that exploring begins with: every wanted cell has its share, and nothing is under way."""
    names = [f"cell-{i}" for i in range(sizes.cells)]
    parts = tuple((owner_of(names.index(home), 1), 1) for home in homes)
    parts += tuple((owner_of(sizes.cells - 1 - i, 1), 1) for i in range(sizes.apart))
    rows = tuple(
        Row(partition=i % sizes.partitions, timer=int(sizes.timer))
        for i in range(max(1 + (sizes.merge or sizes.strays), max(sizes.messages, default=0) + 1))
    )
    clocks = sizes.skew
    cells = tuple(
        Cell(
            held=tuple(e if o == owner_of(i, 1) else NOT_HELD for o, e in parts),
            cache=(NO_ROW,) * len(rows),
            clock=clocks[i],
        )
        for i in range(sizes.cells)
    )
    made = len(sizes.messages) if sizes.sends else 0
    stored = Stored(
        parts,
        rows,
        effects=(Effect(PENDING),) if sizes.waits else (Effect(),) * made,
        cells=tuple(Beat(1, 0, clocks[i]) for i in range(sizes.cells)),
    )
    tries = (sizes.tries,) * (len(sizes.messages) + sizes.merge)
    left = Left(sizes.crashes, sizes.losses, sizes.ticks, tries, sizes.moves)
    return World(stored, cells, Supervisor(), left)
