import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.domain.errors import CodecError
from actors.domain.journeys import Instance, Journeys, Recent, Scope, Token
from actors.wire.journeys import journeys_fields, journeys_from_fields
from tests.unit.scenarios.travels import Trip, case, listen, pause, scenario

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
moments = st.integers(-(2**40), 2**45)
small = st.integers(0, 2**40)
values = st.one_of(
    texts, st.booleans(), st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False)
)
data = st.dictionaries(texts, values, max_size=3)
effects = st.tuples(small, small, small)
tokens = st.builds(
    Token,
    id=small,
    step=texts,
    scope=small,
    since_ms=moments,
    due_ms=moments,
    late_ms=small,
    try_ms=moments,
    said=small,
    heard=st.dictionaries(st.integers(0, 9), st.lists(moments, max_size=3), max_size=2),
    call=effects,
)
scopes = st.builds(Scope, id=small, fork=texts, parent=small, arrived=small, due_ms=moments)
instances = st.builds(
    Instance,
    id=small,
    scenario=texts,
    digest=texts,
    key=texts,
    started_ms=moments,
    began_seq=small,
    data=data,
    tokens=st.lists(tokens, max_size=3),
    scopes=st.lists(scopes, max_size=2),
    sent=st.lists(effects, max_size=3),
    rounds=st.dictionaries(texts, small, max_size=2),
    met=st.lists(texts, max_size=2),
    next_id=st.integers(1, 2**40),
)
pairs = st.tuples(texts, texts)
all_journeys = st.builds(
    Journeys,
    next_id=st.integers(1, 2**40),
    instances=st.lists(instances, max_size=3),
    starts=st.dictionaries(pairs, moments, max_size=3),
    queued=st.lists(st.tuples(texts, texts, moments, data), max_size=2),
    patterns=st.dictionaries(
        st.tuples(texts, texts, texts), st.lists(moments, min_size=1, max_size=3), max_size=2
    ),
    recent=st.lists(
        st.builds(Recent, key=texts, at_ms=moments, seq=small, properties=data), max_size=2
    ),
)


def packed(journeys):
    return msgpack.packb(journeys_fields(journeys))


def unpacked(data):
    return journeys_from_fields(msgpack.unpackb(data, strict_map_key=False))


@given(all_journeys)
def test_what_is_packed_comes_back_equal_and_in_the_same_order(journeys):
    back = unpacked(packed(journeys))

    assert back == journeys
    assert list(back.starts) == list(journeys.starts)
    assert list(back.patterns) == list(journeys.patterns)
    assert packed(back) == packed(journeys)


def test_whoever_is_in_no_scenario_costs_one_byte():
    assert len(packed(Journeys())) == 1
    assert len(packed(Journeys(next_id=5))) == 3


def test_an_instance_costs_little_more_than_its_names_and_its_start():
    trip = Trip(scenario(listen("wait", case("A")), digest="d" * 16, name="abandoned_cart"))
    trip.hear("Begin")

    assert len(packed(trip.journeys)) <= 60


def test_packing_does_not_change_what_is_packed():
    trip = Trip(scenario(pause()))
    trip.hear("Begin")
    before = repr(trip.journeys)

    packed(trip.journeys)

    assert repr(trip.journeys) == before


def test_what_a_newer_version_wrote_is_refused():
    with pytest.raises(CodecError, match="version 2"):
        journeys_from_fields([2, 1])
