"""What every store must do when it is told to forget by age."""

import pytest

from actors.ports import Erasure, JournalKind, JournalRow, OutboxResult, OutboxRow, OutboxState
from actors.wire.markers import pack_erased, pack_redirect
from tests.contracts.store_support import (
    COMMITTED,
    ME,
    NOW,
    P,
    change,
    commit,
    customer,
    due,
    effects,
    message,
    owned,
    permitted,
    run,
    timer,
)

DAY = 86_400_000
EVENT, WAKE, OUTCOME = JournalKind.EVENT, JournalKind.WAKE, JournalKind.OUTCOME
ALL = 1 << 60
SENT, EXPIRED = OutboxState.SENT, OutboxState.EXPIRED


def aged(*turns):
    """Journal rows from (seq, days before `NOW`, kind)."""
    return [JournalRow(seq, NOW - days * DAY, kind, b"turn %d" % seq) for seq, days, kind in turns]


def kept(store, number):
    """The seqs of the turns that still say something."""
    return [row.seq for row in reversed(run(store.timeline(number, None, (), 99))) if row.payload]


class TurnsForgottenContract:
    def test_turns_of_a_kind_from_before_an_instant_are_emptied_and_their_rows_stay(self, store):
        owned(store)
        journal = aged((1, 30, EVENT), (2, 10, EVENT), (3, 9, EVENT), (4, 30, WAKE))
        commit(store, change(1, 0, 4, journal=journal))
        before = run(store.timeline(1, None, (), 9))

        forgotten = run(store.forget_turns(EVENT, NOW - 9 * DAY, ALL, 100))

        after = run(store.timeline(1, None, (), 9))
        assert forgotten == 2
        assert kept(store, 1) == [3, 4]
        assert [(r.offset, r.seq, r.at_ms, r.kind) for r in after] == [
            (r.offset, r.seq, r.at_ms, r.kind) for r in before
        ]
        assert run(store.counts())["turns"] == 4
        assert run(store.forget_turns(EVENT, NOW - 9 * DAY, ALL, 100)) == 0

    def test_a_portion_is_bounded_and_takes_the_oldest_first(self, store):
        owned(store)
        commit(store, change(1, 0, 2, journal=aged((1, 20, EVENT), (2, 40, EVENT))))
        commit(store, change(2, 0, 2, journal=aged((1, 30, EVENT), (2, 10, EVENT))))

        assert run(store.forget_turns(EVENT, NOW, ALL, 2)) == 2
        assert (kept(store, 1), kept(store, 2)) == ([1], [2])
        assert run(store.forget_turns(EVENT, NOW, ALL, 2)) == 2
        assert run(store.forget_turns(EVENT, NOW, ALL, 2)) == 0

    def test_what_came_with_or_after_an_offset_stays(self, store):
        owned(store)
        commit(store, change(1, 0, 2, journal=aged((1, 20, EVENT), (2, 40, EVENT))))
        offset = run(store.timeline(1, 2, (), 1))[0].offset

        assert run(store.forget_turns(EVENT, NOW, offset, 9)) == 0
        assert run(store.forget_turns(EVENT, NOW, offset + 1, 9)) == 1
        assert kept(store, 1) == [2]

    @pytest.mark.parametrize("kind", [JournalKind.MERGE, JournalKind.UNMERGE, JournalKind.ERASURE])
    def test_merges_and_receipts_are_never_forgotten(self, store, kind):
        owned(store)
        commit(store, change(1, journal=aged((1, 4000, kind))))

        assert run(store.forget_turns(kind, NOW, ALL, 9)) == 0
        assert kept(store, 1) == [1]

    def test_learners_see_the_places_of_what_is_forgotten(self, store):
        owned(store)
        commit(store, change(1, 0, 2, journal=aged((1, 20, OUTCOME), (2, 1, OUTCOME))))

        run(store.forget_turns(OUTCOME, NOW - 2 * DAY, ALL, 9))

        rows = run(store.turns_after(0, 9))
        assert [(row.seq, row.payload) for row in rows] == [(1, b""), (2, b"turn 2")]

    def test_what_an_erasure_emptied_is_not_counted_again(self, store):
        owned(store)
        commit(store, change(1, journal=aged((1, 20, EVENT))))
        commit(store, change(1, 1, journal=aged((2, 0, EVENT)), erasure=Erasure((1,), (), NOW)))

        assert run(store.forget_turns(EVENT, NOW + 1, ALL, 9)) == 1

    def test_the_oldest_answer_is_that_of_the_messages_stored_first(self, store):
        owned(store)
        assert run(store.oldest_answer()) is None
        for number, stored_ms in ((1, NOW), (2, NOW - 5), (3, NOW + 5)):
            told = change(number, messages=[message(f"m{number}", 1)])
            assert commit(store, told, now_ms=stored_ms) == [COMMITTED]
        commit(store, change(1, 1))
        offsets = {n: run(store.timeline(n, None, (), 1))[0].offset for n in (2, 3)}

        assert run(store.oldest_answer()) == 1
        run(store.forget_messages(NOW + 1))
        assert run(store.oldest_answer()) == offsets[3]
        run(store.forget_messages(NOW + 6))
        assert run(store.oldest_answer()) is None


def outbound(seq, days, channel="email"):
    """An effect that was to be sent some days before `NOW`."""
    at_ms = NOW - days * DAY
    return OutboxRow(seq, 0, channel, at_ms, at_ms + DAY, b"effect %d" % seq)


def ended(store, *numbers, state=SENT):
    """Let the effects of some customers end in a state."""
    items = [item for item in due(store) if item.number in numbers]
    run(store.outbox_claim(items, {P: 1}, NOW, permitted))
    results = [OutboxResult(i.number, i.seq, i.n, state, NOW) for i in items]
    run(store.outbox_settle(results))


class EffectsForgottenContract:
    def test_effects_that_ended_are_deleted_by_their_time(self, store):
        owned(store)
        for number, days in ((1, 30), (2, 10), (3, 30), (4, 30)):
            commit(store, change(number, outbox=[outbound(1, days)]))
        ended(store, 1, 2)
        ended(store, 3, state=EXPIRED)

        assert run(store.forget_effects(SENT, NOW - 10 * DAY, 9)) == 1

        assert effects(run(store.outbox_of((1, 2, 3, 4)))) == [(n, 1, 0) for n in (2, 3, 4)]
        assert effects(run(store.outbox_stream("email", (0, 0, 0, 0), 9))) == [(2, 1, 0)]
        counts = run(store.outbox_counts())
        assert (counts["sent"], counts["expired"], counts["pending"]) == (1, 1, 1)
        assert run(store.counts())["outbox"] == 3
        assert run(store.forget_effects(SENT, NOW - 10 * DAY, 9)) == 0

    @pytest.mark.parametrize("state", [OutboxState.PENDING, OutboxState.SENDING])
    def test_what_may_still_be_sent_is_never_deleted(self, store, state):
        owned(store)
        commit(store, change(1, outbox=[outbound(1, 400)]))
        if state == OutboxState.SENDING:
            run(store.outbox_claim(due(store), {P: 1}, NOW, permitted))

        assert run(store.forget_effects(state, NOW, 9)) == 0
        assert len(run(store.outbox_of((1,)))) == 1

    def test_a_portion_of_effects_is_bounded_and_takes_the_oldest_first(self, store):
        owned(store)
        commit(store, change(1, 0, 3, outbox=[outbound(n, 10 * n) for n in (1, 2, 3)]))
        ended(store, 1)

        assert run(store.forget_effects(SENT, NOW, 2)) == 2
        assert effects(run(store.outbox_of((1,)))) == [(1, 1, 0)]

    def test_an_attempt_that_ends_after_its_row_is_gone_changes_nothing(self, store):
        owned(store)
        commit(store, change(1, outbox=[outbound(1, 10)]))
        ended(store, 1)
        run(store.forget_effects(SENT, NOW, 9))

        run(store.outbox_settle([OutboxResult(1, 1, 0, SENT, NOW)]))

        assert run(store.outbox_counts())["sent"] == 0

    def test_effects_written_later_follow_those_that_are_left(self, store):
        owned(store)
        commit(store, change(1, 0, 2, outbox=[outbound(1, 9), outbound(2, 9)]))
        ended(store, 1)
        run(store.forget_effects(SENT, NOW, 9))
        commit(store, change(2, outbox=[outbound(1, 1)]))
        commit(store, change(1, 2, outbox=[outbound(3, 1)]))

        assert effects(due(store)) == [(2, 1, 0), (1, 3, 0)]


class FlowsForgottenContract:
    def test_old_days_are_folded_and_sizes_stay(self, store):
        owned(store)
        commit(store, change(1, segments_entered=[("gold", NOW - 9 * DAY), ("new", NOW)]))
        commit(store, change(2, segments_entered=[("gold", NOW - 8 * DAY)]))
        commit(store, change(1, 1, segments_left=[("gold", NOW - 5 * DAY)]))
        whole = run(store.flows("gold", NOW - 30 * DAY))

        assert run(store.forget_flows(NOW - 6 * DAY, 1)) == 1
        assert run(store.forget_flows(NOW - 6 * DAY, 9)) == 1
        assert run(store.forget_flows(NOW - 6 * DAY, 9)) == 0

        assert run(store.flows("gold", 0)) == run(store.flows("gold", -DAY)) == whole[2:]
        assert run(store.member_counts()) == {"gold": 1, "new": 1}
        assert [each.number for each in run(store.members("gold", -1, 9))] == [2]

    def test_the_day_of_the_instant_itself_stays(self, store):
        owned(store)
        commit(store, change(1, segments_entered=[("gold", NOW)]))

        assert run(store.forget_flows(NOW + DAY - NOW % DAY - 1, 9)) == 0
        assert run(store.forget_flows(NOW + DAY - NOW % DAY, 9)) == 1


class WatchingContract:
    def test_customers_are_given_a_timer_portion_by_portion(self, store):
        owned(store)
        commit(store, *[change(number) for number in (3, 1, 2)])

        assert run(store.watch("k", NOW + 5, -1, 2)) == 2
        assert run(store.watch("k", NOW + 7, 2, 2)) == 3
        assert run(store.watch("k", NOW + 7, 3, 2)) is None

        due = run(store.due_timers(ME, NOW + 9, 9))
        assert [(t.number, t.partition, t.key, t.due_at_ms) for t in due] == [
            (1, P, "k", NOW + 5), (2, P, "k", NOW + 5), (3, P, "k", NOW + 7)
        ]  # fmt: skip
        assert run(store.counts())["timers"] == 3

    def test_a_timer_that_is_earlier_stays_and_a_later_one_is_moved(self, store):
        owned(store)
        for number, due_ms in ((1, NOW - 1), (2, NOW + 9)):
            commit(store, change(number, timers_set=[timer("k", due_ms), timer("x", NOW + 99)]))

        run(store.watch("k", NOW, -1, 9))

        due = run(store.due_timers(ME, NOW + 9, 9))
        assert [(t.number, t.due_at_ms) for t in due] == [(1, NOW - 1), (2, NOW)]
        assert run(store.counts())["timers"] == 4

    def test_whoever_was_merged_or_erased_is_left_out(self, store):
        owned(store)
        commit(store, change(1, state=pack_erased(NOW)), change(2, state=pack_redirect(3)))

        assert run(store.watch("k", NOW, -1, 9)) == 2
        assert run(store.next_timer_ms()) is None

    def test_a_timer_that_was_moved_is_deleted_by_its_key(self, store):
        owned(store)
        commit(store, change(1))
        run(store.watch("k", NOW, -1, 9))

        commit(store, change(1, 1, timers_deleted=["k"]))

        assert run(store.next_timer_ms()) is None
        assert run(store.counts())["timers"] == 0


class RetentionContract(
    TurnsForgottenContract, EffectsForgottenContract, FlowsForgottenContract, WatchingContract
):
    """All of the above."""

    def test_forgetting_leaves_states_alone(self, store):
        owned(store)
        commit(store, change(1, journal=aged((1, 90, EVENT)), state=b"state"))

        run(store.forget_turns(EVENT, NOW, ALL, 9))

        assert customer(store, 1).state == b"state"
