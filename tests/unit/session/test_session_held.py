"""Messages that wait for their time, on both stores: held, judged again, released, given back."""

import pytest

from actors.domain.events import CONSENT, Command
from actors.domain.ids import effect_text
from actors.ports import OutboxState
from actors.session.jobs import Job
from actors.turn import SEND
from tests.builders import (
    DAY,
    HOUR,
    MINUTE,
    NOW,
    added,
    anon,
    consent,
    make_event,
    number_of,
    response,
    user,
)
from tests.unit.session.held_messages import (
    ANN,
    BUSY,
    MORNING,
    QUIET,
    contacts,
    fire,
    remind,
    row,
    rows,
    waits,
)


def test_a_message_of_the_night_is_held_and_counts_when_it_is_planned(world):
    held = remind(world)

    assert (held.state, held.send_at_ms) == (OutboxState.HELD, MORNING)
    assert world.outbox() == []
    assert contacts(world) == [MORNING]
    assert waits(world)[SEND] == MORNING
    assert [e.send_at_ms for e in world.customer().effects] == [MORNING]
    world.assert_sound(ANN)


def test_when_its_time_has_come_it_is_handed_over(world):
    remind(world)
    world.clock.now_ms = MORNING

    fire(world)

    released = row(world)
    assert (released.state, released.attempts) == (OutboxState.PENDING, 0)
    assert released.send_at_ms == MORNING
    assert [e.send_at_ms for e in world.customer().effects] == [0]
    assert contacts(world) == [MORNING]
    assert SEND not in waits(world)


def test_an_event_of_later_first_hands_over_what_is_due(world):
    remind(world)
    world.clock.now_ms = MORNING + MINUTE

    world.reply(make_event(id="later", at=MORNING + MINUTE))

    assert row(world).state == OutboxState.PENDING
    assert contacts(world) == [MORNING + MINUTE]


def test_it_is_not_handed_over_before_its_time(world):
    remind(world)
    world.clock.now_ms = MORNING - 1

    fire(world)

    assert row(world).state == OutboxState.HELD
    assert waits(world)[SEND] == MORNING


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_release_whose_commit_fails_happens_once_all_the_same(world, when):
    remind(world)
    world.clock.now_ms = MORNING
    world.store.fail("commit", when)
    fire(world)
    world.restart()

    fire(world)

    assert row(world).state == OutboxState.PENDING
    assert contacts(world) == [MORNING]
    assert SEND not in waits(world)
    world.assert_sound(ANN)


@pytest.mark.parametrize("how", ["event", "command", "outcome"])
def test_a_withdrawal_cancels_what_is_held_and_gives_its_place_back(world, how):
    held = remind(world)
    command = {"channel": "email", "purpose": "marketing", "status": "denied"}
    items = {
        "event": consent(id="no", granted=False, at=world.clock.now_ms),
        "command": Job(Command(message_id="no", kind=CONSENT, arguments=command), ANN),
        "outcome": response(effect_text(ANN, held.seq, held.n), "unsubscribe"),
    }

    world.jobs(items[how])

    assert row(world).state == OutboxState.CANCELLED
    state = world.customer()
    assert (state.effects, state.profile.contacts) == ([], [])
    assert SEND not in waits(world)
    world.clock.now_ms = MORNING + 3 * DAY
    fire(world, "close")
    assert not any(record.lessons for _, _, record in world.turns(ANN))


def test_an_address_that_died_meanwhile_gets_nothing(world):
    held = remind(world)
    bounced = response(effect_text(ANN, held.seq, held.n), "bounce")
    bounced.detail = "hard"
    world.reply(bounced)
    world.clock.now_ms = MORNING

    fire(world)

    dropped = row(world)
    assert (dropped.state, dropped.last_error) == (OutboxState.CANCELLED, "address bounced")
    assert contacts(world) == []


def test_what_has_expired_when_its_time_is_noticed_is_not_sent(world):
    remind(world)
    world.clock.now_ms = MORNING + 3 * DAY

    fire(world)

    assert row(world).state == OutboxState.EXPIRED
    assert contacts(world) == []
    assert world.customer().effects == []


def test_what_falls_into_the_next_quiet_hours_is_held_again(world):
    remind(world)
    world.clock.now_ms = NOW + DAY + HOUR  # nobody noticed for a day

    fire(world)

    assert (row(world).state, row(world).send_at_ms) == (OutboxState.HELD, MORNING + DAY)
    assert contacts(world) == [MORNING + DAY]
    assert waits(world)[SEND] == MORNING + DAY


def test_a_customer_who_was_merged_takes_what_is_held_along(world):
    world.playbook = QUIET
    world.reply(consent(anon("a"), id="yes"))
    world.reply(added("c1", anon("a"), id="cart"))
    world.clock.advance(30 * MINUTE)
    fire(world, "c1", number_of(anon("a")))
    world.reply(make_event("", "ann", anon("a"), type="identify", id="me"))
    assert world.customer("ann").effects[0].origin == number_of(anon("a"))
    world.clock.now_ms = MORNING

    fire(world)

    (released,) = rows(world, number_of(anon("a")))
    assert (released.state, released.send_at_ms) == (OutboxState.PENDING, MORNING)


A = number_of(anon("a"))


def merged(world):
    world.playbook = QUIET
    world.reply(consent(anon("a"), id="yes"))
    world.reply(added("c1", anon("a"), id="cart"))
    world.clock.advance(30 * MINUTE)
    fire(world, "c1", A)
    world.reply(make_event("", "ann", anon("a"), type="identify", id="me"))


def unmerge(world):
    command = Command(message_id="part", kind="unmerge", arguments={"other": A})
    (job,) = world.jobs(Job(command, ANN))
    assert job.answer.code.name == "ACCEPTED", job.answer


def test_after_an_unmerge_each_releases_what_is_held_for_them(world):
    merged(world)
    unmerge(world)
    assert waits(world).get(SEND) is None
    assert world.timers()[A, SEND] == MORNING
    world.clock.now_ms = MORNING

    fire(world, SEND, A)

    (released,) = rows(world, A)
    assert (released.state, released.send_at_ms) == (OutboxState.PENDING, MORNING)


def test_what_went_while_two_were_one_is_not_judged_again_after_they_parted(world):
    merged(world)
    world.clock.now_ms = MORNING
    fire(world)
    (before,) = rows(world, A)
    assert before.state == OutboxState.PENDING
    unmerge(world)
    world.clock.advance(3 * DAY)

    fire(world, SEND, A)

    assert rows(world, A) == [before]
    assert [e.send_at_ms for e in world.state(A).effects] == [0]
    assert (A, SEND) not in world.timers()


def test_what_two_hold_together_is_released_or_cancelled_but_never_left_behind(world):
    world.playbook = BUSY
    for who, start in ((anon("a"), 0), (user("ann"), 100)):
        world.reply(consent(who, id=f"yes{start}"))
        for i in range(20):
            world.reply(added(f"c{start + i}", who, id=f"cart{start + i}"))
    world.clock.advance(30 * MINUTE)
    for number, start in ((A, 0), (ANN, 100)):
        for i in range(20):
            fire(world, f"c{start + i}", number)
    assert len(rows(world, A)) == len(rows(world)) == 20

    world.reply(make_event("", "ann", anon("a"), type="identify", id="me"))
    world.clock.now_ms = MORNING
    fire(world)

    states = [each.state for number in (A, ANN) for each in rows(world, number)]
    assert sorted(set(states)) == [OutboxState.PENDING, OutboxState.CANCELLED]
    assert states.count(OutboxState.PENDING) <= 32


def test_one_customer_never_holds_more_than_is_remembered(world):
    world.playbook = BUSY
    world.reply(consent(id="yes"))
    for i in range(40):
        world.reply(added(f"c{i}", id=f"cart{i}"))
    world.clock.advance(30 * MINUTE)
    for i in range(40):
        fire(world, f"c{i}")

    states = [each.state for each in rows(world)]
    assert (states.count(OutboxState.HELD), states.count(OutboxState.CANCELLED)) == (24, 16)
    assert len([e for e in world.customer().effects if e.send_at_ms]) == 24


def test_who_is_erased_gets_nothing_that_was_held(world):
    remind(world)

    world.jobs(Job(Command(message_id="gone", kind="erase"), ANN))

    assert row(world).state == OutboxState.CANCELLED
    assert row(world).payload == b""
