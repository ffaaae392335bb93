import pytest

from actors.domain.state import MAX_IDENTITIES
from actors.turn import begin
from tests.builders import (
    NOW,
    SHOP,
    anon,
    chosen_actions,
    make_event,
    make_state,
    question,
    take,
    user,
)


def test_an_unowned_identity_on_an_event_is_claimed_once():
    state = make_state()

    first = begin(state, make_event("x", user("ann"), anon("a")), SHOP, NOW)
    second = begin(state, make_event("x", user("ann"), anon("a")), SHOP, NOW)

    assert first.claimed == [anon("a")]
    assert second.claimed == []
    assert state.identities == [user("ann"), anon("a")]


@pytest.mark.parametrize(
    ("kind", "linked"), [("track", False), ("identify", True), ("alias", True)]
)
def test_an_identity_of_another_is_noted_and_never_taken(kind, linked):
    state = make_state()
    event = make_event("x", user("ann"), anon("a"), type=kind)

    turn = begin(state, event, SHOP, NOW, {anon("a"): 7})

    assert turn.claimed == []
    assert turn.record.notes == ["identity_of_another: anon"]
    assert state.identities == [user("ann")]
    assert state.linked == ([anon("a")] if linked else [])


def test_an_identity_that_is_hers_already_is_no_news():
    state = make_state()

    turn = begin(state, make_event("x"), SHOP, NOW, {user("ann"): state.number})

    assert (turn.claimed, turn.record.notes) == ([], [])


def test_identities_in_the_state_are_bounded_and_what_does_not_fit_is_still_claimed():
    state = make_state()
    for i in range(MAX_IDENTITIES + 3):
        turn = begin(state, make_event("x", user("ann"), anon(f"a{i}")), SHOP, NOW)

    assert len(state.identities) == MAX_IDENTITIES
    assert turn.claimed == [anon(f"a{MAX_IDENTITIES + 2}")]


def test_every_turn_counts_one():
    state = make_state()
    for i in range(1, 6):
        assert begin(state, make_event("x"), SHOP, NOW).state.seq == i


def test_a_question_without_placements_asks_the_channels_default_ones():
    assert len(chosen_actions(take(make_state(), question(placements=())))) == 1
    assert chosen_actions(take(make_state(), question(placements=(), channel="email"))) == []


def test_a_question_changes_no_profile():
    state = make_state()

    take(state, question(traits={"a": 1}, properties={"total": 5}))

    assert state.profile.traits == {}
    assert state.profile.channels == {}


def test_an_event_may_ask_for_actions_in_its_own_reply():
    turn = take(
        make_state(), make_event("Page Seen", channel="web", placements=("hero",), max_actions=1)
    )

    assert [e.placement for e in turn.record.effects] == ["hero"]


def test_a_clamped_time_is_noted():
    turn = begin(make_state(), make_event(at=NOW + 10**12), SHOP, NOW)

    assert turn.record.notes == ["clamped"]
    assert turn.record.at_ms == NOW
