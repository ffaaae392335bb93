import pytest

from actors.domain.state import MAX_TIMERS
from tests.builders import (
    COUPON,
    DAY,
    HOUR,
    MINUTE,
    NOW,
    REMINDER,
    SECOND,
    SHOP,
    THANKS,
    TRIGGERS,
    added,
    chosen_actions,
    consent,
    make_event,
    make_playbook,
    make_state,
    order,
    take,
    wake,
)


def waits(state):
    return {t.key: t.due_at_ms for t in state.timers if t.kind == "trigger"}


def test_an_immediate_trigger_proposes_in_the_turn_of_its_event():
    turn = take(make_state(), order())

    assert chosen_actions(turn) == [THANKS]
    assert turn.outbox == turn.record.effects
    assert turn.record.decision.given.proposals[0].trigger == "thank"


@pytest.mark.parametrize(
    "event", [make_event("order completed"), make_event("Order Completed", type="page")]
)
def test_another_name_or_type_starts_nothing(event):
    turn = take(make_state(), event)

    assert turn.record.decision is None
    assert turn.state.timers == []


def test_a_trigger_for_a_type_of_event_hears_every_event_of_it():
    playbook = make_playbook(triggers={"hello": {"on": {"type": "identify"}, "propose": [THANKS]}})

    assert chosen_actions(take(make_state(), consent(), playbook=playbook)) == [THANKS]


def test_a_condition_that_does_not_hold_or_cannot_be_read_starts_nothing():
    triggers = {
        "big": {
            "on": "Order Completed",
            "propose": [THANKS],
            "when": "event.properties.total > 50.0",
        }
    }
    playbook = make_playbook(triggers=triggers)

    assert chosen_actions(take(make_state(), order(51.0), playbook=playbook)) == [THANKS]
    assert chosen_actions(take(make_state(), order(49.0), playbook=playbook)) == []
    assert chosen_actions(take(make_state(), order("much"), playbook=playbook)) == []


def test_a_delayed_trigger_waits_from_the_events_own_time():
    turn = take(make_state(), added(at=NOW - 10 * MINUTE))

    assert waits(turn.state) == {"trigger/remind/c1": NOW + 20 * MINUTE}
    assert [(t.key, t.due_at_ms) for t in turn.timers_set] == list(waits(turn.state).items())
    assert chosen_actions(turn) == []


def test_after_the_wait_the_action_is_proposed():
    state = make_state()
    take(state, consent())
    take(state, added())

    turn = wake(state, state.timers[0], NOW + 30 * MINUTE)

    assert chosen_actions(turn) == [REMINDER]
    assert turn.timers_deleted == ["trigger/remind/c1"]
    assert waits(state) == {}
    assert turn.record.timer == ("trigger/remind/c1", "trigger", "remind")


def test_after_the_wait_policies_are_those_of_that_moment():
    state = make_state()
    take(state, consent())
    take(state, added())
    take(state, consent(at=NOW + 1, granted=False))

    turn = wake(state, state.timers[0], NOW + 30 * MINUTE)

    assert chosen_actions(turn) == []


def test_the_same_key_starts_the_wait_anew_and_another_waits_beside_it():
    state = make_state()
    take(state, added("c1"))
    take(state, added("c2", at=NOW + SECOND))
    take(state, added("c1", at=NOW + 5 * MINUTE))

    assert waits(state) == {
        "trigger/remind/c2": NOW + SECOND + 30 * MINUTE,
        "trigger/remind/c1": NOW + 35 * MINUTE,
    }


def test_an_older_event_that_arrives_late_does_not_bring_the_wait_forward():
    state = make_state()
    take(state, added(at=NOW))

    turn = take(state, added(at=NOW - HOUR))

    assert waits(state) == {"trigger/remind/c1": NOW + 30 * MINUTE}
    assert turn.timers_set == []


def test_cancelling_ends_the_wait_of_that_key_only():
    state = make_state()
    take(state, added("c1"))
    take(state, added("c2"))

    turn = take(state, order(properties={"cart_id": "c1"}))

    assert turn.timers_deleted == ["trigger/remind/c1"]
    assert waits(state) == {"trigger/remind/c2": NOW + 30 * MINUTE}


def test_cancelling_without_the_key_ends_all_waits_of_the_trigger():
    state = make_state()
    take(state, added("c1"))
    take(state, added("c2"))

    take(state, order())

    assert waits(state) == {}


def test_what_cancels_one_trigger_leaves_the_waits_of_others():
    triggers = TRIGGERS | {"again": {"on": "Product Added", "propose": [THANKS], "after": "PT1H"}}
    playbook, state = make_playbook(triggers=triggers), make_state()
    take(state, added(), playbook=playbook)

    take(state, order(), playbook=playbook)

    assert list(waits(state)) == ["trigger/again/"]


def test_an_event_that_cancels_and_starts_the_same_wait_leaves_the_new_one():
    triggers = {
        "back": {
            "on": "Order Completed",
            "propose": [THANKS],
            "after": "P30D",
            "cancelOn": ["Order Completed"],
        }
    }
    playbook, state = make_playbook(triggers=triggers), make_state()
    take(state, order(), playbook=playbook)

    take(state, order(at=NOW - DAY), playbook=playbook)

    assert waits(state) == {"trigger/back/": NOW + 29 * DAY}


def test_a_recorded_action_is_logged_at_the_events_time_and_not_sent():
    turn = take(make_state(), make_event("Campaign Assigned", at=NOW - DAY))

    (effect,) = turn.record.effects
    assert (effect.action, effect.channel, effect.mode) == (COUPON, "mail", "recorded")
    assert (effect.at_ms, effect.propensity) == (NOW - DAY, 0.05)
    assert turn.outbox == []
    assert turn.state.effect(1, 0).action == COUPON


def test_a_long_key_is_shortened_and_still_tells_carts_apart():
    state = make_state()
    take(state, added("x" * 1000 + "1"))
    take(state, added("x" * 1000 + "2"))

    assert len(waits(state)) == 2
    assert all(len(key) < 100 for key in waits(state))

    take(state, order(properties={"cart_id": "x" * 1000 + "1"}))
    assert len(waits(state)) == 1


def test_waits_are_bounded_and_what_does_not_fit_is_noted():
    state = make_state()
    for i in range(MAX_TIMERS):
        take(state, added(f"c{i}"))

    turn = take(state, added("one too many"))
    again = take(state, added("c0", at=NOW + SECOND))

    assert len(state.timers) == MAX_TIMERS
    assert turn.record.notes == ["too many waits: remind"]
    assert again.record.notes == []


def test_waking_for_a_trigger_that_is_gone_does_nothing_and_says_so():
    state = make_state()
    take(state, added())

    turn = wake(state, state.timers[0], NOW + HOUR, make_playbook(triggers={}))

    assert turn.record.notes == ["trigger is no longer in the playbook"]
    assert (turn.record.decision, state.timers) == (None, [])
    assert turn.timers_deleted == ["trigger/remind/c1"]


def test_a_wait_keeps_few_small_properties():
    big = {f"p{i}": i for i in range(100)} | {"cart_id": "c", "text": "x" * 1000, "list": [1]}
    state = make_state()

    take(state, make_event("Product Added", properties={"text": "x" * 1000, "list": [1]} | big))

    (timer,) = state.timers
    assert len(timer.data) <= 16
    assert not {"text", "list"} & set(timer.data)


def test_an_event_of_no_trigger_costs_no_decision():
    turn = take(make_state(), make_event("Page Seen"))

    assert (turn.rows, turn.given, turn.record.decision) == ([], None, None)
    assert SHOP.triggers_for("track", "Page Seen") == ()
