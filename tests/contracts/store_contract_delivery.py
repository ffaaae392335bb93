"""The part of the store's contract about timers and the outbox."""

import pytest

from actors.ports import (
    Claim,
    OutboxState,
    Permit,
)
from tests.contracts.store_contract_holding import (
    SENDING_ENDS,
    START,
    HoldingContract,
    checking,
    claim,
    one_sending,
    settle,
)
from tests.contracts.store_support import (
    COMMITTED,
    FOREIGN_P,
    ME,
    NOW,
    OTHER,
    P,
    change,
    commit,
    due,
    effect,
    effects,
    owned,
    run,
    timer,
)


def due_keys(store, until_ms, limit=100, owner=ME):
    return [(one.number, one.key) for one in run(store.due_timers(owner, until_ms, limit))]


class TimerContract:
    def test_timers_come_due_earliest_first_to_their_owner(self, store):
        owned(store, P)
        owned(store, FOREIGN_P, owner=OTHER)
        commit(store, change(2, timers_set=[timer("b", NOW + 5), timer("a", NOW + 5)]))
        commit(store, change(1, timers_set=[timer("z", NOW + 5), timer("early", NOW)]))
        commit(store, change(3, p=FOREIGN_P, timers_set=[timer("foreign", NOW + 1)]))

        assert due_keys(store, NOW + 5) == [(1, "early"), (1, "z"), (2, "a"), (2, "b")]
        assert due_keys(store, NOW + 5, limit=2) == [(1, "early"), (1, "z")]
        assert due_keys(store, NOW + 4) == [(1, "early")]
        assert due_keys(store, NOW + 5, owner=OTHER) == [(3, "foreign")]
        assert run(store.next_timer_ms()) == NOW

    def test_setting_a_timer_again_moves_it(self, store):
        owned(store)
        commit(store, change(1, timers_set=[timer("t", NOW)]))

        commit(store, change(1, 1, timers_set=[timer("t", NOW + 9)]))

        assert due_keys(store, NOW) == []
        assert run(store.next_timer_ms()) == NOW + 9
        assert run(store.counts())["timers"] == 1

    def test_the_last_of_two_settings_in_one_change_holds(self, store):
        owned(store)

        commit(store, change(1, timers_set=[timer("t", NOW), timer("t", NOW + 9)]))

        assert run(store.next_timer_ms()) == NOW + 9
        assert run(store.counts())["timers"] == 1

    def test_a_timer_is_deleted_by_its_customer_only(self, store):
        owned(store)
        commit(store, change(1, timers_set=[timer("t", NOW), timer("u", NOW)]), change(2))

        commit(store, change(2, 1, timers_deleted=["t", "never"]))
        commit(store, change(1, 1, timers_deleted=["t"]))

        assert due_keys(store, NOW) == [(1, "u")]
        assert run(store.counts())["timers"] == 1

    def test_a_timer_that_fires_and_sets_itself_again_stays(self, store):
        owned(store)
        commit(store, change(1, timers_set=[timer("t", NOW)]))

        commit(store, change(1, 1, timers_deleted=["t"], timers_set=[timer("t", NOW + 1)]))

        assert run(store.next_timer_ms()) == NOW + 1

    @pytest.mark.parametrize("key", ["", "cart|é", "a\x00b", "\ud800"])
    def test_a_key_comes_back_as_it_was_whatever_its_text(self, store, key):
        owned(store)
        commit(store, change(1, timers_set=[timer(key, NOW)]))

        assert due_keys(store, NOW) == [(1, key)]
        commit(store, change(1, 1, timers_deleted=[key]))
        assert due_keys(store, NOW) == []

    def test_timers_of_others_that_are_far_behind_hide_nobodys(self, store):
        owned(store, P, P + 100, P + 200)
        owned(store, FOREIGN_P, owner=OTHER)
        backlog = [timer(f"{i:04}", NOW + i % 50) for i in range(1_500)]
        commit(store, change(1, p=FOREIGN_P, timers_set=backlog))
        mine = {10: P + 200, 11: P, 12: P + 100, 13: P}
        commit(
            store,
            *[
                change(n, p=p, timers_set=[timer(k, NOW + 100 - n + i) for i, k in enumerate("ab")])
                for n, p in mine.items()
            ],
        )

        expected = [(13, "a"), (12, "a"), (13, "b"), (11, "a"), (12, "b"), (10, "a"), (11, "b")]
        for limit in (1, 3, 7):
            assert due_keys(store, NOW + 90, limit=limit) == expected[:limit]
        assert len(due_keys(store, NOW + 90, limit=2_000, owner=OTHER)) == 1_500


class OutboxContract:
    def test_effects_are_due_at_once_in_commit_order_to_their_owner(self, store):
        owned(store)
        owned(store, FOREIGN_P, owner=OTHER)
        commit(store, change(2, outbox=[effect(1, 1), effect(1, 0, "web")]), change(1))
        commit(store, change(3, p=FOREIGN_P, outbox=[effect(1)]))
        commit(store, change(1, 1, outbox=[effect(2)]), now_ms=NOW + 1)

        items = due(store, NOW + 1)

        assert effects(items) == [(2, 1, 1), (2, 1, 0), (1, 2, 0)]
        assert effects(due(store, NOW)) == [(2, 1, 1), (2, 1, 0)]
        assert effects(due(store, NOW + 1, limit=1)) == [(2, 1, 1)]
        assert effects(due(store, owner=OTHER)) == [(3, 1, 0)]
        first = items[0]
        assert (first.partition, first.channel, first.state, first.attempts) == (P, "email", 0, 0)
        assert (first.committed_at_ms, first.next_at_ms) == (NOW, NOW)
        assert first.expires_at_ms == NOW + 86_400_000
        assert first.payload == effect(1, 1).payload
        assert first.last_error == ""

    def test_channels_to_skip_are_left_out_and_never_hide_others(self, store):
        owned(store)
        backlog = [effect(1, n, "slow") for n in range(1_500)]
        commit(store, change(1, outbox=backlog), now_ms=NOW - 9)
        commit(store, change(2, outbox=[effect(1, 0, "email"), effect(1, 1, "app")]))

        assert effects(due(store, limit=2, skip=("slow",))) == [(2, 1, 0), (2, 1, 1)]
        assert effects(due(store, skip=("slow", "email"))) == [(2, 1, 1)]
        assert due(store, skip=("slow", "email", "app", "unheard-of")) == []
        assert effects(due(store, limit=1)) == [(1, 1, 0)]

    def test_effects_of_others_that_are_far_behind_hide_nobodys(self, store):
        owned(store, P, P + 100)
        owned(store, FOREIGN_P, owner=OTHER)
        backlog = [effect(1, n) for n in range(1_500)]
        commit(store, change(1, p=FOREIGN_P, outbox=backlog), now_ms=NOW - 9)
        commit(store, change(2, outbox=[effect(1)]), now_ms=NOW)
        commit(store, change(3, p=P + 100, outbox=[effect(1)]), now_ms=NOW - 1)
        commit(store, change(4, outbox=[effect(1)]), now_ms=NOW + 1)

        assert effects(due(store, NOW + 1)) == [(3, 1, 0), (2, 1, 0), (4, 1, 0)]
        assert effects(due(store, NOW + 1, limit=2)) == [(3, 1, 0), (2, 1, 0)]

    def test_a_claim_counts_the_attempt_and_hides_the_row(self, store):
        owned(store)
        commit(store, change(1, outbox=[effect(1)]))

        assert claim(store, due(store)) == [True]

        assert due(store) == []
        row = run(store.outbox_stream("email", START, 1))[0]
        assert (row.state, row.attempts) == (OutboxState.SENDING, 1)
        assert run(store.outbox_counts())["sending"] == 1

    def test_of_two_claims_of_one_row_the_second_loses(self, store):
        owned(store)
        commit(store, change(1, outbox=[effect(1), effect(1, 1)]))
        both = due(store)

        assert claim(store, both[:1]) == [True]
        assert claim(store, both) == [False, True]
        assert run(store.outbox_counts())["sending"] == 2

    def test_a_row_named_twice_in_one_claim_is_claimed_once(self, store):
        owned(store)
        commit(store, change(1, outbox=[effect(1)]))

        assert claim(store, due(store) * 2) == [True, False]

    @pytest.mark.parametrize("epochs", [{}, {P: 0}, {P: 2}, {FOREIGN_P: 1}])
    def test_a_claim_needs_the_partitions_epoch(self, store, epochs):
        owned(store)
        commit(store, change(1, outbox=[effect(1)]))
        items = due(store)

        assert claim(store, items, epochs) == [False]
        assert due(store) == items

    def test_who_lost_the_partition_cannot_claim(self, store):
        owned(store)
        commit(store, change(1, outbox=[effect(1)]))
        items = due(store)
        run(store.claim([(P, ME, 1)], OTHER))

        assert claim(store, items, {P: 1}) == [False]
        assert claim(store, items, {P: 2}) == [True]

    def test_an_attempt_that_was_never_settled_comes_back(self, store):
        one_sending(store)

        assert due(store, SENDING_ENDS - 1) == []
        items = due(store, SENDING_ENDS)
        assert [(item.state, item.attempts) for item in items] == [(OutboxState.SENDING, 1)]
        assert claim(store, items, now_ms=SENDING_ENDS) == [True]
        assert claim(store, items, now_ms=SENDING_ENDS) == [False]
        assert due(store, SENDING_ENDS + 59_999) == []

    def test_an_attempt_to_repeat_is_due_at_its_time(self, store):
        item = one_sending(store)

        settle(store, item, OutboxState.PENDING, NOW + 5_000, "502 \x00\ud800")

        assert due(store, NOW + 4_999) == []
        again = due(store, NOW + 5_000)[0]
        assert (again.state, again.attempts) == (OutboxState.PENDING, 1)
        assert again.last_error == "502 \x00\ud800"
        assert claim(store, [item], now_ms=NOW + 5_000) == [False]
        assert claim(store, [again], now_ms=NOW + 5_000) == [True]

    @pytest.mark.parametrize(
        ("state", "name"),
        [
            (OutboxState.SENT, "sent"),
            (OutboxState.PARKED, "parked"),
            (OutboxState.CANCELLED, "cancelled"),
            (OutboxState.EXPIRED, "expired"),
        ],
    )
    def test_a_row_that_has_ended_never_comes_back(self, store, state, name):
        item = one_sending(store)

        settle(store, item, state)
        settle(store, item, OutboxState.PENDING)

        assert due(store, NOW * 2) == []
        assert claim(store, [item]) == [False]
        counts = run(store.outbox_counts())
        assert {key for key, n in counts.items() if n} == {name}
        assert run(store.counts())["outbox"] == 1

    def test_only_rows_in_sending_are_settled(self, store):
        owned(store)
        commit(store, change(1, outbox=[effect(1)]))
        item = due(store)[0]

        settle(store, item, OutboxState.SENT)

        assert due(store) == [item]

    def test_a_pending_effect_is_cancelled_with_a_turn(self, store):
        owned(store)
        commit(store, change(1, outbox=[effect(1), effect(1, 1)]))

        verdicts = commit(
            store, change(1, 1, outbox=[effect(2)], outbox_cancelled=[(1, 1, 1), (1, 2, 0)])
        )

        assert verdicts == [COMMITTED]
        assert effects(due(store)) == [(1, 1, 0)]
        assert run(store.outbox_counts())["cancelled"] == 2

    def test_an_effect_on_its_way_is_not_cancelled(self, store):
        one_sending(store)

        commit(store, change(1, 1, outbox_cancelled=[(1, 1, 0), (1, 9, 9)]))

        counts = run(store.outbox_counts())
        assert (counts["sending"], counts["cancelled"]) == (1, 0)

    def test_a_rejected_change_cancels_nothing(self, store):
        owned(store)
        commit(store, change(1, outbox=[effect(1)]))

        commit(store, change(1, 7, outbox_cancelled=[(1, 1, 0)]))

        assert effects(due(store)) == [(1, 1, 0)]


class StreamContract:
    def test_a_stream_is_in_order_of_first_claim_and_effect_and_resumes(self, store):
        owned(store)
        commit(store, change(5, outbox=[effect(1, 0, "web")]))
        commit(store, change(4, 0, 2, outbox=[effect(2, 0, "web"), effect(1, 1, "web")]))
        commit(store, change(3, outbox=[effect(1, 0, "web"), effect(1, 1, "email")]))
        five, *others = due(store)
        claim(store, others)
        claim(store, [five], now_ms=NOW + 10)

        items = run(store.outbox_stream("web", START, 10))

        assert effects(items) == [(3, 1, 0), (4, 1, 1), (4, 2, 0), (5, 1, 0)]
        assert [item.committed_at_ms - NOW for item in items] == [0, 0, 0, 10]
        for i, item in enumerate(items):
            after = (item.committed_at_ms, item.number, item.seq, item.n)
            assert run(store.outbox_stream("web", after, 10)) == items[i + 1 :]
        assert run(store.outbox_stream("web", START, 2)) == items[:2]
        assert run(store.outbox_stream("store", START, 2)) == []

    def test_a_stream_shows_nothing_that_no_claim_has_permitted(self, store):
        owned(store)
        commit(store, change(1, outbox=[effect(1), effect(1, 1, held=True), effect(1, 2)]))
        claim(store, due(store)[:1], check=checking(lambda *_: False, Permit(Claim.LATER, NOW)))

        assert run(store.outbox_stream("email", START, 9)) == []

    def test_a_retry_keeps_its_place_in_the_stream(self, store):
        item = one_sending(store)
        settle(store, item, OutboxState.PENDING, NOW + 9)
        assert effects(run(store.outbox_stream("email", START, 9))) == [(1, 1, 0)]

        claim(store, due(store, NOW + 9), now_ms=NOW + 9)

        assert run(store.outbox_stream("email", START, 9))[0].committed_at_ms == NOW

    def test_a_stream_shows_what_was_claimed_once_unless_it_was_withdrawn(self, store):
        owned(store)
        commit(
            store, change(1, outbox=[effect(1, n) for n in range(6)], outbox_cancelled=[(1, 1, 0)])
        )
        items = due(store)
        claim(store, items[:4])
        for item, state in zip(items, (2, 3, 5), strict=False):
            settle(store, item, state)

        states = [item.state for item in run(store.outbox_stream("email", START, 10))]

        assert states == [
            OutboxState.SENT,
            OutboxState.PARKED,
            OutboxState.SENDING,
        ]


class DeliveryContract(TimerContract, OutboxContract, StreamContract, HoldingContract):
    """Timers, outbox and stream."""
