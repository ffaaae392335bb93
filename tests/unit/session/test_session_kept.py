"""States that stay objects between turns: what bytes would say, and what is undone."""

from itertools import count

import pytest
from hypothesis import given

from actors.domain.errors import UnkeptError
from actors.session import Session
from actors.session.activations import Activations
from actors.session.keeping import Kept
from actors.simulation.store import PopulationStore
from actors.turn import decide
from actors.wire.state import pack_state, unpack_state
from tests.builders import World, make_state, order, user
from tests.unit.session.test_session_hot import ANN, BOB, KINDS, differ, groups


def in_process(kept, failing=(False,)):
    """A world of a population's store; with `kept`, states stay objects; turns fail while `failing[0]`."""

    def deciding(*given):
        if failing[0]:
            raise KeyError("nobody had thought of this")
        decide(*given)

    store = PopulationStore({ANN: 0, BOB: 1}, kept)
    world = World(store, store)
    world.session = Session(
        *(world.store, world.scorer, world.ids, world.clock, Activations(10, 1 << 30, 0, kept)),
        world.epochs.get,
        deciding,
    )
    return world


@given(groups)
def test_states_are_the_same_whether_they_stay_objects_or_are_packed_at_every_commit(told):
    kept = Kept()
    objects, packed = in_process(kept), in_process(None)
    ids = count()
    for group in told:
        numbered = [(kind, who, next(ids)) for kind, who in group if kind != "login"]
        for world in (objects, packed):
            world.clock.now_ms += 60_000
            world.jobs(*[KINDS[kind](who, i) for kind, who, i in numbered])
        if len(group) % 2:  # sometimes somebody asks for bytes in between
            assert objects.store.rows.states() == packed.store.rows.states()
    assert objects.store.rows.states() == packed.store.rows.states()
    for number in (ANN, BOB):
        held = kept.lend(number)
        if held is not None:
            assert not differ(held, unpack_state(packed.store.rows.state(number)))


def test_a_turn_that_fails_where_nothing_was_packed_says_whose_it_was():
    kept = Kept()
    kept.keep(7, make_state())
    with pytest.raises(UnkeptError, match="customer 7"):
        kept.undo(7)


def test_a_commit_makes_the_bytes_from_before_it_worthless():
    kept = Kept()
    state = make_state()
    kept.keep(7, state)
    first = kept.packed(7)
    state.seq += 1
    kept.keep(7, state)
    assert kept.packed(7) == pack_state(state) != first
    kept.keep(7, state)
    with pytest.raises(UnkeptError):
        kept.undo(7)


def test_nobody_who_is_new_or_is_read_from_bytes_has_anything_to_undo():
    kept = Kept()
    kept.undo(7)
    assert kept.lend(7) is None
    assert kept.packed(7) == b""


def test_a_state_that_bytes_cannot_hold_is_named():
    kept = Kept()
    state = make_state()
    state.attributes["far"] = 1 << 70
    kept.keep(7, state)
    with pytest.raises(UnkeptError, match="customer 7"):
        kept.packed(7)


def test_a_failing_turn_of_somebody_kept_ends_the_run_of_the_session_and_of_somebody_new_does_not():
    kept = Kept()
    failing = [False]
    world = in_process(kept, failing)
    world.jobs(order(10, "ann", id="a"))
    failing[0] = True
    with pytest.raises(UnkeptError):
        world.jobs(order(11, "ann", id="b"))
    jobs = world.jobs(order(12, "bob", id="c"))
    assert [each.answer.code.name for each in jobs] == ["FAILED"]


def test_a_failing_turn_after_somebody_asked_for_bytes_is_as_if_it_had_not_been():
    kept = Kept()
    failing = [False]
    world = in_process(kept, failing)
    world.jobs(order(10, "ann", id="a"))
    before = world.store.rows.state(ANN)
    failing[0] = True
    jobs = world.jobs(order(11, "ann", id="b"))
    assert [each.answer.code.name for each in jobs] == ["FAILED"]
    assert pack_state(kept.lend(ANN)) == before == world.store.rows.state(ANN)


def test_users_are_found_by_identity_when_their_activation_is_gone():
    kept = Kept()
    world = in_process(kept)
    world.jobs(order(10, "ann", id="a"))
    world.session.activations.drop(ANN)
    world.jobs(order(11, "ann", id="b"))
    assert unpack_state(world.store.rows.state(ANN)).seq == 2
    assert user("ann") in kept.lend(ANN).identities
