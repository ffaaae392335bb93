"""What every store must do so that no budget is ever overspent."""

import pytest

from actors.domain.budgets import FOR_EVER_MS, Spend, Window
from actors.ports import (
    GRANTED,
    Lookup,
    OutboxResult,
    OutboxRow,
    OutboxState,
    Verdict,
    reserved,
)
from tests.contracts.store_support import (
    COMMITTED,
    FENCED,
    FOREIGN_P,
    NOW,
    OTHER,
    RACE_LOST,
    change,
    commit,
    owned,
    run,
)

OVERSPENT = Verdict.OVERSPENT
TOTAL = Window("mail", 0, 0, 0, 10)


def spending(number, *amounts, before=0, window=TOTAL, **more):
    spends = [Spend(window, amount, n) for n, amount in enumerate(amounts)]
    return change(number, before, spends=spends, **more)


def spent(store, *windows):
    return run(store.lookup(Lookup(budgets=windows or (TOTAL,)))).spent


def queued(number, amount, *, before=0, window=TOTAL, held=False, n=0):
    """A change whose effect takes something of a budget."""
    spend = Spend(window, amount, n)
    row = OutboxRow(
        before + 1, n, "email", NOW, NOW + 9_999_999, b"x", held=held, spends=(reserved(spend),)
    )
    return change(number, before, spends=[spend], outbox=[row])


class BudgetContract:
    def test_nothing_is_spent_at_first(self, store):
        assert spent(store) == {"mail": 0}
        assert spent(store, TOTAL, TOTAL._replace(budget="calls")) == {"mail": 0, "calls": 0}
        assert run(store.lookup(Lookup())).spent == {}

    def test_what_fits_to_the_last_unit_is_written_and_what_does_not_is_not(self, store):
        owned(store)

        verdicts = [commit(store, spending(n, 4))[0] for n in (1, 2, 3)]

        assert verdicts == [COMMITTED, COMMITTED, OVERSPENT]
        assert spent(store) == {"mail": 8}
        assert commit(store, spending(4, 2)) == [COMMITTED]
        assert commit(store, spending(5, 1)) == [OVERSPENT]
        assert spent(store) == {"mail": 10}

    def test_changes_of_one_call_share_what_is_left_in_their_order(self, store):
        owned(store)

        verdicts = commit(store, spending(1, 6), spending(2, 5), spending(3, 4), change(4))

        assert verdicts == [COMMITTED, OVERSPENT, COMMITTED, COMMITTED]
        assert spent(store) == {"mail": 10}
        assert sorted(run(store.lookup(Lookup(numbers=(1, 2, 3, 4)))).customers) == [1, 3, 4]

    def test_the_spends_of_one_change_fit_together_or_none_is_written(self, store):
        owned(store)

        assert commit(store, spending(1, 6, 5)) == [OVERSPENT]
        assert spent(store) == {"mail": 0}
        assert commit(store, spending(1, 6, 4)) == [COMMITTED]
        assert spent(store) == {"mail": 10}

    def test_each_budget_must_have_room(self, store):
        owned(store)
        calls = Window("calls", 0, 0, 0, 1)
        both = [Spend(TOTAL, 1, 0), Spend(calls, 1, 0)]

        assert commit(store, change(1, spends=both), change(2, spends=both)) == [
            COMMITTED,
            OVERSPENT,
        ]
        assert spent(store, TOTAL, calls) == {"mail": 1, "calls": 1}

    def test_changes_that_are_tied_are_paid_together_or_not_at_all(self, store):
        owned(store)
        pair = [spending(1, 6, tied_to=1), spending(2, 5, tied_to=1)]

        assert commit(store, *pair, spending(3, 7)) == [OVERSPENT, OVERSPENT, COMMITTED]
        assert spent(store) == {"mail": 7}

    def test_what_is_fenced_or_lost_spends_nothing(self, store):
        owned(store)
        owned(store, FOREIGN_P, owner=OTHER)

        verdicts = commit(
            store,
            spending(1, 9, p=FOREIGN_P, epoch=9),
            spending(2, 9, before=5),
            spending(3, 10),
        )

        assert verdicts == [FENCED, RACE_LOST, COMMITTED]
        assert spent(store) == {"mail": 10}

    def test_a_window_sums_up_its_buckets_and_no_others(self, store):
        owned(store)
        for number, bucket in enumerate((10, 20, 30), start=1):
            commit(store, spending(number, number, window=Window("mail", bucket, 0, 99, 100)))

        inside = [Window("mail", 20, since, until, 0) for since, until in ((10, 30), (20, 20))]

        assert spent(store, inside[0]) == {"mail": 6}
        assert spent(store, inside[1]) == {"mail": 2}
        assert spent(store, Window("mail", 40, 40, FOR_EVER_MS, 0)) == {"mail": 0}

    def test_a_window_that_rolls_frees_what_has_left_it(self, store):
        owned(store)

        def rolling(bucket):
            return Window("mail", bucket, bucket - 100, FOR_EVER_MS, 10)

        assert commit(store, spending(1, 10, window=rolling(1000))) == [COMMITTED]
        assert commit(store, spending(2, 1, window=rolling(1100))) == [OVERSPENT]
        assert commit(store, spending(2, 10, window=rolling(1110))) == [COMMITTED]
        assert commit(store, spending(3, 1, window=rolling(1120))) == [OVERSPENT]

    def test_whoever_is_behind_by_a_little_counts_what_came_after(self, store):
        owned(store)
        ahead, behind = (Window("mail", at, at - 100, FOR_EVER_MS, 10) for at in (1010, 1000))

        commit(store, spending(1, 10, window=ahead))

        assert commit(store, spending(2, 1, window=behind)) == [OVERSPENT]

    def test_a_lower_limit_holds_from_then_on(self, store):
        owned(store)
        commit(store, spending(1, 8))

        lower, higher = TOTAL._replace(limit=8), TOTAL._replace(limit=9)

        assert commit(store, spending(2, 1, window=lower)) == [OVERSPENT]
        assert commit(store, spending(2, 1, window=higher)) == [COMMITTED]

    @pytest.mark.parametrize("held", [False, True])
    @pytest.mark.parametrize("how", ["cancelled", "dropped"])
    def test_an_effect_withdrawn_before_any_attempt_gives_back_once(self, store, held, how):
        owned(store)
        commit(store, queued(1, 7, held=held))
        place = (1, 1, 0)
        end = (
            {"outbox_cancelled": [place]}
            if how == "cancelled"
            else {"outbox_dropped": [(*place, OutboxState.EXPIRED, "late")]}
        )

        commit(store, change(1, 1, **end))
        assert spent(store) == {"mail": 0}
        commit(store, queued(2, 7))
        commit(store, change(1, 2, **end))

        assert spent(store) == {"mail": 7}

    def test_an_effect_that_somebody_has_tried_to_send_gives_nothing_back(self, store):
        owned(store)
        commit(store, queued(1, 7))
        item = run(store.outbox_due("cell-0/one", NOW, 9))[0]
        run(store.outbox_claim([item], {item.partition: 1}, NOW, _permitted))
        (item,) = run(store.outbox_of((1,)))
        run(store.outbox_settle([OutboxResult(1, 1, 0, OutboxState.PENDING, NOW)]))

        commit(store, change(1, 1, outbox_cancelled=[(1, 1, 0)]))

        assert run(store.outbox_of((1,)))[0].state == OutboxState.CANCELLED
        assert spent(store) == {"mail": 7}

    def test_what_is_given_back_may_be_spent_from_the_next_call_on(self, store):
        owned(store)
        commit(store, queued(1, 7))

        verdicts = commit(store, change(1, 1, outbox_cancelled=[(1, 1, 0)]), spending(2, 7))

        assert verdicts == [COMMITTED, OVERSPENT]
        assert commit(store, spending(2, 7)) == [COMMITTED]
        assert spent(store) == {"mail": 7}

    def test_a_turn_may_withdraw_what_an_earlier_one_of_its_group_paid_for(self, store):
        owned(store)
        one = queued(1, 7)
        one.outbox_cancelled.append((1, 1, 0))

        assert commit(store, one) == [COMMITTED]

        assert spent(store) == {"mail": 0}

    def test_names_of_budgets_may_hold_anything(self, store):
        owned(store)
        odd = TOTAL._replace(budget="o'n\ud800\x00é")

        commit(store, queued(1, 3, window=odd), spending(2, 2, window=odd))
        assert spent(store, odd) == {odd.budget: 5}
        commit(store, change(1, 1, outbox_cancelled=[(1, 1, 0)]))

        assert spent(store, odd) == {odd.budget: 2}


def _permitted(item, state, pauses):
    return GRANTED
