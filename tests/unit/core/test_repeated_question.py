"""A question asked again gets what stands there, under its key, and nothing is reserved again."""

import json

from actors import turn as core
from actors.decisioning.record import replay
from actors.domain.ids import effect_text
from actors.wire.records import pack_turn, unpack_turn
from actors.wire.replies import reply_json
from tests.builders import (
    ACTIONS,
    BANNER,
    DAY,
    NOW,
    SECOND_BANNER,
    SHOP,
    THANKS,
    make_event,
    make_playbook,
    make_state,
    order,
    question,
    response,
    take,
)


def shown(turn, state):
    """What the channel that asked is answered: (effect key, action)."""
    reply = json.loads(reply_json(turn.record, state.number, state.seq, 2))
    return [(each["effectKey"], each["action"]) for each in reply["actions"]]


def test_the_same_effect_comes_back_and_nothing_is_counted_reserved_or_learned():
    state = make_state()
    first = shown(take(state, question()), state)
    contacts, effects = list(state.profile.contacts), list(state.effects)
    offered = state.profile.responses[BANNER].offered

    turn = take(state, question(), NOW + DAY)

    assert shown(turn, state) == first == [(effect_text(state.number, 1, 0), BANNER)]
    assert (turn.record.effects, turn.record.lessons) == ([], [])
    assert (state.profile.contacts, state.effects) == (contacts, effects)
    assert state.profile.responses[BANNER].offered == offered
    assert turn.record.decision.outcome[4] == [[0, 1, 1.0, 1, 0]]


def test_the_record_says_so_and_replays():
    state = make_state()
    take(state, question())
    turn = take(state, question(placements=("hero", "basket")), NOW + DAY)

    stored = unpack_turn(pack_turn(turn.record))

    assert stored.again == turn.record.again
    assert [e.action for e in stored.again] == [BANNER]
    assert [e.action for e in stored.effects] == [SECOND_BANNER]
    assert stored.decision.given.standing == ((("hero", SHOP.action_index[BANNER], 1, 0)),)
    assert replay(stored.decision, SHOP).identical
    assert [action for _, action in shown(turn, state)] == [BANNER, SECOND_BANNER]


def test_what_was_answered_has_expired_or_stands_elsewhere_is_not_repeated():
    def asked_again(**change):
        state = make_state()
        take(state, question())
        if "outcome" in change:
            key = effect_text(state.number, 1, 0)
            told = response(key, change["outcome"])
            core.respond(state, told, state.effect(1, 0), NOW, SHOP)
        placements = change.get("placements", ("hero",))
        turn = take(state, question(placements=placements), NOW + change.get("after", DAY))
        return bool(turn.record.again)

    assert asked_again()
    assert asked_again(outcome="impression")
    assert not asked_again(outcome="click")
    assert not asked_again(outcome="dismiss")
    assert not asked_again(after=8 * DAY)
    assert not asked_again(placements=("basket",))


def test_an_event_is_no_question_and_is_decided_anew():
    state = make_state()
    take(state, question())

    asked = make_event("Page Seen", placements=("hero",), max_actions=1, channel="web")
    turn = take(state, asked, NOW + DAY)

    assert turn.record.again == []
    assert len(turn.record.effects) == 1


def test_a_cap_that_it_filled_itself_does_not_stop_it_but_another_action():
    caps = {"one": {"limit": 1, "window": "P7D", "channels": ["web"]}}
    playbook, state = make_playbook(policies={"caps": caps}), make_state()
    take(state, question(), playbook=playbook)

    turn = take(state, question(placements=("hero", "basket")), NOW + DAY, playbook)

    assert [e.action for e in turn.record.again] == [BANNER]
    assert turn.record.effects == []


def test_what_no_longer_passes_the_funnel_is_not_shown_again():
    banner = ACTIONS[BANNER] | {"eligible": "profile.orders == 0"}
    playbook = make_playbook(
        actions={BANNER: banner, SECOND_BANNER: ACTIONS[SECOND_BANNER], THANKS: ACTIONS[THANKS]},
        triggers={"thank": {"on": "Order Completed", "propose": [THANKS]}},
        policies={},
    )
    state = make_state()
    take(state, question(), playbook=playbook)
    take(state, order(), playbook=playbook)

    turn = take(state, question(), NOW + DAY, playbook)

    assert turn.record.again == []
    assert [e.action for e in turn.record.effects] == [SECOND_BANNER]


def test_of_two_of_one_group_that_stand_from_two_turns_only_the_first_is_shown_together():
    def banner(placement):
        shown_there = {"web": {"placements": [placement]}}
        return ACTIONS[BANNER] | {"treatments": shown_there}

    one, two = "offer/web/one", "offer/web/two"
    thanks = {"thank": {"on": "Order Completed", "propose": [THANKS]}}
    actions = {one: banner("hero"), two: banner("basket"), THANKS: ACTIONS[THANKS]}
    playbook = make_playbook(actions=actions, triggers=thanks, policies={})
    state = make_state()
    for placement in ("hero", "basket"):
        take(state, question(placements=(placement,)), playbook=playbook)

    turn = take(state, question(placements=("hero", "basket")), NOW + DAY, playbook)

    assert [e.action for e in turn.record.again] == [one]
    assert turn.record.effects == []
