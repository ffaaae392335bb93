"""Usual work for machine code that counts how often it takes each of its ways.

The compiler then lays out the ways that are taken one after another, and takes together what is called often;
nothing but that order depends on what is done here.
"""

from itertools import islice

from actors.domain.ids import PARTITIONS, IdSpace
from actors.playbook.loader import compile_bundle, library
from actors.session import Job, Session, TimerJob
from actors.session.activations import Activations
from actors.simulation.block import Block, finish
from actors.simulation.learning import AsScorer, Frozen
from actors.simulation.part import BlockClock
from actors.simulation.people import DAY_MS
from actors.stores.memory import MemoryStore
from actors.wire.messages import Routed, pack_answers, pack_item, pack_request, unpack_request
from scripts.bench import core, decisions
from scripts.bench.payloads import events
from scripts.bench.simulation import let_pass, world_of

_OWNER = "training/one"
_CUSTOMERS = 200
_GROUP = 16


def work() -> None:
    """Simulate a small population, serve groups of events as a cell does, and make large decisions."""
    simulate(population=400, days=8, active=400)
    simulate(population=400, days=8, active=40)
    serve(groups=150)
    decisions.measure(blocks=3)


def simulate(population: int, days: int, active: int) -> None:
    """Simulate, with as many decoded states as are said; the others are read back at every turn."""
    world = world_of(population, days, seed=1)
    block = Block(world, 0, Frozen(), active=active)
    let_pass(block, world.spec.start_ms + days * DAY_MS)


def serve(groups: int) -> None:
    """Let a session take groups of events, as bytes in and out, and the timers that come due meanwhile."""
    playbook = compile_bundle(library("retail"))
    store, clock = MemoryStore(), BlockClock(core.START_MS)
    epochs = finish(store.claim([(p, "", 0) for p in range(PARTITIONS)], _OWNER))
    hot = _CUSTOMERS // 4
    session = Session(
        store,
        AsScorer(Frozen()),
        IdSpace(b"training"),
        clock,
        Activations(2 * hot, 1 << 30, hot),
        epochs.get,
    )
    coming = map(core.event_of, events("training", _CUSTOMERS, 1))
    for _ in range(groups):
        clock.now_ms += core.STEP_MS
        asked = pack_request([pack_item(Routed(each)) for each in islice(coming, _GROUP)])
        jobs = [Job.of(each) for each in unpack_request(asked)]
        finish(session.run(jobs, playbook))
        pack_answers([job.answer for job in jobs if job.answer is not None])
        due = finish(store.due_timers(_OWNER, clock.now_ms, 2 * _GROUP))
        finish(session.run([Job(TimerJob(t.number, t.key, clock.now_ms)) for t in due], playbook))


if __name__ == "__main__":
    work()
