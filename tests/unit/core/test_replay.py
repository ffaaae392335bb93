from dataclasses import replace

import pytest

from actors import turn as core
from actors.decisioning.inputs import ENGINE_VERSION
from actors.decisioning.record import replay
from actors.domain.scores import Scores
from actors.wire.records import pack_turn, unpack_turn
from tests.builders import (
    BANNER,
    DAY,
    MINUTE,
    NOW,
    SHOP,
    added,
    consent,
    make_playbook,
    make_state,
    order,
    question,
    take,
    wake,
)
from tests.retail import RETAIL


def stored(turn):
    """The decision as it comes back from the journal."""
    return unpack_turn(pack_turn(turn.record)).decision


def history(playbook):
    """Decisions of every kind: after an order, for placements, after a wait."""
    state, turns = make_state(), []
    departments = {"DRUG GM": {"total": 40.5, "items": 3}, "PRODUCE": {"total": 39.5, "items": 9}}
    for i in range(12):
        at_ms = NOW + i * 6 * DAY
        given_event = consent(at=at_ms)
        given_event.traits = {"first_name": "Ann", "nested": {"a": [1, 2.5, None]}}
        events = (
            given_event,
            order(80.0, at=at_ms, channel="store", properties={"departments": departments}),
            added(f"c{i}", at=at_ms, channel="web"),
            question(placements=("hero", "basket", "home_hero"), at=at_ms),
        )
        turns += [take(state, event, at_ms, playbook) for event in events]
        later_ms = at_ms + 30 * MINUTE
        due = [t for t in state.timers if t.due_at_ms <= later_ms]
        turns += [wake(state, timer, later_ms, playbook) for timer in due]
    return [turn for turn in turns if turn.record.decision is not None]


@pytest.mark.parametrize("playbook", [SHOP, RETAIL], ids=["shop", "retail"])
def test_every_stored_decision_is_recomputed_bit_for_bit(playbook):
    turns = history(playbook)

    assert len(turns) > 20
    assert sum(bool(turn.record.effects or turn.record.again) for turn in turns) > 5
    for turn in turns:
        assert replay(stored(turn), playbook) == replay(turn.record.decision, playbook)
        assert replay(stored(turn), playbook).identical, replay(stored(turn), playbook).difference


def test_a_decision_taken_with_the_prior_replays_too():
    turn = core.begin(make_state(), question(), SHOP, NOW)
    core.decide(turn, Scores("beta", "", prior=True, rows=()), SHOP)

    decision = stored(turn)

    assert decision.prior
    assert {score[0] for score in decision.scores.values()} == {0.2}
    assert replay(decision, SHOP).identical


def decision_with_a_choice():
    return stored(take(make_state(), question(placements=("hero", "basket"))))


def test_a_changed_score_is_found_out():
    decision = decision_with_a_choice()
    decision.scores[SHOP.action_index[BANNER]] = (0.499, 7.0)

    verdict = replay(decision, SHOP)

    assert not verdict.identical
    assert verdict.difference == "ranked[0][4]: recorded 0.5, replayed 0.499"


def test_a_changed_seed_is_found_out_when_it_would_choose_otherwise():
    decision = decision_with_a_choice()
    verdicts = [
        replay(replace(decision, given=replace(decision.given, seed=seed)), SHOP)
        for seed in range(300)
    ]

    # The other banner comes first in 2.5 % of them: 7.5 expected, none in 1 of 2,000 cases.
    assert any(not v.identical for v in verdicts)
    assert all("recorded" in v.difference for v in verdicts if not v.identical)


def test_a_changed_value_of_a_rule_is_found_out():
    playbook = make_playbook(segments={"buyer": {"when": "profile.orders >= 1"}})
    state = make_state()
    take(state, order(), playbook=playbook)
    bought = stored(take(state, question(), playbook=playbook))
    never = stored(take(make_state(), question(), playbook=playbook))
    assert bought.given.context != never.given.context

    bought.given.context = never.given.context

    assert replay(bought, playbook).difference == "segments: recorded 1 entries, replayed 0"


@pytest.mark.parametrize(
    ("change", "part"),
    [
        ({"consents": {"email|service": "denied", "app|service": "denied"}}, "removed"),
        ({"refused": {"message/care/thanks": NOW + DAY}}, "removed"),
        ({"proposals": ()}, "ranked"),
    ],
)
def test_a_changed_policy_input_is_found_out(change, part):
    decision = stored(take(make_state(), order()))
    for name, value in change.items():
        setattr(decision.given, name, value)

    verdict = replay(decision, SHOP)

    assert not verdict.identical
    assert verdict.difference.startswith(part)


def test_a_full_cap_in_the_record_is_found_out():
    state = make_state()
    take(state, consent())
    take(state, added())
    decision = stored(wake(state, state.timers[0], NOW + 30 * MINUTE))
    assert replay(decision, SHOP).identical

    decision.given.caps = ((1, NOW + DAY),)

    assert replay(decision, SHOP).difference.startswith("removed")


def test_a_missing_score_is_named():
    decision = decision_with_a_choice()
    decision.scores.clear()

    assert replay(decision, SHOP).difference == "scores: no score for 'offer/web/banner'"


def test_another_engine_is_reported_and_nothing_compared():
    decision = replace(decision_with_a_choice(), engine="999", outcome=[])

    verdict = replay(decision, SHOP)

    assert verdict.difference == f"engine '999' decided, this is {ENGINE_VERSION!r}"


def test_another_playbook_is_reported():
    verdict = replay(decision_with_a_choice(), RETAIL)

    assert not verdict.identical
    assert SHOP.version in verdict.difference
    assert RETAIL.version in verdict.difference


def test_a_changed_outcome_is_found_out_at_its_place():
    decision = decision_with_a_choice()
    decision.outcome[4][1][2] = 0.5

    assert replay(decision, SHOP).difference.startswith("chosen[1][2]: recorded 0.5")
