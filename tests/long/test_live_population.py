"""A population that meets a running system over HTTP is answered as it is in this process."""

import asyncio
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import httpx
import pytest

from actors.playbook.loader import compile_bundle, library
from actors.session import Job
from actors.simulation.behaviour import usual_behaviour
from actors.simulation.block import Block
from actors.simulation.model import default_model
from actors.simulation.part import World
from actors.simulation.people import DAY_MS
from actors.simulation.population import Population
from actors.simulation.run import Budgets
from actors.simulation.spec import Spec
from actors.stores.opening import KEY_SETTING, open_store
from actors.turn import decide
from scripts.child import NOBODY_APART, start
from scripts.simulation.live import LiveBlock
from serve_app.models.simulated import LearnedModel

pytestmark = [pytest.mark.slow, pytest.mark.ray, pytest.mark.timeout(600)]

# Nobody takes anything or goes away, so that the running system's models have nothing to learn: they are frozen.
MODEL = replace(
    default_model(), offer_log_odds=-60.0, unsubscribe=0.0, spam=0.0, visit_rates=[0.8, 1.4]
)


class Listening(Block):
    """A part of a population in this process that remembers what its replies show."""

    def __init__(self, *given: object) -> None:
        super().__init__(*given)  # type: ignore[arg-type]
        self.shown: list[tuple[int, int, tuple[str, ...]]] = []

    def answer(self, jobs: list[Job]) -> None:
        super().answer(jobs)
        for (number, _), turn in sorted(self.turns.items()):
            event = turn.record.event
            if event is not None and event.placements:
                effects = [e for e in (*turn.record.effects, *turn.record.again) if e.placement]
                index = int(self.people.index[self.row_of[number]])
                keys = tuple(e.action for e in sorted(effects, key=lambda effect: effect.rank))
                self.shown.append((index, self.clock.now_ms, keys))


async def _key(data: Path) -> bytes:
    store = open_store(f"sqlite://{data / 'righttime.db'}", read_only=True)
    try:
        return await store.setting(KEY_SETTING) or b""
    finally:
        await store.close()


def test_decisions_over_http_equal_those_in_this_process(tmp_path: Path) -> None:
    data = tmp_path / "data"
    # How many come by depends on the weekday.
    options = ["--clock", "virtual", "--clock-start", "2026-01-05T12:00:00Z", *NOBODY_APART]
    child = start(data, options)
    try:
        headers = {"Authorization": f"Bearer {child.key}"}
        with httpx.Client(base_url=child.url, headers=headers, timeout=60.0) as client:
            clock = client.get("/v1/clock").json()
            now_ms = int(datetime.fromisoformat(clock["now"]).timestamp() * 1000)
            begins_ms = (now_ms // DAY_MS + 1) * DAY_MS
            spec = Spec(population=16, days=2, seed=5, start_ms=begins_ms, tick_ms=1_000, blocks=1)
            book = compile_bundle(library("retail"))
            world = World(
                spec, Population(MODEL, 5, begins_ms), usual_behaviour(MODEL), book, decide
            )
            live = LiveBlock(world, 0, client, virtual=True)
            live.run_until(spec.end_ms)
        key = asyncio.run(_key(data))
    finally:
        child.stop()
    assert child.clean
    assert live.heard.refused == {}

    here = Listening(world, 0, LearnedModel(book), key)
    budgets = Budgets(book, 1)
    while here.clock.now_ms < spec.end_ms:
        here.grant(budgets.grants(here.clock.now_ms, 0).get(0, {}))
        here.run_until(here.clock.now_ms + spec.barrier_ms)
        for name, bucket_ms, amount in here.take_used():
            budgets.spent[name, bucket_ms] += amount
    assert here.failed.counts == {}
    assert len(here.shown) > 15
    assert live.heard.shown == here.shown
