"""What every store must do to tell who is in which segment."""

from actors.ports import DueTimer, Erasure, Member, SegmentFlow
from tests.contracts.store_support import (
    FENCED,
    FOREIGN_P,
    NOW,
    OTHER,
    P,
    change,
    commit,
    owned,
    run,
    timer,
)

DAY = 86_400_000
TODAY = NOW - NOW % DAY


def entering(number, *names, before=0, at_ms=NOW, **rows):
    return change(number, before, segments_entered=[(name, at_ms) for name in names], **rows)


def leaving(number, *names, before=1, at_ms=NOW, **rows):
    return change(number, before, segments_left=[(name, at_ms) for name in names], **rows)


def members(store, segment, after=-1, limit=100):
    return [each.number for each in run(store.members(segment, after, limit))]


class SegmentContract:
    def test_those_who_entered_are_listed_by_number_with_since_when(self, store):
        owned(store)

        commit(store, entering(3, "gold", at_ms=NOW - 5), entering(1, "gold", "new"))

        assert run(store.members("gold", -1, 10)) == [Member(1, NOW), Member(3, NOW - 5)]
        assert members(store, "new") == [1]
        assert members(store, "nobody") == []
        assert run(store.member_counts()) == {"gold": 2, "new": 1}

    def test_pages_of_members_neither_skip_nor_repeat(self, store):
        owned(store)
        commit(store, *(entering(number, "gold") for number in range(1, 8)))
        seen, after = [], -1

        while page := members(store, "gold", after, 3):
            seen += page
            after = page[-1]

        assert seen == [1, 2, 3, 4, 5, 6, 7]

    def test_those_who_left_are_gone_and_both_are_counted_by_day(self, store):
        owned(store)
        commit(store, entering(1, "gold"), entering(2, "gold", at_ms=NOW - 2 * DAY))

        commit(store, leaving(1, "gold", at_ms=NOW + DAY))

        assert members(store, "gold") == [2]
        assert run(store.member_counts()) == {"gold": 1}
        assert run(store.flows("gold", 0)) == [
            SegmentFlow(TODAY - 2 * DAY, 1, 0),
            SegmentFlow(TODAY, 1, 0),
            SegmentFlow(TODAY + DAY, 0, 1),
        ]
        assert [flow.day_ms for flow in run(store.flows("gold", NOW))] == [TODAY, TODAY + DAY]

    def test_entering_twice_moves_since_when_and_leaving_unseen_does_nothing(self, store):
        owned(store)
        commit(store, entering(1, "gold"))

        commit(store, entering(1, "gold", before=1, at_ms=NOW + DAY, segments_left=[("new", NOW)]))

        assert run(store.members("gold", -1, 9)) == [Member(1, NOW + DAY)]
        assert run(store.flows("gold", 0)) == [SegmentFlow(TODAY, 1, 0)]
        assert run(store.flows("new", 0)) == []

    def test_leaving_and_entering_in_one_change_is_counted_as_both(self, store):
        owned(store)
        commit(store, entering(1, "gold"))

        commit(store, entering(1, "gold", before=1, segments_left=[("gold", NOW)]))

        assert members(store, "gold") == [1]
        assert run(store.flows("gold", 0)) == [SegmentFlow(TODAY, 2, 1)]

    def test_a_change_that_is_refused_leaves_the_index_as_it_was(self, store):
        owned(store)

        assert commit(store, entering(1, "gold", epoch=9)) == [FENCED]

        assert members(store, "gold") == []
        assert run(store.member_counts()) == {}

    def test_an_erased_customer_is_in_no_segment_and_counted_as_gone(self, store):
        owned(store)
        commit(store, entering(1, "gold", "new"), entering(2, "gold"), entering(3, "gold"))

        commit(store, change(1, 1, erasure=Erasure((1, 3), (), NOW + DAY)))

        assert members(store, "gold") == [2]
        assert members(store, "new") == []
        assert run(store.member_counts()) == {"gold": 1, "new": 0}
        assert run(store.flows("gold", NOW + DAY)) == [SegmentFlow(TODAY + DAY, 0, 2)]

    def test_overdue_timers_of_one_key_are_found_by_number_whoever_owns_them(self, store):
        owned(store)
        owned(store, FOREIGN_P, owner=OTHER)
        commit(store, change(5, timers_set=[timer("s", NOW - 9), timer("t", NOW - 9)]))
        commit(store, change(2, p=FOREIGN_P, timers_set=[timer("s", NOW)]))
        commit(store, change(3, timers_set=[timer("s", NOW + 1)]))

        found = run(store.overdue("s", NOW, -1, 10))

        assert found == [DueTimer(2, FOREIGN_P, "s", NOW), DueTimer(5, P, "s", NOW - 9)]
        assert run(store.overdue("s", NOW, 2, 10)) == found[1:]
        assert run(store.overdue("s", NOW, -1, 1)) == found[:1]
