"""Scenarios in the session: what is committed, on both stores, through merges and crashes."""

import asyncio

import pytest

from actors.domain.events import ANSWER, Command
from actors.domain.ids import effect_text
from actors.session import Job
from actors.session.jobs import TimerJob
from tests.builders import (
    DAY,
    HOUR,
    MINUTE,
    NOW,
    REMINDER,
    THANKS,
    anon,
    consent,
    make_event,
    make_playbook,
    number_of,
    order,
    response,
    user,
)

CART = {
    "start": {"on": "Product Added"},
    "keyedBy": "cart_id",
    "reentry": "restart",
    "goals": {"bought": {"on": "Order Completed"}},
    "steps": {
        "wait": {"wait": "PT30M"},
        "remind": {"propose": [REMINDER], "offerFor": "P1D", "notSent": "over"},
        "a_day": {"wait": "P1D"},
        "thank": {"send": THANKS, "channels": ["email"]},
        "over": {"end": "over"},
    },
}
CALLING = {
    "start": {"on": "Complaint"},
    "steps": {
        "ask": {
            "call": "crm",
            "content": {"about": "{{instance.topic}}"},
            "timeout": "PT1H",
            "keep": {"score": "score"},
            "otherwise": "silent",
        },
        "mark": {"set": {"score": "{{instance.score}}"}},
        "heard": {"end": "heard"},
        "silent": {"end": "silent"},
    },
}
CHANNELS = {
    "web": {"placements": ["hero", "basket"], "defaultPlacements": ["hero"]},
    "email": {"outbound": True},
    "app": {"outbound": True},
    "mail": {},
    "crm": {"outbound": True},
}
JOURNEYS = make_playbook(
    triggers={}, scenarios={"cart": CART, "calling": CALLING}, channels=CHANNELS
)
ANN, A = number_of(user("ann")), number_of(anon("a"))


@pytest.fixture
def travel(world):
    """The session under the playbook with the scenarios."""
    world.playbook = JOURNEYS
    return world


def added(*who, id, cart="c1", at=NOW):  # noqa: A002
    return make_event("Product Added", *who, id=id, at=at, properties={"cart_id": cart})


def fire(world, now):
    """Let time pass up to `now`, firing what is due, each at its time."""
    while due := sorted((at, key) for key, at in world.timers().items() if at <= now):
        at_ms, (number, key) = due[0]
        world.clock.business = max(world.clock.business_ms(), at_ms)
        world.jobs(Job(TimerJob(number, key, at_ms), number))
    world.clock.business = now


def said(world, number):
    """What happened in scenarios, as (what, step or reason)."""
    return [
        (line.what, line.step or line.why) for _, _, r in world.turns(number) for line in r.lines
    ]


def sent(world):
    return [(row.number, row.channel) for row in world.outbox()]


def waiting(world, scenario="cart"):
    """How many wait at each step, by the store's counts."""
    rows = asyncio.run(world.truth.scenario_counts(scenario))
    return {row.step: row.waiting for row in rows if row.waiting}


def test_a_proposal_wins_is_sent_and_the_instance_goes_on(travel):
    travel.jobs(consent(id="m1"), added(id="m2"))
    assert waiting(travel) == {"": 1, "wait": 1}

    fire(travel, NOW + HOUR)

    assert sent(travel) == [(ANN, "email")]
    assert waiting(travel) == {"": 1, "a_day": 1}
    (instance,) = travel.customer().journeys.instances
    assert [token.step for token in instance.tokens] == ["a_day"]
    travel.assert_sound(ANN)


def test_without_consent_nothing_is_sent_until_she_gives_it(travel):
    travel.jobs(added(id="m1"))
    fire(travel, NOW + 2 * HOUR)
    assert sent(travel) == []

    travel.jobs(consent(id="m2", at=NOW + 2 * HOUR))

    assert sent(travel) == [(ANN, "email")]


def test_a_mandatory_message_needs_no_arbitration_but_consent(travel):
    travel.jobs(consent(id="m1"), added(id="m2"))

    fire(travel, NOW + 3 * DAY)

    assert sent(travel) == [(ANN, "email"), (ANN, "email")]
    assert travel.customer().journeys.instances == []
    assert ("ended", "over") in said(travel, ANN)
    assert waiting(travel) == {}
    travel.assert_sound(ANN)


def test_a_goal_ends_it_withdraws_what_is_queued_and_teaches_that_it_worked(travel):
    travel.jobs(consent(id="m1"), added(id="m2"))
    fire(travel, NOW + HOUR)

    travel.jobs(order(5.0, id="m3", at=NOW + HOUR, properties={"cart_id": "c1", "total": 5.0}))

    assert travel.customer().journeys.instances == []
    record = travel.turns(ANN)[-1][2]
    assert [(lesson.action, lesson.taken) for lesson in record.lessons] == [(REMINDER, 1)]
    assert waiting(travel) == {}
    assert sent(travel) == []  # it was still in the queue, and has been withdrawn
    travel.assert_sound(ANN)


def test_timers_that_fire_twice_or_late_do_nothing_twice(travel):
    travel.jobs(consent(id="m1"), added(id="m2"))
    ((_, key),) = [k for k in travel.timers() if k[1].startswith("scenario/")]
    job = [Job(TimerJob(ANN, key, NOW + 31 * MINUTE), ANN) for _ in range(3)]
    travel.clock.business = NOW + 31 * MINUTE

    travel.jobs(*job)
    travel.restart()
    travel.jobs(Job(TimerJob(ANN, key, NOW + 31 * MINUTE), ANN))

    assert sent(travel) == [(ANN, "email")]
    travel.assert_sound(ANN)


def test_a_webhook_is_called_and_its_answer_is_kept(travel):
    travel.jobs(make_event("Complaint", id="m1", properties={"topic": "late milk"}))
    (row,) = travel.outbox("crm")

    answer = Command(
        message_id="answer:1",
        kind=ANSWER,
        arguments={
            "number": ANN,
            "seq": row.seq,
            "n": row.n,
            "ok": True,
            "properties": {"score": 7},
        },
    )
    assert travel.codes(Job(answer, ANN), Job(answer, ANN)) == ["ACCEPTED", "DUPLICATE"]

    assert travel.customer().profile.traits["score"] == 7
    assert ("ended", "heard") in said(travel, ANN)


def test_a_webhook_that_does_not_answer_in_time_is_given_up(travel):
    travel.jobs(make_event("Complaint", id="m1", properties={"topic": "late milk"}))

    fire(travel, NOW + 2 * HOUR)

    assert ("ended", "silent") in said(travel, ANN)
    assert "score" not in travel.customer().profile.traits


def test_an_outcome_is_heard_by_the_instance_that_sent_it_only(world):
    scenario = {
        "start": {"on": "Product Added"},
        "keyedBy": "cart_id",
        "steps": {
            "thank": {"send": THANKS, "channels": ["email"]},
            "wait": {
                "listen": [{"on": {"outcome": "click"}, "next": "clicked"}],
                "timeout": "P1D",
                "otherwise": "quiet",
            },
            "clicked": {"end": "clicked"},
            "quiet": {"end": "quiet"},
        },
    }
    world.playbook = make_playbook(triggers={}, scenarios={"thanks": scenario})
    world.jobs(added(id="m1", cart="c1"), added(id="m2", cart="c2"))
    first = world.turns(ANN)[0][2].effects[0]

    world.jobs(response(effect_text(ANN, first.seq, first.n), "click"))
    fire(world, NOW + 2 * DAY)

    ends = [line for _, _, r in world.turns(ANN) for line in r.lines if line.what == "ended"]
    assert {(line.key, line.why) for line in ends} == {("c1", "clicked"), ("c2", "quiet")}


def both_under_way(travel):
    """A known customer and a visitor with a cart each; the visitor's began first."""
    travel.jobs(consent(id="m1"), added(anon("a"), id="m2", cart="c2", at=NOW - MINUTE))
    travel.jobs(added(id="m3", cart="c1"))


def test_a_merge_takes_the_scenarios_of_both_along(travel):
    both_under_way(travel)

    travel.jobs(make_event("", user("ann"), anon("a"), id="m4", type="identify"))

    customer = travel.customer()
    assert [i.key for i in customer.journeys.instances] == ["c2", "c1"]
    assert waiting(travel) == {"": 2, "wait": 2}
    fire(travel, NOW + HOUR)
    assert sent(travel) == [(ANN, "email")]  # one of them: the weekly cap
    travel.assert_sound(ANN)


def test_an_unmerge_gives_each_the_scenarios_they_began_from_where_they_stand(travel):
    both_under_way(travel)
    travel.jobs(make_event("", user("ann"), anon("a"), id="m4", type="identify"))
    fire(travel, NOW + HOUR)
    steps = {i.key: i.tokens[0].step for i in travel.customer().journeys.instances}

    travel.jobs(Job(Command(message_id="u", kind="unmerge", arguments={"other": A}), ANN))

    mine, theirs = travel.customer(), travel.state(A)
    assert [(i.key, i.tokens[0].step) for i in mine.journeys.instances] == [("c1", steps["c1"])]
    assert [(i.key, i.tokens[0].step) for i in theirs.journeys.instances] == [("c2", steps["c2"])]
    assert sum(count for step, count in waiting(travel).items() if step) == 2
    travel.assert_sound(ANN, A)
    before = len(sent(travel))
    fire(travel, NOW + 20 * HOUR)
    assert (
        len(sent(travel)) == before
    )  # nobody is reminded again of what was said while they were one


def test_one_who_is_erased_is_nowhere_any_more(travel):
    travel.jobs(consent(id="m1"), added(id="m2"))

    travel.jobs(Job(Command(message_id="e", kind="erase"), ANN))

    assert waiting(travel) == {}
    assert travel.timers() == {}


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_lost_commit_is_read_again_and_nothing_happened_twice(travel, when):
    travel.jobs(consent(id="m1"))
    travel.store.fail("commit", when)

    assert travel.codes(added(id="m2")) == ["RETRY"]
    assert travel.codes(added(id="m2")) == ["ACCEPTED" if when == "before" else "DUPLICATE"]

    fire(travel, NOW + HOUR)
    assert sent(travel) == [(ANN, "email")]
    assert [what for what, _ in said(travel, ANN)].count("started") == 1
