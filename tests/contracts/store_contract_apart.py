"""The part of the store's contract about customers with partitions of their own."""

import pytest

from actors.domain.ids import PARTITIONS
from actors.ports import Claim, Erasure, PartitionRow
from tests.contracts.store_support import (
    COMMITTED,
    FENCED,
    FOREIGN_P,
    ME,
    NOW,
    OTHER,
    RACE_LOST,
    P,
    change,
    commit,
    customer,
    due,
    effect,
    effects,
    message,
    owned,
    permitted,
    run,
    state_of,
    timer,
    user,
)

OWN = PARTITIONS
HERE, THERE = (P, 1), (OWN, 1)


def rehome(store, of=HERE, to=THERE, number=1):
    return run(store.rehome(number, of, to))


def lived(store, number=1):
    """A customer with a timer, an effect, an identity and a message; a partition for her alone."""
    owned(store)
    change_of = change(
        number,
        timers_set=[timer("wake", NOW)],
        outbox=[effect(1)],
        identities=[user("ann")],
        messages=[message("m", 1)],
    )
    assert commit(store, change_of, change(number + 1, timers_set=[timer("wake", NOW)])) == [
        COMMITTED,
        COMMITTED,
    ]
    assert run(store.open_partition(OTHER)) == PartitionRow(OWN, OTHER, 1)
    return store


class ApartContract:
    def test_opened_partitions_follow_all_others_and_are_claimed_as_they_are(self, store):
        version = run(store.map_version())

        opened = [run(store.open_partition(owner)) for owner in (ME, OTHER)]

        assert opened == [PartitionRow(OWN, ME, 1), PartitionRow(OWN + 1, OTHER, 1)]
        assert run(store.partitions())[PARTITIONS:] == opened
        assert run(store.map_version()) > version
        assert run(store.claim([(OWN, ME, 1), (OWN + 1, ME, 1)], OTHER)) == {OWN: 2}

    def test_a_customer_is_moved_as_she_is_with_timers_and_effects(self, store):
        lived(store)
        version = run(store.map_version())

        assert rehome(store)

        assert state_of(store, 1) == (OWN, 1, b"state of 1 at 1")
        assert run(store.apart()) == [(1, OWN)]
        assert [(t.number, t.partition) for t in run(store.due_timers(OTHER, NOW, 9))] == [(1, OWN)]
        assert [(t.number, t.partition) for t in run(store.due_timers(ME, NOW, 9))] == [(2, P)]
        assert effects(due(store, owner=OTHER)) == [(1, 1, 0)]
        assert due(store) == []
        assert run(store.map_version()) > version

        assert rehome(store, THERE, HERE)
        assert (state_of(store, 1), run(store.apart())) == ((P, 1, b"state of 1 at 1"), [])
        assert effects(due(store)) == [(1, 1, 0)]

    @pytest.mark.parametrize(
        ("of", "to"),
        [
            ((P, 2), THERE),
            ((P, 0), THERE),
            (HERE, (OWN, 2)),
            (HERE, (OWN + 1, 1)),
            (HERE, HERE),
            ((FOREIGN_P, 1), THERE),
        ],
    )
    def test_she_stays_unless_both_epochs_hold_and_she_is_in_the_first(self, store, of, to):
        lived(store)
        owned(store, FOREIGN_P)
        version = run(store.map_version())

        assert not rehome(store, of, to)

        assert customer(store, 1).partition == P
        assert effects(due(store)) == [(1, 1, 0)]
        assert run(store.map_version()) == version

    def test_nobody_is_moved_who_is_not_there(self, store):
        lived(store)

        assert not rehome(store, number=77)
        assert run(store.apart()) == []

    def test_a_turn_that_began_before_she_moved_loses_the_race(self, store):
        lived(store)
        assert rehome(store)

        assert commit(store, change(1, 1)) == [RACE_LOST]
        assert commit(store, change(1, 1, p=OWN, epoch=2)) == [FENCED]
        assert commit(store, change(1, 1, p=OWN, timers_set=[timer("more", NOW)])) == [COMMITTED]
        timers = {(t.key, t.partition) for t in run(store.due_timers(OTHER, NOW, 9))}
        assert timers == {("wake", OWN), ("more", OWN)}

    def test_a_message_that_was_taken_before_is_taken_nowhere_again(self, store):
        lived(store)
        assert rehome(store)

        again = change(1, 1, p=OWN, messages=[message("m", 2)])

        assert commit(store, again) == [RACE_LOST]

    def test_an_effect_is_claimed_under_the_epoch_of_where_she_is(self, store):
        lived(store)
        items = due(store)
        assert rehome(store)

        def claim(epochs):
            return run(store.outbox_claim(items, epochs, NOW, permitted))

        assert claim({P: 1}) == [Claim.LOST]
        assert claim({P: 1, OWN: 2}) == [Claim.LOST]
        assert claim({OWN: 1}) == [Claim.MINE]

    def test_whoever_takes_over_her_partition_fences_its_owner(self, store):
        lived(store)
        assert rehome(store)
        assert run(store.claim([(OWN, OTHER, 1)], ME)) == {OWN: 2}

        assert commit(store, change(1, 1, p=OWN)) == [FENCED]
        assert not rehome(store, THERE, HERE)
        assert commit(store, change(1, 1, p=OWN, epoch=2)) == [COMMITTED]
        assert rehome(store, (OWN, 2), HERE)

    def test_she_is_merged_and_erased_where_she_is(self, store):
        lived(store)
        assert rehome(store)
        survivor = change(2, 1, identities=[user("ann")], identities_from=(1,))
        loser = change(1, 1, p=OWN, epoch=None, journal=[], tied_to=2)

        assert commit(store, survivor, loser) == [COMMITTED, COMMITTED]

        erasure = Erasure((1,), (b"t" * 16,), NOW)
        assert commit(store, change(1, 2, p=OWN, erasure=erasure)) == [COMMITTED]
        assert run(store.due_timers(OTHER, NOW, 9)) == []
        assert run(store.apart()) == [(1, OWN)]
