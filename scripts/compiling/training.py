"""Usual work for machine code that counts how often it takes each of its ways.

The compiler then lays out the ways that are taken one after another, and takes together what is called often;
nothing but that order depends on what is done here.
"""

import asyncio
import tempfile
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

from actors.domain.ids import PARTITIONS, IdSpace
from actors.domain.scores import ScoreRow, Scores
from actors.playbook.loader import compile_bundle, library
from actors.session import Job, Session, TimerJob
from actors.session.activations import Activations
from actors.simulation.block import Block
from actors.simulation.learning import AsScorer, Frozen
from actors.simulation.part import BlockClock
from actors.simulation.people import DAY_MS
from actors.stores.opening import open_store
from actors.wire.messages import Routed, pack_answers, pack_item, pack_request, unpack_request
from scripts.bench import core, decisions
from scripts.bench.payloads import events
from scripts.bench.simulation import let_pass, world_of

_OWNER = "training/one"
_CUSTOMERS = 200
_GROUP = 16


def work() -> None:
    """Simulate a small population, serve groups of events as a cell does, and make large decisions."""
    simulate(population=400, days=8, packed=False)
    simulate(population=400, days=8, packed=True)
    asyncio.run(serve(groups=600))
    decisions.measure(blocks=3)


def simulate(population: int, days: int, *, packed: bool) -> None:
    """Simulate, with states that stay objects, or are packed at every turn and read at the next."""
    world = world_of(population, days, seed=1)
    block = Block(world, 0, Frozen(), packed=packed)
    let_pass(block, world.spec.start_ms + days * DAY_MS)


async def serve(groups: int) -> None:
    """Let a session take groups of events as a cell does, and the timers that come due meanwhile.

    Bytes go in and out, and the store is on disk: whatever waits in a cell waits here too.
    """
    playbook = compile_bundle(library("retail"))
    with tempfile.TemporaryDirectory(prefix="righttime-compile-") as folder:
        store = open_store(f"sqlite://{Path(folder) / 'store.db'}")
        try:
            epochs = await store.claim([(p, "", 0) for p in range(PARTITIONS)], _OWNER)
            clock = BlockClock(core.START_MS)
            kept = Activations(_CUSTOMERS // 2, 1 << 30, _CUSTOMERS // 4)
            scorer, ids = _Waiting(AsScorer(Frozen())), IdSpace(b"training")
            session = Session(store, scorer, ids, clock, kept, epochs.get)
            coming = map(core.event_of, events("training", _CUSTOMERS, 1))
            for _ in range(groups):
                clock.now_ms += core.STEP_MS
                asked = pack_request([pack_item(Routed(each)) for each in islice(coming, _GROUP)])
                jobs = [Job.of(each) for each in unpack_request(asked)]
                await session.run(jobs, playbook)
                pack_answers([job.answer for job in jobs if job.answer is not None])
                due = await store.due_timers(_OWNER, clock.now_ms, 2 * _GROUP)
                fired = [Job(TimerJob(t.number, t.key, clock.now_ms)) for t in due]
                await session.run(fired, playbook)
        finally:
            await store.close()


class _Waiting:
    """A scorer that is asked over a network, as far as its caller can tell."""

    def __init__(self, inner: AsScorer) -> None:
        self._inner = inner

    async def score(self, rows: Sequence[ScoreRow]) -> Scores:
        await asyncio.sleep(0)
        return await self._inner.score(rows)


if __name__ == "__main__":
    work()
