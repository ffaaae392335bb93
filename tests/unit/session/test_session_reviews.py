"""Messages that were handed over: judged again before an attempt, withdrawn, given back."""

import asyncio

import pytest

from actors.domain.errors import StoreUnavailableError
from actors.ports import Change, Claim, JournalKind, JournalRow, OutboxState
from actors.runtime.checking import checking
from actors.runtime.reviewing import review_command
from actors.session.jobs import Job, TimerJob
from actors.turn import SEND
from actors.wire.records import pack_turn
from actors.wire.state import pack_state
from tests.builders import (
    DAY,
    HOUR,
    MINUTE,
    NOW,
    POLICIES,
    REMINDER,
    added,
    consent,
    make_event,
    make_playbook,
)
from tests.unit.session.held_messages import (
    ANN,
    MORNING,
    QUIET,
    attempt,
    contacts,
    fire,
    remind,
    row,
    settle,
    waits,
)


def review(world):
    item = row(world)
    return world.jobs(Job(review_command(item, world.clock.machine_ms()), item.number))


def test_what_is_late_is_judged_anew_and_counts_when_it_goes(world):
    remind(world, make_playbook())
    world.clock.advance(HOUR)

    (job,) = review(world)

    assert job.answer.code.name == "ACCEPTED"
    moved = row(world)
    assert (moved.state, moved.send_at_ms) == (OutboxState.PENDING, world.clock.now_ms)
    assert contacts(world) == [world.clock.now_ms]


def test_what_has_become_quiet_meanwhile_is_held(world):
    remind(world, make_playbook())
    world.playbook = QUIET
    world.clock.advance(MINUTE)

    review(world)

    assert (row(world).state, row(world).send_at_ms) == (OutboxState.HELD, MORNING)
    assert contacts(world) == [MORNING]
    assert waits(world)[SEND] == MORNING


def test_what_may_not_go_at_all_is_dropped_and_given_back(world):
    remind(world, make_playbook())
    world.playbook = make_playbook(policies=POLICIES | {"quiet": [
        {"from": "08:15", "to": "10:00", "hold": "drop"}
    ]})  # fmt: skip

    review(world)

    assert row(world).state == OutboxState.CANCELLED
    assert row(world).last_error != ""
    assert (contacts(world), world.customer().effects) == ([], [])


def test_one_whose_reservation_was_forgotten_is_counted_anew_and_may_go(world):
    remind(world, make_playbook())
    state = world.customer()
    state.profile.contacts.clear()
    state.seq += 1
    change = Change(ANN, state.partition, None, state.seq - 1, state.seq, pack_state(state))
    change.journal.append(JournalRow(state.seq, NOW, JournalKind.WAKE, world_turn(world)))
    asyncio.run(world.truth.commit([change], NOW))
    world.restart()
    check = checking(lambda: world.playbook, world.clock)
    assert check(row(world), change.state, ()).verdict is Claim.REVIEW

    review(world)

    assert contacts(world) == [world.clock.now_ms]
    assert check(row(world), pack_state(world.customer()), ()).verdict is Claim.MINE


def world_turn(world):
    return pack_turn(world.turns(ANN)[-1][2])


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_review_whose_commit_fails_is_repeated_to_the_same_end(world, when):
    remind(world, make_playbook())
    world.clock.advance(3 * DAY)
    world.store.fail("commit", when)
    review(world)
    world.restart()
    if when == "before":
        assert row(world).state == OutboxState.PENDING

    review(world)

    assert row(world).state == OutboxState.EXPIRED
    assert contacts(world) == []


def test_what_was_attempted_keeps_its_reservation_when_it_is_dropped(world):
    remind(world, make_playbook())
    sent_at_ms = world.clock.now_ms
    attempt(world)
    settle(world, OutboxState.PENDING)
    world.clock.advance(3 * DAY)

    review(world)

    assert row(world).state == OutboxState.EXPIRED
    assert contacts(world) == [sent_at_ms]


def test_what_was_attempted_waits_in_its_queue_while_it_is_quiet(world):
    remind(world, make_playbook())
    sent_at_ms = world.clock.now_ms
    attempt(world)
    settle(world, OutboxState.PENDING)
    world.playbook = QUIET

    review(world)

    assert (row(world).state, row(world).send_at_ms) == (OutboxState.PENDING, MORNING)
    assert contacts(world) == [sent_at_ms, MORNING]


def deny(world):
    world.reply(consent(id="no", granted=False, at=world.clock.now_ms))


def test_what_was_handed_over_and_withdrawn_in_time_is_given_back_by_a_turn_of_its_own(world):
    remind(world, make_playbook())
    deny(world)
    assert row(world).state == OutboxState.CANCELLED
    assert len(contacts(world)) == 1  # until it is known that no attempt had begun

    world.restart()  # a crash between loses nothing: the timer is in the store
    fire(world)

    assert (contacts(world), world.customer().effects) == ([], [])
    assert SEND not in waits(world)


@pytest.mark.parametrize("ended", [None, OutboxState.PENDING, OutboxState.SENT])
def test_what_was_withdrawn_while_it_was_sent_counts_as_sent(world, ended):
    remind(world, make_playbook())
    attempt(world)
    if ended is not None:
        settle(world, ended)
    deny(world)

    fire(world)

    assert len(contacts(world)) == 1
    assert len(world.customer().effects) == 1


@pytest.mark.parametrize("when", ["before", "after"])
def test_giving_back_is_done_once_whatever_happens_to_its_commit(world, when):
    remind(world, make_playbook())
    deny(world)
    world.store.fail("commit", when)
    fire(world)
    world.restart()

    fire(world)

    assert contacts(world) == []
    assert sum(bool(t.timer and t.timer[1] == SEND) for _, _, t in world.turns(ANN)) == 1


def test_while_the_store_cannot_say_nothing_is_given_back(world):
    remind(world, make_playbook())
    deny(world)
    world.store.fail("outbox_of", "before", StoreUnavailableError("away"))

    (job,) = fire(world)

    assert job.answer.code.name == "RETRY"
    assert len(contacts(world)) == 1
    assert SEND in waits(world)


def test_an_event_that_repeats_the_withdrawal_asks_the_store_once(world):
    remind(world, make_playbook())
    attempt(world)
    deny(world)
    fire(world)

    world.reply(consent(id="no2", granted=False, at=world.clock.now_ms + 1))

    assert SEND not in waits(world)


def test_what_is_made_and_withdrawn_in_one_group_is_given_back(world):
    world.playbook = QUIET
    world.reply(consent(id="yes"))
    world.reply(added(id="cart"))
    world.clock.advance(30 * MINUTE)

    now_ms = world.clock.now_ms
    world.jobs(Job(TimerJob(ANN, "c1", now_ms), ANN), consent(id="no", granted=False, at=now_ms))

    assert row(world).state == OutboxState.CANCELLED
    assert contacts(world) == []
    assert world.customer().effects == []


def test_a_message_says_where_it_comes_from_and_goes_to(world):
    world.reply(make_event("", type="identify", id="mail", traits={"email": "ann@example.org"}))

    held = remind(world)

    assert b"ann@example.org" in held.payload
    assert REMINDER.encode() in held.payload
