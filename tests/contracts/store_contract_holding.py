"""The part of the store's contract about what is held, checked before it is sent, and paused."""

import pytest

from actors.ports import (
    GRANTED,
    Claim,
    Erasure,
    OutboxResult,
    OutboxState,
    Permit,
    paused_by,
)
from actors.wire.markers import pack_erased, pack_redirect
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

SENDING_ENDS = NOW + 60_000
START = (0, 0, 0, 0)


def claim(store, items, epochs=None, now_ms=NOW, check=permitted):
    return run(store.outbox_claim(items, {P: 1} if epochs is None else epochs, now_ms, check))


def settle(store, item, state, next_at_ms=0, error=""):
    result = OutboxResult(item.number, item.seq, item.n, state, next_at_ms, error)
    run(store.outbox_settle([result]))


def checking(permits, otherwise):
    """Permit some; say the same of the others."""
    return lambda item, *given: GRANTED if permits(item, *given) else otherwise


def one_sending(store):
    owned(store)
    commit(store, change(1, outbox=[effect(1)]))
    assert claim(store, due(store)) == [True]
    return run(store.outbox_stream("email", START, 1))[0]


class HoldingContract:
    @pytest.mark.parametrize("verdict", [Claim.LATER, Claim.REVIEW])
    def test_what_a_check_holds_back_is_due_again_when_it_says_and_was_not_attempted(
        self, store, verdict
    ):
        owned(store)
        commit(store, change(1, outbox=[effect(1), effect(1, 1)]))
        check = checking(lambda item, *_: item.n == 1, Permit(verdict, NOW + 500, "quiet \ud800"))

        assert claim(store, due(store), check=check) == [verdict, Claim.MINE]

        assert due(store, NOW + 499) == []
        held = due(store, NOW + 500)[0]
        assert (held.state, held.attempts) == (OutboxState.PENDING, 0)
        assert held.last_error == "quiet \ud800"
        counts = run(store.outbox_counts())
        assert (counts["pending"], counts["sending"]) == (1, 1)

    def test_a_dead_attempt_that_is_held_back_waits_as_one_that_began(self, store):
        one_sending(store)
        dead = due(store, SENDING_ENDS)

        check = checking(lambda *_: False, Permit(Claim.LATER, SENDING_ENDS + 9))
        assert claim(store, dead, now_ms=SENDING_ENDS, check=check) == [Claim.LATER]

        again = due(store, SENDING_ENDS + 9)[0]
        assert (again.state, again.attempts) == (OutboxState.PENDING, 1)

    def test_a_check_sees_the_customer_as_stored_now_and_the_switches(self, store):
        owned(store)
        commit(store, change(1, outbox=[effect(1)], state=b"\x01before"), change(3))
        items = due(store)
        run(store.pause("channel:email", NOW))
        run(store.pause("all", NOW))
        commit(store, change(1, 1, state=b"\x01now"))
        seen = []

        claim(store, items, check=lambda *given: seen.append(given) or GRANTED)

        assert seen == [(items[0], b"\x01now", ("all", "channel:email"))]
        assert items[0].send_at_ms == NOW

    def test_a_check_sees_the_survivor_of_a_merge_and_nobody_after_an_erasure(self, store):
        owned(store)
        rows = [change(n, outbox=[effect(1)]) for n in (1, 2, 3)]
        commit(store, *rows, change(4, state=b"\x01four"), change(6))
        items = due(store)
        commit(store, change(1, 1, state=pack_redirect(2)), change(2, 1, state=pack_redirect(4)))
        commit(store, change(3, 1, state=pack_redirect(5)), change(6, 1, state=pack_erased(NOW)))
        seen = []

        claim(store, items, check=lambda _, state, __: seen.append(state) or GRANTED)

        assert seen == [b"\x01four", b"\x01four", None]

    def test_merges_that_go_round_lead_to_nobody(self, store):
        owned(store)
        commit(store, change(1, outbox=[effect(1)]), change(2))
        items = due(store)
        commit(store, change(1, 1, state=pack_redirect(2)), change(2, 1, state=pack_redirect(1)))
        seen = []

        claim(store, items, check=lambda _, state, __: seen.append(state) or GRANTED)

        assert seen == [None]

    def test_a_check_that_fails_permits_nothing(self, store):
        owned(store)
        commit(store, change(1, outbox=[effect(1), effect(1, 1)]))

        def check(item, *_):
            return GRANTED if item.n else {}["a field"]

        assert claim(store, due(store), check=check) == [Claim.LATER, Claim.MINE]
        assert effects(due(store, NOW + 1_000)) == [(1, 1, 0)]
        assert "KeyError" in due(store, NOW + 1_000)[0].last_error

    def test_a_check_is_not_asked_of_what_cannot_be_claimed(self, store):
        owned(store)
        commit(store, change(1, outbox=[effect(1)]))
        items = due(store)

        assert claim(store, items, {P: 9}, check=None) == [Claim.LOST]
        assert due(store) == items

    def test_held_effects_wait_for_their_release(self, store):
        owned(store)
        commit(
            store, change(1, outbox=[effect(1, held=True, send_at_ms=NOW + 9_000), effect(1, 1)])
        )

        assert effects(due(store, NOW * 2)) == [(1, 1, 1)]
        held = run(store.outbox_of((1,), (OutboxState.HELD,)))
        assert [(one.n, one.send_at_ms) for one in held] == [(0, NOW + 9_000)]
        assert claim(store, held) == [Claim.LOST]
        assert run(store.outbox_counts())["held"] == 1

        commit(store, change(1, 1, outbox_released=[(1, 1, 0, NOW + 9_005)]), now_ms=NOW + 3)

        assert effects(due(store, NOW + 3)) == [(1, 1, 1), (1, 1, 0)]
        released = due(store, NOW + 3)[1]
        assert (released.next_at_ms, released.send_at_ms) == (NOW + 3, NOW + 9_005)
        counts = run(store.outbox_counts())
        assert (counts["held"], counts["pending"]) == (0, 2)

    def test_what_is_pending_may_be_held_again_and_moved(self, store):
        owned(store)
        commit(store, change(1, outbox=[effect(1), effect(1, 1, held=True)]))

        commit(store, change(1, 1, outbox_postponed=[(1, 1, 0, NOW + 7), (1, 1, 1, NOW + 8)]))

        assert due(store, NOW * 2) == []
        held = run(store.outbox_of((1,), (OutboxState.HELD,)))
        assert [one.send_at_ms for one in held] == [NOW + 7, NOW + 8]

    def test_what_has_ended_or_is_under_way_is_neither_held_nor_released(self, store):
        item = one_sending(store)
        again = {"outbox_released": [(1, 1, 0, NOW)], "outbox_postponed": [(1, 1, 0, NOW)]}

        commit(
            store, change(1, 1, **again, outbox_dropped=[(1, 1, 0, OutboxState.EXPIRED, "late")])
        )
        assert run(store.outbox_of((1,)))[0].state == OutboxState.SENDING
        settle(store, item, OutboxState.SENT)
        commit(store, change(1, 2, **again, outbox_cancelled=[(1, 1, 0), (9, 9, 9)]))

        assert run(store.outbox_of((1,)))[0].state == OutboxState.SENT

    def test_held_effects_are_cancelled_dropped_and_erased_like_pending_ones(self, store):
        owned(store)
        commit(
            store,
            change(1, outbox=[effect(1, n, held=True) for n in range(3)]),
            change(2, outbox=[effect(1, held=True)]),
        )

        commit(
            store,
            change(
                1,
                1,
                outbox_cancelled=[(1, 1, 0)],
                outbox_dropped=[(1, 1, 1, OutboxState.EXPIRED, "too late")],
                outbox_released=[(1, 1, 0, NOW)],
            ),
            change(2, 1, erasure=Erasure((2,), (), NOW)),
        )

        rows = run(store.outbox_of((1, 2)))
        assert [(row.state, row.last_error) for row in rows] == [
            (OutboxState.CANCELLED, ""),
            (OutboxState.EXPIRED, "too late"),
            (OutboxState.HELD, ""),
            (OutboxState.CANCELLED, ""),
        ]
        counts = run(store.outbox_counts())
        assert {name: n for name, n in counts.items() if n} == {
            "cancelled": 2,
            "expired": 1,
            "held": 1,
        }

    def test_held_effects_are_never_forgotten_by_age(self, store):
        owned(store)
        commit(store, change(1, outbox=[effect(1, held=True, send_at_ms=5)]))

        assert run(store.forget_effects(OutboxState.HELD, NOW * 2, 10)) == 0
        assert run(store.outbox_counts())["held"] == 1

    def test_a_rejected_change_neither_releases_nor_drops(self, store):
        owned(store)
        commit(store, change(1, outbox=[effect(1, held=True), effect(1, 1)]))
        dropped = [(1, 1, 1, OutboxState.CANCELLED, "no")]

        commit(store, change(1, 7, outbox_released=[(1, 1, 0, NOW)], outbox_dropped=dropped))

        assert [row.state for row in run(store.outbox_of((1,)))] == [
            OutboxState.HELD,
            OutboxState.PENDING,
        ]

    def test_switches_stay_thrown_until_they_are_taken_back(self, store):
        assert run(store.pauses()) == {}

        assert run(store.pause("channel:sms", NOW)) is True
        assert run(store.pause("channel:sms", NOW + 5)) is False
        assert run(store.pause("action:\ud800/b/c", NOW + 1)) is True

        assert list(run(store.pauses()).items()) == [
            ("action:\ud800/b/c", NOW + 1),
            ("channel:sms", NOW),
        ]
        assert run(store.resume("channel:sms", NOW)) is True
        assert run(store.resume("channel:sms", NOW)) is False
        assert list(run(store.pauses())) == ["action:\ud800/b/c"]

    def test_taking_a_switch_back_makes_due_what_it_held(self, store):
        owned(store)
        commit(store, change(1, outbox=[effect(1), effect(1, 1), effect(1, 2)]))
        whys = [paused_by("channel:email"), paused_by("all"), "quiet"]
        check = lambda item, *_: Permit(Claim.LATER, NOW + 60_000, whys[item.n])  # noqa: E731
        claim(store, due(store), check=check)
        run(store.pause("channel:email", NOW))

        run(store.resume("channel:email", NOW))

        assert effects(due(store)) == [(1, 1, 0)]
