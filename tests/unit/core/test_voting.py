"""Who gets a slot, when scores are uncertain, actions are new, and slots compete."""

from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.decisioning.arbitration import choose
from actors.decisioning.inputs import Candidate, DecisionInput, Prepared
from actors.domain.scores import Score
from tests.builders import ACTIONS, BANNER, NOW, make_playbook

PLACES = ("hero", "basket", "footer")
NAMES = [f"i/g{n}/a" for n in range(6)]


def web(*places):
    return ACTIONS[BANNER] | {"treatments": {"web": {"placements": list(places)}}}


def shop(**settings_):
    channels = {"web": {"placements": list(PLACES), "defaultPlacements": ["hero"]}}
    return make_playbook(
        channels=channels,
        actions={name: web(*PLACES) for name in NAMES},
        triggers={},
        policies={},
        arbitration=settings_,
    )


SHOP = shop()


def decided(scores, places, *, seed=0, playbook=SHOP):
    """Decide with scores by (action, place): an action stands only where it is named."""
    placements = tuple(place for place in PLACES if any(place in of for of in places))
    candidates = [
        Candidate(i, "web", place, "")
        for place in placements
        for i, of in enumerate(places)
        if place in of
    ]
    asked = DecisionInput(at_ms=NOW, seed=seed, channel="web", placements=placements, max_actions=9)
    prepared = Prepared("standard", (), tuple(candidates), dict.fromkeys(range(6), 1.0), ())
    return choose(prepared, asked, dict(enumerate(scores)), playbook)


def probabilities(choice, place="hero"):
    return {r.action: r.probability for r in choice.ranked if r.placement == place}


WHERE = st.lists(st.sets(st.sampled_from(PLACES)), min_size=6, max_size=6)


@given(
    propensities=st.lists(st.integers(1, 99), min_size=6, max_size=6),
    where=WHERE.filter(any),
)
@settings(deadline=None)
def test_what_is_certain_is_assigned_as_the_best_of_all_assignments(propensities, where):
    playbook = shop(exploration={"epsilon": 0.001})
    worths = [p / 100 * 500 for p in propensities]
    places = [place for place in PLACES if any(place in of for of in where)]
    options = [[-1, *(i for i, of in enumerate(where) if place in of)] for place in places]
    best = max(
        sum(worths[i] for i in chosen if i >= 0)
        for chosen in product(*options)
        if len({i for i in chosen if i >= 0}) == sum(i >= 0 for i in chosen)
    )

    for seed in range(3):  # one of 1,000 choices is another: not one of these
        choice = decided(
            [Score(p / 100, 9.0) for p in propensities], where, seed=seed, playbook=playbook
        )

    assert sum(c.ranked.priority_minor for c in choice.chosen) == pytest.approx(best)
    assert all(draw.vectors == 0 for draw in choice.draws)


def test_the_share_of_votes_is_the_share_of_vectors_in_which_a_candidate_is_best():
    # Means 3 % and 5 %, both ± 2 %: the second is better with probability Φ(.02 / .028) = 0.76.
    scores = [Score(0.03, 9.0, 0.02, 500.0), Score(0.05, 9.0, 0.02, 500.0)] + [Score(0, 0)] * 4
    found = [
        probabilities(decided(scores, [{"hero"}] * 2 + [set()] * 4, seed=seed))
        for seed in range(200)
    ]

    second = sum(each[1] for each in found) / 200
    assert second == pytest.approx(0.95 * 0.76 + 0.025, abs=0.01)
    assert all(sum(each.values()) == pytest.approx(1.0, abs=1e-12) for each in found)
    assert len({each[1] for each in found}) > 5


def test_doubt_about_an_offer_that_is_worth_its_cost_on_average_leaves_no_slot_empty():
    web = {"web": {"cost": 0.2, "placements": ["hero"]}}
    playbook = make_playbook(
        actions={BANNER: ACTIONS[BANNER] | {"treatments": web}}, triggers={}, policies={}
    )
    prepared = Prepared("standard", (), (Candidate(0, "web", "hero", ""),), {0: 1.0}, ())

    # Worth 5.00 × (5 % ± 2 %) − 0.20: less than nothing under 31 % of the vectors.
    for seed in range(50):
        asked = DecisionInput(
            at_ms=NOW, seed=seed, channel="web", placements=("hero",), max_actions=1
        )
        choice = choose(prepared, asked, {0: Score(0.05, 9.0, 0.02)}, playbook)
        assert choice.draws[0].nothing == 0.0
        assert choice.chosen[0].chosen_with == 1.0


def test_vectors_that_doubt_all_offers_still_tell_the_better_from_the_worse():
    scores = [Score(0.05, 9.0, 0.02), Score(0.05, 9.0, 0.02)]
    costly = {"web": {"cost": 0.2, "placements": ["hero"]}}
    rivals = {
        f"offer/rival{i}/banner": ACTIONS[BANNER] | {"value": value, "treatments": costly}
        for i, value in enumerate((5, 4.5))
    }
    playbook = make_playbook(actions=rivals, triggers={}, policies={})
    both = tuple(Candidate(i, "web", "hero", "") for i in range(2))
    prepared = Prepared("standard", (), both, {0: 1.0, 1: 1.0}, ())
    votes = [0.0, 0.0]
    for seed in range(200):
        asked = DecisionInput(
            at_ms=NOW, seed=seed, channel="web", placements=("hero",), max_actions=1
        )
        choice = choose(prepared, asked, dict(enumerate(scores)), playbook)
        for ranked in choice.ranked:
            votes[ranked.action] += ranked.probability

    assert sum(votes) == pytest.approx(200)
    # Two normals with means .05 and .025 and deviations .10 and .09: P(first is more) = Φ(.19) = .57.
    assert votes[0] / 200 == pytest.approx(0.95 * 0.574 + 0.025, abs=0.015)


def test_a_new_action_gets_two_percent_of_those_for_whom_it_would_be_best():
    scores = [Score(0.3, 9.0, 0.001, 0.0), Score(0.1, 900.0, 0.001, 500.0)] + [Score(0, 0)] * 4
    where = [{"hero"}] * 2 + [set()] * 4
    found = [probabilities(decided(scores, where, seed=seed)) for seed in range(300)]

    # 300 × 64 draws: the standard error of 2 % is 0.1 %.
    assert sum(each[0] for each in found) / 300 == pytest.approx(0.95 * 0.02 + 0.025, abs=0.004)
    assert min(each[0] for each in found) == 0.025
    half = [Score(0.3, 9.0, 0.001, 100.0), *scores[1:]]
    found = [probabilities(decided(half, where, seed=seed)) for seed in range(100)]
    assert sum(each[0] for each in found) / 100 == pytest.approx(0.95 * 0.51 + 0.025, abs=0.03)


def test_a_new_playbook_is_not_dead_where_all_are_new_none_stands_back():
    scores = [Score(0.3, 0.0, 0.001, 0.0), Score(0.1, 0.0, 0.001, 0.0)] + [Score(0, 0)] * 4

    choice = decided(scores, [{"hero"}] * 2 + [set()] * 4)

    assert probabilities(choice) == {0: 0.975, 1: 0.025}
    assert choice.draws[0].vectors == 0
    assert choice.draws[0].nothing == 0.0


@given(
    seed=st.integers(0, 2**63 - 1),
    where=WHERE.filter(any),
    scores=st.lists(
        st.builds(
            Score,
            st.floats(0.001, 1),
            st.just(1.0),
            st.sampled_from([0.0, 0.01, 0.3]),
            st.sampled_from([0.0, 80.0, 999.0]),
        ),
        min_size=6,
        max_size=6,
    ),
)
@settings(deadline=None, max_examples=settings().max_examples * 5 // 2)
def test_every_survivor_has_a_probability_and_a_slots_sum_to_one(seed, where, scores):
    choice = decided(scores, where, seed=seed)

    for draw in choice.draws:
        shares = [p for p in probabilities(choice, draw.placement).values() if p > 0]
        assert len(shares) == draw.survivors
        assert min(shares) >= draw.epsilon / draw.survivors
        assert sum(shares) + draw.nothing == pytest.approx(1.0, abs=1e-12)
    assert len({c.ranked.action for c in choice.chosen}) == len(choice.chosen)
    assert decided(scores, where, seed=seed) == choice
