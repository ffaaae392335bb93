"""Cells and their directory as a front door sees them: answers to order, and a loop whose time jumps."""

import asyncio

from actors.domain.ids import home_partition
from actors.ports import CellRow
from actors.wire.messages import Answer, Code, Routed, pack_answers, pack_item, unpack_request
from serve_app.coalescer import Coalescer, CoalescerSettings
from serve_app.gateway import PackedItem
from tests.builders import IDS, make_event


class JumpingLoop(asyncio.SelectorEventLoop):
    """A loop that never waits: when nothing is ready its time jumps to the next timer."""

    def __init__(self):
        super().__init__()
        self._now = 0.0

    def time(self):
        return self._now

    def _run_once(self):
        if not self._ready and self._scheduled:
            self._now = max(self._now, self._scheduled[0]._when)
        super()._run_once()


def jumping(coroutine):
    """Run to the end in a loop whose time jumps."""
    with asyncio.Runner(loop_factory=JumpingLoop) as runner:
        return runner.run(coroutine)


def cell(name, incarnation="one"):
    return CellRow(name, incarnation, 1, 1, "elsewhere", 0)


class FakeDirectory:
    """Knows the owner of every partition, or what a test says it knows."""

    def __init__(self, *cells):
        self.default = cells[0] if cells else None
        self.owners = {}
        self.refreshes = 0
        self.on_refresh = lambda: None

    def cell_of(self, partition):
        return self.owners.get(partition, self.default)

    async def refresh(self):
        self.refreshes += 1
        await asyncio.sleep(0)
        self.on_refresh()


class FakeCells:
    """Answers each event with its own message id, by cell; remembers every call.

    `behave(cell, routed)` may return another answer for an item, raise, or be awaited.
    """

    def __init__(self, behave=None):
        self.behave = behave
        self.calls = []
        self.under_way = 0
        self.most_under_way = 0

    async def __call__(self, row, request):
        routed = unpack_request(request)
        self.calls.append((row.owner, [one.item.message_id for one in routed]))
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        try:
            answers = []
            for one in routed:
                answer = self.behave(row, one) if self.behave is not None else None
                if asyncio.iscoroutine(answer):
                    answer = await answer
                answers.append(answer or echo(one))
            await asyncio.sleep(0)
            return pack_answers(answers)
        finally:
            self.under_way -= 1


def echo(routed):
    return Answer(Code.ACCEPTED, routed.item.message_id.encode())


def letter(who, id):  # noqa: A002
    """A packed event of a customer, as the HTTP edge makes it."""
    event = make_event("x", who, id=id)
    return PackedItem(event.identities[0], 0, pack_item(Routed(event)))


def coalescer(cells, directory, **settings):
    return Coalescer(directory, IDS, cells, CoalescerSettings(**settings))


def partition_of_letter(item):
    return IDS.partition_of(item.route) if item.route else home_partition(item.number)


def bodies(answers):
    return [answer.body.decode() for answer in answers]


async def spin(times=20):
    for _ in range(times):
        await asyncio.sleep(0)


def hold():
    """A behaviour that waits until the event is set, and the event."""
    gate = asyncio.Event()

    async def wait():
        await gate.wait()

    return gate, lambda row, routed: wait()
