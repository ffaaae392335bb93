import json
from pathlib import Path

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.domain.errors import CodecError
from actors.domain.instants import format_instant
from actors.domain.scores import Score, ScoreRow, Scores
from actors.wire import records
from actors.wire import records as records_wire
from actors.wire import state as state_wire
from actors.wire.codec import pack, unpack
from actors.wire.messages import (
    Answer,
    Code,
    Routed,
    pack_answers,
    pack_item,
    pack_request,
    unpack_answers,
    unpack_request,
)
from actors.wire.records import pack_turn, unpack_turn
from actors.wire.replies import reply_json
from actors.wire.scoring import pack_rows, pack_scores, unpack_rows, unpack_scores
from actors.wire.state import pack_state, unpack_state
from tests.builders import NOW, make_event, make_state, order, question, take
from tests.strategies import effects, events, responses, states

GOLDEN = Path(__file__).parents[2] / "replay"


@given(states)
def test_a_state_reads_back_equal(state):
    assert unpack_state(pack_state(state)) == state


@given(
    items=st.lists(st.tuples(events | responses, st.integers(0, 2**62), st.booleans()), max_size=4)
)
def test_a_request_reads_back_equal_and_in_order(items):
    routed = [Routed(*item) for item in items]

    assert unpack_request(pack_request([pack_item(one) for one in routed])) == routed


@given(
    event=st.none() | events,
    response=st.none() | responses,
    timer=st.none() | st.tuples(st.text(max_size=5), st.text(max_size=5), st.text(max_size=5)),
    made=st.lists(effects, max_size=3),
    notes=st.lists(st.text(st.characters(exclude_categories=("Cs",)), max_size=9), max_size=3),
)
def test_a_turn_reads_back_equal(event, response, timer, made, notes):
    record = records.TurnRecord(
        at_ms=NOW,
        received_at_ms=NOW,
        event=event,
        response=response,
        timer=timer,
        notes=notes,
        effects=made,
    )

    assert unpack_turn(pack_turn(record)) == record


def test_a_turn_with_a_decision_reads_back_equal():
    for event in (question(placements=("hero", "basket")), order()):
        record = take(make_state(), event).record

        assert unpack_turn(pack_turn(record)) == record


@given(
    st.lists(
        st.builds(
            Answer,
            st.sampled_from(Code),
            st.binary(max_size=20),
            st.text(st.characters(exclude_categories=("Cs",)), max_size=9),
            st.integers(0, 2**62),
            st.floats(0, 60),
        ),
        max_size=5,
    )
)
def test_answers_read_back_equal_in_what_their_code_promises(answers):
    again = unpack_answers(pack_answers(answers))

    assert [(a.code, a.body, a.detail) for a in again] == [
        (a.code, a.body, a.detail) for a in answers
    ]
    for before, after in zip(answers, again, strict=True):
        if before.code > Code.DUPLICATE:
            assert after == before


def test_propensities_read_back_equal():
    rows = [ScoreRow("a/b/c", "gold", 0.1), ScoreRow("ä", "", 0.5)]
    scores = Scores("m", "7", prior=False, rows=(Score(0.25, 3.0), Score(1.0, 0.0)))

    assert unpack_rows(pack_rows(rows)) == rows
    assert unpack_scores(pack_scores(scores)) == scores


@pytest.mark.parametrize("read", [unpack_state, unpack_turn], ids=["state", "turn"])
def test_every_damaged_byte_but_that_of_an_older_version_is_detected(read):
    turn = take(make_state(), question())
    whole = pack_state(turn.state) if read is unpack_state else pack_turn(turn.record)
    assert read(whole)

    for i in range(1, len(whole)):
        damaged = bytearray(whole)
        damaged[i] ^= 0x10
        with pytest.raises(CodecError, match="checksum"):
            read(bytes(damaged))
    for cut in (0, 1, 4):
        with pytest.raises(CodecError, match="cut short"):
            read(whole[:cut])
    for cut in (5, len(whole) - 1):
        with pytest.raises(CodecError, match="checksum"):
            read(whole[:cut])


@pytest.mark.parametrize(
    ("read", "version"),
    [(unpack_state, state_wire.VERSION), (unpack_turn, records_wire.VERSION)],
    ids=["state", "turn"],
)
def test_bytes_of_a_newer_version_are_refused_by_name(read, version):
    newer = pack(version + 1, [])

    with pytest.raises(CodecError, match=f"version {version + 1}, this is version {version}"):
        read(newer)


def test_a_state_from_before_attributes_and_patterns_is_read_with_none_of_them():
    state = take(make_state(), question()).state
    fields = unpack(pack_state(state), state_wire.VERSION, {}, "state")

    assert unpack_state(pack(1, fields[:10])) == state


def test_older_bytes_are_lifted_step_by_step():
    upcasts = {1: lambda v: [*v, "two"], 2: lambda v: [*v, "three"]}

    assert unpack(pack(1, ["one"]), 3, upcasts, "x") == ["one", "two", "three"]
    assert unpack(pack(2, ["2"]), 3, upcasts, "x") == ["2", "three"]


def test_a_request_of_an_unknown_version_is_refused():
    with pytest.raises(ValueError, match="unknown request version 9, expected 1"):
        unpack_request(msgpack.packb(9) + msgpack.packb([]))


@pytest.mark.parametrize(
    ("at_ms", "text"),
    [
        (0, "1970-01-01T00:00:00.000Z"),
        (NOW + 7, "2027-01-15T08:00:00.007Z"),
        (-1, "1969-12-31T23:59:59.999Z"),
    ],
)
def test_instants_are_written_in_utc_with_milliseconds(at_ms, text):
    assert format_instant(at_ms) == text


@pytest.mark.parametrize("at_ms", [-(10**15), 10**15])
def test_every_instant_can_be_written(at_ms):
    assert format_instant(at_ms).endswith("Z")


def test_the_first_answer_and_every_later_one_are_made_from_the_same_record():
    state = make_state()
    record = take(state, question()).record

    first = json.loads(reply_json(record, state.number, 1, 2))
    again = json.loads(
        reply_json(unpack_turn(pack_turn(record)), state.number, 1, 2, duplicate=True)
    )

    assert (first.pop("status"), again.pop("status")) == ("accepted", "duplicate")
    assert first == again
    assert len(first["actions"]) == 1


def test_states_of_version_1_stay_readable():
    state = unpack_state((GOLDEN / "state_v1.bin").read_bytes())

    profile, conversation = state.profile, state.conversation
    assert (state.number, state.partition, state.seq, state.generation) == (77, 3, 8, 1)
    assert [str(i) for i in state.identities] == ["user:ann", "anon:a-1"]
    assert [str(i) for i in state.linked] == ["anon:b-2"]
    assert profile.traits == {"name": "Änn", "age": 30, "tags": ["x", {"y": None}]}
    assert (profile.purchases.orders, profile.purchases.spend_minor) == (2, -5)
    assert profile.departments["FRUIT"].items == 4
    assert profile.channels["web"].events == 6
    assert profile.responses["a/b/c"].refused == 4
    assert profile.contacts[0].purpose == "marketing"
    assert profile.consents["email|marketing"].status == "granted"
    assert (profile.views, profile.late_events) == ({"FRUIT": 9}, 5)
    assert conversation.turns[0].about == "Product Added"
    assert (conversation.cart_id, conversation.cart_minor) == ("c1", 250)
    assert (state.effects[0].outcome, state.effects[0].label) == ("click", 1)
    assert state.timers[0].data == {"cart_id": "c1"}


def test_turns_of_version_1_stay_readable():
    record = unpack_turn((GOLDEN / "turn_v1.bin").read_bytes())

    assert (record.at_ms, record.received_at_ms) == (NOW - 5, NOW)
    assert record.event.name == "Order Completed"
    assert record.event.identities == make_event("x").identities
    assert record.notes == ["late"]
    assert record.decision.model == "fixed"
    assert record.decision.given.proposals[0].trigger == "thank"
    assert record.effects[0].action == "message/care/thanks"
    assert [(s.taken, s.refused) for s in record.lessons] == [(1, -1)]


def test_requests_of_version_1_stay_readable():
    event, answer = unpack_request((GOLDEN / "request_v1.bin").read_bytes())

    assert (event.item.name, event.number, event.dry_run) == ("Order Completed", 0, True)
    assert (answer.item.outcome, answer.number, answer.item.value_minor) == ("click", 77, 250)
