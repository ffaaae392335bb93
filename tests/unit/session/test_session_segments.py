"""The index of segments is what the states say, whatever happened to the customers."""

import asyncio

import pytest

from actors.session import Job, TimerJob
from tests.builders import (
    DAY,
    NOW,
    THANKS,
    World,
    anon,
    make_event,
    make_playbook,
    number_of,
    order,
    response,
    user,
)
from tests.unit.session.test_session_merging import command

ANN, A = number_of(user("ann")), number_of(anon("a"))
BOOK = make_playbook(
    segments={
        "buyer": {"when": "profile.orders >= 1"},
        "twice": {"when": "profile.orders >= 2"},
        "active": {"when": "profile.recency_days < 30.0"},
        "taker": {"when": f"profile.taken['{THANKS}'] >= 1"},
        "agreed": {"when": "profile.consent['email']"},
    },
    triggers={"thank": {"on": {"entered": "buyer"}, "propose": [THANKS]}},
    tiers=(),
)


@pytest.fixture
def shop(world: World) -> World:
    world.playbook = BOOK
    return world


def index(world: World) -> dict[str, dict[int, int]]:
    names = [segment.name for segment in BOOK.segments]
    found = {name: asyncio.run(world.truth.members(name, -1, 100)) for name in names}
    counts = asyncio.run(world.truth.member_counts())
    assert {n: len(m) for n, m in found.items() if m} == {n: c for n, c in counts.items() if c}
    return {n: {each.number: each.since_ms for each in m} for n, m in found.items() if m}


def stated(world: World, *numbers: int) -> dict[str, dict[int, int]]:
    found: dict[str, dict[int, int]] = {}
    for number in numbers:
        for name, since_ms in world.state(number).segments.items():
            found.setdefault(name, {})[number] = since_ms
    return found


def fire(world: World, until_ms: int) -> None:
    """Fire what is due, as a host does."""
    while due := {key: at for key, at in world.timers().items() if at <= until_ms}:
        (number, key), at_ms = min(due.items(), key=lambda item: item[1])
        world.clock.now_ms = max(world.clock.now_ms, at_ms)
        world.jobs(Job(TimerJob(number, key, world.clock.now_ms)))
    world.clock.now_ms = until_ms


def test_events_outcomes_and_time_are_in_the_index(shop: World):
    reply = shop.reply(order(10, id="m1"))
    assert index(shop) == stated(shop, ANN) == {"buyer": {ANN: NOW}, "active": {ANN: NOW}}

    (effect,) = shop.state(ANN).effects
    key = reply["decisionId"].replace("d_", "e_") + f"_{effect.n}"
    shop.clock.advance(1)
    shop.reply(response(key, "accept"))
    assert index(shop)["taker"] == {ANN: NOW + 1}

    fire(shop, NOW + 40 * DAY)
    assert index(shop) == stated(shop, ANN) == {"buyer": {ANN: NOW}, "taker": {ANN: NOW + 1}}
    assert [record.notes for _, _, record in shop.turns(ANN)][-1] == ["left: active"]


def test_a_merge_leaves_one_customer_in_the_index_and_an_unmerge_two(shop: World):
    shop.reply(order(10, "ann", id="m1"))
    shop.reply(order(10, anon("a"), id="m2"))
    before = index(shop)

    shop.jobs(command("merge", ANN, other=A, id="c1"))
    assert index(shop) == stated(shop, ANN)
    fire(shop, NOW)
    assert index(shop) == stated(shop, ANN)
    assert set(index(shop)) == {"buyer", "active", "twice"}

    shop.jobs(command("unmerge", ANN, other=A, id="c2"))
    fire(shop, NOW)
    assert index(shop) == stated(shop, ANN, A) == before


def test_an_erased_customer_is_in_no_segment(shop: World):
    shop.reply(order(10, "ann", id="m1"))
    shop.reply(order(10, "bob", id="m2"))

    shop.jobs(command("erase", ANN, id="c1"))

    assert index(shop) == stated(shop, number_of(user("bob")))


def test_what_is_not_committed_is_not_in_the_index(shop: World):
    shop.store.fail("commit", "before")

    shop.jobs(order(10, id="m1"))

    assert index(shop) == {}


def test_an_event_that_only_merges_customers_settles_both_in_the_index(shop: World):
    shop.reply(order(10, anon("a"), id="m1"))
    shop.reply(order(10, "ann", id="m2"))

    shop.reply(make_event("", "ann", anon("a"), type="identify", id="m3"))

    assert index(shop) == stated(shop, ANN)
    assert set(index(shop)) == {"buyer", "active", "twice"}
