"""What replies say when the turn they need was forgotten by age."""

import asyncio

import pytest

from actors.domain.events import ERASE, MERGE, UNMERGE, Command
from actors.domain.ids import effect_text
from actors.playbook.retention_model import day_after
from actors.ports import JournalKind
from actors.session import Job, TimerJob
from actors.turn.forgetting import RETENTION
from actors.wire.messages import Routed
from tests.builders import (
    DAY,
    HOUR,
    NOW,
    POLICIES,
    anon,
    make_event,
    make_playbook,
    number_of,
    order,
    question,
    response,
    user,
)

VISITOR = anon("b")
ANN, BOB = number_of(user("ann")), number_of(VISITOR)
BOOK = make_playbook(
    policies={**POLICIES, "retention": {"traits": {"income": "P30D"}, "conversation": "P10D"}}
)
EVENT, DECIDE, COMMAND = JournalKind.EVENT, JournalKind.DECIDE, JournalKind.COMMAND


def forget(world, *kinds):
    """Forget every turn of some kinds, whatever its age."""
    return sum(
        asyncio.run(world.truth.forget_turns(kind, 1 << 60, 1 << 60, 1000)) for kind in kinds
    )


def command(kind, number, id="c", **arguments):  # noqa: A002
    return Routed(Command(message_id=id, kind=kind, arguments=arguments), number)


def consent(number, id="c"):  # noqa: A002
    given = {"channel": "email", "purpose": "marketing", "status": "granted"}
    return command("consent", number, id, **given)


def test_a_repeated_message_whose_turn_is_forgotten_is_told_that_it_was_taken(world):
    first = world.reply(question(placements=("hero", "basket")))
    assert forget(world, DECIDE) == 1
    world.restart()

    again = world.reply(question(placements=("hero", "basket")))

    assert first["actions"]
    assert again == first | {
        "status": "duplicate",
        "actions": [],
        "decisionId": None,
        "outbound": 0,
    }
    assert world.customer("ann").seq == 1


def test_repeated_outcomes_and_commands_are_told_the_same(world):
    shown = world.reply(question())
    key = shown["actions"][0]["effectKey"]
    outcome = world.reply(response(key, "accept"))
    said = world.reply(consent(ANN))
    forget(world, JournalKind.OUTCOME, COMMAND)

    assert world.reply(response(key, "accept")) == outcome | {"status": "duplicate"}
    assert world.reply(consent(ANN)) == said | {"status": "duplicate"}


def test_a_forgotten_message_with_another_body_is_still_a_conflict(world):
    world.reply(order(5))
    forget(world, EVENT)

    assert world.codes(order(6)) == ["CONFLICT"]


def test_an_outcome_of_an_effect_that_is_forgotten_is_refused_and_says_why(world):
    shown = world.reply(question())
    key = shown["actions"][0]["effectKey"]
    world.clock.advance(60 * DAY)  # so long that the state has let it go
    world.jobs(make_event(id="later", at=NOW + 60 * DAY))
    forget(world, DECIDE)

    (job,) = world.jobs(response(key, "accept"))
    (unknown,) = world.jobs(response(effect_text(ANN, 77, 0), "accept", id="r2"))

    assert (job.answer.code.name, unknown.answer.code.name) == ("UNKNOWN_EFFECT",) * 2
    assert job.answer.detail == "what is known of this effect was forgotten by age"
    assert unknown.answer.detail == "no effect has this key"


def test_a_merge_cannot_be_taken_back_past_what_is_forgotten(world):
    world.jobs(order(5, "ann", id="m1"), order(7, VISITOR, id="m2"))
    world.reply(command(MERGE, ANN, "merge", other=BOB))
    world.jobs(order(1, "ann", id="m3"))
    before = world.state(ANN)
    forget(world, EVENT)

    (job,) = world.jobs(command(UNMERGE, ANN, "unmerge", other=BOB))

    assert job.answer.code.name == "REFUSED"
    assert "forgotten by age" in job.answer.detail
    assert world.state(ANN) == before


def test_a_merge_is_taken_back_when_only_what_came_before_it_is_forgotten(world):
    world.jobs(order(5, "ann", id="m1"), order(7, VISITOR, id="m2"))
    forget(world, EVENT)
    world.reply(command(MERGE, ANN, "merge", other=BOB))

    (job,) = world.jobs(command(UNMERGE, ANN, "unmerge", other=BOB))

    assert job.answer.code.name == "ACCEPTED"
    assert world.customer("ann").profile.purchases.spend_minor == 500
    assert world.customer(VISITOR).profile.purchases.spend_minor == 700


def test_a_message_of_somebody_erased_is_gone_and_not_forgotten(world):
    world.jobs(order(5))
    receipt = world.reply(command(ERASE, ANN, "erase"))
    for kind in range(1, 9):
        forget(world, kind)

    assert world.codes(order(5)) == ["GONE"]
    assert world.reply(command(ERASE, ANN, "erase")) == receipt | {"status": "duplicate"}


def test_a_message_of_somebody_merged_into_one_who_was_erased_is_gone(world):
    world.jobs(order(5, "ann", id="m1"), order(7, VISITOR, id="m2"))
    world.reply(command(MERGE, ANN, "merge", other=BOB))
    world.reply(command(ERASE, ANN, "erase"))

    assert world.codes(order(5, "ann", id="m1"), order(7, VISITOR, id="m2")) == ["GONE", "GONE"]


def test_a_message_given_to_somebody_who_was_erased_after_an_unmerge_is_gone(world):
    world.jobs(order(5, "ann", id="m1"), order(7, VISITOR, id="m2"))
    world.reply(command(MERGE, ANN, "merge", other=BOB))
    world.jobs(order(1, VISITOR, id="m3"))
    world.reply(command(UNMERGE, ANN, "unmerge", other=BOB))
    world.reply(command(ERASE, BOB, "erase"))

    assert world.codes(order(1, VISITOR, id="m3")) == ["GONE"]


@pytest.mark.parametrize("restarted", [False, True])
def test_the_timer_of_a_customer_who_stays_away_forgets_at_its_time(world, restarted):
    world.playbook = BOOK
    who = make_event("", type="identify", traits={"income": "high", "city": "Graz"})
    world.jobs(who)
    for _ in range(3):
        if restarted:
            world.restart()
        key = (ANN, RETENTION)
        if key in world.timers():
            world.clock.now_ms = world.timers()[key] + HOUR
            world.jobs(Job(TimerJob(ANN, RETENTION, world.clock.now_ms)))

    state = world.customer("ann")
    assert state.profile.traits == {"city": "Graz"}
    assert state.conversation.turns == []
    assert world.timers() == {}
    notes = [note for _, _, record in world.turns(ANN) for note in record.notes]
    assert "forgotten: trait income" in notes
    world.assert_sound(ANN)


def test_a_merge_takes_the_earlier_of_both_timers_and_an_unmerge_gives_both_theirs(world):
    world.playbook = BOOK
    world.jobs(make_event("", "ann", type="identify", traits={"income": "high"}, id="a"))
    world.clock.advance(5 * DAY)
    late = {"income": "low"}
    at = NOW + 5 * DAY
    world.jobs(make_event("", VISITOR, type="identify", traits=late, id="b", at=at))
    due = {number: due_ms for (number, _), due_ms in world.timers().items()}

    world.reply(command(MERGE, ANN, "merge", other=BOB))
    assert world.timers() == {(ANN, RETENTION): min(due.values())}
    world.reply(command(UNMERGE, ANN, "unmerge", other=BOB))

    assert world.timers() == {(number, RETENTION): due_ms for number, due_ms in due.items()}
    world.assert_sound(ANN, BOB)


def rowed(world, number=ANN):
    """Set a timer row from outside, as the runner does when ages are new, and fire it."""
    due = world.clock.now_ms
    asyncio.run(world.truth.watch(RETENTION, due, -1, 100))
    (job,) = world.jobs(Job(TimerJob(number, RETENTION, due)))
    return job


def test_a_row_set_from_outside_gives_a_customer_of_before_the_rule_a_timer(world):
    world.jobs(make_event("", type="identify", traits={"income": "high"}))
    assert world.timers() == {}
    world.playbook = BOOK
    world.clock.advance(9 * DAY)

    assert rowed(world).taken

    due = day_after(NOW + 10 * DAY)
    assert world.timers() == {(ANN, RETENTION): due}
    assert world.customer("ann").profile.traits == {"income": "high"}
    world.assert_sound(ANN)


def test_a_row_set_from_outside_moves_a_timer_whose_age_has_become_shorter(world):
    long = {"traits": {"income": "P300D"}}
    world.playbook = make_playbook(policies={**POLICIES, "retention": long})
    world.jobs(make_event("", type="identify", traits={"income": "high"}))
    world.playbook = BOOK
    world.clock.advance(40 * DAY)

    assert rowed(world).taken

    assert world.customer("ann").profile.traits == {}
    assert world.timers() == {}
    world.assert_sound(ANN)


def test_a_row_set_from_outside_for_whom_nothing_will_age_is_deleted_without_a_turn(world):
    world.playbook = make_playbook(
        policies={**POLICIES, "retention": {"traits": {"income": "P30D"}}}
    )
    world.jobs(make_event("", type="identify", traits={"city": "Graz"}))

    assert not rowed(world).taken

    assert world.timers() == {}
    assert world.customer("ann").seq == 1
    world.assert_sound(ANN)


def test_a_row_set_from_outside_that_changes_nothing_takes_no_turn(world):
    world.playbook = BOOK
    world.jobs(make_event("", type="identify", traits={"income": "high"}))
    before = world.timers()

    assert not rowed(world).taken

    assert world.timers() == before
    assert world.customer("ann").seq == 1
