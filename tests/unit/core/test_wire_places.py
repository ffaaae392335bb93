"""Keys of actions are written once in a state, and read wherever they stand."""

from actors.wire.conversation import conversation_fields, conversation_from_fields
from actors.wire.profile import places_of
from actors.wire.state import pack_state, unpack_state
from tests.builders import BANNER, NOW, make_event, make_state, order, take


def said_often():
    state = make_state()
    take(state, order(at=NOW), NOW)
    for i in range(6):
        at = NOW + i * 60_000
        seen = make_event(id=f"q{i}", at=at, placements=("hero",), max_actions=1, channel="web")
        take(state, seen, at)
    return state


def test_a_state_holds_the_key_of_an_action_once():
    state = said_often()

    packed = pack_state(state)

    assert len([e for e in state.effects if e.action == BANNER]) == 6
    assert packed.count(BANNER.encode()) == 1
    assert unpack_state(packed) == state


def test_an_action_without_a_place_stands_for_itself():
    state = said_often()
    state.profile.responses.clear()

    packed = pack_state(state)

    assert packed.count(BANNER.encode()) > 6
    assert unpack_state(packed) == state


def test_a_conversation_with_keys_in_full_is_read_as_before():
    state = said_often()
    places = places_of(state.profile)

    short = conversation_fields(state.conversation, places)
    full = [list(turn) for turn in conversation_fields(state.conversation)[0]]

    assert any(type(turn[3]) is int for turn in short[0])
    again = conversation_from_fields([full, *short[1:]], list(places))
    assert again.turns == state.conversation.turns
