"""The two ways of packing a state write the same bytes."""

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st
from librt.strings import BytesWriter

from actors.wire import native_state, native_writing
from actors.wire.codec import pack
from actors.wire.state import VERSION, pack_state, state_fields, unpack_state
from tests.builders import make_state, order, question, take
from tests.strategies import values
from tests.whole_states import EDGES, whole_states


def written(value):
    w = BytesWriter()
    native_writing.put(w, value)
    return w.getvalue()


@given(whole_states)
def test_whatever_a_state_holds_is_written_as_it_is_flattened(state):
    assert native_state.packed(VERSION, state) == pack(VERSION, state_fields(state))


def test_a_state_written_directly_reads_back_equal_turn_by_turn():
    state = make_state()
    for event in (order(), question(placements=("hero", "basket"))):
        take(state, event)
        data = pack_state(state)

        assert data == native_state.packed(VERSION, state) == pack(VERSION, state_fields(state))
        assert unpack_state(data) == state


@given(values)
def test_a_value_of_any_kind_is_written_as_msgpack_writes_it(value):
    assert written(value) == msgpack.packb(value)


@given(st.text(max_size=40))
def test_a_text_of_any_letters_is_written_as_msgpack_writes_it(text):
    try:
        expected = msgpack.packb([text, text])
    except UnicodeEncodeError:
        with pytest.raises(UnicodeEncodeError):
            written([text, text])
    else:
        assert written([text, text]) == expected


@pytest.mark.parametrize("number", EDGES)
def test_whole_numbers_take_the_shortest_form_as_in_msgpack(number):
    assert written(number) == msgpack.packb(number)


@pytest.mark.parametrize("size", [0, 15, 16, 31, 32, 255, 256, 65_535, 65_536])
@pytest.mark.parametrize(
    "make",
    [
        lambda n: "x" * n,
        lambda n: b"x" * n,
        lambda n: [0] * n,
        lambda n: (None,) * n,
        lambda n: dict.fromkeys(range(n), True),
    ],
    ids=["text", "bytes", "list", "tuple", "mapping"],
)
def test_lengths_take_the_shortest_form_as_in_msgpack(make, size):
    assert written(make(size)) == msgpack.packb(make(size))


def test_what_is_nested_deeply_is_written_as_msgpack_writes_it():
    value = 1.5
    for _ in range(200):
        value = [{"in": (value, "x")}]

    assert written(value) == msgpack.packb(value)


@pytest.mark.parametrize(
    ("value", "error"),
    [(2**64, OverflowError), (-(2**63) - 1, OverflowError), (object(), TypeError)],
    ids=["too large", "too small", "an object"],
)
def test_what_msgpack_refuses_is_refused(value, error):
    for write in (written, msgpack.packb):
        with pytest.raises(error):
            write([value])


def test_half_of_a_surrogate_pair_is_refused_as_by_msgpack():
    for write in (written, msgpack.packb):
        with pytest.raises(UnicodeEncodeError):
            write(["\ud800"])
