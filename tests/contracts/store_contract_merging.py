"""What every store must do for merges and erasures."""

from actors.domain.ids import Identity
from actors.ports import Erasure, JournalKind, Lookup, OutboxState
from tests.contracts.store_support import (
    COMMITTED,
    FENCED,
    FOREIGN_P,
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
    turn,
    user,
)

ANON = Identity("anon", "a-1")
TOMB = b"tombstone of ann".ljust(16, b".")


def merged(**loser):
    """The two changes of a merge: 1 takes over 2, which lives in another cell's partition."""
    loser = {"before": 1, "epoch": None, "p": FOREIGN_P, "tied_to": 1} | loser
    return (
        change(1, 1, identities=[ANON], identities_from=(2,)),
        change(2, loser.pop("before"), **loser),
    )


def two_customers(store):
    owned(store)
    owned(store, FOREIGN_P, owner=OTHER)
    commit(store, change(1, identities=[user("ann")]))
    commit(store, change(2, p=FOREIGN_P, identities=[ANON]))
    return store


class MergingContract:
    def test_both_sides_of_a_merge_are_written_and_the_identities_move(self, store):
        two_customers(store)

        verdicts = commit(store, *merged())

        assert verdicts == [COMMITTED, COMMITTED]
        assert state_of(store, 1) == (P, 2, b"state of 1 at 2")
        assert state_of(store, 2) == (FOREIGN_P, 2, b"state of 2 at 2")
        assert run(store.lookup(Lookup((ANON,)))).owners == {ANON: 1}

    def test_the_other_side_needs_no_epoch_but_its_seq(self, store):
        two_customers(store)
        commit(store, change(2, 1, p=FOREIGN_P))

        verdicts = commit(store, *merged(before=1))

        assert verdicts == [RACE_LOST, RACE_LOST]
        assert state_of(store, 1) == (P, 1, b"state of 1 at 1")
        assert run(store.lookup(Lookup((ANON,)))).owners == {ANON: 2}

    def test_a_fenced_side_fences_both(self, store):
        two_customers(store)
        first, second = merged()
        first.epoch = 9

        assert commit(store, first, second) == [FENCED, FENCED]
        assert state_of(store, 2) == (FOREIGN_P, 1, b"state of 2 at 1")

    def test_tied_changes_stand_or_fall_together_whichever_fails_and_others_do_not_mind(
        self, store
    ):
        two_customers(store)
        commit(store, change(3, messages=[message("m", 1)]))
        first, second = merged()
        first.messages = [message("m", 2)]

        verdicts = commit(store, second, change(3, 1), first)

        assert verdicts == [RACE_LOST, COMMITTED, RACE_LOST]
        assert state_of(store, 2) == (FOREIGN_P, 1, b"state of 2 at 1")

    def test_the_old_owner_loses_the_race_after_a_merge(self, store):
        two_customers(store)
        commit(store, *merged())

        assert commit(store, change(2, 1, p=FOREIGN_P)) == [RACE_LOST]

    def test_identities_are_taken_from_the_one_that_is_named_only(self, store):
        two_customers(store)
        commit(store, change(3, identities=[user("bob")]))

        verdicts = commit(store, change(1, 1, identities=[user("bob")], identities_from=(2,)))

        assert verdicts == [RACE_LOST]
        assert run(store.lookup(Lookup((user("bob"),)))).owners == {user("bob"): 3}

    def test_of_two_merges_of_one_customer_in_a_commit_the_second_loses(self, store):
        two_customers(store)
        commit(store, change(3))
        first, second = merged()
        late = change(3, 1, identities=[ANON], identities_from=(2,))

        assert commit(store, first, second, late) == [COMMITTED, COMMITTED, RACE_LOST]

    def test_effects_of_a_merged_customer_can_be_cancelled_by_the_survivor(self, store):
        two_customers(store)
        commit(store, change(2, 1, p=FOREIGN_P, outbox=[effect(2)]))

        commit(store, change(1, 1, outbox_cancelled=[(2, 2, 0)]))

        assert due(store, owner=OTHER) == []
        assert run(store.outbox_counts())["cancelled"] == 1

    def test_all_identities_of_a_customer_are_found(self, store):
        two_customers(store)
        commit(
            store, change(1, 1, identities=[Identity("email", "a\x00@x"), Identity("card", "9")])
        )

        found = run(store.lookup(Lookup(owned_by=(1, 2, 3)))).identities

        assert found == {
            1: (Identity("card", "9"), Identity("email", "a\x00@x"), user("ann")),
            2: (ANON,),
        }


def erased(store):
    """Customer 1, merged with 2, is wiped out; 3 is a bystander."""
    two_customers(store)
    commit(store, *merged())
    rows = {"timers_set": [timer("t", NOW)], "outbox": [effect(3), effect(3, 1)]}
    commit(store, change(1, 2, **rows))
    commit(store, change(3, timers_set=[timer("t", NOW)], outbox=[effect(1)]))
    in_flight = due(store)[:1]
    run(store.outbox_claim(in_flight, {P: 1}, NOW, permitted))
    erasure = Erasure((1, 2), (TOMB,), NOW)
    verdicts = commit(
        store,
        change(1, 3, state=b"erased", journal=[turn(4, JournalKind.COMMAND)], erasure=erasure),
    )
    assert verdicts == [COMMITTED]
    return in_flight


class ErasureContract:
    def test_payloads_are_emptied_and_offsets_stay(self, store):
        erased(store)

        rows = [*run(store.timeline(1, None, (), 9)), *run(store.timeline(2, None, (), 9))]

        assert [(row.seq, row.payload) for row in rows] == [
            (4, b"turn 4"),  # the receipt
            *((seq, b"") for seq in (3, 2, 1)),
            *((seq, b"") for seq in (2, 1)),
        ]
        assert run(store.timeline(3, None, (), 9))[0].payload == b"turn 1"

    def test_identities_and_timers_are_gone_and_those_of_others_stay(self, store):
        erased(store)

        assert run(store.lookup(Lookup((ANON, user("ann"))))).owners == {}
        assert [t.number for t in run(store.due_timers("cell-0/one", NOW, 9))] == [3]
        assert run(store.counts())["timers"] == 1

    def test_effects_are_cancelled_and_emptied_even_those_under_way(self, store):
        in_flight = erased(store)

        assert effects(due(store, NOW + 10**9)) == [(3, 1, 0)]
        assert run(store.outbox_counts()) == {
            "pending": 1, "sending": 0, "sent": 0, "parked": 0, "cancelled": 2, "expired": 0,
            "held": 0,
        }  # fmt: skip
        assert in_flight[0].state == OutboxState.PENDING

    def test_tombstones_say_when(self, store):
        erased(store)

        other = b"x" * 16
        assert run(store.lookup(Lookup(tombstones=(TOMB, other)))).tombstones == {TOMB: NOW}

    def test_the_row_stays_so_that_its_number_is_never_given_again(self, store):
        erased(store)

        row = customer(store, 1)
        assert (row.seq, row.state) == (4, b"erased")

    def test_an_erasure_that_loses_the_race_wipes_nothing(self, store):
        two_customers(store)

        lost = change(1, 7, erasure=Erasure((1,), (TOMB,), NOW))

        assert commit(store, lost) == [RACE_LOST]
        assert run(store.lookup(Lookup((user("ann"),), tombstones=(TOMB,)))).tombstones == {}
        assert run(store.timeline(1, None, (), 9))[0].payload == b"turn 1"
