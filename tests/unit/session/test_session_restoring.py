"""One customer's damaged record, brought back from a backup and the journal."""

import asyncio

import pytest

from actors.ports import Change
from actors.session.restoring import NotRestoredError, restore
from actors.wire.state import unpack_state
from tests.builders import MINUTE, added, make_event, number_of, order, user

ANN, BOB = number_of(user("ann")), number_of(user("bob"))


def damage(world, number=ANN):
    row = world.row(number)
    data = bytearray(row.state)
    data[len(data) // 2] ^= 8
    epoch = world.epochs[row.partition]
    change = Change(number, row.partition, epoch, row.seq, row.seq + 1, bytes(data))
    asyncio.run(world.truth.commit([change], 0))
    world.restart()


def restored(world, backup, number=ANN):
    now_ms = world.clock.business_ms()
    return asyncio.run(restore(world.truth, backup, number, world.playbook, now_ms, now_ms))


def test_everything_since_the_backup_is_taken_again_and_life_goes_on(world):
    world.codes(order(10, "ann", id="m1"))
    backup = world.row(ANN).state
    world.clock.advance(MINUTE)
    world.codes(added("ann", id="m2"))
    world.codes(order(25, "ann", id="m3"), order(5, "bob", id="b1"))
    world.codes(make_event("Page", "ann", id="m4"))
    before = world.state(ANN)
    damage(world)
    assert world.codes(order(1, "ann", id="m5")) == ["SET_ASIDE"]

    done = restored(world, backup)

    after = world.state(ANN)
    assert (done.since, done.taken, done.lost) == (1, 3, [])
    assert after.profile.purchases == before.profile.purchases
    assert after.profile.contacts == before.profile.contacts
    assert after.profile.consents == before.profile.consents
    assert after.identities == before.identities
    assert [(e.seq, e.n, e.action) for e in after.effects] == [
        (e.seq, e.n, e.action) for e in before.effects
    ]
    assert world.codes(order(25, "ann", id="m3")) == ["DUPLICATE"]
    assert world.codes(order(1, "ann", id="m5")) == ["ACCEPTED"]
    spent = before.profile.purchases.spend_minor
    assert world.state(ANN).profile.purchases.spend_minor == spent + 100
    assert world.state(BOB).seq == 1


def test_an_owner_that_still_holds_her_in_memory_reads_her_anew(world):
    world.codes(order(10, "ann", id="m1"))
    backup = world.row(ANN).state
    row = world.row(ANN)
    epoch = world.epochs[row.partition]
    change = Change(ANN, row.partition, epoch, row.seq, row.seq + 1, b"\x03damaged")
    asyncio.run(world.truth.commit([change], 0))

    restored(world, backup)

    assert world.codes(order(2, "ann", id="m2")) == ["ACCEPTED"]
    assert world.state(ANN).profile.purchases.spend_minor == 1200


def test_what_is_sound_is_left_alone_and_a_useless_backup_is_refused(world):
    world.codes(order(10, "ann", id="m1"), order(10, "bob", id="m2"))
    backup, other = world.row(ANN).state, world.row(BOB).state
    with pytest.raises(NotRestoredError, match="not damaged"):
        restored(world, backup)
    damage(world)

    for wrong, said in ((b"\x03nonsense", "damaged too"), (other, "somebody else's")):
        with pytest.raises(NotRestoredError, match=said):
            restored(world, wrong)
    with pytest.raises(NotRestoredError, match="no such customer"):
        restored(world, backup, number_of(user("nobody")))
    assert unpack_state(backup).seq == 1
