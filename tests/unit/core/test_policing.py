"""Policies in whole turns: planned times are decided, reserved and held; channels are barred."""

from dataclasses import replace

from actors import turn as core
from actors.decisioning.record import replay
from actors.domain.actions import OUTBOUND
from actors.domain.folding.outreach import note_bounced
from actors.domain.profile import Contact
from actors.policies.verdicts import LATE_MS
from actors.turn.policing import move_contact, police, unreserve
from tests.builders import (
    DAY,
    HOUR,
    MINUTE,
    NOW,
    REMINDER,
    SHOP,
    THANKS,
    added,
    chosen_actions,
    consent,
    make_playbook,
    make_state,
    order,
    question,
    removals,
    response,
    take,
    wake,
)

MORNING = [{"from": "06:00", "to": "10:00"}]
"""NOW is 8:00 in UTC, the zone of the shop."""
EMAIL = {
    THANKS: {
        "value": 3,
        "purpose": "service",
        "startingPropensity": 0.3,
        "expiresAfter": "P7D",
        "treatments": {"email": {"outbound": True}},
    }
}
THANK = {"thank": {"on": "Order Completed", "propose": [THANKS]}}


def shop(**policies):
    return make_playbook(actions=EMAIL, triggers=THANK, policies=policies)


def bought(state, playbook, now=NOW, **fields):
    return take(state, order(id=f"o{now}", at=now, **fields), now, playbook)


def test_a_message_decided_in_quiet_hours_is_planned_for_their_end_and_counts_there():
    book = shop(quiet=MORNING, caps={"daily": {"limit": 1, "window": "PT2H"}})
    state = make_state()

    turn = bought(state, book)

    (effect,) = turn.record.effects
    assert (effect.mode, effect.send_at_ms) == (OUTBOUND, NOW + 2 * HOUR)
    assert turn.given.planned == {"email|service": (NOW + 2 * HOUR, "quiet hours 06:00-10:00")}
    assert state.profile.contacts == [
        Contact(NOW + 2 * HOUR, "email", THANKS, "service", effect.seq, effect.n)
    ]


def test_the_next_one_is_weighed_at_the_time_at_which_it_would_go():
    book = shop(quiet=MORNING, caps={"pair": {"limit": 1, "window": "PT2H"}})
    state = make_state()
    bought(state, book)

    again = bought(state, book, NOW + MINUTE)

    assert chosen_actions(again) == []
    assert (THANKS, "email", "pair") in named(again, book)
    assert again.given.caps_later == {NOW + 2 * HOUR: ((1, NOW + 4 * HOUR + LATE_MS),)}
    assert again.given.caps == ((1, NOW + 4 * HOUR + LATE_MS),)


def named(turn, book):
    """The removals without their stages."""
    return {(action, channel, rule) for action, channel, _, rule in removals(turn, book)}


def test_outside_of_quiet_hours_nothing_is_worked_out_and_the_message_goes_at_once():
    state = make_state()

    turn = bought(state, shop(quiet=MORNING), NOW + 2 * HOUR)

    assert turn.record.effects[0].send_at_ms == 0
    assert (turn.given.planned, turn.given.caps_later) == ({}, {})


def test_what_a_rule_drops_in_quiet_hours_is_refused_with_the_reason():
    book = shop(quiet=[MORNING[0] | {"hold": "drop"}])

    turn = bought(make_state(), book)

    assert chosen_actions(turn) == []
    assert (THANKS, "email", "quiet hours 06:00-10:00") in named(turn, book)


def test_a_question_of_a_placement_asks_no_clock():
    book = make_playbook(policies={"quiet": MORNING})
    turn = take(make_state(), question(), NOW, book)

    assert chosen_actions(turn) != []
    assert (turn.given.planned, turn.given.barred) == ({}, ())


def test_a_silence_after_an_answer_refuses_other_actions_too():
    book = make_playbook(
        policies={
            "suppress": [{"after": "reject", "scope": "all", "for": "P7D"}],
            "consent": {"purposesNotNeedingConsent": ["onsite", "service", "marketing"]},
        }
    )
    state = make_state()
    shown = take(state, question(), NOW, book)
    effect = state.effects[-1]
    core.respond(state, response("e", "reject"), effect, NOW + MINUTE, book)

    turn = take(state, order(id="o2"), NOW + HOUR, book)

    assert chosen_actions(shown) != []
    assert chosen_actions(turn) == []
    assert "after reject" in {rule for _, _, _, rule in removals(turn, book)}
    assert take(state, order(id="o3"), NOW + 8 * DAY, book).record.effects != []


def test_a_channel_that_the_tier_does_not_have_is_barred_for_messages_only():
    only_app = replace(SHOP.default_level, channels=frozenset({"app"}))
    book = replace(SHOP, default_level=only_app)
    state = make_state()

    turn = take(state, order(), NOW, book)

    assert [e.channel for e in turn.record.effects] == ["app"]
    assert ("email: not for tier standard") in turn.given.barred
    assert take(state, question(id="q"), NOW, book).given.barred == ()


def test_a_dead_address_is_barred():
    state = make_state()
    note_bounced(state.profile, "email")

    turn = bought(state, shop())

    assert chosen_actions(turn) == []
    assert turn.given.barred == ("email: address bounced",)


def test_attention_counts_what_was_said_lately():
    book = replace(shop(), attention_ms=7 * DAY)
    state = make_state()
    counts = [bought(state, book, NOW + i * DAY).given.recent for i in (0, 1, 2, 8)]

    assert counts == [0, 1, 2, 1]


def test_a_reservation_moves_and_an_attempt_goes_on_counting_where_it_was():
    book = shop(caps={"daily": {"limit": 1, "window": "P1D"}})
    state = make_state()
    effect = bought(state, book).record.effects[0]
    key = (0, effect.seq, effect.n)
    turn = core.wake(state, _timer(state), book, NOW + HOUR)

    move_contact(turn, key, NOW + 2 * HOUR, book)
    assert [c.at_ms for c in state.profile.contacts] == [NOW + 2 * HOUR]

    move_contact(turn, key, NOW + 5 * HOUR, book, attempted=True)
    assert [c.at_ms for c in state.profile.contacts] == [NOW + 5 * HOUR]  # not attempted at 2

    state.profile.contacts[0].at_ms = NOW + HOUR
    move_contact(turn, key, NOW + 5 * HOUR, book, attempted=True)
    assert [c.at_ms for c in state.profile.contacts] == [NOW + HOUR, NOW + 5 * HOUR]

    unreserve(turn, key)
    assert state.profile.contacts == []
    move_contact(turn, key, NOW, book)  # of what nothing is known nothing is made
    assert state.profile.contacts == []


def _timer(state):
    return state.timers[0]


def test_a_decision_of_the_night_replays_from_its_record():
    book = shop(quiet=MORNING, caps={"pair": {"limit": 1, "window": "PT2H"}})
    state = make_state()
    records = [bought(state, book, NOW + i * MINUTE).record.decision for i in range(3)]

    assert all(replay(record, book).identical for record in records)


def test_police_says_the_same_to_everybody_who_asks_at_the_same_time():
    state = make_state()
    turn = take(state, consent(), NOW)
    reminded = take(state, added(id="a"), NOW)

    assert police(turn, shop(), (), "standard") == police(reminded, shop(), (), "standard")
    assert wake(state, state.timers[0], NOW + 30 * MINUTE).record.effects[0].action == REMINDER
