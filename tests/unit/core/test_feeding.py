"""Feeds: another system is told of segments and outcomes, beside everything that holds messages."""

import json

from actors import turn as core
from actors.domain.ids import effect_text
from actors.domain.scores import Scores
from tests.builders import (
    BANNER,
    CHANNELS,
    DAY,
    HOUR,
    NOW,
    consent,
    make_event,
    make_playbook,
    make_state,
    order,
    question,
    response,
    take,
    wake,
)

FEEDS = {
    "crm": {
        "channel": "crm_hook",
        "on": ["segment.entered", "segment.left", "outcome"],
        "segments": ["buyer"],
    },
    "sales": {"channel": "crm_hook", "on": ["outcome"], "outcomes": ["convert"]},
}


def book(feeds=FEEDS, **more):
    return make_playbook(
        triggers={},
        channels=CHANNELS | {"crm_hook": {"outbound": True}},
        segments={
            "buyer": {"when": "profile.orders >= 1 && profile.recency_days < 30.0"},
            "anybody": {"when": "profile.orders >= 1"},
        },
        files={"feeds.yaml": {"feeds": feeds}},
        **more,
    )


BOOK = book()


def told(turn):
    return [(e.action, e.content["type"], e.content.get("segment")) for e in turn.outbox]


def respond(state, outcome, at=NOW, value=None):
    given = response(effect_text(state.number, 1, 0), outcome, at=at, value=value)
    turn = core.respond(state, given, state.effect(1, 0), at, BOOK)
    core.reconsider(turn, BOOK)
    core.decide(turn, Scores("none", "", prior=True, rows=()), BOOK)
    return turn


def test_who_enters_and_leaves_a_segment_is_told_of_once_each():
    state = make_state()

    entered = take(state, order(at=NOW), NOW, BOOK)
    quiet = take(state, order(at=NOW + HOUR), NOW + HOUR, BOOK)
    look = next(t for t in state.timers if t.kind == "segments")
    left = wake(state, look, max(look.due_at_ms, NOW + 31 * DAY), BOOK)

    assert told(entered) == [("feed/crm/segment.entered", "segment.entered", "buyer")]
    assert told(quiet) == []
    assert told(left) == [("feed/crm/segment.left", "segment.left", "buyer")]
    assert entered.outbox[0].content["at"] == "2027-01-15T08:00:00.000Z"


def test_it_is_no_contact_and_nothing_is_remembered_or_learned_of_it():
    state = make_state()

    turn = take(state, order(at=NOW), NOW, BOOK)

    (effect,) = turn.outbox
    assert (effect.channel, effect.mode, effect.purpose) == ("crm_hook", "outbound", "feed")
    assert turn.record.effects == [effect]
    assert state.effects == []
    assert state.profile.contacts == []
    assert state.profile.outreach == {}
    assert core.effect_of(turn.record, effect.n) is None  # nobody can answer it
    assert effect.expires_at_ms == NOW + 7 * DAY


def test_withdrawn_consent_does_not_stop_it():
    state = make_state()
    take(state, consent(granted=False), NOW, BOOK)

    assert len(told(take(state, order(at=NOW), NOW, BOOK))) == 1


def test_outcomes_are_told_as_the_filter_says_and_orders_credited_too():
    state = make_state()
    take(state, question(), NOW, BOOK)

    click = respond(state, "click", NOW + HOUR)
    bought = take(state, order(20.0, properties={"order_id": 7}, at=NOW + DAY), NOW + DAY, BOOK)

    assert [e.content["outcome"] for e in click.outbox] == ["click"]
    outcomes = [e for e in bought.outbox if e.content["type"] == "outcome"]
    assert [e.action for e in outcomes] == ["feed/crm/outcome", "feed/sales/outcome"]
    assert outcomes[0].content == {
        "type": "outcome",
        "outcome": "convert",
        "effectKey": effect_text(state.number, 1, 0),
        "action": BANNER,
        "channel": "web",
        "at": "2027-01-16T08:00:00.000Z",
        "conversion": "order",
        "basis": "click",
        "value": 20.0,
        "currency": "EUR",
        "conversionId": "7",
    }
    assert json.dumps(outcomes[0].content)


def test_a_converting_response_is_told_once_to_each_feed():
    state = make_state()
    take(state, question(), NOW, BOOK)

    turn = respond(state, "convert", value=450)

    assert [e.action for e in turn.outbox] == ["feed/crm/outcome", "feed/sales/outcome"]
    assert turn.outbox[0].content["value"] == 4.5


def test_a_window_that_closes_in_silence_is_told():
    state = make_state()
    take(state, question(), NOW, BOOK)

    turn = wake(state, next(t for t in state.timers if t.kind == "close"), NOW + 7 * DAY, BOOK)

    assert [e.content["outcome"] for e in turn.outbox] == ["no_response"]


def test_their_numbers_are_their_own_among_the_effects_of_a_turn():
    state = make_state()

    turn = take(state, order(placements=("hero",), channel="web", at=NOW, max_actions=1), NOW, BOOK)

    assert [e.n for e in turn.record.effects] == [0, 1]
    assert [e.action for e in turn.record.effects] == [BANNER, "feed/crm/segment.entered"]


def test_a_playbook_without_feeds_tells_nobody():
    state = make_state()
    plain = book({})

    assert take(state, order(at=NOW), NOW, plain).outbox == []
    assert take(state, make_event("Page Seen", id="m2"), NOW, plain).outbox == []
