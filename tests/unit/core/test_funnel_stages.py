"""The stages that playbooks and operators add: each says for each candidate why not."""

import pytest

from actors import turn as core
from actors.decisioning.funnel import STAGES
from actors.decisioning.record import STAGE_CODES
from actors.turn.under_way import AtHand
from tests.builders import (
    ACTIONS,
    BANNER,
    NOW,
    REMINDER,
    SECOND_BANNER,
    chosen_actions,
    consent,
    make_event,
    make_playbook,
    make_state,
    order,
    question,
    scored,
    take,
)


def with_actions(policies=None, **changes):
    keys = (BANNER, SECOND_BANNER, REMINDER)
    actions = {key: ACTIONS[key] | changes.get(key.split("/")[2], {}) for key in keys}
    triggers = {"ask": {"on": "Ask", "propose": [REMINDER]}}
    return make_playbook(actions=actions, triggers=triggers, policies=policies)


def removed(turn, playbook):
    """What was removed: (action, channel) and at which stage by which rule."""
    return {
        (playbook.actions[index].key if index >= 0 else "", channel): (STAGE_CODES[stage], rule)
        for index, channel, stage, rule, _ in turn.record.decision.outcome[2]
    }


def taken_with(state, event, playbook, *, paused=(), funds=None, prices=None, propensity=0.5):
    at_hand = AtHand(funds or {}, prices or {}, paused)
    turn = core.begin(state, event, playbook, NOW, at_hand=at_hand)
    core.decide(turn, scored(turn.rows, propensity), playbook)
    return turn


def test_stored_codes_of_stages_never_change_and_every_stage_has_one():
    assert STAGE_CODES[:6] == (
        *("availability", "eligibility", "suitability", "consent", "contact_policy"),
        "arbitration",
    )
    assert sorted(STAGE_CODES) == sorted(STAGES)


@pytest.mark.parametrize(
    ("switch", "gone"),
    [
        ("all", {(BANNER, "web"), (SECOND_BANNER, "web")}),
        ("channel:web", {(BANNER, "web"), (SECOND_BANNER, "web")}),
        (f"action:{BANNER}", {(BANNER, "web")}),
        ("channel:email", set()),
    ],
)
def test_what_is_paused_is_not_available(switch, gone):
    playbook = with_actions()

    turn = taken_with(make_state(), question(), playbook, paused=(switch,))

    assert removed(turn, playbook) == dict.fromkeys(gone, ("availability", f"paused: {switch}"))


def test_what_a_paused_scenario_proposes_is_not_available():
    playbook, state = with_actions(), make_state()
    take(state, consent(), playbook=playbook)

    turn = taken_with(state, make_event("Ask"), playbook, paused=("scenario:ask",))

    assert removed(turn, playbook) == {(REMINDER, ""): ("availability", "paused: scenario:ask")}
    assert chosen_actions(turn) == []
    assert chosen_actions(taken_with(state, make_event("Ask"), playbook)) == [REMINDER]


@pytest.mark.parametrize(
    ("rules", "stage"),
    [
        ({"eligible": "false", "applicable": "false", "suitable": "false"}, "eligible"),
        ({"applicable": "profile.orders > 0", "suitable": "false"}, "applicable"),
        ({"suitable": "profile.orders > 0"}, "suitable"),
    ],
)
def test_the_first_rule_that_does_not_hold_is_the_one_that_is_told(rules, stage):
    playbook = with_actions(banner=rules)

    turn = take(make_state(), question(), playbook=playbook)

    stages = {"eligible": "eligibility", "applicable": "applicability", "suitable": "suitability"}
    assert removed(turn, playbook) == {(BANNER, "web"): (stages[stage], stage)}
    assert chosen_actions(turn) == [SECOND_BANNER]


def test_a_treatment_whose_rule_does_not_hold_is_not_used():
    treatments = {"web": {"placements": ["hero"], "when": "profile.orders >= 1"}}
    playbook, state = with_actions(banner={"treatments": treatments}), make_state()

    turn = take(state, question(), playbook=playbook)

    assert removed(turn, playbook) == {(BANNER, "web"): ("treatment", "when")}
    take(state, order(), playbook=playbook)
    later = take(make_state(), question(), playbook=playbook)
    assert chosen_actions(later) == [SECOND_BANNER]


def arbitrating(arbitration, **changes):
    keys = (BANNER, SECOND_BANNER)
    actions = {key: ACTIONS[key] | changes.get(key.split("/")[2], {}) for key in keys}
    return make_playbook(actions=actions, triggers={}, policies={}, arbitration=arbitration)


def test_what_is_too_unlikely_is_not_offered():
    playbook = arbitrating({"minimumPropensity": 0.3})

    turn = take(make_state(), question(), playbook=playbook, propensity=0.2)

    assert {stage for stage, _ in removed(turn, playbook).values()} == {"propensity"}


def test_of_a_group_one_thing_is_said_in_a_turn_unless_bundling_allows_more():
    one = "offer/web/banner"
    actions = {one: ACTIONS[BANNER], "offer/web/other": ACTIONS[SECOND_BANNER]}
    places = question(placements=("hero", "basket"))
    strict = make_playbook(actions=actions, triggers={}, policies={})
    loose = make_playbook(
        actions=actions,
        triggers={},
        policies={},
        arbitration={"bundling": {"onePerGroup": False}},
    )

    assert chosen_actions(take(make_state(), places, playbook=strict)) == [one]
    assert sorted(chosen_actions(take(make_state(), places, playbook=loose))) == sorted(actions)


def test_of_an_issue_no_more_is_said_than_bundling_allows():
    playbook = arbitrating({"bundling": {"perIssue": 1}})

    turn = take(make_state(), question(placements=("hero", "basket")), playbook=playbook)

    assert len(chosen_actions(turn)) == 1
    assert ("bundling", "enough of issue offer") in removed(turn, playbook).values()


def test_levers_of_action_group_and_issue_add_up():
    levers = {"issues": {"offer": 20}, "groups": {"offer/web": -5}}
    playbook = arbitrating({"levers": levers}, banner={"lever": 10})

    assert playbook.action(BANNER).lever == 1.25
    assert playbook.action(SECOND_BANNER).lever == 1.2
    turn = take(make_state(), question(), playbook=playbook, propensity=0.2)
    assert turn.record.effects[0].priority_minor == pytest.approx(0.2 * 500 * 1.25)


def test_attention_grows_dearer_with_every_message_until_nothing_is_sent():
    triggers = {"ask": {"on": "Ask", "propose": ["message/care/thanks"]}}
    playbook = make_playbook(
        actions={"message/care/thanks": ACTIONS["message/care/thanks"]},
        triggers=triggers,
        policies={},
        arbitration={"attention": {"price": 0.5, "window": "P7D"}},
    )
    state = make_state()

    # Each is worth 0.5 × 3.00 = 1.50, less 0.50 for every message of the last seven days.
    turns = [take(state, make_event("Ask", at=NOW + i), NOW + i, playbook) for i in range(4)]

    assert [len(turn.record.effects) for turn in turns] == [1, 1, 1, 0]
    assert [turn.record.effects[0].priority_minor for turn in turns[:3]] == [150, 100, 50]
    assert set(removed(turns[3], playbook).values()) == {("arbitration", "worth less than nothing")}
