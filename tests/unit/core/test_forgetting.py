"""Forgetting by age what a customer's own state keeps."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors import turn as core
from actors.domain.conversation import Thread, Utterance
from actors.domain.histories import TraitChange, TraitOrigin
from actors.domain.scores import NO_SCORES
from actors.playbook.retention_model import day_after
from actors.turn.forgetting import RETENTION, next_age_ms
from actors.wire.state import pack_state, unpack_state
from tests.builders import (
    DAY,
    HOUR,
    NOW,
    POLICIES,
    SHOP,
    THANKS,
    make_event,
    make_playbook,
    make_state,
    order,
    question,
    response,
    take,
    wake,
)

AGES = {"traits": {"income": "P30D", "*": "P90D"}, "conversation": "P10D"}


def keeping(**ages):
    return make_playbook(policies={**POLICIES, "retention": ages})


BOOK = keeping(**AGES)
ONLY_INCOME = keeping(traits={"income": "P30D"})


def told(traits, at=NOW, **fields):
    return make_event("", type="identify", traits=traits, at=at, **fields)


def retention_timer(state):
    (timer,) = [each for each in state.timers if each.kind == RETENTION]
    return timer


def retention_timers(state):
    return [each for each in state.timers if each.kind == RETENTION]


def test_a_trait_is_forgotten_in_the_next_turn_once_it_is_old():
    state = make_state()
    take(state, told({"income": "high", "city": "Graz"}), NOW, BOOK)

    young = take(state, question(id="q1"), NOW + 30 * DAY - 1, BOOK)
    assert state.profile.traits == {"income": "high", "city": "Graz"}
    old = take(state, question(id="q2"), NOW + 30 * DAY, BOOK)

    assert state.profile.traits == {"city": "Graz"}
    assert "income" not in state.profile.trait_origins
    assert not any("forgotten: trait" in note for note in young.record.notes)
    assert "forgotten: trait income" in old.record.notes
    assert "high" not in str(old.record.notes)


def test_a_trait_that_is_said_again_is_as_old_as_the_last_time():
    state = make_state()
    take(state, told({"income": "high"}), NOW, BOOK)
    take(state, told({"income": "high"}, at=NOW + 20 * DAY, id="m2"), NOW + 20 * DAY, BOOK)

    take(state, question(id="q"), NOW + 49 * DAY, BOOK)

    assert state.profile.traits == {"income": "high"}


def test_former_values_of_a_trait_go_by_the_age_of_what_replaced_them():
    state = make_state()
    take(state, told({"income": "high"}), NOW, BOOK)
    take(state, told({"income": "low"}, at=NOW + DAY, id="m2"), NOW + DAY, BOOK)
    take(state, told({"income": "low"}, at=NOW + 20 * DAY, id="m3"), NOW + 20 * DAY, BOOK)

    take(state, question(id="q"), NOW + 31 * DAY, BOOK)

    assert state.profile.traits == {"income": "low"}
    assert state.profile.trait_changes == []


def test_rules_of_the_turn_itself_do_not_see_what_is_forgotten():
    book = make_playbook(
        policies={**POLICIES, "retention": {"traits": {"*": "P30D"}}},
        segments={"rich": {"when": "profile.traits.income == 'high'"}},
    )
    state = make_state()
    take(state, told({"income": "high"}), NOW, book)
    assert "rich" in state.segments

    take(state, question(id="q"), NOW + 30 * DAY, book)

    assert state.segments == {}


def test_what_was_said_and_threads_that_were_closed_are_forgotten_and_open_ones_stay():
    state = make_state()
    take(state, order(at=NOW, channel="web"), NOW, BOOK)
    state.conversation.threads = [
        Thread("case", "old", "web", NOW - DAY, NOW, closed=True),
        Thread("case", "newer", "web", NOW - DAY, NOW + DAY, closed=True),
        Thread("question", "open", "web", NOW - DAY, NOW - DAY),
    ]

    turn = take(state, question(id="q"), NOW + 10 * DAY, BOOK)

    talk = state.conversation
    assert [each.key for each in talk.threads] == ["newer", "open"]
    assert talk.forgotten_at_ms == NOW
    assert all(each.at_ms > NOW for each in talk.turns)
    assert (talk.last_intent, talk.last_channel) == ("", "")
    assert any(note.endswith("of the conversation") for note in turn.record.notes)


def test_the_timer_of_a_customer_who_stays_away_forgets_and_watches_what_is_left():
    state = make_state()
    take(state, told({"income": "high", "city": "Graz"}, at=NOW), NOW, BOOK)
    first = retention_timer(state)
    assert first.due_at_ms == day_after(NOW + 10 * DAY)

    wake(state, first, first.due_at_ms, BOOK)
    second = retention_timer(state)
    assert state.conversation.turns == []
    assert second.due_at_ms == day_after(NOW + 30 * DAY)
    wake(state, second, second.due_at_ms, BOOK)
    assert state.profile.traits == {"city": "Graz"}
    third = retention_timer(state)
    wake(state, third, third.due_at_ms, BOOK)

    assert state.profile.traits == {}
    assert retention_timers(state) == []


def test_a_timer_that_only_moves_later_keeps_its_row():
    state = make_state()
    take(state, told({"income": "high"}), NOW, ONLY_INCOME)
    turn = take(state, told({"income": "low"}, at=NOW + DAY, id="m2"), NOW + DAY, ONLY_INCOME)
    again = take(state, told({"income": "low"}, at=NOW + 40 * DAY), NOW + 40 * DAY, ONLY_INCOME)

    assert retention_timer(state).due_at_ms == day_after(NOW + 70 * DAY)
    assert [t.key for t in (*turn.timers_set, *again.timers_set) if t.key == RETENTION] == []


def test_a_timer_that_moves_earlier_is_written_again():
    book = keeping(traits={"income": "P90D"}, conversation="P10D")
    state = make_state()
    state.profile.traits["income"] = "high"
    state.profile.trait_origins["income"] = TraitOrigin(NOW, "web")
    take(state, question(id="q"), NOW, keeping(traits={"income": "P90D"}))
    assert retention_timer(state).due_at_ms == day_after(NOW + 90 * DAY)

    turn = take(state, order(at=NOW + DAY), NOW + DAY, book)

    assert [t.due_at_ms for t in turn.timers_set if t.key == RETENTION] == [
        retention_timer(state).due_at_ms
    ]
    assert retention_timer(state).due_at_ms <= day_after(NOW + 11 * DAY)


def test_a_timer_with_nothing_left_to_wait_for_goes():
    state = make_state()
    take(state, told({"income": "high"}), NOW, ONLY_INCOME)

    removed = told({"income": None}, at=NOW + DAY, id="m2")
    take(state, removed, NOW + DAY, ONLY_INCOME)
    turn = take(state, question(id="q"), NOW + 31 * DAY, ONLY_INCOME)

    assert retention_timers(state) == []
    assert RETENTION in turn.timers_deleted


def test_a_playbook_without_such_a_rule_sets_no_timer_and_ends_one_that_is_left():
    state = make_state()
    take(state, told({"income": "high"}), NOW, BOOK)
    plain = make_playbook()

    turn = wake(state, retention_timer(state), NOW + 400 * DAY, plain)

    assert retention_timers(state) == []
    assert state.profile.traits == {"income": "high"}
    assert turn.record.notes == []
    other = make_state("bob")
    take(other, told({"income": "high"}), NOW, plain)
    assert retention_timers(other) == []


@pytest.mark.parametrize("outcome", ["accept", "dismiss"])
def test_outcomes_and_commands_are_turns_that_forget_too(outcome):
    state = make_state()
    take(state, told({"income": "high"}), NOW, BOOK)
    take(state, order(at=NOW + 29 * DAY, id="m2"), NOW + 29 * DAY, BOOK)
    (effect,) = [each for each in state.effects if each.action == THANKS]

    turn = core.respond(state, response("e", outcome), effect, NOW + 30 * DAY, SHOP)
    core.reconsider(turn, BOOK)
    core.decide(turn, NO_SCORES, BOOK)

    assert state.profile.traits == {}
    assert "forgotten: trait income" in turn.record.notes


def test_a_trait_of_which_it_is_not_known_when_it_was_said_goes_by_the_last_visit():
    state = make_state()
    state.profile.traits["income"] = "high"
    state.profile.last_seen_at_ms = NOW
    take(state, question(id="q1"), NOW + 29 * DAY, ONLY_INCOME)
    assert retention_timer(state).due_at_ms == day_after(NOW + 30 * DAY)

    take(state, question(id="q2"), NOW + 30 * DAY, ONLY_INCOME)

    assert state.profile.traits == {}


ages = st.integers(0, 120).map(lambda days: NOW - days * DAY - HOUR)
people = st.fixed_dictionaries(
    {
        "traits": st.dictionaries(st.sampled_from(["income", "city", "pet"]), ages),
        "changes": st.lists(st.tuples(st.sampled_from(["income", "city"]), ages), max_size=5),
        "turns": st.lists(ages, max_size=8),
        "threads": st.lists(st.tuples(ages, st.booleans()), max_size=5),
    }
)


@given(people)
@settings(max_examples=settings().max_examples * 6, deadline=None, derandomize=True)
def test_nothing_younger_is_forgotten_and_nothing_older_is_left(person):
    state = made_of(person)

    take(state, question(id="q", channel="", placements=()), NOW, BOOK)

    def alive(at_ms, days):
        return at_ms + days * DAY > NOW

    days = {"income": 30}
    assert state.profile.traits == {
        name: "x" for name, at_ms in person["traits"].items() if alive(at_ms, days.get(name, 90))
    }
    assert state.profile.trait_origins.keys() == state.profile.traits.keys()
    assert [(c.name, c.at_ms) for c in state.profile.trait_changes] == [
        (name, at_ms)
        for name, at_ms in sorted(person["changes"], key=lambda change: change[1])
        if alive(at_ms, days.get(name, 90))
    ]
    talk = state.conversation
    assert [t.at_ms for t in talk.turns] == [at for at in sorted(person["turns"]) if alive(at, 10)]
    assert [(t.last_at_ms, t.closed) for t in talk.threads] == [
        (at_ms, closed) for at_ms, closed in person["threads"] if not closed or alive(at_ms, 10)
    ]
    due_at_ms = next_age_ms(state, BOOK.retention)
    assert [t.due_at_ms for t in retention_timers(state)] == ([due_at_ms] if due_at_ms else [])
    assert due_at_ms is None or due_at_ms > NOW - DAY
    assert unpack_state(pack_state(state)) == state


def made_of(person):
    state = make_state()
    profile = state.profile
    for name, at_ms in person["traits"].items():
        profile.traits[name] = "x"
        profile.trait_origins[name] = TraitOrigin(at_ms, "web")
    profile.trait_changes = [
        TraitChange(name, at_ms, "web", "y")
        for name, at_ms in sorted(person["changes"], key=lambda change: change[1])
    ]
    for at_ms in person["turns"]:
        state.conversation.add(Utterance(at_ms, "web", "customer", "Page Seen", 1))
    state.conversation.threads = [
        Thread("case", f"k{i}", "web", at_ms, at_ms, closed=closed)
        for i, (at_ms, closed) in enumerate(person["threads"])
    ]
    return state
