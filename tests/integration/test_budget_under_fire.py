"""Two cells on one file, crashes, lost answers, many customers at once: a budget of n gives n, never more."""

import asyncio

import pytest

from actors.domain.budgets import Window
from actors.policies.budgets import window_of
from actors.ports import Lookup
from actors.session import Job
from actors.stores.sqlite import SqliteStore
from actors.wire.messages import Routed, pack_item, pack_request, unpack_request
from actors.wire.records import unpack_turn
from tests.builders import BANNER, IDS, NOW, make_playbook, question, user
from tests.doubles.two_cells import TwoCells

N = 100
CLIENTS = 64
CROWD = [user(f"c{i}") for i in range(3 * N)]
BOOK = make_playbook(
    actions={
        BANNER: {
            "value": 5,
            "purpose": "onsite",
            "startingPropensity": 0.2,
            "treatments": {"web": {"placements": ["hero"], "cost": 0.002}},
        }
    },
    triggers={},
    budgets={
        "banners": {"limit": N, "unit": "count", "per": {"channels": ["web"]}, "period": "day"},
        "money": {"limit": 5, "per": {"channels": ["web"]}},
    },
)


class Fire:
    """Clients who ask for a banner until they are answered, and cells that die under them."""

    def __init__(self, truth):
        self.cells = TwoCells(truth, CROWD, BOOK)
        self.waiting = [question(who, id=f"q{i}") for i, who in enumerate(CROWD)]
        self.deaths = 0

    def run(self):
        try:
            self.cells.run(self._run())
            return self.cells.run(self._shown()), self.cells.run(self._spent())
        finally:
            self.cells.close()

    async def _run(self):
        rounds = 0
        while self.waiting:
            rounds += 1
            assert rounds < 100
            batch, rest = self.waiting[:CLIENTS], self.waiting[CLIENTS:]
            by_cell, owners = {}, await self.cells.owners_of_all()
            for item in batch:
                cell = owners[IDS.partition_of(item.identities[0])]
                by_cell.setdefault(id(cell), (cell, []))[1].append(item)
            self._trouble(rounds)
            again = await asyncio.gather(
                *(self._group(cell, items) for cell, items in by_cell.values())
            )
            self.waiting = [item for items in again for item in items] + rest

    def _trouble(self, rounds):
        """In every other round an answer is lost, in every third a cell begins anew."""
        one, other = self.cells.cells
        if rounds % 2:
            one.store.fail("commit", "after" if rounds % 4 == 1 else "before")
        if rounds % 3 == 0:
            other.start()
            self.deaths += 1

    async def _group(self, cell, items):
        packed = pack_request([pack_item(Routed(item)) for item in items])
        jobs = [Job.of(each) for each in unpack_request(packed)]
        halves = [jobs[: len(jobs) // 2], jobs[len(jobs) // 2 :]]
        for half in halves:
            await cell.session.run(half, BOOK)
        done = {"ACCEPTED", "DUPLICATE"}
        return [i for i, job in zip(items, jobs, strict=True) if job.answer.code.name not in done]

    async def _shown(self):
        numbers = [IDS.customer_number(who) for who in CROWD]
        shown = 0
        for number in numbers:
            for row in await self.cells.truth.timeline(number, None, (), 100):
                shown += len(unpack_turn(row.payload).effects)
        return shown

    async def _spent(self):
        day = BOOK.budgets.named("banners")
        windows = (window_of(day, "UTC", NOW), Window("money", 0, 0, 0, 0))
        return (await self.cells.truth.lookup(Lookup(budgets=windows))).spent


@pytest.fixture
def fire(tmp_path):
    return Fire(SqliteStore.open(tmp_path / "store.db"))


@pytest.mark.fault
def test_a_budget_of_exactly_n_gives_n_and_never_more_though_cells_die_and_answers_are_lost(fire):
    shown, spent = fire.run()

    assert shown <= N
    assert shown >= 0.99 * N
    assert spent == {"banners": shown * 1000, "money": shown * 200}
    assert fire.deaths
