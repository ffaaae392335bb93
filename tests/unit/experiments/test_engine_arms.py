"""The arms that measure the engine: what each chooses, with which probability, and that it replays."""

from collections import Counter

import pytest

from actors.decisioning.arbitration import choose
from actors.decisioning.inputs import Candidate, DecisionInput, Prepared
from actors.decisioning.record import replay
from actors.domain.scores import Score
from actors.experiments.arms import drawn
from actors.wire.records import pack_turn, unpack_turn
from tests.builders import (
    ACTIONS,
    BANNER,
    NOW,
    SECOND_BANNER,
    make_playbook,
    make_state,
    number_of,
    question,
    take,
    user,
)
from tests.unit.experiments.experiment_books import shop_with

WORTHLESS = "offer/third/worthless"
SHELVES = {
    # worth at .5: 300 × .5 × 2 (weight) = 300; 400 × .5 × 1.5 (lever) = 300, less 20; less than 0
    BANNER: ACTIONS[BANNER] | {"value": 3, "weights": [{"when": "true", "factor": 2}]},
    SECOND_BANNER: ACTIONS[SECOND_BANNER]
    | {
        "value": 4,
        "lever": 50,
        "treatments": {"web": {"placements": ["hero", "basket"], "cost": 0.2}},
    },
    WORTHLESS: ACTIONS[BANNER]
    | {"value": 0.1, "treatments": {"web": {"placements": ["hero", "basket"], "cost": 1}}},
}
ENGINE = {
    "kind": "engine",
    "control": "random",
    "arms": {
        "arbitrated": 1,
        "random": {"weight": 1, "policy": "random"},
        "propensity": {"weight": 1, "policy": "propensity"},
        "no_levers": {"weight": 1, "policy": "no_levers"},
    },
}
BOOK = shop_with(
    {"engine": ENGINE}, make_playbook(actions=SHELVES, triggers={}, policies={}, files=None)
)
B, S, W = (BOOK.action_index[key] for key in (BANNER, SECOND_BANNER, WORTHLESS))
EPSILON = BOOK.arbitration.epsilon


def decide(arm, scores, *, seed=0, placements=("hero",), book=BOOK, **more):
    """Let an arm choose among all three; propensities are certain unless scores say otherwise."""
    given = DecisionInput(
        at_ms=NOW,
        seed=seed,
        channel="web",
        placements=placements,
        max_actions=9,
        arms={"engine": arm},
        **more,
    )
    candidates = tuple(Candidate(i, "web", p, "") for p in placements for i in sorted(scores))
    prepared = Prepared("standard", (), candidates, {B: 2.0, S: 1.0, W: 1.0}, ())
    scores = {i: s if isinstance(s, Score) else Score(s, 9.0) for i, s in scores.items()}
    return choose(prepared, given, scores, book)


def likely(choice):
    return {ranked.action: ranked.probability for ranked in choice.ranked}


ALIKE = {B: 0.5, S: 0.5, W: 0.5}


def test_random_gives_everything_that_may_be_offered_the_same_chance_whatever_it_is_worth():
    choice = decide("random", ALIKE)

    assert likely(choice) == {B: 1 / 3, S: 1 / 3, W: 1 / 3}
    assert (choice.draws[0].nothing, choice.draws[0].epsilon) == (0.0, 1.0)
    assert choice.removed == ()
    assert W not in likely(decide("arbitrated", ALIKE))


def test_random_is_uniform_whatever_the_scores_and_their_uncertainty():
    unsure = {B: Score(0.9, 500.0, 0.2, 400.0), S: Score(0.01, 0.0, 0.3, 0.0), W: 0.0}

    chosen = Counter(decide("random", unsure, seed=i).chosen[0].ranked.action for i in range(900))

    assert likely(decide("random", unsure)) == {B: 1 / 3, S: 1 / 3, W: 1 / 3}
    assert all(240 <= chosen[i] <= 360 for i in (B, S, W))  # 300 expected, deviation 14


def test_random_offers_one_alone_for_certain_and_the_second_place_what_the_first_has_left():
    alone = decide("random", {W: 0.5})
    both = decide("random", ALIKE, placements=("hero", "basket"))

    assert [(c.ranked.action, c.chosen_with) for c in alone.chosen] == [(W, 1.0)]
    first, second = both.chosen
    assert first.chosen_with == 1 / 3
    assert first.ranked.action != second.ranked.action
    assert second.chosen_with == 1 / 2


def test_random_keeps_to_budgets():
    books = {"tens": {"limit": 5, "per": {"actions": [SECOND_BANNER]}}}
    book = shop_with(
        {"engine": ENGINE},
        make_playbook(actions=SHELVES, triggers={}, policies={}, budgets=books),
    )

    choice = decide("random", ALIKE, book=book, funds={"tens": 10.0})

    assert likely(choice) == {B: 1 / 2, W: 1 / 2}
    assert [(r.action, r.rule) for r in choice.removed] == [(S, "tens")]


def test_propensity_ranks_by_what_is_likely_and_nothing_else():
    choice = decide("propensity", {B: 0.3, S: 0.4, W: 0.5})

    assert [r.action for r in choice.ranked] == [W, S, B]
    assert [r.priority_minor for r in choice.ranked] == [0.5, 0.4, 0.3]
    assert {(r.weight, r.value_minor, r.lever, r.cost_minor) for r in choice.ranked} == {
        (1, 1, 1, 0)
    }
    assert likely(choice)[W] == pytest.approx(1 - EPSILON + EPSILON / 3)
    assert likely(choice)[B] == pytest.approx(EPSILON / 3)


def test_propensity_leaves_out_attention_and_shadow_prices_too():
    choice = decide("propensity", ALIKE, recent=9, prices={"tens": 1e6})

    assert {(r.attention_minor, r.shadow_minor) for r in choice.ranked} == {(0.0, 0.0)}
    assert len(choice.ranked) == 3


def test_without_levers_and_context_weights_value_and_cost_decide():
    scores = {B: 0.5, S: 0.5}
    arbitrated, plain = decide("arbitrated", scores), decide("no_levers", scores)

    # as it is: .5 × 300 × 2 = 300 and .5 × 400 × 1.5 − 20 = 280
    assert [(r.action, r.priority_minor) for r in arbitrated.ranked] == [(B, 300.0), (S, 280.0)]
    # without: .5 × 400 − 20 = 180 and .5 × 300 = 150
    assert [(r.action, r.priority_minor) for r in plain.ranked] == [(S, 180.0), (B, 150.0)]
    assert {(r.weight, r.lever) for r in plain.ranked} == {(1.0, 1.0)}
    assert likely(plain)[S] == pytest.approx(1 - EPSILON / 2)


def test_what_is_worth_nothing_is_not_offered_without_levers_either():
    removed = decide("no_levers", ALIKE).removed

    assert [(r.action, r.rule) for r in removed] == [(W, "worth less than nothing")]


@pytest.mark.parametrize("arm", ["arbitrated", "random", "propensity", "no_levers"])
def test_decisions_of_every_arm_in_whole_turns_replay_and_say_which_arm_it_was(arm):
    experiment = BOOK.experiments.by_name["engine"]
    who = [f"p{n}" for n in range(80) if drawn(experiment, number_of(user(f"p{n}"))).name == arm]
    assert len(who) > 8

    for name in who:
        state = make_state(name)
        asked = question(user(name), placements=("hero", "basket"))
        turn = take(state, asked, playbook=BOOK, propensity=0.5)
        stored = unpack_turn(pack_turn(turn.record)).decision

        assert stored.given.arms == {"engine": arm}
        assert replay(stored, BOOK).identical
        stored.given.arms = {"engine": "random" if arm != "random" else "arbitrated"}
        assert not replay(stored, BOOK).identical
