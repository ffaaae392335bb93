import pytest

from actors import turn as core
from actors.decisioning.record import STAGE_CODES
from actors.domain.ids import effect_text
from tests.builders import (
    ACTIONS,
    BANNER,
    DAY,
    MINUTE,
    NOW,
    REMINDER,
    SECOND_BANNER,
    SHOP,
    THANKS,
    chosen_actions,
    consent,
    make_event,
    make_playbook,
    make_state,
    order,
    question,
    removals,
    response,
    scored,
    take,
)

AVAILABILITY, ELIGIBILITY, SUITABILITY, CONSENT, CONTACT, ARBITRATION = range(6)
"""The codes of stored records, which never change."""
CHANNEL, APPLICABILITY, EXPERIMENT, PROPENSITY, TREATMENT, BUNDLING, BUDGET = range(
    6, len(STAGE_CODES)
)


def with_actions(**changes):
    """The shop with some actions changed, by the last part of their key."""
    keys = (BANNER, SECOND_BANNER, REMINDER)
    actions = {key: ACTIONS[key] | changes.get(key.split("/")[2], {}) for key in keys}
    return make_playbook(actions=actions, triggers={"ask": {"on": "Ask", "propose": [REMINDER]}})


def test_every_action_with_a_treatment_for_the_placement_is_considered():
    turn = take(make_state(), question(placements=("hero",)))

    _, _, _, ranked, *_ = turn.record.decision.outcome
    assert len(ranked) == 2
    assert chosen_actions(turn) == [BANNER]


def test_a_placement_that_nothing_can_fill_is_said_to_be_unavailable():
    turn = take(make_state(), question(placements=("footer", "hero")))

    assert {(c, s) for _, c, s, _ in removals(turn)} == {("web", CHANNEL)}
    assert chosen_actions(turn) == [BANNER]


def test_a_placement_of_another_channel_is_unavailable():
    turn = take(make_state(), question(placements=("hero",), channel="app"))

    assert chosen_actions(turn) == []
    assert {s for _, _, s, _ in removals(turn)} == {CHANNEL}


@pytest.mark.parametrize("rule", ["profile.orders >= 1", "event.properties.nothing == 1"])
def test_an_action_whose_rule_does_not_hold_or_cannot_be_read_is_not_eligible(rule):
    playbook = with_actions(banner={"eligible": rule})

    turn = take(make_state(), question(), playbook=playbook)

    assert (BANNER, "web", ELIGIBILITY, "eligible") in removals(turn, playbook)
    assert chosen_actions(turn) == [SECOND_BANNER]


def test_an_action_becomes_eligible_when_its_rule_holds():
    playbook = with_actions(banner={"eligible": "profile.orders >= 1"})
    state = make_state()
    take(state, order(), playbook=playbook)

    assert chosen_actions(take(state, question(), playbook=playbook)) == [BANNER]


def test_segments_and_tier_are_seen_by_rules_after_them():
    playbook = make_playbook(
        segments={
            "buyer": {"when": "profile.orders >= 1"},
            "never": {"when": "profile.orders >= 100"},
        },
        tiers=["never", "buyer"],
        actions={
            BANNER: ACTIONS[BANNER] | {"eligible": "'buyer' in segments && tier == 'buyer'"},
            SECOND_BANNER: ACTIONS[SECOND_BANNER] | {"eligible": "'never' in segments"},
        },
        triggers={},
        policies={},
    )
    state = make_state()
    take(state, order(), playbook=playbook)

    turn = take(state, question(), playbook=playbook)

    assert turn.record.decision.outcome[:2] == ["buyer", ["buyer"]]
    assert chosen_actions(turn) == [BANNER]
    assert turn.record.effects[0].segment == "buyer"


def test_a_refused_action_is_silent_for_a_while_and_says_until_when():
    state = make_state()
    take(state, question())
    key = effect_text(state.number, 1, 0)
    core.respond(state, response(key, "reject"), state.effect(1, 0), NOW, SHOP)

    turn = take(state, question(), NOW + DAY)
    _, _, removed, *_ = turn.record.decision.outcome

    assert chosen_actions(turn) == [SECOND_BANNER]
    assert [(r[2], r[4]) for r in removed] == [(SUITABILITY, NOW + 30 * DAY)]
    assert chosen_actions(take(state, question(), NOW + 30 * DAY - 1)) == [SECOND_BANNER]
    elsewhere = question(placements=("basket",))  # in the hero the other one stands
    assert chosen_actions(take(state, elsewhere, NOW + 30 * DAY)) == [BANNER]


def test_a_click_is_no_refusal():
    state = make_state()
    take(state, question())
    key = effect_text(state.number, 1, 0)
    core.respond(state, response(key, "click"), state.effect(1, 0), NOW, SHOP)

    assert chosen_actions(take(state, question(), NOW + DAY)) == [BANNER]


def test_without_consent_nothing_is_sent_and_the_reason_is_told():
    playbook = with_actions()

    turn = take(make_state(), make_event("Ask"), playbook=playbook)

    assert chosen_actions(turn) == []
    assert removals(turn, playbook) == {(REMINDER, "email", CONSENT, "unknown: email|marketing")}


def test_with_consent_it_is_sent_and_after_a_denial_it_is_not():
    playbook, state = with_actions(), make_state()

    take(state, consent(at=NOW - 2), playbook=playbook)
    assert chosen_actions(take(state, make_event("Ask"), playbook=playbook)) == [REMINDER]

    take(state, consent(at=NOW - 1, granted=False), playbook=playbook)
    turn = take(state, make_event("Ask"), playbook=playbook)
    assert removals(turn, playbook) == {(REMINDER, "email", CONSENT, "denied: email|marketing")}


def test_a_full_cap_removes_with_its_name_and_when_to_try_again():
    playbook, state = with_actions(), make_state()
    take(state, consent(), playbook=playbook)
    assert chosen_actions(take(state, make_event("Ask"), playbook=playbook)) == [REMINDER]

    turn = take(state, make_event("Ask"), NOW + DAY, playbook=playbook)
    _, _, removed, *_ = turn.record.decision.outcome
    assert removals(turn, playbook) == {(REMINDER, "email", CONTACT, "weekly")}
    assert [r[4] for r in removed] == [NOW + 7 * DAY + MINUTE]  # it may be sent a minute late

    later = take(state, make_event("Ask"), NOW + 7 * DAY + MINUTE, playbook=playbook)
    assert chosen_actions(later) == [REMINDER]


def test_a_purpose_without_need_of_consent_passes_and_an_explicit_no_does_not():
    state = make_state()
    assert chosen_actions(take(state, order())) == [THANKS]

    no = {"consent": {"categoryPreferences": {"email|service": False, "app|service": False}}}
    take(state, make_event(context=no))

    assert chosen_actions(take(state, order())) == []


def test_what_is_worth_less_than_nothing_is_removed_in_arbitration():
    playbook = with_actions(banner={"value": 0}, second={"value": 0})

    turn = take(make_state(), question(), playbook=playbook)

    assert chosen_actions(turn) == []
    assert {s for _, _, s, _ in removals(turn, playbook)} == {ARBITRATION}


def test_a_cap_holds_within_one_turn_too():
    policies = {"caps": {"one": {"limit": 1, "window": "P1D", "channels": ["web"]}}}
    playbook = make_playbook(policies=policies)

    turn = take(make_state(), question(placements=("hero", "basket")), playbook=playbook)

    assert len(chosen_actions(turn)) == 1


def test_a_customer_for_whom_nothing_is_left_gets_a_record_of_why():
    playbook = with_actions(banner={"eligible": "false"}, second={"eligible": "false"})

    turn = core.begin(make_state(), question(), playbook, NOW)
    core.decide(turn, scored(turn.rows), playbook)

    assert turn.rows == []
    assert turn.record.decision is not None
    assert {s for _, _, s, _ in removals(turn, playbook)} == {ELIGIBILITY}
