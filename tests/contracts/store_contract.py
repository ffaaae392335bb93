"""What every store must do. A test class of a store inherits from `StoreContract`."""

import pytest

from actors.domain.ids import PARTITIONS, Identity
from actors.ports import JournalKind, Lookup, StoredCustomer
from tests.contracts.store_contract_apart import ApartContract
from tests.contracts.store_contract_budgets import BudgetContract
from tests.contracts.store_contract_delivery import DeliveryContract
from tests.contracts.store_contract_groups import GroupContract
from tests.contracts.store_contract_launches import LaunchContract
from tests.contracts.store_contract_merging import ErasureContract, MergingContract
from tests.contracts.store_contract_ownership import OwnershipContract
from tests.contracts.store_contract_privacy import PrivacyContract
from tests.contracts.store_contract_records import RecordsContract
from tests.contracts.store_contract_retention import RetentionContract
from tests.contracts.store_contract_scenarios import ScenarioContract
from tests.contracts.store_contract_segments import SegmentContract
from tests.contracts.store_support import (
    COMMITTED,
    FENCED,
    FOREIGN_P,
    ME,
    NOW,
    RACE_LOST,
    P,
    change,
    commit,
    customer,
    effect,
    message,
    owned,
    run,
    state_of,
    timer,
    turn,
    user,
)


class CommitContract:
    def test_a_new_customer_is_stored_with_all_that_its_turn_wrote(self, store):
        owned(store)

        verdicts = commit(
            store,
            change(
                1,
                state=b"\x00\xff",
                messages=[message("m", 1)],
                identities=[user("ann"), Identity("email", "ann@example.org")],
                timers_set=[timer("t", NOW)],
                outbox=[effect(1)],
            ),
        )

        found = run(
            store.lookup(
                Lookup((user("ann"), user("bob")), (2,), (message("m", 1).hash,), ((1, 1), (1, 2)))
            )
        )
        assert verdicts == [COMMITTED]
        assert found.owners == {user("ann"): 1}
        assert found.customers == {1: StoredCustomer(1, P, 1, b"\x00\xff")}
        assert (found.messages[message("m", 1).hash].number, len(found.messages)) == (1, 1)
        assert found.messages[message("m", 1).hash].fingerprint == b"f" * 16
        assert found.turns == {(1, 1): b"turn 1"}
        assert run(store.counts()) == {"customers": 1, "turns": 1, "timers": 1, "outbox": 1}

    def test_a_known_customer_moves_from_seq_to_seq(self, store):
        owned(store)
        commit(store, change(1))

        verdicts = commit(store, change(1, 1, 4))

        assert verdicts == [COMMITTED]
        assert state_of(store, 1) == (P, 4, b"state of 1 at 4")
        assert [row.seq for row in run(store.timeline(1, None, (), 10))] == [4, 3, 2, 1]

    @pytest.mark.parametrize("epoch", [0, 2])
    def test_an_owner_of_another_epoch_is_fenced(self, store, epoch):
        owned(store)

        verdicts = commit(store, change(1, epoch=epoch, timers_set=[timer("t", NOW)]))

        assert verdicts == [FENCED]
        assert customer(store, 1) is None
        assert run(store.next_timer_ms()) is None

    def test_a_partition_that_does_not_exist_fences(self, store):
        verdicts = commit(store, change(1, p=PARTITIONS + 5, epoch=0))

        assert verdicts == [FENCED]

    @pytest.mark.parametrize("before", [0, 1, 3])
    def test_a_change_from_another_seq_loses_the_race_and_writes_nothing(self, store, before):
        owned(store)
        commit(store, change(1, 0, 2))

        verdicts = commit(
            store,
            change(
                1,
                before,
                9,
                messages=[message("late", 9)],
                identities=[user("late")],
                timers_set=[timer("late", NOW)],
                outbox=[effect(9)],
            ),
        )

        assert verdicts == [RACE_LOST]
        assert state_of(store, 1) == (P, 2, b"state of 1 at 2")
        found = run(store.lookup(Lookup((user("late"),), (), (message("late", 9).hash,))))
        assert (found.owners, found.messages) == ({}, {})
        assert run(store.counts()) == {"customers": 1, "turns": 2, "timers": 0, "outbox": 0}

    def test_a_change_of_a_customer_that_is_not_there_loses_the_race(self, store):
        owned(store)

        assert commit(store, change(1, 3)) == [RACE_LOST]

    def test_a_change_under_another_partition_than_the_rows_loses_the_race(self, store):
        owned(store, P, FOREIGN_P)
        commit(store, change(1))

        assert commit(store, change(1, 1, p=FOREIGN_P)) == [RACE_LOST]

    def test_a_group_commits_what_survives_and_rejects_only_the_rest(self, store):
        owned(store)
        commit(store, change(1), change(2, messages=[message("known", 1)]))

        verdicts = commit(
            store,
            change(1, 1),
            change(2, 7),
            change(3, epoch=5),
            change(4, messages=[message("known", 1)]),
            change(5),
        )

        assert verdicts == [COMMITTED, RACE_LOST, FENCED, RACE_LOST, COMMITTED]
        seqs = [row and row.seq for row in (customer(store, n) for n in (1, 2, 3, 4, 5))]
        assert seqs == [2, 1, None, None, 1]
        assert run(store.counts())["turns"] == 4

    def test_groups_of_any_size_are_written_whole(self, store):
        owned(store)

        for size in (0, 1, 3, 31, 64, 65, 130):
            numbers = range(size * 1000, size * 1000 + size)
            group = [change(n, messages=[message(f"m{n}", 1)]) for n in numbers]
            assert commit(store, *group) == [COMMITTED] * size
            assert commit(store, *[change(n, 1) for n in numbers]) == [COMMITTED] * size
            found = run(store.lookup(Lookup(numbers=tuple(numbers))))
            assert {n: row.seq for n, row in found.customers.items()} == dict.fromkeys(numbers, 2)

    def test_numbers_of_62_bits_are_kept_exactly(self, store):
        owned(store, 4095)
        largest = (1 << 62) - 1

        commit(store, change(largest, p=4095, outbox=[effect(1)], timers_set=[timer("t", NOW)]))

        assert customer(store, largest).number == largest
        assert run(store.outbox_due(ME, NOW, 1))[0].number == largest
        assert run(store.due_timers(ME, NOW, 1))[0].number == largest
        assert run(store.timeline(largest, None, (), 1))[0].number == largest

    @pytest.mark.parametrize(
        "changes",
        [
            [change(1), change(1)],
            [change(1, 1, 1)],
            [change(1, 3, 2)],
            [change(1, 0, 1, journal=[turn(2)])],
            [change(1, 0, 2, journal=[turn(1), turn(1)])],
            [change(1, 0, 1, outbox=[effect(1), effect(1)])],
            [change(1, 2, 3, outbox=[effect(2)])],
        ],
        ids=["twice", "stands", "falls", "beyond", "two-turns", "two-effects", "old-effect"],
    )
    def test_what_no_correct_caller_sends_is_refused_whole(self, store, changes):
        owned(store)

        with pytest.raises(ValueError, match="customer"):
            commit(store, change(9), *changes)

        assert customer(store, 9) is None


class MessageContract:
    def test_a_message_that_exists_loses_the_race_for_any_customer(self, store):
        owned(store)
        commit(store, change(1, messages=[message("m", 1)]))

        assert commit(store, change(1, 1, messages=[message("m", 2)])) == [RACE_LOST]
        assert commit(store, change(2, messages=[message("m", 1, b"other")])) == [RACE_LOST]

    def test_of_two_changes_with_one_message_the_second_loses(self, store):
        owned(store)

        verdicts = commit(
            store, change(1, messages=[message("m", 1)]), change(2, messages=[message("m", 1)])
        )

        assert verdicts == [COMMITTED, RACE_LOST]

    def test_a_change_that_was_rejected_does_not_take_its_messages_from_the_next(self, store):
        owned(store)

        verdicts = commit(
            store,
            change(1, epoch=9, messages=[message("m", 1)], identities=[user("ann")]),
            change(2, messages=[message("m", 1)], identities=[user("ann")]),
        )

        assert verdicts == [FENCED, COMMITTED]
        assert run(store.lookup(Lookup((user("ann"),)))).owners == {user("ann"): 2}

    def test_one_message_twice_in_one_change_loses(self, store):
        owned(store)
        twice = [message("m", 1), message("m", 2)]

        assert commit(store, change(1, 0, 2, messages=twice)) == [RACE_LOST]

    def test_messages_are_forgotten_by_the_time_at_which_they_were_stored(self, store):
        owned(store)
        commit(store, change(1, messages=[message("old", 1)]), now_ms=NOW)
        commit(store, change(2, messages=[message("new", 1)]), now_ms=NOW + 1)

        forgotten = run(store.forget_messages(NOW + 1))

        assert (forgotten, run(store.forget_messages(NOW + 1))) == (1, 0)
        assert commit(store, change(3, messages=[message("old", 1)])) == [COMMITTED]
        assert commit(store, change(4, messages=[message("new", 1)])) == [RACE_LOST]


class IdentityContract:
    def test_an_identity_of_another_customer_loses_the_race(self, store):
        owned(store)
        commit(store, change(1, identities=[user("ann")]))

        assert commit(store, change(2, identities=[user("new"), user("ann")])) == [RACE_LOST]
        assert run(store.lookup(Lookup((user("new"), user("ann"))))).owners == {user("ann"): 1}

    def test_an_identity_of_ones_own_may_be_claimed_again(self, store):
        owned(store)
        commit(store, change(1, identities=[user("ann")]))

        assert commit(store, change(1, 1, identities=[user("ann"), user("b")])) == [COMMITTED]
        assert set(run(store.lookup(Lookup((user("ann"), user("b"))))).owners.values()) == {1}

    def test_of_two_changes_that_claim_one_identity_the_second_loses(self, store):
        owned(store)

        verdicts = commit(
            store, change(1, identities=[user("ann")]), change(2, identities=[user("ann")])
        )

        assert verdicts == [COMMITTED, RACE_LOST]

    def test_a_lookup_by_identity_brings_the_customer(self, store):
        owned(store)
        commit(store, change(1, identities=[user("ann")]), change(2))

        found = run(store.lookup(Lookup(identities=(user("ann"),), numbers=(2, 1, 3))))

        assert {n: row.seq for n, row in found.customers.items()} == {1: 1, 2: 1}

    @pytest.mark.parametrize(
        "value",
        [
            "",
            " ",
            "é",
            "e\u0301",
            "ANN",
            "a\x00b",
            "\ud800",
            "\ufdd0\\x00",
            "\U0001f600",
            "x" * 9000,
        ],
    )
    def test_identities_are_kept_exactly_whatever_their_text(self, store, value):
        owned(store)
        near = [user(other) for other in ("ann", "a", "a\x00c", "\ud801", "\x00", value + " ")]
        commit(store, change(1, identities=[user(value)]))

        found = run(store.lookup(Lookup((*near, user(value), Identity("anon", value)))))

        assert found.owners == {user(value): 1}


class HistoryContract:
    def test_a_timeline_is_paged_newest_first_and_filtered_by_kind(self, store):
        owned(store)
        kinds = [JournalKind.EVENT, JournalKind.OUTCOME, JournalKind.WAKE, JournalKind.EVENT]
        rows = [turn(seq, kind) for seq, kind in enumerate(kinds, 1)]
        commit(store, change(1, 0, 4, journal=rows), change(2))

        def seqs(*query):
            return [row.seq for row in run(store.timeline(1, *query))]

        assert seqs(None, (), 3) == [4, 3, 2]
        assert seqs(2, (), 3) == [1]
        assert seqs(None, (JournalKind.EVENT,), 9) == [4, 1]
        assert seqs(4, (JournalKind.EVENT, JournalKind.WAKE), 9) == [3, 1]
        assert seqs(None, (), 0) == []
        first = run(store.timeline(1, None, (), 1))[0]
        assert (first.at_ms, first.kind, first.payload) == (NOW + 4, JournalKind.EVENT, b"turn 4")

    def test_all_turns_are_read_in_commit_order_from_an_offset_on(self, store):
        owned(store)
        commit(store, change(2, 0, 2, journal=[turn(1, JournalKind.OUTCOME), turn(2)]))
        commit(store, change(1, journal=[turn(1, JournalKind.WAKE)]))

        rows = run(store.turns_after(0, 10))

        assert [(row.number, row.seq) for row in rows] == [(2, 1), (2, 2), (1, 1)]
        assert rows[0].payload == b"turn 1"
        assert run(store.turns_after(rows[0].offset, 1)) == rows[1:2]
        assert run(store.turns_after(rows[-1].offset, 1)) == []


class StoreContract(
    LaunchContract,
    CommitContract,
    MergingContract,
    ErasureContract,
    MessageContract,
    IdentityContract,
    OwnershipContract,
    ApartContract,
    HistoryContract,
    DeliveryContract,
    RecordsContract,
    PrivacyContract,
    SegmentContract,
    ScenarioContract,
    GroupContract,
    RetentionContract,
    BudgetContract,
):
    """Give `make_store`; the rest is inherited."""

    def make_store(self, tmp_path):
        raise NotImplementedError

    @pytest.fixture
    def store(self, tmp_path):
        store = self.make_store(tmp_path)
        yield store
        run(store.close())
