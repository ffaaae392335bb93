"""Silence about a message that never arrived teaches nothing, however it came not to arrive."""

import asyncio

import pytest

from actors.domain.actions import REFUSED, TAKEN, VOID
from actors.domain.events import MERGE, UNMERGE, Command
from actors.domain.ids import effect_text
from actors.ports import Claim, OutboxResult, OutboxState
from actors.wire.messages import Routed
from tests.builders import DAY, HOUR, NOW, anon, consent, make_event, number_of, order, response
from tests.contracts.store_support import permitted
from tests.unit.session.held_messages import ANN, fire, row, rows
from tests.unit.session.test_session_merging_excess import BOOK

CLOSE = "close"
VISITOR = anon("a")
GUEST = number_of(VISITOR)


def thank(world):
    """Send thanks; its window is a week."""
    world.reply(order(id="o1"))
    item = row(world)
    return effect_text(item.number, item.seq, item.n)


def attempt(world):
    """Begin an attempt at the one message that is due, whosever it is."""
    now_ms = world.clock.machine_ms()
    claims = world.truth.outbox_claim(world.outbox(), world.epochs, now_ms, permitted)
    assert asyncio.run(claims) == [Claim.MINE]


def settle(world, item, state):
    """Say how the attempt ended."""
    result = OutboxResult(item.number, item.seq, item.n, state)
    asyncio.run(world.truth.outbox_settle([result]))


def close(world, number=ANN):
    """Let a week pass and the window close; return what was learned, as (taken, refused)."""
    world.clock.advance(7 * DAY)
    fire(world, CLOSE, number)
    record = world.turns(number)[-1][2]
    assert record.timer[0] == CLOSE
    return [(lesson.taken, lesson.refused) for lesson in record.lessons]


def labels(world, who="ann"):
    return [(effect.label, effect.outcome) for effect in world.customer(who).effects]


def test_silence_about_what_was_sent_is_a_no(world):
    thank(world)
    attempt(world)
    settle(world, row(world), OutboxState.SENT)

    assert close(world) == [(0, 1)]
    assert labels(world) == [(REFUSED, "no_response")]


@pytest.mark.parametrize("state", [OutboxState.EXPIRED, OutboxState.PARKED], ids=["late", "parked"])
def test_silence_about_what_expired_or_was_parked_teaches_nothing(world, state):
    thank(world)
    attempt(world)
    settle(world, row(world), state)

    assert close(world) == []
    assert labels(world) == [(VOID, "")]
    assert CLOSE not in {key for _, key in world.timers()}


def test_silence_about_what_still_waits_in_its_queue_teaches_nothing(world):
    thank(world)

    assert close(world) == []
    assert labels(world) == [(VOID, "")]


def test_what_is_being_sent_as_its_window_closes_is_taken_for_sent(world):
    thank(world)
    attempt(world)

    assert close(world) == [(0, 1)]


def test_whoever_has_seen_it_teaches_a_no_whatever_the_channel_says(world):
    key = thank(world)
    attempt(world)
    world.reply(response(key, "impression"))
    settle(world, row(world), OutboxState.PARKED)

    assert close(world) == [(0, 1)]


def test_a_yes_after_all_teaches_a_yes_and_takes_no_no_back(world):
    key = thank(world)
    attempt(world)
    settle(world, row(world), OutboxState.EXPIRED)
    close(world)

    world.reply(response(key, "click"))

    (lesson,) = world.turns(ANN)[-1][2].lessons
    assert (lesson.taken, lesson.refused) == (1, 0)
    assert labels(world) == [(TAKEN, "click")]


def test_the_window_that_closes_within_another_turns_group_is_looked_up_too(world):
    thank(world)
    attempt(world)
    settle(world, row(world), OutboxState.EXPIRED)
    world.clock.advance(7 * DAY)

    world.reply(make_event(id="later", at=world.clock.now_ms))

    records = [record for _, _, record in world.turns(ANN)]
    assert [record.lessons for record in records if record.timer] == [[]]
    assert labels(world) == [(VOID, "")]


def test_of_two_messages_of_which_a_merge_cancels_one_only_the_other_teaches(world):
    world.playbook = BOOK
    world.reply(consent(id="yes"))
    world.reply(order(10.0, "ann", id="o1"))
    world.reply(order(10.0, VISITOR, id="o2"))
    world.reply(make_event("", "ann", VISITOR, type="identify", id="join"))
    (kept,) = [each for each in rows(world) + rows(world, GUEST) if each.state == OutboxState.HELD]
    world.clock.now_ms = NOW + 2 * HOUR
    fire(world)
    attempt(world)
    settle(world, kept, OutboxState.SENT)

    world.clock.advance(7 * DAY)
    fire(world, CLOSE)

    taught = [each for _, _, record in world.turns(ANN) for each in record.lessons]
    assert [(each.number, each.refused) for each in taught] == [(kept.number, 1)]


@pytest.mark.parametrize("arrived", [True, False], ids=["arrived", "not"])
def test_taking_a_merge_back_leaves_the_window_closed_as_it_was(world, arrived):
    world.reply(order(10.0, VISITOR, id="o1"))
    attempt(world)
    (item,) = rows(world, GUEST)
    settle(world, item, OutboxState.SENT if arrived else OutboxState.PARKED)
    world.reply(make_event(id="known"))
    world.jobs(Routed(Command(message_id="join", kind=MERGE, arguments={"other": GUEST}), ANN))
    lessons = close(world)
    world.jobs(Routed(Command(message_id="part", kind=UNMERGE, arguments={"other": GUEST}), ANN))

    assert lessons == ([(0, 1)] if arrived else [])
    assert labels(world, VISITOR) == [(REFUSED, "no_response") if arrived else (VOID, "")]
