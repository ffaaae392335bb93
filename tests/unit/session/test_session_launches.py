"""Launches on a host: paced, stopped, resumed, and each customer once."""

import asyncio

import msgpack

from actors.ports import Launch, LaunchState, Lookup
from actors.runtime.launcher import Launcher
from actors.wire.state import unpack_state
from tests.builders import NOW, make_event, make_playbook, number_of, user
from tests.doubles.hosts import answered, hosting

SEGMENTS = {"shoppers": {"when": "profile.orders >= 0"}}
SCENARIOS = {
    "spring": {
        "start": {"on": "launch", "segment": "shoppers"},
        "steps": {"rest": {"wait": "P7D"}, "over": {"end": "over"}},
    }
}
PLAYBOOK = make_playbook(segments=SEGMENTS, scenarios=SCENARIOS)
LAUNCH = Launch("l1", "spring", "shoppers", 4096.0, LaunchState.RUNNING, NOW, msgpack.packb({}))
NAMES = [f"u{i}" for i in range(40)]


async def known(host, names=NAMES):
    host.playbook = PLAYBOOK
    await answered(host, *(make_event("Visit", user(name), id=name) for name in names))


def launcher(host, submit=None):
    return Launcher(
        host.truth,
        owner=lambda: host.owner,
        epochs=lambda: host.epochs,
        submit=submit or host.submit,
    )


async def standing(host, name):
    number = number_of(user(name))
    found = await host.truth.lookup(Lookup(numbers=(number,)))
    return unpack_state(found.customers[number].state).journeys.instances


async def walk(one, rounds=30, start=0.0, step=0.01):
    """Let a launcher go round; every round is `step` seconds after the one before."""
    now_s = start
    for _ in range(rounds):
        now_s += step
        await one.round(now_s)
    return now_s


def test_everybody_in_the_segment_enters_once_and_the_launch_is_done():
    async def scenario():
        async with hosting() as host:
            await known(host)
            assert await host.truth.add_launch(LAUNCH)

            await walk(launcher(host))

            assert [len(await standing(host, name)) for name in NAMES] == [1] * 40
            (launch,) = await host.truth.launches()
            (part,) = await host.truth.launch_parts("l1")
            assert launch.state == LaunchState.DONE
            assert (part.seen, part.entered, part.done) == (40, 40, True)

    asyncio.run(scenario())


def test_a_launch_keeps_to_its_pace():
    async def scenario():
        async with hosting() as host:
            await known(host)
            slow = Launch("l1", "spring", "shoppers", 10.0, LaunchState.RUNNING, NOW, b"\x80")
            await host.truth.add_launch(slow)
            one = launcher(host)

            await walk(one, rounds=100, step=0.01)  # one second

            (part,) = await host.truth.launch_parts("l1")
            assert 9 <= part.entered <= 11

    asyncio.run(scenario())


def test_a_stopped_launch_rests_and_a_resumed_one_goes_on_where_it_was():
    async def scenario():
        async with hosting() as host:
            await known(host)
            slow = Launch("l1", "spring", "shoppers", 10.0, LaunchState.RUNNING, NOW, b"\x80")
            await host.truth.add_launch(slow)
            one = launcher(host)
            now_s = await walk(one, rounds=100, step=0.01)
            await host.truth.set_launch("l1", LaunchState.RUNNING, LaunchState.STOPPED)
            (before,) = await host.truth.launch_parts("l1")

            now_s = await walk(one, rounds=100, step=0.1, start=now_s)
            (rested,) = await host.truth.launch_parts("l1")
            await host.truth.set_launch("l1", LaunchState.STOPPED, LaunchState.RUNNING)
            await walk(one, rounds=500, step=0.01, start=now_s)

            assert rested == before
            (part,) = await host.truth.launch_parts("l1")
            assert (part.seen, part.entered, part.done) == (40, 40, True)
            assert [len(await standing(host, name)) for name in NAMES] == [1] * 40

    asyncio.run(scenario())


def test_a_cell_that_begins_anew_lets_nobody_in_twice():
    async def scenario():
        async with hosting() as host:
            await known(host)
            await host.truth.add_launch(LAUNCH)
            await walk(launcher(host), rounds=3)
            forgotten = launcher(host)
            host._owner = "cell-1/another"  # what it had come to is somebody else's part now

            await walk(forgotten)

            assert [len(await standing(host, name)) for name in NAMES] == [1] * 40

    asyncio.run(scenario())


def test_what_a_busy_cell_could_not_take_is_tried_again():
    async def scenario():
        async with hosting() as host:
            await known(host)
            await host.truth.add_launch(LAUNCH)
            refused = []

            async def sometimes(jobs):
                if len(refused) < 3 and jobs:
                    refused.append(len(jobs))  # without an answer, as if the cell had died
                    return
                await host.submit(jobs)

            await walk(launcher(host, sometimes))

            (part,) = await host.truth.launch_parts("l1")
            assert refused
            assert (part.seen, part.entered) == (40, 40)

    asyncio.run(scenario())
