"""What a host believes to own, when answers of the store are lost or come late."""

import asyncio

import pytest

from actors.domain.errors import StoreUnavailableError
from actors.ports import PartitionRow
from tests.builders import CELL, OTHER_CELL
from tests.doubles.hosts import hosting

P = 7


async def owner_of(host, partition):
    return (await host.truth.partitions())[partition].owner


async def until(true):
    async with asyncio.timeout(5):
        while not true():
            await asyncio.sleep(0)


async def lost_to_other(host):
    await host.truth.claim([(P, CELL.owner, 1)], OTHER_CELL.owner)
    await host.reload_ownership()
    assert P not in host.epochs


def test_a_claim_whose_answer_was_lost_is_noticed_without_any_event():
    async def story():
        async with hosting(map_poll_s=0.001) as host:
            await lost_to_other(host)
            host.told.clear()
            host.store.fail("claim", "after")
            with pytest.raises(StoreUnavailableError):
                await host.claim([PartitionRow(P, OTHER_CELL.owner, 2)])

            await until(lambda: host.epochs.get(P) == 3)
            assert host.told  # the dispatcher looks for what waits there

    asyncio.run(story())


def test_what_was_read_before_a_claim_does_not_overwrite_it():
    async def story():
        async with hosting(map_poll_s=3600) as host:
            await lost_to_other(host)
            reading, go = asyncio.Event(), asyncio.Event()
            partitions = host.truth.partitions

            async def slow():
                rows = await partitions()
                reading.set()
                await go.wait()
                return rows

            host.truth.partitions = slow
            reload = asyncio.create_task(host.reload_ownership())
            await reading.wait()
            claim = asyncio.create_task(host.claim([PartitionRow(P, OTHER_CELL.owner, 2)]))
            await asyncio.sleep(0)
            go.set()
            await reload
            assert await claim == 1

            assert host.epochs[P] == 3

    asyncio.run(story())


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_hand_over_whose_answer_was_lost_leaves_what_the_store_says(when):
    async def story():
        async with hosting(map_poll_s=0.001) as host:
            host.store.fail("claim", when)
            with pytest.raises(StoreUnavailableError):
                await host.hand_over([P], OTHER_CELL.owner)
            assert P not in host.epochs  # nothing more under an epoch that may be gone

            await until(lambda: len(host.epochs) == (4096 if when == "before" else 4095))
            mine = await owner_of(host, P) == CELL.owner
            assert (P in host.epochs) == mine == (when == "before")

    asyncio.run(story())


def test_a_map_that_does_not_change_is_not_read_again():
    async def story():
        async with hosting(map_poll_s=0.001) as host:
            seen = host.store.calls.count("partitions")
            asked = host.store.calls.count("map_version")
            await until(lambda: host.store.calls.count("map_version") > asked + 5)

            assert host.store.calls.count("partitions") == seen

    asyncio.run(story())
