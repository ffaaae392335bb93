"""Experiments in turns: what arms remove, who has reached one, and that it is written down."""

from dataclasses import replace

import pytest

from actors import turn as core
from actors.decisioning.inputs import EXPERIMENT
from actors.decisioning.record import STAGE_CODES, replay
from actors.experiments.arms import drawn
from actors.experiments.standing import policy_of
from actors.stores.memory import MemoryStore
from actors.wire.messages import Routed
from actors.wire.records import pack_turn, unpack_turn
from actors.wire.state import pack_state, unpack_state
from tests.builders import (
    BANNER,
    DAY,
    MINUTE,
    NOW,
    REMINDER,
    SHOP,
    THANKS,
    World,
    added,
    chosen_actions,
    consent,
    make_event,
    make_state,
    number_of,
    order,
    question,
    removals,
    scored,
    take,
    user,
    wake,
)
from tests.unit.experiments.experiment_books import holdout, shop_with, split

STAGE = STAGE_CODES.index(EXPERIMENT)
NAMES = [f"u{i}" for i in range(10)]


def in_arm(playbook, experiment, arm):
    """A customer whom the hash puts there."""
    each = playbook.experiments.by_name[experiment]
    who = next(n for n in range(1000) if drawn(each, number_of(user(f"p{n}"))).name == arm)
    return make_state(f"p{who}")


def remind(state, playbook):
    """Let a customer who may be written to leave a cart, and the wait end."""
    take(state, consent(), NOW, playbook)
    take(state, added(), NOW, playbook)
    (timer,) = [t for t in state.timers if t.kind == "trigger"]
    return wake(state, timer, NOW + 30 * MINUTE, playbook)


MARKETING = {"scope": {"purposes": ["marketing"]}}


def test_whoever_is_held_gets_nothing_and_the_record_says_why():
    book = shop_with({"global": holdout(0.5, **MARKETING)})
    state = in_arm(book, "global", "held")
    turn = remind(state, book)

    assert chosen_actions(turn) == []
    assert (REMINDER, "email", STAGE, "global: held") in removals(turn, book)
    assert turn.record.reached == {"global": "held"}
    assert state.arms == {"global": ("held", NOW + 30 * MINUTE)}


def test_whoever_is_not_held_gets_it_and_has_reached_the_experiment_too():
    book = shop_with({"global": holdout(0.5, **MARKETING)})
    turn = remind(in_arm(book, "global", "open"), book)

    assert chosen_actions(turn) == [REMINDER]
    assert turn.record.reached == {"global": "open"}


def test_a_holdout_leaves_service_messages_alone_unless_it_says_otherwise():
    usual = shop_with({"global": holdout(0.5)})
    strict = shop_with({"global": holdout(0.5, exemptPurposes=[])})

    for book, expected in ((usual, [THANKS]), (strict, [])):
        turn = take(in_arm(book, "global", "held"), order(), NOW, book)
        assert chosen_actions(turn) == expected
        assert ("global" in turn.record.reached) == (book is strict)


def test_without_consent_nobody_reaches_an_experiment_but_a_full_cap_does_not_matter():
    book = shop_with({"global": holdout(0.5, **MARKETING)})
    state = in_arm(book, "global", "open")
    take(state, added(), NOW, book)
    (timer,) = [t for t in state.timers if t.kind == "trigger"]
    unasked = wake(state, timer, NOW + 30 * MINUTE, book)
    assert unasked.record.reached == {}

    remind(state, SHOP)  # takes the one e-mail a week, without any experiment
    capped = remind(state, book)
    assert chosen_actions(capped) == []
    assert capped.record.reached == {"global": "open"}


def test_an_arm_with_actions_leaves_only_those():
    book = shop_with(
        {
            "hero": {
                "kind": "experiment",
                "scope": {"channels": ["web"]},
                "arms": {"banner": {"weight": 1, "actions": [BANNER]}, "all": 1},
            }
        }
    )
    turn = take(in_arm(book, "hero", "banner"), question(), NOW, book)

    (second,) = [a.key for a in book.actions if a.purpose == "onsite" and a.key != BANNER]
    assert chosen_actions(turn) == [BANNER]
    assert removals(turn, book) == {(second, "web", STAGE, "hero: banner")}
    assert turn.record.reached == {"hero": "banner"}


def test_an_experiment_on_a_scenario_leaves_other_proposals_of_the_action_alone():
    book = shop_with({"carts": holdout(0.5, scope={"scenarios": ["remind"]})})
    held = in_arm(book, "carts", "held")

    assert chosen_actions(remind(held, book)) == []
    assert held.arms["carts"][0] == "held"
    assert chosen_actions(take(held, order(), NOW + DAY, book)) == [THANKS]


def test_a_question_asked_by_a_channel_is_held_like_anything_else():
    book = shop_with({"web": holdout(0.5, scope={"channels": ["web"]})})

    assert chosen_actions(take(in_arm(book, "web", "held"), question(), NOW, book)) == []


def test_an_experiment_is_reached_once():
    book = shop_with({"web": split()})
    state = in_arm(book, "web", "a")

    first = take(state, question(), NOW, book)
    second = take(state, question(id="m2"), NOW + DAY, book)

    assert (first.record.reached, second.record.reached) == ({"web": "a"}, {})
    assert state.arms == {"web": ("a", NOW)}


@pytest.mark.parametrize("policy", ["random", "propensity", "no_levers"])
def test_an_arm_of_the_engine_says_how_to_decide(policy):
    arms = {"arbitrated": 1, "other": {"weight": 1, "policy": policy}}
    book = shop_with({"engine": {"kind": "engine", "arms": arms}})

    assert policy_of({"engine": "other"}, book.experiments) == policy
    assert policy_of({"engine": "arbitrated"}, book.experiments) == "arbitrated"
    assert policy_of({}, book.experiments) == "arbitrated"


def test_a_random_arm_chooses_either_banner_alike_and_the_usual_one_mostly_the_better():
    arms = {"arbitrated": 1, "random": {"weight": 1, "policy": "random"}}
    book = shop_with({"engine": {"kind": "engine", "arms": arms}})
    each = book.experiments.by_name["engine"]
    better = {"arbitrated": [], "random": []}
    for i in range(400):
        state = make_state(f"p{i}")
        turn = take(state, question(f"p{i}"), NOW, book)
        better[drawn(each, state.number).name].append(chosen_actions(turn) == [BANNER])

    assert sum(better["arbitrated"]) / len(better["arbitrated"]) > 0.8
    assert 0.4 < sum(better["random"]) / len(better["random"]) < 0.6


def test_arms_and_what_was_reached_survive_being_written_and_decisions_replay():
    book = shop_with(
        {"global": holdout(0.5, **MARKETING), "web": split(scope={"channels": ["email"]})}
    )
    state = in_arm(book, "global", "held")
    turn = remind(state, book)
    again = unpack_turn(pack_turn(turn.record))

    assert again == turn.record
    assert again.reached["global"] == "held"
    assert unpack_state(pack_state(state)).arms == state.arms
    assert replay(again.decision, book).identical
    other = replace(again.decision.given, arms={"global": "open"})
    assert not replay(replace(again.decision, given=other), book).identical


def test_an_assignment_that_another_system_has_drawn_is_taken_down_and_never_drawn_anew():
    book = shop_with(
        {
            "letter": {
                "kind": "logged",
                "logged": {"on": "Letter Sent", "arm": "segment"},
                "arms": {"none": 1, "men's": 2},
            }
        }
    )
    state = make_state()

    def sent(segment, n):
        event = make_event("Letter Sent", id=f"m{n}", at=NOW - DAY, properties={"segment": segment})
        turn = core.begin(state, event, book, NOW + n)
        core.decide(turn, scored(turn.rows), book)
        return turn.record

    assert take(state, question(), NOW, book).record.decision.given.arms == {}
    strange = sent("unheard of", 1)
    first, second, third = sent("men's", 2), sent("none", 3), sent("men's", 4)

    assert "unknown_arm: letter" in strange.notes
    assert first.reached == {"letter": "men's"}
    assert "another_arm: letter" in second.notes
    assert not any("arm" in note for note in third.notes)
    assert state.arms == {"letter": ("men's", NOW - DAY)}


def test_a_dry_run_fixes_nothing():
    book = shop_with({"web": split(scope={"channels": ["web"]})})
    store = MemoryStore()
    world = World(store, store, playbook=book)
    world.jobs(make_event(id="m1"))

    world.jobs(Routed(question(id="q1"), dry_run=True))
    assert world.customer().arms == {}

    world.jobs(question(id="q2"))
    assert list(world.customer().arms) == ["web"]
