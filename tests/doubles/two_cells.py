"""Two cells over one store, and a front door that goes by the partition map and by what cells answer."""

import asyncio
import json

from actors.domain.ids import home_partition
from actors.ports import Lookup
from actors.session import Job, Session, TimerJob
from actors.session.activations import Activations
from actors.wire.markers import read_marker
from actors.wire.messages import Routed, pack_item, pack_request, unpack_request
from actors.wire.records import unpack_turn
from actors.wire.state import unpack_state
from tests.builders import CELL, IDS, NOW, OTHER_CELL, SHOP
from tests.doubles.clocks import ManualClock
from tests.doubles.faults import FailNext
from tests.doubles.scorers import FixedScorer

MAX_HOPS = 12


class OneCell:
    """A session with what it believes to own; `hear` reads that anew, as a host does when it is fenced."""

    def __init__(self, row, truth, clock):
        self.row, self.truth, self.clock = row, truth, clock
        self.store = FailNext(truth)
        self.epochs = {}
        self.start()

    def start(self):
        """Begin anew from the store, as another process would."""
        activations = Activations(1000, 10_000_000)
        self.session = Session(
            self.store, FixedScorer(), IDS, self.clock, activations, self.epochs.get
        )

    async def hear(self):
        rows = await self.truth.partitions()
        mine = {row.partition: row.epoch for row in rows if row.owner == self.row.owner}
        lost = {p for p, epoch in self.epochs.items() if mine.get(p) != epoch}
        self.epochs.clear()
        self.epochs.update(mine)
        self.session.activations.drop_partitions(lost)


class TwoCells:
    """Both cells, each with every other one of the partitions of some identities."""

    def __init__(self, truth, identities, playbook=SHOP):
        self.truth, self.clock, self.playbook = truth, ManualClock(NOW), playbook
        self.cells = [OneCell(row, truth, self.clock) for row in (CELL, OTHER_CELL)]
        self.partitions = sorted({IDS.partition_of(identity) for identity in identities})
        self._runner = asyncio.Runner()
        for i, partition in enumerate(self.partitions):
            self.run(truth.claim([(partition, "", 0)], self.cells[i % 2].row.owner))
        for cell in self.cells:
            self.run(cell.hear())

    def run(self, coroutine):
        # Not by the runner itself, which would handle SIGINT anew each time: four times as long.
        return self._runner.get_loop().run_until_complete(coroutine)

    def close(self):
        self.run(self.truth.close())
        self._runner.close()

    async def owner_of(self, partition):
        return (await self.owners_of_all())[partition]

    async def owners_of_all(self):
        """The cells by the partitions that they own."""
        cells = {cell.row.owner: cell for cell in self.cells}
        rows = await self.truth.partitions()
        return {row.partition: cells[row.owner] for row in rows if row.owner in cells}

    def move(self, partition, *, told):
        """Give a partition to the other cell; the one that loses it is told or finds out."""
        row = next(r for r in self.run(self.truth.partitions()) if r.partition == partition)
        loser = self.run(self.owner_of(partition))
        winner = next(cell for cell in self.cells if cell is not loser)
        assert self.run(self.truth.claim([(partition, row.owner, row.epoch)], winner.row.owner))
        self.run(winner.hear())
        if told:
            self.run(loser.hear())

    def send(self, item, number=0, *, astray=False, race=None):
        """Deliver one item as the front door does; return (answer, race first, answer to the race).

        `astray` sends it to the wrong cell first. `race` is an (item, number) that the other cell takes
        just before the first commit of this one; its answer is None if it was not taken. It came first
        when this one had to be tried again after it, or committed nothing.
        """
        return self.run(self._send(item, number, astray, race))

    async def _send(self, item, number, astray, race):
        home = home_partition(number) if number else IDS.partition_of(item.identities[0])
        cell = await self.owner_of(home)
        if astray:
            cell = self._other(cell)
        taken = []
        for _ in range(MAX_HOPS):
            if race is not None and not taken:
                cell.store.before("commit", lambda cell=cell: self._race(cell, race, taken))
            commits, late = cell.store.calls.count("commit"), bool(taken)
            (job,) = await self.group(cell, *jobs_of(item, number))
            cell.store.forget_hooks()
            answer = job.answer
            if answer.code.name not in {"NOT_MINE", "RETRY"}:
                again = cell.store.calls.count("commit") - commits != 1
                raced = taken[0] if taken else None
                return answer, late or again or answer.code.name != "ACCEPTED", raced
            home = home_partition(answer.number) if answer.number else home
            cell = await self.owner_of(home)
        raise AssertionError(f"nobody takes {item}: {job.answer}")

    async def _race(self, cell, race, taken):
        (job,) = await self.group(self._other(cell), *jobs_of(*race))
        if job.answer.code.name not in {"NOT_MINE", "RETRY"}:
            taken.append(job.answer)

    def _other(self, cell):
        return next(each for each in self.cells if each is not cell)

    async def group(self, cell, *jobs):
        await cell.session.run(list(jobs), self.playbook)
        if any(job.answer and job.answer.code.name == "NOT_MINE" for job in jobs):
            await cell.hear()
        return jobs

    def fire(self):
        """Fire what is due, wherever it is; return how many timers had a turn."""
        fired = 0
        for cell in self.cells:
            now_ms = self.clock.business_ms()
            due = self.run(self.truth.due_timers(cell.row.owner, now_ms, 1000))
            if due:
                jobs = [Job(TimerJob(timer.number, timer.key, now_ms)) for timer in due]
                fired += sum(job.taken for job in self.run(self.group(cell, *jobs)))
        return fired

    def rows(self, numbers):
        return self.run(self.truth.lookup(Lookup(numbers=tuple(numbers)))).customers

    def owners(self, identities):
        return self.run(self.truth.lookup(Lookup(identities=tuple(identities)))).owners

    def turns(self, number):
        """The journal of a customer, oldest first, as (seq, record)."""
        rows = self.run(self.truth.timeline(number, None, (), 100_000))
        return [(row.seq, unpack_turn(row.payload)) for row in reversed(rows)]

    def timers(self):
        """All timer rows, as {(number, key): due}."""
        return {
            (row.number, row.key): row.due_at_ms
            for cell in self.cells
            for row in self.run(self.truth.due_timers(cell.row.owner, 1 << 60, 100_000))
        }


def jobs_of(item, number):
    """The jobs as they come over the wire: a session changes what it is given."""
    return [
        Job.of(each) for each in unpack_request(pack_request([pack_item(Routed(item, number))]))
    ]


def read(answer):
    return json.loads(answer.body)


def states_of(rows):
    """Those who are somebody still, and where the others went."""
    states, redirects = {}, {}
    for number, row in rows.items():
        marker = read_marker(row.state)
        if marker is None:
            states[number] = unpack_state(row.state)
        else:
            redirects[number] = marker.target
    return states, redirects
