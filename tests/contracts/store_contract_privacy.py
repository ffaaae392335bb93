"""What every store must do for those who read all that is held of a customer."""

import pytest

from actors.ports import Erasure, JournalKind, JournalRow, OutboxResult, OutboxState
from tests.contracts.store_support import (
    NOW,
    P,
    change,
    commit,
    due,
    effect,
    effects,
    owned,
    permitted,
    run,
)

MERGE, UNMERGE, EVENT = JournalKind.MERGE, JournalKind.UNMERGE, JournalKind.EVENT


def rows(*turns):
    """Journal rows from (seq, minutes after `NOW`, kind)."""
    return [
        JournalRow(seq, NOW + minutes * 60_000, kind, b"%d" % seq) for seq, minutes, kind in turns
    ]


def three_customers(store):
    """Customers 1 and 2, whose times interleave and partly agree, and 3."""
    owned(store)
    commit(store, change(1, 0, 2, journal=rows((1, 10, EVENT), (2, 30, EVENT))))
    commit(store, change(2, 0, 2, journal=rows((1, 20, EVENT), (2, 5, EVENT))))
    commit(store, change(3, 0, 1, journal=rows((1, 25, EVENT))))
    commit(store, change(1, 2, 4, journal=rows((3, 20, MERGE), (4, 40, UNMERGE))))
    return store


def history(store, numbers, before=None, kinds=(), limit=100):
    return run(store.history(numbers, before, kinds, limit))


class SeveralContract:
    def test_turns_of_several_customers_are_in_order_of_time_and_commit(self, store):
        three_customers(store)

        found = history(store, (2, 1, 2))

        assert [(row.number, row.seq) for row in found] == [
            (1, 4), (1, 2), (1, 3), (2, 1), (1, 1), (2, 2)
        ]  # fmt: skip
        assert found[2].payload == b"3"
        assert history(store, (4,)) == history(store, ()) == []

    @pytest.mark.parametrize("limit", [1, 2, 5])
    def test_pages_neither_skip_nor_repeat(self, store, limit):
        three_customers(store)
        whole, seen, before = history(store, (1, 2)), [], None

        while page := history(store, (1, 2), before, (), limit):
            seen += page
            before = (page[-1].at_ms, page[-1].offset)

        assert seen == whole

    def test_kinds_narrow_it(self, store):
        three_customers(store)

        assert [row.seq for row in history(store, (1, 2), None, (MERGE, UNMERGE))] == [4, 3]

    @pytest.mark.parametrize(
        ("kinds", "seqs"),
        [((MERGE,), [3]), ((MERGE, UNMERGE), [4, 3]), ((MERGE, EVENT), [3, 2, 1])],
    )
    def test_merges_are_found_in_a_timeline(self, store, kinds, seqs):
        three_customers(store)

        assert [row.seq for row in run(store.timeline(1, None, kinds, 9))] == seqs
        assert [row.seq for row in run(store.timeline(1, 4, kinds, 1))] == [
            s for s in seqs if s < 4
        ][:1]
        assert run(store.timeline(2, None, (MERGE, UNMERGE), 9)) == []


class OutboxOfContract:
    def test_all_effects_of_some_customers_are_found_in_order_whatever_their_state(self, store):
        owned(store)
        commit(store, change(2, outbox=[effect(1, 1), effect(1)]))
        commit(store, change(1, outbox=[effect(1)]))
        commit(store, change(3, outbox=[effect(1)]))
        (first, *_) = due(store)
        run(store.outbox_claim([first], {P: 1}, NOW, permitted))
        sent = OutboxResult(first.number, first.seq, first.n, OutboxState.SENT, NOW + 5)
        run(store.outbox_settle([sent]))

        found = run(store.outbox_of((2, 1)))

        assert effects(found) == [(1, 1, 0), (2, 1, 0), (2, 1, 1)]
        assert {(i.number, i.n): i.state for i in found}[first.number, first.n] == OutboxState.SENT
        assert found[0].payload == b"\x00\xff effect 1.0"
        assert [i.next_at_ms for i in run(store.outbox_of((2,), (OutboxState.SENT,)))] == [NOW + 5]
        assert run(store.outbox_of(())) == run(store.outbox_of((9,))) == []


class RewritingContract:
    def test_an_erasure_rewrites_single_turns_of_others(self, store):
        three_customers(store)
        erasure = Erasure((2,), (), NOW, ((1, 2, b""), (1, 3, b"less"), (9, 9, b"nobody")))

        commit(store, change(2, 2, erasure=erasure))

        assert [row.payload for row in run(store.timeline(1, None, (), 9))] == [
            b"4", b"less", b"", b"1"
        ]  # fmt: skip

    def test_an_erasure_that_loses_the_race_rewrites_nothing(self, store):
        three_customers(store)

        commit(store, change(2, 7, erasure=Erasure((2,), (), NOW, ((1, 2, b""),))))

        assert run(store.timeline(1, 3, (), 1))[0].payload == b"2"


class PrivacyContract(SeveralContract, OutboxOfContract, RewritingContract):
    """All of the above."""
