"""A host over a store in memory, and ways to hold it."""

import asyncio
from contextlib import asynccontextmanager

from actors.runtime.host import Host, HostSettings
from actors.session import Job
from actors.stores.memory import MemoryStore
from actors.wire.messages import Routed
from tests.builders import CELL, IDS, NOW, SHOP
from tests.doubles.clocks import ManualClock
from tests.doubles.faults import FailNext
from tests.doubles.scorers import FixedScorer


class Gate:
    """Holds the next commit until it is opened; says when it has been reached."""

    def __init__(self, store):
        self.reached, self._open = asyncio.Event(), asyncio.Event()
        store.before("commit", self._wait)

    async def _wait(self):
        self.reached.set()
        await self._open.wait()

    def open(self):
        self._open.set()


@asynccontextmanager
async def hosting(clock=None, **settings):
    truth = MemoryStore()
    store = FailNext(truth)
    await truth.claim([(p.partition, "", 0) for p in await truth.partitions()], CELL.owner)
    told = []
    host = Host(
        store,
        FixedScorer(),
        IDS,
        clock or ManualClock(NOW),
        SHOP,
        HostSettings(**{"timer_poll_s": 0.001} | settings),
        lambda: told.append(1),
    )
    host.truth, host.store, host.told = truth, store, told
    await host.start(CELL)
    try:
        yield host
    finally:
        async with asyncio.timeout(5):
            await host.stop()


def jobs_of(*items):
    return [Job.of(item if isinstance(item, Routed) else Routed(item)) for item in items]


async def answered(host, *items):
    jobs = jobs_of(*items)
    await host.submit(jobs)
    return [job.answer.code.name for job in jobs]
