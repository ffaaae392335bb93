"""Patterns of any customer: merging, late events, survival."""

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.patterns import (
    absence_due_at_ms,
    absent,
    last_visit_at_ms,
    merge,
    observe,
    survival,
    usual_categories,
    usual_channels,
)

START_MS = 1_780_272_000_000
HOUR_MS = 3_600_000

events = st.tuples(
    st.integers(0, 9_000),
    st.sampled_from(["web", "store", "app"]),
    st.none() | st.integers(-500, 10_000_000),
    st.lists(st.sampled_from("abcdef"), unique=True, max_size=4),
)
histories = st.lists(events, max_size=40)


def see(known, event, start_ms=START_MS):
    hours, channel, spend_minor, categories = event
    return observe(known, start_ms + hours * HOUR_MS, channel, spend_minor, categories)


def learned(history):
    known = []
    for event in sorted(history, key=lambda event: event[0]):
        see(known, event)
    return known


def flat(value):
    if isinstance(value, list):
        return [number for part in value for number in flat(part)]
    if isinstance(value, dict):
        return [number for key in sorted(value) for number in flat(value[key])]
    return [value] if isinstance(value, int | float) else []


@given(histories, histories)
def test_merging_is_commutative(one, other):
    a, b = learned(one), learned(other)

    assert flat(merge(a, b)) == pytest.approx(flat(merge(b, a)))


@given(histories, histories, histories)
def test_merging_is_associative(one, other, third):
    a, b, c = learned(one), learned(other), learned(third)

    left, right = merge(merge(a, b), c), merge(a, merge(b, c))

    assert flat(left) == pytest.approx(flat(right), rel=1e-6, abs=1e-6)


@given(histories)
def test_merging_with_nothing_changes_nothing(history):
    known = learned(history)

    assert merge(known, []) == merge([], known) == known


@given(histories, histories)
def test_events_in_any_order_never_move_the_last_visit_back_and_late_ones_alarm_nobody(
    history, late
):
    known = learned(history)
    for event in late:
        last_ms = last_visit_at_ms(known)
        is_late = START_MS + event[0] * HOUR_MS < last_ms
        bought_before = known[5] if known else 0

        found = see(known, event)

        assert last_visit_at_ms(known) >= last_ms
        if is_late and START_MS + event[0] * HOUR_MS < bought_before:
            assert found == []


@given(histories)
def test_stored_and_read_back_they_go_on_alike(history):
    known, stored = [], []
    for event in history:
        found = see(known, event)
        stored = msgpack.unpackb(msgpack.packb(stored))

        assert see(stored, event) == found
    assert stored == known
    assert len(msgpack.packb(known)) <= 400


@given(histories, st.floats(0.0005, 0.3), st.integers(0, 1000))
def test_an_absence_is_due_exactly_when_survival_has_fallen_to_the_level(history, level, hours):
    known = learned(history)

    due_ms = absence_due_at_ms(known, level)

    if due_ms:
        assert due_ms > last_visit_at_ms(known)
        assert survival(known, due_ms) <= level * 1.0001
        assert survival(known, due_ms + hours * HOUR_MS) <= survival(known, due_ms)
        assert absent(known, due_ms - 1, level) is None
        assert absent(known, due_ms + hours * HOUR_MS, level) is not None
        assert absence_due_at_ms(known, level) == 0
    else:
        assert absent(known, START_MS * 2, level) is None


@given(histories)
def test_whatever_is_found_has_a_strength_and_shares_between_nought_and_one(history):
    known = []
    found = [deviation for event in history for deviation in see(known, event)]

    assert all(0 <= deviation.strength <= 1 for deviation in found)
    assert all(deviation.surprise >= 0 for deviation in found)
    shares = [*usual_channels(known).values(), *usual_categories(known).values()]
    assert all(0 <= share <= 1 for share in shares)
