"""Customers with actors of their own: made, served, lost and ended, with nothing lost and nothing twice."""

import asyncio

import pytest

from actors.domain.ids import PARTITIONS, customer_text, home_partition
from actors.ports import Lookup
from actors.stores.memory import MemoryStore
from actors.stores.sqlite import SqliteStore
from actors.wire.markers import Redirect, read_marker
from cluster.dedication import actor_name
from tests.builders import (
    DAY,
    MINUTE,
    NOW,
    added,
    anon,
    consent,
    make_event,
    number_of,
    order,
    user,
)
from tests.contracts.store_support import permitted
from tests.doubles.apart import apart_world, reply, said
from tests.unit.session.test_session_merging import command, login

ANN, BOB, A = number_of(user("ann")), number_of(user("bob")), number_of(anon("a"))


@pytest.fixture
def truth():
    return MemoryStore()


@pytest.fixture(params=["memory", "sqlite"])
def either(request, tmp_path):
    if request.param == "memory":
        return MemoryStore()
    return SqliteStore.open(tmp_path / "apart.db")


async def sound(world, number, count):
    """She has taken so many turns, without a gap, each message once."""
    turns = await world.turns(number)
    assert [seq for seq, _ in turns] == list(range(1, count + 1))
    messages = [record.event.message_id for _, record in turns if record.event is not None]
    assert len(set(messages)) == len(messages)


def orders(first, count, who="ann"):
    return [order(1.0, who, id=f"{who}-{i}") for i in range(first, first + count)]


def test_she_is_served_all_the_way_by_cell_actor_and_cell_again(either):
    async def story():
        async with apart_world(either, rule="profile.orders > 2") as world:
            door, stale = await world.door(), await world.door()
            assert set(await said(door, *orders(0, 2))) == {"ACCEPTED"}
            assert set(await said(door, *orders(0, 9, "bob"))) == {"ACCEPTED"}
            await world.round()
            assert world.seats() == [BOB]  # the rule does not hold for ann yet

            assert await said(door, *orders(2, 1)) == ["ACCEPTED"]
            under_way = asyncio.create_task(said(door, *orders(3, 200)))
            await world.round()
            assert world.seats() == sorted([ANN, BOB])
            assert await world.partition(ANN) >= PARTITIONS
            assert set(await under_way) <= {"ACCEPTED", "BUSY"}
            taken = (await under_way).count("ACCEPTED")

            assert set(await said(stale, *orders(0, 3))) == {"DUPLICATE"}
            assert await said(stale, *orders(500, 2)) == ["ACCEPTED"] * 2
            actor = world.processes[actor_name(ANN)].host
            assert actor.stats.turns >= 5
            assert len(actor.epochs) == 1

            world.clock.advance(DAY)  # idle, both
            under_way = asyncio.create_task(said(door, *orders(600, 50)))
            await world.round()
            taken += (await under_way).count("ACCEPTED")
            assert await said(door, *orders(700, 1)) == ["ACCEPTED"]
            assert BOB not in world.seats()
            assert await world.partition(BOB) == home_partition(BOB)
            world.clock.advance(DAY)
            await world.round()
            assert world.seats() == []
            assert await world.partition(ANN) == home_partition(ANN)
            assert await said(door, *orders(701, 1)) == ["ACCEPTED"]
            assert await said(stale, *orders(702, 1)) == ["ACCEPTED"]
            await sound(world, ANN, 3 + taken + 2 + 3)
            assert [row.name for row in await world.truth.cells()] == ["cell-0", "cell-1"]

    asyncio.run(story())


def test_whoever_is_asked_by_number_is_found_too(truth):
    async def story():
        async with apart_world(truth) as world:
            door = await world.door()
            await reply(door, order(1.0, "ann", id="m1"))
            await world.round()
            assert world.seats() == [ANN]

            assert await said(door, order(2.0, "ann", id="m2"), number=ANN) == ["ACCEPTED"]
            assert door._moved[ANN] == await world.partition(ANN)
            world.clock.advance(DAY)
            await world.round()
            assert await said(door, order(2.0, "bob", id="m3")) == ["ACCEPTED"]
            await world.round()
            assert world.seats() == [BOB]  # where ann was before
            assert await world.partition(BOB) == door._moved[ANN] == PARTITIONS
            assert await said(door, order(2.0, "ann", id="m4"), number=ANN) == ["ACCEPTED"]
            assert ANN not in door._moved

    asyncio.run(story())


def test_no_more_than_the_cap_and_two_at_a_time(truth):
    async def story():
        async with apart_world(truth, per_node=3) as world:
            door = await world.door()
            people = [f"u{i}" for i in range(8)]
            await said(door, *[order(1.0, who, id=who) for who in people])
            seats = []
            for _ in range(4):
                await world.round()
                seats.append(len(world.seats()))
            assert seats == [2, 3, 3, 3]
            assert len(await world.truth.partitions()) == PARTITIONS + 3

            world.clock.advance(DAY)
            await said(door, *[order(1.0, who, id=f"{who} again") for who in people[5:]])
            for _ in range(4):
                await world.round()
            assert len(world.seats()) == 3
            await world.supervise()
            # Partitions that were emptied serve again: an epoch never begins anew.
            assert len(await world.truth.partitions()) <= PARTITIONS + 6

    asyncio.run(story())


def test_a_promoter_that_dies_before_she_has_moved_leaves_nothing_behind(truth):
    async def story():
        async with apart_world(truth) as world:
            door = await world.door()
            await reply(door, order(1.0, "ann", id="m1"))
            home = next(p for p in world.processes.values() if home_partition(ANN) in p.host.epochs)
            home.store.fail("rehome", "before")
            await world.round()  # made, has a partition, and nobody moved

            assert (world.seats(), await world.partition(ANN)) == ([ANN], home_partition(ANN))
            assert await said(door, order(1.0, "ann", id="m2")) == ["ACCEPTED"]
            world.restart_promoter()
            await world.round()
            assert world.seats() == []
            await world.supervise()
            await world.round()
            assert world.seats() == [ANN]
            assert await world.partition(ANN) == PARTITIONS  # the same one, under another epoch
            assert await said(door, order(1.0, "ann", id="m3")) == ["ACCEPTED"]
            await sound(world, ANN, 3)

    asyncio.run(story())


@pytest.mark.parametrize("where", ["store", "transport"])
def test_she_has_moved_though_nobody_heard_of_it(truth, where):
    async def story():
        async with apart_world(truth) as world:
            door = await world.door()
            await reply(door, order(1.0, "ann", id="m1"))
            home = next(p for p in world.processes.values() if home_partition(ANN) in p.host.epochs)
            if where == "store":
                home.store.fail("rehome", "after")
            else:
                world.lost.append((home.row.name, "rehome"))
            await world.round()

            assert await world.partition(ANN) == PARTITIONS
            assert await said(door, order(1.0, "ann", id="m2")) == ["ACCEPTED"]
            world.restart_promoter()
            await world.round()
            assert world.seats() == [ANN]
            assert await said(door, order(1.0, "ann", id="m1")) == ["DUPLICATE"]
            await sound(world, ANN, 2)

    asyncio.run(story())


def test_an_actor_that_dies_is_replaced_by_a_cell_and_then_by_another_actor(either):
    async def story():
        async with apart_world(either) as world:
            door = await world.door()
            await said(door, consent("ann", id="m0"), added("c1", "ann", id="m1"))
            await world.round()
            assert await said(door, order(1.0, "ann", id="m2")) == ["ACCEPTED"]
            await world.kill(ANN)

            waiting = asyncio.create_task(said(door, order(1.0, "ann", id="m3")))
            await asyncio.sleep(0.01)
            assert not waiting.done()
            await world.supervise()
            assert await waiting == ["ACCEPTED"]
            assert await world.partition(ANN) == PARTITIONS
            await world.round()
            assert (world.seats(), await world.partition(ANN)) == ([], home_partition(ANN))
            assert await said(door, order(1.0, "ann", id="m4")) == ["ACCEPTED"]
            await world.round()

            assert await world.partition(ANN) == PARTITIONS
            assert world.seats() == [ANN]
            assert await said(door, order(1.0, "ann", id="m5")) == ["ACCEPTED"]
            await sound(world, ANN, 6)
            names = [row.name for row in await world.truth.cells()]
            assert names == ["cell-0", "cell-1", actor_name(ANN)]

    asyncio.run(story())


def test_her_timers_fire_and_her_effects_are_sent_where_she_is(truth):
    async def story():
        async with apart_world(truth) as world:
            door = await world.door()
            await said(door, consent("ann", id="m0"), added("c1", "ann", id="m1"))
            await world.round()
            actor = world.processes[actor_name(ANN)].host

            assert await actor.fire_until(NOW + 31 * MINUTE) >= 1
            owner = actor.owner
            due = await world.truth.outbox_due(owner, 1 << 60, 10)
            assert [(item.number, item.channel) for item in due] == [(ANN, "email")]
            assert await world.fire(NOW + 31 * MINUTE) == 0

    asyncio.run(story())


def test_she_stays_while_an_effect_of_hers_is_being_sent(truth):
    async def story():
        async with apart_world(truth) as world:
            door = await world.door()
            await reply(door, order(1.0, "ann", id="m1"))  # thanked at once
            cell = next(p for p in world.processes.values() if home_partition(ANN) in p.host.epochs)
            items = await world.truth.outbox_due(cell.row.owner, 1 << 60, 10)
            await world.truth.outbox_claim(items, cell.host.epochs, NOW, permitted)
            assert items
            await world.round()

            assert (world.seats(), await world.partition(ANN)) == ([], home_partition(ANN))

    asyncio.run(story())


@pytest.mark.parametrize("apart", ["survivor", "loser", "both"])
def test_those_who_are_apart_merge_and_part_as_others_do(truth, apart):
    async def story():
        async with apart_world(truth) as world:
            door, late = await world.door(), await world.door()
            who = {"survivor": ["ann"], "loser": [anon("a")], "both": ["ann", anon("a")]}[apart]
            both = ("ann", anon("a"))
            first = [order(1.0, one, id=f"m{both.index(one)}") for one in who]
            await said(door, *first)
            await world.round()
            assert len(world.seats()) == len(who)
            others = [one for one in both if one not in who]
            await said(door, *[order(1.0, one, id=f"m{both.index(one)}") for one in others])

            await reply(door, login("ann", anon("a"), id="in"))
            rows = (await world.truth.lookup(Lookup(numbers=(ANN, A)))).customers
            assert read_marker(rows[A].state) == Redirect(ANN)
            for each in (door, late):
                answer = await reply(each, order(1.0, anon("a"), id=f"old id {id(each)}"))
                assert answer["customerId"] == customer_text(ANN)
            await world.round()
            for i in range(2):
                world.clock.advance(DAY)
                await world.round()
                await world.supervise()
                assert await said(door, order(1.0, anon("a"), id=f"day {i}")) == ["ACCEPTED"]
            assert world.seats() == []
            parted = await said(door, command("unmerge", ANN, other=A, id="part"))
            assert parted == ["ACCEPTED"]
            assert await said(door, order(1.0, anon("a"), id="own")) == ["ACCEPTED"]
            assert await said(late, order(1.0, "ann", id="hers")) == ["ACCEPTED"]
            turns = [seq for seq, _ in await world.turns(A)]
            assert turns == list(range(1, len(turns) + 1))

    asyncio.run(story())


def test_she_is_forgotten_where_she_is_and_comes_back_at_home(truth):
    async def story():
        async with apart_world(truth) as world:
            door = await world.door()
            await reply(door, order(1.0, "ann", id="m1"))
            await world.round()
            assert await said(door, command("erase", ANN, id="erase")) == ["ACCEPTED"]

            again = await said(door, order(2.0, "ann", id="m2", at=NOW + DAY))
            assert again == ["ACCEPTED"]
            new = number_of(user("ann"), 1)
            assert await world.partition(new) == home_partition(new)
            world.clock.advance(DAY)
            await world.round()
            assert ANN not in world.seats()

    asyncio.run(story())


def test_with_the_rule_taken_back_everybody_goes_home(truth):
    async def story():
        async with apart_world(truth) as world:
            door = await world.door()
            await said(door, order(1.0, "ann", id="m1"), order(1.0, "bob", id="m2"))
            await world.round()
            assert world.seats() == sorted([ANN, BOB])
            await world.kill(BOB)
            world.per_node = 0
            world.restart_promoter()
            await world.supervise()
            await world.round()

            assert (world.seats(), await world.truth.apart()) == ([], [])
            assert await said(door, order(1.0, "bob", id="m3")) == ["ACCEPTED"]

    asyncio.run(story())


def test_nobody_of_many_is_disturbed_by_those_apart(truth):
    async def story():
        async with apart_world(truth) as world:
            door = await world.door()
            await said(door, order(1.0, "ann", id="m1"))
            before = (await world.truth.partitions())[:PARTITIONS]
            await world.round()
            await world.supervise()

            assert (await world.truth.partitions())[:PARTITIONS] == before
            cell = next(p for p in world.processes.values() if home_partition(ANN) in p.host.epochs)
            fenced = cell.host.stats.fenced
            await said(door, make_event("x", "ann", id="m2"))
            assert cell.host.stats.fenced == fenced

    asyncio.run(story())
