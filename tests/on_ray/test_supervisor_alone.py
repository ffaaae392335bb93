"""The supervisor's shell over a real store and cells that are no processes: who is asked for what, and when."""

import asyncio
import socket
import sqlite3
import subprocess
import sys
from collections import Counter
from contextlib import asynccontextmanager, closing, contextmanager
from dataclasses import replace

import pytest

from actors.ports import CellRow
from actors.runtime.pidfd import started_at
from actors.stores.opening import open_store
from serve_app.cell_counts import settled_cells, want_cells

pytestmark = [pytest.mark.ray, pytest.mark.timeout(120)]


class Remote:
    """What Ray makes of a method."""

    def __init__(self, method):
        self.remote = method


class FakeCell:
    """A cell, by default on another machine, so that nobody can look at its process."""

    where = (1, 1, "elsewhere")

    def __init__(self, store, name):
        self.store, self.name, self.incarnation, self.answers = store, name, 0, True
        for method in ("begin", "claim", "hand_over", "reload_ownership", "info", "stop"):
            setattr(self, method, Remote(getattr(self, "_" + method)))
        self.restart()

    def restart(self):
        self.incarnation += 1
        self.begun = False
        self.row = CellRow(self.name, str(self.incarnation), *self.where, 0)

    async def _begin(self):
        if not self.answers:
            await asyncio.Event().wait()
        if not self.begun:
            self.begun = True
            await self.store.register_cell(self.row)
        return self.row

    async def beat(self):
        self.row = replace(self.row, beat=self.row.beat + 1)
        await self.store.beat(self.row)

    async def _claim(self, rows):
        if not self.answers:
            await asyncio.Event().wait()
        return len(await self.store.claim(rows, self.row.owner))

    async def _hand_over(self, partitions, to):
        rows = await self.store.partitions()
        mine = [(p, self.row.owner, rows[p].epoch) for p in partitions]
        return len(await self.store.claim(mine, to))

    async def _reload_ownership(self):
        return 0

    async def _info(self):
        return {"turns": 0}

    async def _stop(self):
        await self.store.remove_cell(self.row)


class FakeMaker:
    """Makes cells, and remembers which it has ended."""

    def __init__(self, store):
        self.store, self.cells, self.ended = store, {}, []

    def make(self, name):
        return self.cells.setdefault(name, FakeCell(self.store, name))

    def handle(self, name):
        return self.cells[name]

    def nodes(self):
        return []

    async def end(self, name):
        if name in self.cells:
            await self.cells.pop(name).stop.remote()
            self.ended.append(name)


@asynccontextmanager
async def supervised(tmp_path, count, monkeypatch):
    from cluster.supervisor import Supervisor

    monkeypatch.setattr("cluster.supervisor.SILENCE_S", 1.0)
    monkeypatch.setattr("cluster.supervisor._GAP_S", 0.5)
    monkeypatch.setattr("cluster.supervisor._CALL_S", 1.0)
    url = f"sqlite://{tmp_path / 'store.db'}"
    store = open_store(url)
    await want_cells(store, count, afresh=True)
    maker = FakeMaker(store)
    supervisor = Supervisor(url, maker, count, period_s=0.02)
    beating = asyncio.create_task(beat_on(maker))
    try:
        yield supervisor, maker, store
    finally:
        beating.cancel()
        await supervisor.stop()
        await store.close()


async def beat_on(maker):
    while True:
        for cell in list(maker.cells.values()):
            if cell.answers and cell.begun:
                await cell.beat()
        await asyncio.sleep(0.02)


async def until(true):
    async with asyncio.timeout(30):
        while not await true():
            await asyncio.sleep(0.02)


async def shares(store):
    return Counter(row.owner for row in await store.partitions())


def test_cells_are_made_served_added_and_removed(tmp_path, monkeypatch):
    async def story():
        async with supervised(tmp_path, 2, monkeypatch) as (supervisor, maker, store):
            await until(lambda: are_shared(store, "cell-0/1", "cell-1/1"))

            await want_cells(store, 3)
            await until(lambda: is_settled(store, 3))
            grown = await shares(store)
            assert grown.keys() == {"cell-0/1", "cell-1/1", "cell-2/1"}
            assert (await supervisor.info())["moved"] == grown["cell-2/1"]

            await want_cells(store, 1)
            await until(lambda: is_settled(store, 1))
            assert await shares(store) == {"cell-0/1": 4096}
            assert sorted(maker.ended) == ["cell-1", "cell-2"]
            assert maker.cells.keys() == {"cell-0", "standby-0"}

    asyncio.run(story())


async def is_settled(store, count):
    return await settled_cells(store) == count


def test_a_cell_elsewhere_that_falls_silent_loses_all_and_gets_some_again(tmp_path, monkeypatch):
    async def story():
        async with supervised(tmp_path, 2, monkeypatch) as (supervisor, maker, store):
            await until(supervisor.serving)
            silent = maker.cells["cell-1"]

            silent.answers = False
            await until(lambda: owns_all(store, "cell-0/1"))
            silent.answers = True

            # The other one serves all meanwhile: that all are served says nothing yet.
            await until(lambda: are_shared(store, "cell-0/1", "cell-1/1"))
            await until(supervisor.serving)

    asyncio.run(story())


def test_a_cell_elsewhere_that_began_anew_is_brought_into_service(tmp_path, monkeypatch):
    async def story():
        async with supervised(tmp_path, 2, monkeypatch) as (supervisor, maker, store):
            await until(supervisor.serving)

            maker.cells["cell-1"].restart()
            await until(lambda: owned_by(store, "cell-1/2"))
            await until(supervisor.serving)
            await until(lambda: are_shared(store, "cell-0/1", "cell-1/2"))

    asyncio.run(story())


async def owns_all(store, owner):
    return (await shares(store))[owner] == 4096


async def are_shared(store, *cells):
    return (await shares(store)).keys() == set(cells)


async def owned_by(store, owner):
    return (await shares(store))[owner] > 0


@contextmanager
def process_of_cells(monkeypatch):
    """A process of this machine that all cells of a test have."""
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    monkeypatch.setattr(
        FakeCell, "where", (process.pid, started_at(process.pid), socket.gethostname())
    )
    monkeypatch.setattr("cluster.supervisor._WRITE_S", 0.1)
    monkeypatch.setattr("cluster.ownership.BLAME_S", 0.5)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@contextmanager
def writers_blocked(tmp_path):
    with closing(sqlite3.connect(tmp_path / "store.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield


def test_a_silent_cell_is_killed_but_not_while_somebody_else_keeps_everybody_from_writing(
    tmp_path, monkeypatch
):
    async def story(process):
        async with supervised(tmp_path, 1, monkeypatch) as (supervisor, maker, _):
            await until(supervisor.serving)
            with writers_blocked(tmp_path):
                await asyncio.sleep(1.5)  # five times the silence limit
            await asyncio.sleep(1.0)
            assert process.poll() is None

            maker.cells["cell-0"].answers = False
            await asyncio.wait_for(asyncio.to_thread(process.wait), 20)

    with process_of_cells(monkeypatch) as process:
        asyncio.run(story(process))


def test_a_cell_that_may_be_the_one_that_keeps_everybody_from_writing_is_killed_in_the_end(
    tmp_path, monkeypatch
):
    monkeypatch.setattr("cluster.supervisor._BLOCKED_S", 0.8)

    async def story(process):
        async with supervised(tmp_path, 1, monkeypatch) as (supervisor, _, _store):
            await until(supervisor.serving)
            with writers_blocked(tmp_path):
                await asyncio.wait_for(asyncio.to_thread(process.wait), 20)

    with process_of_cells(monkeypatch) as process:
        asyncio.run(story(process))
