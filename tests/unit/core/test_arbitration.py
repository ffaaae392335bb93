from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors import turn as core
from actors.decisioning.arbitration import choose, rows_of
from actors.decisioning.inputs import Candidate, DecisionInput, Prepared
from actors.domain.scores import Score
from actors.playbook.arbitration_model import STANDARD
from tests.builders import (
    ACTIONS,
    BANNER,
    NOW,
    SECOND_BANNER,
    SHOP,
    THANKS,
    chosen_actions,
    make_playbook,
    make_state,
    order,
    question,
    take,
)

B, S, T = (SHOP.action_index[key] for key in (BANNER, SECOND_BANNER, THANKS))


def decided(candidates, scores, *, placements=("hero", "basket"), seed=0, weights=None, limit=9):
    given_input = DecisionInput(
        at_ms=NOW, seed=seed, channel="web", placements=placements, max_actions=limit
    )
    weights = weights or {c.action: 1.0 for c in candidates}
    prepared = Prepared("standard", (), tuple(candidates), weights, ())
    by_action = {index: Score(p, 1.0) for index, p in scores.items()}
    return choose(prepared, given_input, by_action, SHOP)


def web(index, placement="hero"):
    return Candidate(index, "web", placement, "")


def out(index, channel="email"):
    return Candidate(index, channel, "", "thank")


def test_priority_is_propensity_times_weight_times_value_times_lever_less_cost():
    playbook = make_playbook(
        actions={
            BANNER: ACTIONS[BANNER]
            | {
                "lever": 10,
                "weights": [
                    {"when": "true", "factor": 1.5},
                    {"when": "profile.orders == 0", "factor": 2},
                    {"when": "profile.orders > 0", "factor": 7},
                ],
                "treatments": {"web": {"cost": 0.03, "placements": ["hero"]}},
            }
        },
        triggers={},
        policies={},
    )

    turn = take(make_state(), question(), playbook=playbook, propensity=0.2)

    # 0.2 × (1.5 × 2) × 500 × 1.1 − 3 = 327 minor units
    assert turn.record.effects[0].priority_minor == pytest.approx(327.0)
    assert turn.record.effects[0].propensity == 0.2


def test_one_action_never_fills_two_slots():
    choice = decided([web(B), web(B, "basket"), web(S), web(S, "basket")], {B: 0.9, S: 0.1})

    assert [(c.ranked.action, c.ranked.placement) for c in choice.chosen] == [
        (B, "hero"),
        (S, "basket"),
    ]
    assert [c.rank for c in choice.chosen] == [1, 2]


@given(seed=st.integers(0, 2**63 - 1), scores=st.tuples(*[st.floats(0, 1)] * 3))
def test_no_seed_and_no_scores_make_an_action_appear_twice(seed, scores):
    candidates = [web(i, p) for p in ("hero", "basket") for i in (B, S)] + [out(T), out(T, "app")]

    choice = decided(candidates, dict(zip((B, S, T), scores, strict=True)), seed=seed)

    taken = [c.ranked.action for c in choice.chosen]
    assert len(taken) == len(set(taken))
    assert all(c.ranked.priority_minor > 0 and 0 < c.chosen_with <= 1 for c in choice.chosen)
    assert sum(c.ranked.placement == "" for c in choice.chosen) <= 1


@pytest.mark.parametrize("propensity", [0.0, float("nan"), -1.0])
def test_doing_nothing_wins_against_what_brings_nothing(propensity):
    choice = decided([web(B)], {B: propensity})

    assert choice.chosen == ()
    assert [r.rule for r in choice.removed] == ["worth less than nothing"]


def test_no_more_slots_are_filled_than_asked_for():
    choice = decided([web(B), web(S, "basket")], {B: 0.5, S: 0.5}, limit=1)

    assert [c.ranked.placement for c in choice.chosen] == ["hero"]


def test_ties_go_to_the_key_and_then_to_the_channel_whatever_order_they_come_in():
    actions = {
        "x/y/b": ACTIONS[BANNER],
        "x/y/a": ACTIONS[BANNER],
        "x/y/c": ACTIONS[BANNER],
    }
    playbook = make_playbook(actions=actions, triggers={}, policies={})

    ranked = take(make_state(), question(), playbook=playbook).record.decision.outcome[3]
    assert [playbook.actions[r[0]].key for r in ranked] == ["x/y/a", "x/y/b", "x/y/c"]

    candidates = [out(T, "email"), out(T, "app")]
    free = replace(SHOP.actions[T], treatments=dict(SHOP.actions[T].treatments))
    free.treatments["app"] = replace(free.treatments["app"], cost_minor=0.0)
    assert free.key == THANKS
    forth, back = decided(candidates, {T: 0.5}), decided(candidates[::-1], {T: 0.5})
    assert forth.ranked == back.ranked


@given(data=st.data(), scores=st.tuples(*[st.sampled_from([0.1, 0.5])] * 3))
def test_a_choice_does_not_depend_on_the_order_of_the_candidates(data, scores):
    candidates = [web(B), web(S), out(T), out(T, "app")]
    by_action = dict(zip((B, S, T), scores, strict=True))

    one = decided(candidates, by_action)
    other = decided(data.draw(st.permutations(candidates)), by_action)

    assert one.chosen == other.chosen


def test_now_and_then_another_than_the_best_is_tried_with_its_own_probability():
    # 5 % of 600 choices explore and half of those take the other: 15 expected, deviation 3.8.
    chosen = [decided([web(B), web(S)], {B: 0.9, S: 0.1}, seed=i).chosen[0] for i in range(600)]

    tried = [c for c in chosen if c.ranked.action == S]
    assert 2 <= len(tried) <= 32
    assert {c.chosen_with for c in tried} == {STANDARD.epsilon / 2}
    assert {c.chosen_with for c in chosen if c.ranked.action == B} == {1 - STANDARD.epsilon / 2}


def test_an_action_is_scored_once_however_many_slots_it_may_fill():
    turn = core.begin(make_state(), question(placements=("hero", "basket")), SHOP, NOW)

    assert sorted(row.action for row in turn.rows) == [BANNER, SECOND_BANNER]
    assert rows_of(turn.prepared, SHOP, turn.given.context) == turn.rows
    assert {(row.segment, row.prior) for row in turn.rows} == {("standard", 0.2)}


def test_a_turn_starts_one_outbound_message_on_the_channel_that_brings_more():
    turn = take(make_state(), order())

    assert chosen_actions(turn) == [THANKS]
    assert [e.channel for e in turn.outbox] == ["email"]
