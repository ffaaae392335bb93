"""Customers who are kept decoded between their turns are as those who are read anew."""

import asyncio
import dataclasses
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.session import Session
from actors.session.activations import Activation, Activations
from actors.stores.memory import MemoryStore
from actors.wire.state import unpack_state
from tests.builders import World, added, consent, make_event, number_of, order, question, user
from tests.doubles.faults import FailNext

ANN, BOB = number_of(user("ann")), number_of(user("bob"))

NESTED = {"address": {"city": "Graz", "lines": ["a", "b"]}, "age": 3, "rate": 1.5, "vip": True}
KINDS = {
    "order": lambda who, i: order(10 + i, who, id=f"m{i}"),
    "added": lambda who, i: added(f"c{i % 3}", who, id=f"m{i}"),
    "consent": lambda who, i: consent(who, id=f"m{i}", granted=i % 2 == 0),
    "question": lambda who, i: question(who, id=f"m{i}"),
    "traits": lambda who, i: make_event("", who, type="identify", traits=NESTED, id=f"m{i}"),
    "login": lambda who, i: make_event("Seen", user(who), user(f"{who}{i}"), id=f"m{i}"),
}
groups = st.lists(
    st.lists(
        st.tuples(st.sampled_from(sorted(KINDS)), st.sampled_from(["ann", "bob"])), max_size=4
    ),
    min_size=1,
    max_size=6,
)


def in_memory(hot):
    """A world whose session keeps so many decoded."""
    store = MemoryStore()
    world = World(FailNext(store), store)
    kept = Activations(1000, 10_000_000, hot)
    world.session = Session(
        world.store, world.scorer, world.ids, world.clock, kept, world.epochs.get
    )
    return world


def differ(one, other, at=""):
    """Return where two values differ, in value or in type; empty for nowhere."""
    if type(one) is not type(other):
        return f"{at}: {type(one).__name__} and {type(other).__name__}"
    if dataclasses.is_dataclass(one):
        names = [each.name for each in dataclasses.fields(one)]
        pairs = [(name, getattr(one, name), getattr(other, name)) for name in names]
    elif isinstance(one, dict):
        if list(one) != list(other):
            return f"{at}: keys {list(one)} and {list(other)}"
        pairs = [(key, one[key], other[key]) for key in one]
    elif isinstance(one, list | tuple):
        if len(one) != len(other):
            return f"{at}: {len(one)} and {len(other)}"
        pairs = [(i, *both) for i, both in enumerate(zip(one, other, strict=True))]
    else:
        return "" if one == other else f"{at}: {one!r} and {other!r}"
    return next((found for name, a, b in pairs if (found := differ(a, b, f"{at}.{name}"))), "")


@given(groups)
def test_what_is_stored_is_the_same_whether_states_are_kept_or_read_anew(told):
    warm, cold = in_memory(hot=8), in_memory(hot=0)
    ids = count()
    for group in told:
        numbered = [(kind, who, next(ids)) for kind, who in group]
        for world in (warm, cold):
            world.clock.now_ms += 60_000
            world.jobs(*[KINDS[kind](who, i) for kind, who, i in numbered])

    for number in (ANN, BOB):
        assert warm.row(number) == cold.row(number)
        assert asyncio.run(warm.truth.timeline(number, None, (), 99)) == asyncio.run(
            cold.truth.timeline(number, None, (), 99)
        )


@given(groups)
def test_what_is_kept_decoded_is_just_what_was_packed(told):
    world, ids = in_memory(hot=8), count()
    for group in told:
        world.jobs(*[KINDS[kind](who, next(ids)) for kind, who in group])
        for number in (ANN, BOB):
            active = world.session.activations.get(number)
            if active is None:
                continue
            kept = world.session.activations.decoded(active)
            assert kept is not None
            assert differ(kept, unpack_state(active.state)) == ""
            world.session.activations.put(active, kept)


def test_what_a_lost_commit_has_changed_is_not_kept():
    world = in_memory(hot=8)
    world.reply(order(1, id="m1"))
    world.store.fail("commit", "before")

    assert world.codes(order(2, id="m2")) == ["RETRY"]
    assert world.codes(order(2, id="m2")) == ["ACCEPTED"]

    assert world.state(ANN).profile.purchases.spend_minor == 300


@pytest.mark.python_core
def test_what_a_failed_turn_has_changed_is_not_kept(monkeypatch):
    world = in_memory(hot=8)
    world.reply(order(1, id="m1"))

    def broken(turn, playbook):
        raise ValueError("after all that the turn has changed")

    with monkeypatch.context() as patched:
        patched.setattr("actors.turn.acting.feed", broken)
        assert world.codes(order(5, id="m5")) == ["FAILED"]
    world.reply(order(2, id="m2"))

    assert world.state(ANN).seq == 2
    assert world.state(ANN).profile.purchases.spend_minor == 300


def active(number, state=b"state"):
    return Activation(number, 1, 1, state, 0, (user(f"u{number}"),))


def test_a_decoded_state_is_lent_once_and_only_for_the_bytes_that_it_equals():
    world = in_memory(hot=8)
    world.reply(order(1, id="m1"))
    activations = world.session.activations
    known = activations.get(ANN)
    kept = activations.decoded(known)

    assert kept.seq == 1
    assert activations.decoded(known) is None

    activations.put(known, kept)
    other = dataclasses.replace(known, state=bytes([*known.state, 0]))
    assert activations.decoded(other) is None


@pytest.mark.python_core
def test_no_more_are_kept_decoded_than_fit_and_who_was_not_used_for_longest_goes():
    kept = Activations(10, 1_000, 2)
    states = {number: object() for number in (1, 2, 3)}
    rows = {number: active(number) for number in states}
    for number in (1, 2):
        kept.put(rows[number], states[number])
    kept.put(rows[1], states[1])
    kept.put(rows[3], states[3])

    assert len(kept) == 3
    assert kept.decoded(rows[1]) is states[1]
    assert kept.decoded(rows[2]) is None
    assert kept.decoded(rows[3]) is states[3]


@pytest.mark.python_core
def test_who_is_forgotten_is_not_kept_decoded_either():
    for forget in (
        lambda kept: kept.drop(1),
        lambda kept: kept.drop_partitions({1}),
        lambda kept: kept.passivate(1),
        lambda kept: kept.clear(),
    ):
        kept = Activations(10, 1_000, 2)
        row = active(1)
        kept.put(row, object())
        forget(kept)
        assert kept.decoded(row) is None
