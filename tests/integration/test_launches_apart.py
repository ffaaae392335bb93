"""Launches of scenarios, when some of those whom they reach are apart from the others."""

import asyncio

import pytest

from actors.domain.ids import home_partition
from actors.ports import LaunchState
from actors.stores.memory import MemoryStore
from cluster.dedication import actor_name
from tests.builders import make_event, number_of, user
from tests.doubles.apart import apart_world, said
from tests.unit.session.test_session_launches import LAUNCH, launcher, standing
from tests.unit.session.test_session_launches import PLAYBOOK as LAUNCHED


@pytest.fixture
def truth():
    return MemoryStore()


async def launched(world, launchers, names):
    """Let launchers go round until the launch is over, and see whom it has reached."""
    for i in range(60):
        for each in list(world.processes.values()):
            each.host.truth = world.truth
            if each.row.owner not in launchers:
                launchers[each.row.owner] = launcher(each.host)
            await launchers[each.row.owner].round(i * 0.01)
    host = next(iter(world.processes.values())).host
    assert [len(await standing(host, name)) for name in names] == [1] * len(names)
    (launch,) = await world.truth.launches()
    assert launch.state == LaunchState.DONE


NAMES = [f"u{i}" for i in range(12)]


def test_a_launch_reaches_those_who_are_apart(truth):
    async def story():
        async with apart_world(truth, playbook=LAUNCHED, per_node=2) as world:
            door = await world.door()
            await said(door, *[make_event("Visit", user(name), id=name) for name in NAMES])
            await world.round()
            assert len(world.seats()) == 2
            assert await truth.add_launch(LAUNCH)

            await launched(world, {}, NAMES)
            assert len(world.seats()) == 2

    asyncio.run(story())


def test_a_launch_reaches_her_who_comes_to_an_actor_that_had_looked_already(truth):
    async def story():
        async with apart_world(truth, playbook=LAUNCHED) as world:
            door = await world.door()
            await said(door, *[make_event("Visit", user(name), id=name) for name in NAMES])
            assert await truth.add_launch(LAUNCH)
            number = number_of(user(NAMES[0]))
            world.make_apart(number, "node-1")
            actor = world.processes[actor_name(number)]
            await actor.begin()
            to = await actor.open_partition()
            actor.host.truth = truth
            launchers = {actor.row.owner: launcher(actor.host)}
            for i in range(3):
                await launchers[actor.row.owner].round(i * 0.01)
            (part,) = await truth.launch_parts("l1")
            assert part.done

            home = home_partition(number)
            cell = next(p for p in world.processes.values() if home in p.host.epochs)
            assert await cell.rehome(number, to)
            await launched(world, launchers, NAMES)

    asyncio.run(story())
