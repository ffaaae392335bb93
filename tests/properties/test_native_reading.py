"""The two ways of reading a state make the same of the same bytes, whatever these are."""

from dataclasses import fields, is_dataclass
from pathlib import Path
from zlib import crc32

import msgpack
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from actors.domain.errors import CodecError
from actors.wire import native_reading, native_state_reading
from actors.wire.codec import HEAD, pack
from actors.wire.state import (
    VERSION,
    identities_in,
    pack_state,
    state_fields,
    state_from_values,
    unpack_state,
)
from tests.builders import make_state, order, question, take
from tests.strategies import values
from tests.whole_states import EDGES, whole_states

GOLDEN = Path(__file__).parents[1] / "replay"
UNREADABLE = (TypeError, ValueError, LookupError, AttributeError, CodecError)


def same(a, b):
    """Return whether two values are equal, and all in them of the same types and in the same order."""
    if type(a) is not type(b):
        return False
    if is_dataclass(a):
        return all(same(getattr(a, each.name), getattr(b, each.name)) for each in fields(a))
    if isinstance(a, dict):
        return same([*a.items()], [*b.items()])
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(same, a, b))
    return a == b or a != a


def natively(data):
    return native_state_reading.unpacked(VERSION, data)


def sealed(body):
    """Return bytes whose checksum is right, whatever they hold."""
    whole = bytearray(pack(VERSION, None))
    whole[1:] = (crc32(body, VERSION) ^ 0x52544D45).to_bytes(4, "big") + body
    return bytes(whole)


def agree(data):
    """Check that whatever is read directly is what is read by way of values, and that nothing else is said."""
    found = natively(data)
    try:
        expected = state_from_values(data)
    except UNREADABLE:
        assert found is None
        with pytest.raises(CodecError):
            unpack_state(data)
        return
    assert found is None or same(found, expected)
    assert same(unpack_state(data), expected)


def some_state():
    state = make_state()
    for event in (order(), question(placements=("hero", "basket"))):
        take(state, event)
    return state


SOME = pack_state(some_state())


def reader_of(value):
    return native_reading.Reader(b"\0" * HEAD + msgpack.packb(value), HEAD)


@given(whole_states)
def test_whatever_a_state_holds_is_read_as_by_way_of_values(state):
    data = pack(VERSION, state_fields(state))
    expected = state_from_values(data)

    assert same(natively(data), expected)
    assert same(unpack_state(data), expected)
    assert native_state_reading.identities(VERSION, data) == tuple(state.identities)
    assert identities_in(data) == tuple(state.identities)


def test_a_state_is_read_directly_turn_by_turn():
    state = make_state()
    for event in (order(), question(placements=("hero", "basket"))):
        take(state, event)
        data = pack_state(state)

        assert natively(data) == state_from_values(data) == state


@given(st.data())
def test_rows_that_lack_fields_or_have_others_are_read_alike(data):
    body = msgpack.unpackb(SOME[HEAD:], strict_map_key=False)
    for _ in range(data.draw(st.integers(1, 3))):
        change(body, data)

    agree(sealed(msgpack.packb(body)))


def change(body, data):
    """Change one value somewhere in nested lists and mappings."""
    inside = body
    while True:
        places = range(len(inside)) if isinstance(inside, list) else list(inside)
        if not places:
            return
        place = data.draw(st.sampled_from(places))
        deeper = inside[place]
        if isinstance(deeper, list | dict) and deeper and data.draw(st.integers(0, 4)):
            inside = deeper
            continue
        what = data.draw(st.sampled_from(["drop", "longer", "other", "place"]))
        if what == "other":
            inside[place] = data.draw(values | st.binary(max_size=3))
        elif what == "place":
            inside[place] = data.draw(st.integers(-3, 130))
        elif isinstance(inside, dict):
            del inside[place]
        elif what == "drop":
            del inside[-1]
        else:
            inside.append(data.draw(values))
        return


@given(whole_states, st.data())
def test_flipped_bits_under_a_sound_checksum_are_read_alike(state, data):
    body = bytearray(pack(VERSION, state_fields(state))[HEAD:])
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(body) - 1))
        body[place] ^= 1 << data.draw(st.integers(0, 7))

    agree(sealed(bytes(body)))


@given(st.binary(max_size=60))
@example(b"")
@example(b"\xdd\xff\xff\xff\xff")
@example(b"\x91" * 10_000)
def test_any_bytes_under_a_sound_checksum_are_read_alike(body):
    agree(sealed(body))


def test_a_row_that_is_cut_or_goes_on_is_refused():
    body = SOME[HEAD:]
    for data in (*(sealed(body[:n]) for n in range(len(body))), sealed(body + b"\0")):
        assert natively(data) is None
        with pytest.raises(CodecError, match="fields do not fit"):
            unpack_state(data)


@pytest.mark.parametrize("tag", [0xDB, 0xC6, 0xDD, 0xDF, 0xDA, 0xDC, 0xDE, 0xD9])
def test_lengths_that_lie_are_not_believed(tag):
    body = SOME[HEAD:]
    for place in range(len(body)):
        lying = body[:place] + bytes((tag, 0xFF, 0xFF, 0xFF, 0xFF)) + body[place + 1 :]
        assert natively(sealed(lying)) is None


def test_a_wrong_checksum_is_said_before_anything_is_read():
    for i in range(1, len(SOME)):
        damaged = bytearray(SOME)
        damaged[i] ^= 0x10
        for read in (natively, unpack_state, identities_in):
            with pytest.raises(CodecError, match="checksum does not match"):
                read(bytes(damaged))


@pytest.mark.parametrize("n", range(HEAD))
def test_what_is_shorter_than_a_head_is_said_to_be_cut(n):
    assert natively(SOME[:n]) is None
    for read in (unpack_state, identities_in):
        with pytest.raises(CodecError, match="cut short"):
            read(SOME[:n])


def test_a_row_with_a_checksum_from_before_it_covered_the_version_is_read():
    body = SOME[HEAD:]
    old = SOME[:1] + crc32(body).to_bytes(4, "big") + body

    assert same(natively(old), natively(SOME))
    assert identities_in(old) == identities_in(SOME)


def test_rows_of_other_versions_are_left_to_the_other_way():
    old = (GOLDEN / "state_v1.bin").read_bytes()
    newer = pack(VERSION + 1, [])

    assert natively(old) is None
    assert native_state_reading.identities(VERSION, old) is None
    assert identities_in(old) == tuple(unpack_state(old).identities)
    assert natively(newer) is None
    for read in (unpack_state, identities_in):
        with pytest.raises(CodecError, match=f"version {VERSION + 1}, this is version {VERSION}"):
            read(newer)


@given(values)
def test_a_value_of_any_kind_is_read_as_msgpack_reads_it(value):
    assert same(native_reading.get(reader_of(value), 0), msgpack.unpackb(msgpack.packb(value)))


@pytest.mark.parametrize("number", EDGES)
def test_whole_numbers_of_all_sizes_are_read(number):
    assert same(native_reading.get_int(reader_of(number)), number)
    assert same(native_reading.get(reader_of(number), 0), number)


@given(st.lists(st.text("ab", max_size=42) | st.text("aä☃", max_size=20), max_size=60))
def test_texts_that_come_again_are_never_taken_for_others(texts):
    for read in (native_reading.get_name, native_reading.get_text):
        r = reader_of(texts)
        assert native_reading.list_length(r) == len(texts)
        assert [read(r) for _ in texts] == texts
        assert r.at == r.size


@pytest.mark.parametrize("size", [0, 15, 16, 31, 32, 255, 256, 65_535, 65_536])
def test_lengths_of_all_sizes_are_read(size):
    for value in ("x" * size, [0] * size, dict.fromkeys(range(size), True)):
        assert native_reading.get(reader_of(value), 0) == value


@pytest.mark.parametrize("value", [b"x", msgpack.ExtType(1, b"x"), msgpack.Timestamp(1, 0)])
def test_what_is_rare_is_left_to_msgpack(value):
    with pytest.raises(ValueError, match="not a text"):
        native_reading.get(reader_of([value]), 0)


def test_what_is_nested_deeply_is_left_to_msgpack():
    value = 1.5
    for _ in range(200):
        value = [value]

    with pytest.raises(ValueError, match="too deep"):
        native_reading.get(reader_of(value), 0)
