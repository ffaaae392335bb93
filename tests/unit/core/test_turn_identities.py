import pytest

from actors.domain.ids import Identity
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


def email(i):
    return Identity("email", f"a{i}@x.se")


def test_of_too_many_of_a_kind_those_named_last_stay_unowned():
    state = make_state()

    turn = begin(state, make_event("x", user("ann"), *map(email, range(7)), anon("a")), SHOP, NOW)

    assert turn.claimed == [*map(email, range(5)), anon("a")]
    assert turn.record.notes == ["not_claimed: limit email #7", "not_claimed: limit email #8"]
    assert state.identities == [user("ann"), *map(email, range(5)), anon("a")]


def test_a_limit_holds_over_many_events_and_what_the_customer_has_comes_first():
    state = make_state()
    turns = [begin(state, make_event("x", user("ann"), email(i)), SHOP, NOW) for i in range(7)]

    assert [len(turn.claimed) for turn in turns] == [1, 1, 1, 1, 1, 0, 0]
    again = begin(state, make_event("x", user("ann"), email(0)), SHOP, NOW)
    assert again.record.notes == []


def test_a_limit_holds_though_visits_have_filled_the_state():
    state = make_state()
    for i in range(MAX_IDENTITIES):
        begin(state, make_event("x", user("ann"), anon(f"a{i}")), SHOP, NOW)
    turns = [begin(state, make_event("x", user("ann"), email(i)), SHOP, NOW) for i in range(7)]

    assert [len(turn.claimed) for turn in turns] == [1, 1, 1, 1, 1, 0, 0]
    assert len(state.identities) == MAX_IDENTITIES


def test_nobody_gets_a_second_user_id():
    state = make_state("ann")

    turn = begin(state, make_event("", anon("a"), user("bob"), type="identify"), SHOP, NOW)

    assert turn.claimed == [anon("a")]
    assert turn.record.notes == ["not_claimed: limit user #2"]


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
