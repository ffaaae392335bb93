import asyncio
import subprocess
from contextlib import asynccontextmanager

import pytest

from actors.domain.ids import PARTITIONS
from actors.ports import CellRow
from actors.runtime.pidfd import death_of, started_at
from actors.stores.memory import MemoryStore
from serve_app.directory import Directory
from tests.builders import CELL, OTHER_CELL
from tests.doubles.faults import FailNext


@asynccontextmanager
async def directory(*cells, host="here", claimed=PARTITIONS, **options):
    """A directory over a store in which the first cell owns the first `claimed` partitions."""
    truth = MemoryStore()
    for row in cells:
        await truth.register_cell(row)
    if cells:
        await truth.claim([(p, "", 0) for p in range(claimed)], cells[0].owner)
    deaths = []
    found = Directory(FailNext(truth), host, deaths.append, **options)
    found.truth, found.faulty, found.deaths = truth, found._store, deaths
    try:
        yield found
    finally:
        found.close()


@asynccontextmanager
async def process():
    """A process that lives until it is killed, as a cell of this machine."""
    child = subprocess.Popen(["sleep", "60"])
    try:
        yield child, CellRow("cell-0", "one", child.pid, started_at(child.pid), "here", 0)
    finally:
        child.kill()
        child.wait()


async def until(condition):
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.002)


def test_partitions_that_were_opened_are_known_from_the_next_reading_on():
    async def scenario():
        async with directory(CELL, OTHER_CELL) as found:
            await found.refresh()
            row = await found.truth.open_partition(OTHER_CELL.owner)
            assert found.cell_of(row.partition) is None  # no error: it is looked for
            assert found.version < await found.truth.map_version()

            await found.refresh()
            assert found.cell_of(row.partition) == OTHER_CELL
            assert found.partitions == PARTITIONS + 1
            assert found.version == await found.truth.map_version()

    asyncio.run(scenario())


def test_nobody_serves_before_the_map_was_read():
    async def scenario():
        async with directory(CELL) as found:
            assert found.cell_of(0) is None
            assert (found.cells(), found.loaded, found.reachable) == ([], False, False)

    asyncio.run(scenario())


def test_the_map_tells_who_serves_a_partition():
    async def scenario():
        async with directory(CELL, OTHER_CELL) as found:
            await found.truth.claim([(7, CELL.owner, 1)], OTHER_CELL.owner)

            await found.refresh()

            assert (found.cell_of(0), found.cell_of(7)) == (CELL, OTHER_CELL)
            assert found.cells() == [CELL, OTHER_CELL]
            assert (found.loaded, found.reachable) == (True, True)

    asyncio.run(scenario())


def test_an_owner_who_is_not_registered_serves_nobody():
    async def scenario():
        async with directory(CELL) as found:
            await found.truth.claim([(7, CELL.owner, 1)], "gone/one")
            await found.refresh()

            assert found.cell_of(7) is None
            assert not found.loaded

    asyncio.run(scenario())


def test_the_map_is_loaded_only_when_every_partition_has_a_living_owner_and_stays_so():
    async def scenario():
        async with directory(CELL, claimed=PARTITIONS - 1) as found:
            await found.refresh()
            assert not found.loaded

            await found.truth.claim([(PARTITIONS - 1, "", 0)], CELL.owner)
            await found.refresh()
            assert found.loaded

            await found.truth.claim([(0, CELL.owner, 1)], "gone/one")
            await found.refresh()
            assert found.loaded

    asyncio.run(scenario())


def test_concurrent_refreshes_share_one_read():
    async def scenario():
        async with directory(CELL) as found:
            await asyncio.gather(*[found.refresh() for _ in range(10)])

            assert found.faulty.calls.count("partitions") == 1

    asyncio.run(scenario())


def test_who_stops_waiting_for_a_refresh_does_not_stop_it_for_others():
    async def scenario():
        async with directory(CELL) as found:
            leaving = asyncio.create_task(found.refresh())
            staying = asyncio.create_task(found.refresh())
            await asyncio.sleep(0)
            leaving.cancel()
            await staying

            assert found.cell_of(0) == CELL

    asyncio.run(scenario())


@pytest.mark.parametrize("method", ["map_version", "partitions", "cells"])
def test_a_store_that_is_away_leaves_the_map_as_it_was(method):
    async def scenario():
        async with directory(CELL) as found:
            await found.refresh()
            found.faulty.fail(method, "before")

            await found.refresh()
            assert (found.cell_of(0), found.loaded, found.reachable) == (CELL, True, False)

            await found.refresh()
            assert found.reachable

    asyncio.run(scenario())


def test_following_reads_only_when_something_changed():
    async def scenario():
        async with directory(CELL, OTHER_CELL, poll_s=0.0) as found:
            following = asyncio.create_task(found.follow())
            await until(lambda: found.cell_of(0) == CELL)
            reads = found.faulty.calls.count("partitions")
            found.faulty.fail("map_version", "before", times=3)
            await until(lambda: found.faulty.calls.count("map_version") > 20)
            assert found.faulty.calls.count("partitions") == reads

            await found.truth.claim([(0, CELL.owner, 1)], OTHER_CELL.owner)
            await until(lambda: found.cell_of(0) == OTHER_CELL)
            following.cancel()

    asyncio.run(scenario())


def test_a_death_on_this_machine_is_known_at_once_until_another_incarnation_registers():
    async def scenario():
        async with process() as (child, row), directory(row) as found:
            await found.refresh()
            assert found.cell_of(0) == row
            child.kill()
            await until(lambda: found.deaths)

            assert found.deaths == [row.owner]
            assert (found.cell_of(0), found.cells()) == (None, [])

            await found.refresh()
            assert found.cell_of(0) is None

            again = CellRow("cell-0", "two", 1, 1, "elsewhere", 0)
            await found.truth.register_cell(again)
            await found.truth.claim([(p, row.owner, 1) for p in range(PARTITIONS)], again.owner)
            await found.refresh()
            assert found.cell_of(0) == again

    asyncio.run(scenario())


def test_a_process_of_another_machine_is_not_watched():
    async def scenario():
        async with directory(CELL, host="here") as found:
            await found.refresh()
            for _ in range(10):
                await asyncio.sleep(0)

            assert found.deaths == []

    asyncio.run(scenario())


def test_a_process_whose_number_was_given_to_another_has_died():
    async def scenario():
        async with process() as (child, row), asyncio.timeout(5):
            await death_of(child.pid, row.pid_started + 1)
            await death_of(2**22 + 1, 1)
            assert child.poll() is None

    asyncio.run(scenario())


def test_a_process_that_does_not_exist_never_started():
    assert started_at(2**22 + 1) == 0
    assert started_at(1) >= 0
