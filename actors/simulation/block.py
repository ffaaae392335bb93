"""A part of a population: its customers, their store, and the real session, in virtual time.

A part never depends on what others do between two barriers, so that it does not matter who works on it, in
which order, or how often it is begun again from a checkpoint.
"""

from collections.abc import Coroutine
from heapq import heappop, heappush
from typing import Any, TypeVar

import msgpack
import numpy as np

from actors.domain.errors import UnkeptError
from actors.domain.ids import IdSpace
from actors.session import Job, Session, TimerJob
from actors.session.activations import Activations
from actors.session.keeping import Kept
from actors.simulation.choosing import PolicyError
from actors.simulation.draws import DAILY, DAY, OCCASION, STREAMS, uniforms
from actors.simulation.learning import AsScorer, Model, Taught
from actors.simulation.meeting import Meeting
from actors.simulation.noting import Notes
from actors.simulation.part import Item, Part, World
from actors.simulation.people import DAY_MS
from actors.simulation.rows import Grant
from actors.simulation.visits import visits_of
from actors.turn import Turn
from actors.wire.messages import Code

MOST_KEPT = 24_000
"""Of up to how many customers a process keeps the states as objects, about 13 KB each."""
MAX_ROUNDS = 64
"""How often one instant is gone through at most: timers that set timers that are due."""

T = TypeVar("T")

__all__ = ["Block", "World", "finish"]


class Block(Part):
    """The customers from `first` on. `run_until` moves it from barrier to barrier."""

    def __init__(
        self,
        world: World,
        number: int,
        model: Model,
        key: bytes = b"population",
        *,
        packed: bool = False,
    ) -> None:
        """`key` is that of the store whose customers' numbers these are to have.

        `packed` has states packed at every commit, and read again at the next turn. Time and memory depend on it, and
        what becomes of a turn that fails: it is left out and counted then, and ends all (`UnkeptError`) otherwise.
        """
        ids = IdSpace(key)
        super().__init__(world, number, ids, None if packed else Kept())
        self.turns: dict[tuple[int, int], Turn] = {}
        self.turn_count = 0
        self.session = Session(
            self.store,
            AsScorer(model),
            ids,
            self.clock,
            Activations(1 if packed else len(self.people), 1 << 40, 1, self.kept),
            lambda _: 1,
            self._decide,
        )
        self.session.unread = True  # the turns themselves are at hand, and no message comes twice
        self._fault: PolicyError | None = None
        self._next_day = world.spec.start_ms // DAY_MS
        self.notes = Notes(self)
        self._meeting = Meeting(self, self.notes)

    def run_until(self, until_ms: int) -> None:
        """Let everything happen that is due before `until_ms`, which is a barrier."""
        while True:
            at_ms = self._next_ms()
            day_ms = self._next_day * DAY_MS
            if day_ms < until_ms and day_ms <= at_ms:
                self._begin_day(self._next_day)
                continue
            if at_ms >= until_ms:
                self.clock.now_ms = until_ms
                return
            self.clock.now_ms = at_ms
            self._instant(at_ms)

    def _next_ms(self) -> int:
        tick = self.world.spec.tick_ms
        timer_ms = self.rows.next_due_ms()
        queued = self._queue[0][0] if self._queue else 1 << 62
        if timer_ms is None:
            return queued
        return min(queued, max(self.clock.now_ms, -(-timer_ms // tick) * tick))

    def _begin_day(self, day: int) -> None:
        """Close the last day and draw who comes on this one."""
        self.clock.now_ms = max(self.clock.now_ms, day * DAY_MS - 1)
        if day * DAY_MS > self.world.spec.start_ms:
            self.notes.close_day(day - 1)
        self._next_day = day + 1
        people, seed = self.people, self.world.population.seed
        drawn = uniforms(seed, people.index, np.full(len(people), day), len(DAILY), DAY)
        visits = visits_of(self.world, people, day, drawn)
        self.notes.moved(day, visits.left, visits.returned)
        if not len(visits.rows):
            return
        rows = uniforms(seed, people.index[visits.rows], visits.at_ms, len(STREAMS), OCCASION)
        for row, at_ms, channel, chances in zip(
            visits.rows.tolist(), visits.at_ms.tolist(), visits.channels, rows.tolist(), strict=True
        ):
            self.push(at_ms, row, "visit", [at_ms, channel, chances, 0.0])

    def _instant(self, now_ms: int) -> None:
        """Let everything happen that is due at an instant: one thing a customer at a time."""
        for _ in range(MAX_ROUNDS):
            items: list[Item] = []
            later: list[Item] = []
            busy: set[int] = set()
            while self._queue and self._queue[0][0] <= now_ms:
                item = heappop(self._queue)
                (later if item[1] in busy else items).append(item)
                busy.add(item[1])
            for item in later:
                heappush(self._queue, item)
            jobs = self._timer_jobs(now_ms)
            begun = [(item, self._meeting.begin(item)) for item in items]
            jobs += [job for _, job in begun if job is not None]
            if not jobs:
                return
            self.run(jobs)
            for item, job in begun:
                if job is not None:
                    self._meeting.met(item)
            self._meeting.deliver()
        self.failed.note("an instant without end")

    def _timer_jobs(self, now_ms: int) -> list[Job]:
        due = self.rows.take_due(now_ms)
        return [Job(TimerJob(number, key, now_ms)) for _, number, key in due]

    def run(self, jobs: list[Job]) -> None:
        """Have the session run jobs, and take in what it committed."""
        self.notes.begin()
        try:
            self.answer(jobs)
        except UnkeptError:
            if self._fault is None:
                raise
        if self._fault is not None:
            raise self._fault
        for job in jobs:
            answer = job.answer
            if answer is not None and answer.code is not Code.ACCEPTED:
                self.failed.note(f"{answer.code.name}: {answer.detail}")
        written, self.rows.written.turns = self.rows.written.turns, []
        for place in written:
            self.notes.noted(place[0], self.turns.pop(place))
        self.turn_count += len(written)
        self.turns.clear()

    def answer(self, jobs: list[Job]) -> None:
        """Have the session answer jobs; a system that is called over a network does it instead of it."""
        finish(self.session.run(jobs, self.world.playbook))

    def _decide(self, turn: Turn, *given: Any) -> None:
        """Decide as the policy does, and keep the turn until it is committed."""
        try:
            self.world.decide(turn, *given)
        except PolicyError as error:
            self._fault = error  # the session would go on without this turn
            raise
        self.turns[turn.state.number, turn.state.seq] = turn

    def grant(self, grants: dict[str, tuple[int, int]]) -> None:
        """Take what may be spent of budgets until the next barrier: (bucket, thousandths) by name."""
        self.rows.grants = {name: Grant(*grant) for name, grant in grants.items()}

    def take_used(self) -> list[tuple[str, int, int]]:
        """Return what was spent since the last barrier, as (budget, bucket, thousandths)."""
        used = sorted(self.rows.used.items())
        self.rows.used.clear()
        return [(name, bucket_ms, amount) for (name, bucket_ms), amount in used if amount]

    def take_taught(self) -> list[Taught]:
        """Return the lessons since the last barrier."""
        taught, self.taught = self.taught, []
        return taught

    def pack(self) -> None:
        """Pack the states that have changed since they were packed, between two barriers.

        Raises:
            UnkeptError: One cannot be packed.
        """
        self.rows.states()

    def state_bytes(self) -> int:
        """Return what all customers take: packed states, and their rows in the columns."""
        return sum(map(len, self.rows.states())) + self.people.nbytes()

    def dump(self) -> bytes:
        """Return a checkpoint, between two barriers."""
        data: bytes = msgpack.packb(
            [
                *(self.clock.now_ms, self._serial, self._next_day, sorted(self._queue)),
                *(self.people.memory(), self.rows.to_fields(), self.notes.to_fields()),
                *(self.sums.to_fields(), self.failed.counts, self.turn_count, self.decisions),
            ]
        )
        return data

    def load(self, data: bytes) -> None:
        """Go on from a checkpoint."""
        found = msgpack.unpackb(data, strict_map_key=False, use_list=True)
        self.clock.now_ms, self._serial, self._next_day, queue = found[:4]
        self._queue = [(at, row, serial, kind, about) for at, row, serial, kind, about in queue]
        self.people.remember(found[4])
        self.rows.take_fields(found[5])
        self.notes.take_fields(found[6])
        self.sums.take_fields(found[7])
        self.failed.counts, self.turn_count, self.decisions = found[8:]


def finish(work: Coroutine[Any, Any, T]) -> T:
    """Return what a coroutine returns that never waits, as with a store in memory none does.

    Raises:
        RuntimeError: It waits for something.
    """
    try:
        work.send(None)
    except StopIteration as ended:
        value: T = ended.value
        return value
    work.close()
    raise RuntimeError("a simulation waits for nothing")
