"""The whole system as a graph: every state, what may happen next, and what must never be so."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain

from tests.model_checking.cell_steps import (
    RELOAD,
    beat,
    cell_steps,
    own_steps,
    send_steps,
    timer_steps,
    turn_steps,
)
from tests.model_checking.moving import is_actor, proposals
from tests.model_checking.protocol import Protocol, homes, looked, proposed
from tests.model_checking.world import (
    NO_ROW,
    NOT_HELD,
    PENDING,
    SENDING,
    Beat,
    Cell,
    Sizes,
    World,
    first,
    owner_of,
    place_of,
    put,
    with_cell,
)

Steps = Iterator[tuple[str, World]]
_ROUNDS = 60


@dataclass(slots=True)
class Model:
    """A world of some size under a protocol."""

    sizes: Sizes
    protocol: Protocol = field(default_factory=Protocol)
    _ends_well: set[int] = field(default_factory=set)

    def first(self) -> World:
        """Return the state that exploring begins with."""
        return first(self.sizes, homes(self.sizes))

    def steps(self, world: World) -> Steps:
        """Yield every (what happens, the state after it), in a fixed order."""
        for place, cell in enumerate(world.cells):
            if cell.alive:
                yield from cell_steps(self.sizes, self.protocol, world, place)
            yield from self._process(world, place)
        if self.sizes.supervised:
            yield from self._supervise(world)

    def _process(self, world: World, place: int) -> Steps:
        """Yield what happens to a process whatever it does: it ends, begins anew, or time passes."""
        cell, left = world.cells[place], world.left
        if not cell.alive:
            if not is_actor(self.sizes, place):
                yield f"cell-{place} begins anew", self.restarted(world, place)
            return
        if left.crashes:
            dead = self.killed(world, place)
            yield f"cell-{place} dies", dead._replace(left=left._replace(crashes=left.crashes - 1))
        if left.ticks and (cell.send or self.sizes.leases):
            ticked = with_cell(world, place, clock=cell.clock + 1)
            yield (
                f"a tick of cell-{place}",
                ticked._replace(left=left._replace(ticks=left.ticks - 1)),
            )

    def killed(self, world: World, place: int) -> World:
        """Return the world after the death of a cell."""
        cell = world.cells[place]
        dead = Cell(
            alive=False,
            incarnation=cell.incarnation,
            held=(NOT_HELD,) * len(cell.held),
            cache=(NO_ROW,) * len(cell.cache),
            clock=cell.clock,
        )
        return world._replace(cells=put(world.cells, place, dead))

    def restarted(self, world: World, place: int) -> World:
        """Return the world after a cell has been started again and has registered."""
        cell = world.cells[place]
        again = cell._replace(alive=True, incarnation=cell.incarnation + 1, inbox=(RELOAD,))
        rows = put(world.stored.cells, place, Beat(again.incarnation, 0, cell.clock))
        stored = world.stored._replace(cells=rows)
        return world._replace(cells=put(world.cells, place, again), stored=stored)

    def _supervise(self, world: World) -> Steps:
        supervisor, left = world.supervisor, world.left
        if supervisor.living:
            yield "the supervisor reads the map and calls", self.called(world)
        else:
            yield "the supervisor looks", self.looked(world)
        yield from proposals(self.sizes, world)
        if left.ticks:
            ticked = world._replace(supervisor=supervisor._replace(clock=supervisor.clock + 1))
            yield (
                "a tick of the supervisor",
                ticked._replace(left=left._replace(ticks=left.ticks - 1)),
            )
        if self.sizes.same_host:
            for place, cell in enumerate(world.cells):
                if not cell.alive and (noticed := self.noticed(world, place)) != world:
                    yield f"the supervisor notices that cell-{place} is dead", noticed

    def noticed(self, world: World, place: int) -> World:
        """Return the world after the watcher was told of a death by the kernel."""
        owner = owner_of(place, world.cells[place].incarnation)
        died = tuple(sorted({*world.supervisor.died, owner}))
        return world._replace(supervisor=world.supervisor._replace(died=died))

    def looked(self, world: World) -> World:
        """Return the world after the watcher has read who is registered; the silent of its host are killed."""
        after, silent = looked(self.protocol, world.supervisor, world.stored.cells)
        world = world._replace(supervisor=after)
        for owner in silent if self.sizes.same_host else ():
            cell = world.cells[place_of(owner)]
            if cell.alive and owner == owner_of(place_of(owner), cell.incarnation):
                world = self.killed(world, place_of(owner))
        return world

    def called(self, world: World) -> World:
        """Return the world after the watcher has proposed; calls wait at their cells for as long as they like."""
        living = world.supervisor.living
        world = world._replace(supervisor=world.supervisor._replace(living=()))
        actors = tuple(owner for owner in living if is_actor(self.sizes, place_of(owner)))
        many = tuple(owner for owner in living if owner not in actors)
        calls = proposed(self.protocol, world.stored.parts, many, self.sizes.wanted, actors)
        for owner, call in calls:
            cell = world.cells[place_of(owner)]
            here = cell.alive and owner == owner_of(place_of(owner), cell.incarnation)
            if here and call not in cell.inbox and len(cell.inbox) < 2:
                world = with_cell(world, place_of(owner), inbox=(*cell.inbox, call))
        return world

    def broken(self, world: World) -> str:
        """Return which promise a state breaks, or nothing."""
        if world.bad:
            return world.bad
        rows = world.stored.rows
        applied = [message for row in rows if row.into < 0 for message in row.applied]
        if len(set(applied)) != len(applied):
            return "a message was applied twice"
        for message in range(len(self.sizes.messages)):
            if world.acked >> message & 1 and message not in applied:
                return f"message {message} was acknowledged, and is lost"
        if any(row.fired > 1 for row in rows):
            return "a timer was applied twice"
        if self.sizes.merge and (rows[1].into == 0) != bool(rows[0].merged):
            return "half a merge was written"
        spent = sum(lease.spent for lease in world.stored.leases) or world.stored.spent
        if self.sizes.budget >= 0 and spent > self.sizes.budget:
            return f"{spent} were spent of a budget of {self.sizes.budget}"
        return ""

    def stuck(self, world: World) -> str:
        """Return what never happens though from now on nothing goes wrong, or nothing.

        Nobody dies, nothing is lost, everybody takes turns, clients send again and clocks go on. The dead
        stay dead: those who live must do.
        """
        of_many = world.cells[: self.sizes.cells - self.sizes.apart]
        if not self.sizes.supervised or not any(cell.alive for cell in of_many):
            return ""
        way = []
        for _ in range(_ROUNDS):
            world = world._replace(left=world.left._replace(crashes=0, losses=0, ticks=0, moves=0))
            key = hash(world)
            if key in self._ends_well or not self.unserved(world):
                self._ends_well.update(way)
                self._ends_well.add(key)
                return ""
            way.append(key)
            world = self._round(world)
        return self.unserved(world)

    def unserved(self, world: World) -> str:
        """Return who waits for something, or nothing."""
        for p, (owner, epoch) in enumerate(world.stored.parts):
            cell = world.cells[place_of(owner)]
            mine = cell.alive and owner == owner_of(place_of(owner), cell.incarnation)
            if not mine or cell.held[p] != epoch:
                return f"partition {p} has no owner who knows, for ever"
        for message in range(len(world.left.tries)):
            if not world.acked >> message & 1:
                return f"message {message} is never acknowledged"
        for e, effect in enumerate(world.stored.effects):
            if effect.state in (PENDING, SENDING):
                return f"effect {e} is never sent"
        if any(row.timer for row in world.stored.rows):
            return "a timer never fires"
        return ""

    def _round(self, world: World) -> World:
        """Let everybody do what is under way and begin what waits, then let a tick pass."""
        for place in range(len(world.cells)):
            for _ in range(24):
                if not world.cells[place].alive:
                    break
                world = world._replace(left=world.left._replace(tries=self._tries(world, place)))
                after = self._next(world, place)
                if after is None:
                    break
                world = after
        if self.sizes.supervised:
            for _ in range(2):
                world = self.called(world) if world.supervisor.living else self.looked(world)
                for place, cell in enumerate(world.cells):
                    if self.sizes.same_host and not cell.alive:
                        world = self.noticed(world, place)
            supervisor = world.supervisor
            world = world._replace(supervisor=supervisor._replace(clock=supervisor.clock + 1))
        for place, cell in enumerate(world.cells):
            if cell.alive:
                world = with_cell(world, place, clock=cell.clock + 1)
        return world

    def _next(self, world: World, place: int) -> World | None:
        """Return the world after what a cell does next: its own affairs before its customers'."""
        sizes, protocol = self.sizes, self.protocol
        steps = chain(
            own_steps(protocol, world, place),
            turn_steps(sizes, protocol, world, place),
            send_steps(protocol, world, place),
            timer_steps(world, place),
            beat(world, place) if sizes.supervised else (),
        )
        return next((after for _, after in steps if after != world), None)

    def _tries(self, world: World, place: int) -> tuple[int, ...]:
        """Return the messages that their senders send to a cell: those whose customers it owns."""
        me = owner_of(place, world.cells[place].incarnation)
        tries = []
        for message in range(len(world.left.tries)):
            merges = message == len(self.sizes.messages)
            customer = 0 if merges else self.sizes.messages[message]
            row = world.stored.rows[customer]
            row = world.stored.rows[row.into] if row.into >= 0 else row
            tries.append(int(world.stored.parts[row.partition][0] == me))
        return tuple(tries)
