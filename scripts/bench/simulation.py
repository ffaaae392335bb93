"""What simulating costs: turns of the real runtime, what the simulation adds to them, and a plain agent framework.

The framework is Mesa: the same customers, who come, choose and buy by the same behaviour, with no profile, no
segments, no scenarios, no policies, no arbitration and no record. It says what the agents alone cost.
"""

import gc
import time
from typing import Any

import numpy as np

from actors import turn as core
from actors.playbook.loader import compile_bundle, library
from actors.simulation import block as block_module
from actors.simulation.behaviour import ORDER, VISIT, Occasion, Offer, usual_behaviour
from actors.simulation.block import Block
from actors.simulation.customer import Customer
from actors.simulation.draws import DAILY, DAY, OCCASION, STREAMS, Chance, uniforms
from actors.simulation.learning import Frozen
from actors.simulation.model import default_model
from actors.simulation.part import World
from actors.simulation.people import DAY_MS
from actors.simulation.population import Population
from actors.simulation.spec import Spec
from actors.simulation.visits import visits_of
from actors.simulation.worker import undisturbed

_OFFERS = [Offer(f"growth/any/action{i}", f"g{i}", 300.0, "web", "hero") for i in range(12)]


def world_of(population: int, days: int, seed: int) -> World:
    """Return the retail playbook and a population."""
    spec = Spec(population=population, days=days, seed=seed, blocks=1)
    model = default_model()
    return World(
        spec,
        Population(model, seed, spec.start_ms),
        usual_behaviour(model),
        compile_bundle(library("retail")),
        core.decide,
    )


def measure(population: int, days: int, seed: int = 1) -> dict[str, Any]:
    """Return CPU times of one run: in all, in the session alone, and what the simulation adds to that.

    The first third of the days warms up. Lower is better; decisions a second are of one core.
    """
    world = world_of(population, days, seed)
    block = Block(world, 0, Frozen())
    spent = [0.0]
    plain = block_module.finish

    def timed(work: Any) -> Any:
        began = time.process_time()
        try:
            return plain(work)
        finally:
            spent[0] += time.process_time() - began

    warm_ms = world.spec.start_ms + max(1, days // 3) * DAY_MS
    let_pass(block, warm_ms)
    before = (block.turn_count, block.decisions)
    gc.collect()
    block_module.finish = timed
    try:
        with undisturbed():  # between barriers too, as in the processes of a run
            began = time.process_time()
            let_pass(block, world.spec.end_ms)
            took = time.process_time() - began
    finally:
        block_module.finish = plain
    turns, decisions = block.turn_count - before[0], block.decisions - before[1]
    return {
        "turns": turns,
        "decisions": decisions,
        "turn_us": took / turns * 1e6,
        "runtime_us": spent[0] / turns * 1e6,
        "overhead": (took - spent[0]) / spent[0],
        "turns_a_second": turns / took,
        "decisions_a_second": decisions / took,
        "bytes_a_customer": block.state_bytes() / population,
        "failed": block.failed.counts,
    }


def let_pass(block: Block, until_ms: int) -> None:
    """Let time pass for a block, from barrier to barrier, with no budget that it shares, and forget its rows."""
    step = block.world.spec.barrier_ms
    names = [each.name for each in block.world.playbook.budgets.shared]
    while block.clock.now_ms < until_ms:
        with undisturbed():
            block.grant(dict.fromkeys(names, (0, 0)))
            block.run_until(min(until_ms, (block.clock.now_ms // step + 1) * step))
            for rows in block.tables.rows.values():
                rows.clear()


def mesa(population: int, days: int, seed: int = 1) -> dict[str, Any]:
    """Return what Mesa takes for the same customers: they come, see twelve offers, take one or none, buy.

    Raises:
        ModuleNotFoundError: Mesa is not installed.
    """
    from mesa import Agent, Model

    world = world_of(population, days, seed)
    people = world.population.people(0, population)

    class Person(Agent):  # type: ignore[misc]
        def __init__(self, model: Any, row: int) -> None:
            super().__init__(model)
            self.customer = Customer(people, row, world.behaviour)
            self.visits: list[tuple[int, str, list[float]]] = []

        def step(self) -> None:
            for at_ms, channel, chances in self.visits:
                chance = Chance(seed, self.customer.i, at_ms, chances)
                kind = ORDER if channel == "store" else VISIT
                occasion = Occasion(at_ms, channel, kind)
                reaction = self.customer.react(occasion, _OFFERS, chance)
                extra = _OFFERS[reaction.taken].value_minor if reaction.taken >= 0 else 0.0
                self.customer.buy(occasion, extra, chance)
                self.model.decisions += 1
            self.visits = []

    class Company(Model):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__(seed=seed)
            self.decisions = 0
            self.day = world.spec.start_ms // DAY_MS
            self.people = [Person(self, row) for row in range(population)]

        def step(self) -> None:
            drawn = uniforms(seed, people.index, np.full(population, self.day), len(DAILY), DAY)
            visits = visits_of(world, people, self.day, drawn)
            rows = uniforms(seed, visits.rows, visits.at_ms, len(STREAMS), OCCASION).tolist()
            for row, at_ms, channel, chances in zip(
                visits.rows.tolist(), visits.at_ms.tolist(), visits.channels, rows, strict=True
            ):
                self.people[row].visits.append((at_ms, channel, chances))
            self.agents.do("step")
            self.day += 1

    company = Company()
    gc.collect()
    began = time.process_time()
    for _ in range(days):
        company.step()
    took = time.process_time() - began
    return {"choices": company.decisions, "choices_a_second": company.decisions / took}
