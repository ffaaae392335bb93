import asyncio

import pytest

from actors.domain.ids import customer_text, effect_text
from actors.ports import JournalKind
from actors.wire.messages import Routed
from tests.builders import (
    BANNER,
    DAY,
    MINUTE,
    NOW,
    REMINDER,
    THANKS,
    added,
    anon,
    consent,
    make_event,
    make_playbook,
    number_of,
    order,
    question,
    response,
    user,
)
from tests.contracts.store_support import permitted

ANN, BOB = number_of(user("ann")), number_of(user("bob"))


def test_one_event_is_folded_decided_stored_and_answered(world):
    reply = world.reply(order(12.5))

    assert reply["status"] == "accepted"
    assert (reply["customerId"], reply["seq"], reply["outbound"]) == (customer_text(ANN), 1, 1)
    assert world.customer("ann").profile.purchases.spend_minor == 1250
    assert [(kind, r.event.name) for _, kind, r in world.turns(ANN)] == [
        (JournalKind.EVENT, "Order Completed")
    ]
    assert [(o.number, o.seq, o.n) for o in world.outbox()] == [(ANN, 1, 0)]
    assert world.timers() == {(ANN, "close"): NOW + 7 * DAY}
    assert world.scorer.asked == [[THANKS]]
    world.assert_sound(ANN)


def test_a_question_is_answered_with_actions_and_journalled_as_one(world):
    reply = world.reply(question())

    assert [(a["action"], a["priority"]) for a in reply["actions"]] == [(BANNER, 2.5)]
    assert reply["actions"][0]["effectKey"] == effect_text(ANN, 1, 0)
    assert [kind for _, kind, _ in world.turns(ANN)] == [JournalKind.DECIDE]
    assert world.outbox("web") == []
    world.assert_sound(ANN)


def test_customers_of_one_group_share_one_scoring_call_and_one_commit(world):
    codes = world.codes(*[order(1, f"u{i}", id=f"m{i}") for i in range(10)])

    assert codes == ["ACCEPTED"] * 10
    assert world.scorer.asked == [[THANKS]]
    assert world.store.calls.count("commit") == 1
    assert world.counts()["customers"] == 10


def test_events_of_one_customer_run_in_order_in_waves_of_one_commit(world):
    jobs = world.jobs(
        order(1, id="m1"),
        make_event("Page Seen", "bob", id="m2"),
        order(2, id="m3"),
        order(3, id="m4"),
    )

    assert [job.answer.code.name for job in jobs] == ["ACCEPTED"] * 4
    assert world.store.calls.count("commit") == 1
    assert len(world.scorer.asked) == 3
    assert [r.event.message_id for _, _, r in world.turns(ANN)] == ["m1", "m3", "m4"]
    assert world.customer("ann").profile.purchases.spend_minor == 600
    world.assert_sound(ANN, BOB)


def test_a_customer_with_nothing_to_decide_does_not_disturb_one_who_has(world):
    nobody = make_event("", "bob", type="decide", placements=("nowhere",), max_actions=1, id="m2")

    codes = world.codes(question(id="m1"), nobody)

    assert codes == ["ACCEPTED", "ACCEPTED"]
    (turn,) = world.turns(BOB)
    assert turn[2].decision.outcome[3:] == [[], [], []]


def test_whether_anything_is_to_be_delivered_is_told(world):
    def outbox_after(*items):
        jobs = [world._job(item) for item in items]
        return asyncio.run(world.session.run(jobs, world.playbook))

    assert outbox_after(make_event(id="m1")) is False
    assert outbox_after(order(id="m2")) is True
    assert outbox_after(order(id="m2")) is False
    assert outbox_after() is False


def test_a_silent_model_is_replaced_by_the_prior_and_the_record_says_so(world):
    world.scorer.down = True

    reply = world.reply(question())

    assert [a["propensity"] for a in reply["actions"]] == [0.2]
    decision = world.turns(ANN)[0][2].decision
    assert (decision.prior, decision.model) == (True, "fixed")


def test_state_survives_a_restart(world):
    world.reply(order(1, id="m1"))
    world.restart()

    assert world.reply(order(2, id="m2"))["seq"] == 2
    assert world.customer("ann").profile.purchases.spend_minor == 300


def test_a_known_customer_is_found_by_one_read_and_an_active_one_by_none(world):
    world.reply(order(1, id="m1"))
    world.restart()
    world.store.calls.clear()

    world.reply(order(2, id="m2"))
    world.reply(order(3, id="m3"))

    assert world.store.calls == ["lookup", "commit", "commit"]


def test_a_response_is_credited_to_its_effect(world):
    world.reply(order())
    key = effect_text(ANN, 1, 0)

    reply = world.reply(response(key, "click", id="r1"))

    assert (reply["effectKey"], reply["outcome"], reply["seq"]) == (key, "click", 2)
    _, kind, record = world.turns(ANN)[1]
    assert kind == JournalKind.OUTCOME
    assert [(s.action, s.taken, s.refused) for s in record.lessons] == [(THANKS, 1, 0)]
    world.assert_sound(ANN)


@pytest.mark.parametrize(
    "key", ["nonsense", effect_text(ANN, 1, 7), effect_text(ANN, 9, 0), effect_text(BOB, 1, 0)]
)
def test_an_outcome_of_what_was_never_sent_is_unknown_and_writes_nothing(world, key):
    world.reply(order())

    assert world.codes(response(key, "click")) == ["UNKNOWN_EFFECT"]
    assert len(world.turns(ANN)) == 1
    assert world.counts()["customers"] == 1


def test_an_effect_that_the_state_forgot_is_recalled_from_the_journal(world):
    world.reply(order())
    world.clock.advance(8 * DAY)
    world.reply(make_event(id="m2"))  # the window closes: a no is learnt
    world.clock.advance(30 * DAY)
    world.reply(question(id="m3"))
    world.clock.advance(8 * DAY)
    world.reply(make_event(id="m4"))
    assert world.customer("ann").effect(1, 0) is None

    (job,) = world.jobs(response(effect_text(ANN, 1, 0), "click"))

    assert job.answer.code.name == "ACCEPTED"
    assert world.turns(ANN)[-1][2].lessons[0].action == THANKS
    assert world.customer("ann").effect(1, 0).label == 1
    world.assert_sound(ANN)


def test_an_effect_that_a_due_timer_of_the_same_group_forgets_is_still_known(world):
    world.reply(order())
    world.clock.advance(3 * DAY)
    world.reply(question(id="m2"))
    world.clock.advance(8 * DAY)
    world.reply(make_event(id="m3"))
    world.reply(order(id="m4"))
    world.clock.advance(30 * DAY)

    (job,) = world.jobs(response(effect_text(ANN, 1, 0), "click"))

    assert job.answer.code.name == "ACCEPTED", job.answer
    assert world.customer("ann").effect(1, 0).label == 1


def test_who_unsubscribes_gets_nothing_that_was_still_pending(world):
    world.reply(consent(id="m1"))
    world.reply(added(id="m2"))
    world.clock.advance(30 * MINUTE)
    world.reply(order(id="m3", at=NOW + 30 * MINUTE))
    sent = {r.effects[0].action: r.effects[0].seq for _, _, r in world.turns(ANN) if r.effects}
    assert set(sent) == {REMINDER, THANKS}
    assert len(world.outbox()) == 2

    world.reply(response(effect_text(ANN, sent[REMINDER], 0), "unsubscribe"))

    assert world.outbox() == []
    assert world.customer("ann").profile.consents["email|marketing"].status == "denied"


def test_an_effect_that_was_never_pending_any_more_is_not_cancelled(world):
    world.reply(order())
    row = world.outbox()[0]
    epochs = {row.partition: world.epochs[row.partition]}
    assert asyncio.run(world.truth.outbox_claim([row], epochs, NOW, permitted)) == [True]

    world.reply(response(effect_text(ANN, 1, 0), "unsubscribe"))

    assert len(world.outbox()) == 1


def test_a_dry_run_answers_as_the_real_one_would_and_changes_nothing(world):
    world.reply(consent(id="m0"))
    state, counts = world.customer("ann"), world.counts()

    (dry,) = world.jobs(Routed(question(id="m1"), dry_run=True))
    (again,) = world.jobs(Routed(question(id="m1"), dry_run=True))

    assert dry.answer == again.answer
    assert dry.answer.code.name == "ACCEPTED"
    assert (world.customer("ann"), world.counts()) == (state, counts)
    assert world.reply(question(id="m1"))["actions"][0]["action"] == BANNER


def test_a_dry_run_leaves_no_trace_in_the_real_turns_of_its_group(world):
    world.reply(make_event(id="m0"))
    dry = [Routed(order(5, id=f"d{i}"), dry_run=True) for i in range(2)]

    codes = world.codes(dry[0], order(7, id="m1"), dry[1])

    assert codes == ["ACCEPTED"] * 3
    assert world.customer("ann").profile.purchases.spend_minor == 700
    assert len(world.outbox()) == 1
    world.assert_sound(ANN)


def test_a_dry_run_reserves_no_contact(world):
    world.playbook = make_playbook(
        policies={"caps": {"once": {"limit": 1, "window": "P1D", "channels": ["web"]}}}
    )
    world.jobs(*[Routed(question(id=f"m{i}"), dry_run=True) for i in range(3)])

    assert len(world.reply(question(id="m9"))["actions"]) == 1
    assert len(world.reply(question(id="m10", placements=("basket",)))["actions"]) == 0


def test_a_dry_run_of_a_stranger_makes_no_customer(world):
    world.codes(Routed(question("carl"), dry_run=True))

    assert world.customer("carl") is None
    assert world.counts()["customers"] == 0


def test_an_event_may_be_addressed_by_number(world):
    world.reply(make_event("x", anon("a"), id="m1"))
    number = number_of(anon("a"))

    (job,) = world.jobs(Routed(make_event("x", anon("a"), id="m2"), number))

    assert job.answer.code.name == "ACCEPTED"
    assert world.state(number).seq == 2


def test_an_event_for_a_number_that_does_not_exist_is_invalid(world):
    event = make_event("x", anon("new"))

    assert world.codes(Routed(event, BOB)) == ["INVALID"]
    assert world.counts()["customers"] == 0
