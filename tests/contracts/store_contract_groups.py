"""What every store must do for the groups that customers belong to."""

import pytest

from actors.domain.groups import GroupKey
from actors.ports import Erasure, GroupWrite, Lookup, Member, MemberRow, StoredGroup
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
    owned,
    run,
    state_of,
)

HOME = GroupKey("household", "h-1")
FIRM = GroupKey("account", "h-1")
ODD = GroupKey("household", "a/b\x00\ud800|c")


def write(key=HOME, before=0, state=b"\x00\xff home", members=(), gone=()):
    return GroupWrite(key, before, state, tuple(MemberRow(*row) for row in members), tuple(gone))


def group(store, key=HOME):
    return run(store.lookup(Lookup(groups=(key,)))).groups.get(key)


def seq_of(store, key=HOME):
    found = group(store, key)
    return found.seq if found else 0


def numbers(store, key=HOME, after=-1, limit=100):
    return [each.number for each in run(store.group_members(key, after, limit))]


def grouped(store, *of):
    return run(store.lookup(Lookup(grouped=of))).memberships


def a_household(store):
    """Customers 1 and 2 of one household, in partitions of two cells."""
    owned(store)
    owned(store, FOREIGN_P, owner=OTHER)
    commit(store, change(1, groups=[write(members=[(1, NOW)])]))
    second = write(before=seq_of(store), state=b"two", members=[(2, NOW + 5)])
    commit(store, change(2, p=FOREIGN_P, groups=[second]))
    return store


class GroupContract:
    def test_a_group_is_stored_with_the_change_of_its_member(self, store):
        owned(store)

        verdict = commit(store, change(1, groups=[write(members=[(1, NOW)])]))

        assert verdict == [COMMITTED]
        assert group(store) == StoredGroup(HOME, seq_of(store), b"\x00\xff home")
        assert run(store.group_members(HOME, -1, 9)) == [Member(1, NOW)]
        assert grouped(store, 1, 2) == {1: (HOME,)}
        assert group(store, FIRM) is None

    def test_every_write_gives_the_group_another_seq(self, store):
        a_household(store)
        before = seq_of(store)

        commit(store, change(1, 1, groups=[write(before=before)]))

        assert seq_of(store) > before > 0

    def test_of_two_who_write_what_they_read_before_the_other_the_second_loses_the_race(
        self, store
    ):
        a_household(store)
        before = seq_of(store)
        commit(store, change(2, 1, p=FOREIGN_P, groups=[write(before=before, state=b"new")]))

        verdict = commit(store, change(1, 1, groups=[write(before=before, state=b"old")]))

        assert verdict == [RACE_LOST]
        assert group(store).state == b"new"
        assert state_of(store, 1) == (P, 1, b"state of 1 at 1")

    def test_a_group_that_is_there_cannot_be_made_and_one_that_is_not_cannot_be_changed(
        self, store
    ):
        a_household(store)

        assert commit(store, change(1, 1, groups=[write()])) == [RACE_LOST]
        assert commit(store, change(1, 1, groups=[write(FIRM, 7)])) == [RACE_LOST]

    def test_a_change_that_may_not_be_written_leaves_the_group_as_it_was(self, store):
        a_household(store)
        before = seq_of(store)

        fenced = change(1, 1, epoch=9, groups=[write(before=before, members=[(9, NOW)])])

        assert commit(store, fenced) == [FENCED]
        assert (seq_of(store), numbers(store)) == (before, [1, 2])

    def test_members_tied_by_a_group_are_written_together_or_not_at_all(self, store):
        a_household(store)
        before = seq_of(store)
        first = change(1, 1, tied_to=1, groups=[write(before=before + 1)])
        second = change(2, 1, p=FOREIGN_P, epoch=1, tied_to=1)

        assert commit(store, first, second) == [RACE_LOST, RACE_LOST]
        first.groups = [write(before=before)]
        assert commit(store, first, second) == [COMMITTED, COMMITTED]

    def test_who_has_left_is_not_a_member_and_is_still_found_by_number(self, store):
        a_household(store)

        left = write(before=seq_of(store), members=[(1, NOW, NOW + 9)])
        commit(store, change(1, 1, groups=[left]))

        assert numbers(store) == [2]
        assert grouped(store, 1) == {1: (HOME,)}

    def test_who_is_gone_leaves_no_row(self, store):
        a_household(store)

        commit(store, change(2, 1, p=FOREIGN_P, groups=[write(before=seq_of(store), gone=[1])]))

        assert (numbers(store), grouped(store, 1, 2)) == ([2], {2: (HOME,)})

    def test_a_removed_group_leaves_nothing(self, store):
        a_household(store)

        commit(store, change(1, 1, groups=[write(before=seq_of(store), state=b"")]))

        assert (group(store), numbers(store), grouped(store, 1, 2)) == (None, [], {})

    @pytest.mark.parametrize("writes", [0, 1, 3])
    def test_a_group_made_again_takes_no_change_that_was_meant_for_the_one_before(
        self, store, writes
    ):
        a_household(store)
        old = seq_of(store)
        commit(store, change(1, 1, groups=[write(before=old, state=b"")]))
        commit(store, change(1, 2, groups=[write(members=[(1, NOW)])]))
        for i in range(writes):
            assert seq_of(store) != old
            commit(store, change(1, 3 + i, groups=[write(before=seq_of(store))]))

        stale = change(2, 1, p=FOREIGN_P, groups=[write(before=old, state=b"old")])

        assert commit(store, stale) == [RACE_LOST]

    def test_pages_of_members_neither_skip_nor_repeat(self, store):
        owned(store)
        members = [(n, NOW + n) for n in range(1, 8)] + [(8, NOW, NOW)]
        commit(store, change(1, groups=[write(members=members)]))

        pages, after = [], -1
        while page := numbers(store, after=after, limit=3):
            pages.append(page)
            after = page[-1]

        assert pages == [[1, 2, 3], [4, 5, 6], [7]]

    def test_ids_are_byte_exact_and_kinds_are_apart(self, store):
        owned(store)
        keys = (ODD, FIRM, HOME, GroupKey("household", "H-1"))

        commit(store, change(1, groups=[write(k, state=b"%d" % i) for i, k in enumerate(keys)]))

        found = run(store.lookup(Lookup(groups=keys))).groups
        assert {key: row.state for key, row in found.items()} == {
            key: b"%d" % i for i, key in enumerate(keys)
        }

    def test_an_erasure_takes_its_customers_out_of_every_group(self, store):
        a_household(store)
        firm = write(FIRM, members=[(1, NOW, NOW + 1), (3, NOW)])
        commit(store, change(1, 1, groups=[firm]))
        without = write(before=seq_of(store), state=b"without 1")

        commit(store, change(1, 2, erasure=Erasure((1,), (), NOW), groups=[without]))

        assert grouped(store, 1, 2, 3) == {2: (HOME,), 3: (FIRM,)}
        assert group(store).state == b"without 1"

    def test_an_erasure_that_loses_the_race_takes_nobody_out(self, store):
        a_household(store)

        commit(store, change(1, 7, erasure=Erasure((1,), (), NOW)))

        assert numbers(store) == [1, 2]

    def test_two_changes_of_one_call_never_write_the_same_group(self, store):
        owned(store)

        with pytest.raises(ValueError, match="same group"):
            commit(store, change(1, groups=[write()]), change(2, groups=[write()]))
