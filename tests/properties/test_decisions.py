"""Whatever customers, scores and policies there are: what every decision keeps to."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from actors import turn as core
from actors.decisioning.record import replay
from actors.domain.scores import Score, Scores
from actors.playbook.loader import compile_bundle
from actors.turn.under_way import AtHand
from actors.wire.records import pack_turn, unpack_turn
from tests.builders import DAY, NOW, make_event, make_state

NAMES = [f"{issue}/{group}/{name}" for issue in "ab" for group in "xyz" for name in ("one", "two")]
PLACES = ("hero", "basket", "footer")


def action(i, name):
    if i % 3 < 2:
        places = [place for k, place in enumerate(PLACES) if (i >> k) % 2 or k == i % 3]
        treatments = {"web": {"placements": places}}
    else:
        treatments = {
            "email": {"cost": 0.02, "outbound": True},
            "app": {"outbound": True, "when": "profile.orders >= 0"},
        }
    return {
        "value": 1 + i % 4,
        "lever": 10 * (i % 3),
        "purpose": "onsite" if "web" in treatments else "service",
        "startingPropensity": 0.1,
        "applicable": f"event.name != 'never{i}'",
        "suitable": "profile.orders < 100",
        "treatments": treatments,
    }


@pytest.fixture(scope="module")
def book():
    actions = {name: action(i, name) for i, name in enumerate(NAMES)}
    messages = [name for name in NAMES if "email" in actions[name]["treatments"]]
    channels = {
        "web": {"placements": list(PLACES), "defaultPlacements": ["hero"]},
        "email": {"outbound": True},
        "app": {"outbound": True},
    }
    head = {
        "name": "any",
        "version": "1.0",
        "currency": {"code": "EUR", "minorDigits": 2},
        "channels": channels,
        "arbitration": {"attention": {"price": 0.05}, "bundling": {"perIssue": 2}},
    }
    return compile_bundle(
        {
            "playbook.yaml": json.dumps(head),
            "actions.yaml": json.dumps({"actions": actions}),
            "triggers.yaml": json.dumps({"triggers": {"ask": {"on": "Ask", "propose": messages}}}),
            "policies.yaml": json.dumps({"caps": {"day": {"limit": 3, "window": "P1D"}}}),
        }
    )


SCORES = st.lists(
    st.tuples(
        st.floats(0, 1),
        st.sampled_from([0.0, 0.001, 0.02, 0.2]),
        st.sampled_from([0.0, 3.0, 150.0, 1e6]),
    ),
    min_size=len(NAMES),
    max_size=len(NAMES),
)


def decisions(book, scores, turns):
    state, taken = make_state(), []
    for i, (kind, places, paused) in enumerate(turns):
        now_ms = NOW + i * DAY // 4
        event = make_event(
            "Ask", type=kind, placements=places, channel="web", max_actions=3, at=now_ms
        )
        turn = core.begin(state, event, book, now_ms, at_hand=AtHand({}, {}, paused))
        rows = tuple(Score(p, 10.0, sd, positives) for p, sd, positives in scores[: len(turn.rows)])
        core.decide(turn, Scores("any", "1", prior=False, rows=rows), book)
        taken.append(turn)
    return taken


TURNS = st.lists(
    st.tuples(
        st.sampled_from(["track", "decide"]),
        st.lists(st.sampled_from(PLACES), min_size=1, max_size=3, unique=True).map(tuple),
        st.sampled_from([(), ("channel:email",), ("scenario:ask",), ("all",)]),
    ),
    min_size=1,
    max_size=5,
)


@given(scores=SCORES, turns=TURNS)
@settings(
    max_examples=settings().max_examples * 5 // 2,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_any_decision_keeps_to_its_rules_and_replays_bit_for_bit(book, scores, turns):
    for turn in decisions(book, scores, turns):
        decision = turn.record.decision
        if decision is None:
            continue
        _, _, _, ranked, chosen, draws = decision.outcome
        again = unpack_turn(pack_turn(turn.record)).decision
        assert replay(again, book).identical, replay(again, book).difference
        for placement, survivors, nothing, _, epsilon in draws:
            shares = [r[15] for r in ranked if r[2] == placement and r[15] > 0]
            assert len(shares) == survivors
            assert min(shares) >= epsilon / survivors
            assert sum(shares) + nothing == pytest.approx(1.0, abs=1e-12)
        taken = [ranked[position] for position, *_ in chosen]
        keys = [book.actions[r[0]] for r in taken]
        assert all(r[10] > 0 and r[15] > 0 for r in taken)
        assert len({(a.issue, a.group) for a in keys}) == len(keys)
        assert all(sum(a.issue == issue for a in keys) <= 2 for issue in "ab")
        assert len({r[2] for r in taken}) == len(taken)
        if "all" in decision.given.paused:
            assert not ranked
        assert not any(r[1] == "email" for r in ranked if decision.given.paused)


@given(scores=SCORES, place=st.integers(0, 3), change=st.floats(1e-9, 0.4))
@settings(
    max_examples=settings().max_examples * 2,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_one_altered_score_is_always_found_out(book, scores, place, change):
    (turn,) = decisions(book, scores, [("track", PLACES, ())])
    decision = unpack_turn(pack_turn(turn.record)).decision
    ranked = decision.outcome[3]
    if not ranked:
        return
    index = ranked[place % len(ranked)][0]
    propensity, *others = decision.scores[index]
    altered = propensity + change if propensity < 0.5 else propensity - change
    decision.scores[index] = (altered, *others)

    assert not replay(decision, book).identical
