import asyncio

import pytest

from actors.ports import Change, JournalKind, OutboxState, TimerRow
from actors.session import Job, TimerJob
from actors.wire.messages import Routed
from actors.wire.state import pack_state
from tests.builders import (
    DAY,
    MINUTE,
    NOW,
    REMINDER,
    SECOND,
    added,
    consent,
    make_event,
    number_of,
    order,
    question,
    user,
)
from tests.unit.session.held_messages import attempt, settle

ANN = number_of(user("ann"))
REMIND = "trigger/remind/c1"


def due(world, key=REMIND, number=ANN):
    return Job(TimerJob(number, key, world.clock.business_ms()))


def waiting(world):
    """Ann has agreed to e-mail and left a cart half an hour ago."""
    world.reply(consent(id="w1"))
    world.reply(added(id="w2"))
    world.clock.advance(30 * MINUTE)


def sent(world):
    return [e.action for _, _, r in world.turns(ANN) for e in r.effects]


def test_a_due_timer_takes_a_turn_that_sends_and_deletes_it(world):
    waiting(world)

    (job,) = world.jobs(due(world))

    assert job.answer is None
    assert [kind for _, kind, _ in world.turns(ANN)][-1] == JournalKind.WAKE
    assert sent(world) == [REMINDER]
    assert len(world.outbox()) == 1
    assert (ANN, REMIND) not in world.timers()
    world.assert_sound(ANN)


def test_what_is_due_wakes_before_the_turn_that_comes_next(world):
    waiting(world)

    codes = world.codes(order(properties={"cart_id": "c1"}, id="m1"))

    assert codes == ["ACCEPTED"]
    kinds = [kind for _, kind, _ in world.turns(ANN)]
    assert kinds[-2:] == [JournalKind.WAKE, JournalKind.EVENT]
    assert sent(world)[0] == REMINDER
    world.assert_sound(ANN)


def test_what_is_due_wakes_before_an_event_that_stands_before_it_in_the_group(world):
    waiting(world)

    world.jobs(order(properties={"cart_id": "c1"}, id="m1"), due(world))

    assert sent(world)[0] == REMINDER
    assert len(world.outbox()) == 2
    world.assert_sound(ANN)


def test_what_is_not_due_yet_waits(world):
    world.reply(consent(id="w1"))
    world.reply(added(id="w2"))
    world.clock.advance(30 * MINUTE - 1)

    world.reply(make_event(id="m1"))

    assert sent(world) == []
    assert world.timers()[ANN, REMIND] == NOW + 30 * MINUTE


def test_a_question_wakes_what_is_due_and_a_dry_run_does_not(world):
    waiting(world)

    world.codes(Routed(question(id="q"), dry_run=True))
    assert sent(world) == []

    world.reply(question(id="q"))
    assert sent(world)[0] == REMINDER


def test_timers_of_one_customer_wake_in_order_of_their_time(world):
    for i, minutes in enumerate((3, 1, 2)):
        world.reply(added(f"c{i}", id=f"m{i}", at=NOW + minutes * SECOND))
    world.clock.advance(DAY)

    world.reply(make_event(id="m9"))

    woken = [r.timer[0] for _, kind, r in world.turns(ANN) if kind == JournalKind.WAKE]
    assert woken == ["trigger/remind/c1", "trigger/remind/c2", "trigger/remind/c0"]


def test_a_timer_that_a_turn_has_woken_meanwhile_is_nothing_to_do(world):
    waiting(world)
    asked = due(world)
    world.reply(make_event(id="m1"))
    before = world.counts()

    jobs = world.jobs(asked, order(2, "bob", id="m2"))

    assert jobs[0].answer is None
    assert jobs[1].answer.code.name == "ACCEPTED"
    assert world.state(ANN).seq == 4
    assert world.counts()["turns"] == before["turns"] + 1
    assert sent(world) == [REMINDER]


def test_a_wait_that_began_anew_meanwhile_is_not_cut_short(world):
    waiting(world)
    asked = due(world)
    world.reply(added(id="m1", at=NOW + 30 * MINUTE))
    assert world.timers()[ANN, REMIND] == NOW + 60 * MINUTE

    world.jobs(asked)

    assert world.timers()[ANN, REMIND] == NOW + 60 * MINUTE
    assert sent(world) == [REMINDER]  # that of the first wait
    world.assert_sound(ANN)


def test_a_wait_that_was_prolonged_ends_at_its_later_time_and_once(world):
    world.reply(consent(id="w1"))
    world.reply(added(id="w2", at=NOW))
    world.reply(added(id="w3", at=NOW + 5 * MINUTE))
    for minutes in (30, 5, 5):
        world.clock.advance(minutes * MINUTE)
        world.jobs(due(world))
        if minutes == 30:
            assert sent(world) == []
            assert world.timers()[ANN, REMIND] == NOW + 35 * MINUTE
            assert world.state(ANN).seq == 3

    assert sent(world) == [REMINDER]
    assert (ANN, REMIND) not in world.timers()
    world.assert_sound(ANN)


def test_a_timer_asked_for_twice_fires_once(world):
    waiting(world)

    world.jobs(due(world), due(world))

    assert sent(world) == [REMINDER]
    world.assert_sound(ANN)


def test_a_timer_row_that_the_state_knows_nothing_of_is_deleted_without_a_turn(world):
    world.reply(order(id="m1"))
    state = world.state(ANN)
    orphan = Change(
        ANN,
        state.partition,
        world.epochs[state.partition],
        1,
        1,
        pack_state(state),
        timers_set=[TimerRow("orphan", NOW)],
    )
    asyncio.run(world.truth.commit([orphan], NOW))
    assert (ANN, "orphan") in world.timers()

    codes = [job.answer for job in world.jobs(due(world, "orphan"))]

    assert codes == [None]
    assert list(world.timers()) == [(ANN, "close")]
    assert world.state(ANN) == state
    world.assert_sound(ANN)


def test_a_timer_of_nobody_does_nothing(world):
    jobs = world.jobs(due(world, number=number_of(user("nobody"))), order(id="m1"))

    assert jobs[1].answer.code.name == "ACCEPTED"
    assert world.counts()["customers"] == 1


@pytest.mark.python_core
def test_a_timer_that_failed_is_not_tried_again_by_this_process(world, monkeypatch):
    from actors import turn as core

    waiting(world)
    tried = []

    def fragile(state, timer, *args):
        tried.append(timer.key)
        raise RuntimeError("a rule went wrong")

    monkeypatch.setattr(core, "wake", fragile)
    for _ in range(3):
        world.jobs(due(world))
    world.reply(make_event(id="m1"))

    assert tried == [REMIND]


def test_windows_that_closed_teach_when_their_time_comes(world):
    world.reply(order(id="m1"))
    attempt(world)
    settle(world, OutboxState.SENT)
    world.clock.advance(7 * DAY)

    world.jobs(due(world, "close"))

    _, kind, record = world.turns(ANN)[-1]
    assert kind == JournalKind.WAKE
    assert [(s.taken, s.refused) for s in record.lessons] == [(0, 1)]
    assert world.timers() == {}
    world.assert_sound(ANN)


def test_a_timer_whose_commit_failed_fires_later(world):
    waiting(world)
    world.store.fail("commit", "before")

    (job,) = world.jobs(due(world))
    assert job.answer.code.name == "RETRY"
    world.jobs(due(world))

    assert sent(world) == [REMINDER]
    world.assert_sound(ANN)
