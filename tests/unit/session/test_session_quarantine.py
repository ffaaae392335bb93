"""Events, timers and customers that fail: alone, seen, and not for ever."""

import asyncio
from dataclasses import replace

import pytest

from actors import turn as core
from actors.ports import Change
from actors.session.quarantine import MAX_TRIES
from actors.wire.markers import pack_redirect
from tests.builders import make_event, number_of, order, user

ANN, BOB = number_of(user("ann")), number_of(user("bob"))


@pytest.fixture
def tried(monkeypatch):
    """Make every turn of `Poison` fail, and count how many began."""
    begin, names = core.begin, []

    def fragile(state, event, *rest):
        names.append(event.name)
        if event.name == "Poison":
            raise RuntimeError("ann@example.com is too much for a rule")
        return begin(state, event, *rest)

    monkeypatch.setattr(core, "begin", fragile)
    return names


@pytest.mark.python_core
def test_a_message_that_always_fails_is_refused_without_being_tried(world, tried):
    poison = make_event("Poison", "ann", id="p")

    first = [world.codes(poison)[0] for _ in range(MAX_TRIES + 2)]
    others = world.codes(order(1, "ann", id="m1"), order(1, "bob", id="m2"))

    assert first == ["FAILED"] * MAX_TRIES + ["POISON"] * 2
    assert tried.count("Poison") == MAX_TRIES
    assert others == ["ACCEPTED", "ACCEPTED"]
    (row,) = world.session.quarantine.rows()
    assert (row["kind"], row["count"], row["refused"]) == ("event", MAX_TRIES, True)
    assert row["what"] == "track Poison, messageId p"
    assert "example.com" not in str(row)


@pytest.mark.python_core
def test_another_playbook_or_an_operator_gives_it_another_chance(world, tried):
    poison = make_event("Poison", "ann", id="p")
    for _ in range(MAX_TRIES):
        world.codes(poison)
    assert world.codes(poison) == ["POISON"]

    before, world.playbook = world.playbook, replace(world.playbook, version="another")
    assert world.codes(poison) == ["FAILED"]
    world.playbook = before
    (row,) = world.session.quarantine.rows()
    assert world.session.quarantine.release(row["id"])
    assert not world.session.quarantine.release(row["id"])

    assert world.codes(poison) == ["FAILED"]


def flip(world, number, place):
    """Flip one bit of a stored state, as a disk might."""
    row = world.row(number)
    data = bytearray(row.state)
    data[place % len(data)] ^= 1 << (place % 8)
    epoch = world.epochs[row.partition]
    change = Change(number, row.partition, epoch, row.seq, row.seq + 1, bytes(data))
    asyncio.run(world.truth.commit([change], 0))
    world.restart()


@pytest.mark.parametrize("place", [0, 1, 4, 5, 40, -1])
def test_one_flipped_bit_anywhere_sets_its_customer_aside_and_nobody_else(world, place):
    world.codes(order(1, "ann", id="m1"), order(1, "bob", id="m2"))
    flip(world, ANN, place)

    codes = world.codes(order(2, "ann", id="m3"), order(2, "bob", id="m4"))

    assert codes == ["SET_ASIDE", "ACCEPTED"]
    (row,) = world.session.quarantine.rows()
    assert (row["kind"], row["what"]) == ("customer", "the record is damaged")


def test_a_damaged_marker_of_a_merged_customer_stops_no_group(world):
    world.codes(order(1, "ann", id="m1"), order(1, "bob", id="m2"))
    row = world.row(ANN)
    data = bytearray(pack_redirect(BOB))
    data[-1] ^= 1
    epoch = world.epochs[row.partition]
    change = Change(ANN, row.partition, epoch, row.seq, row.seq + 1, bytes(data))
    asyncio.run(world.truth.commit([change], 0))
    world.restart()

    codes = world.codes(order(2, "ann", id="m3"), order(2, "bob", id="m4"))

    assert codes == ["SET_ASIDE", "ACCEPTED"]
