"""Leases of budgets, spent and reclaimed by several cells at once: a budget of n gives n, never more."""

import random
import threading
from contextlib import suppress

import pytest

from actors.domain.budgets import FOR_EVER_MS, Spend, Window
from actors.domain.errors import StoreUnavailableError
from actors.ports import Lookup, OutboxRow, Verdict, reserved
from actors.stores.postgres import PostgresStore
from tests.contracts.store_support import COMMITTED, NOW, change, commit, owned, run
from tests.integration.test_budget_under_fire import Fire
from tests.integration.test_budget_under_fire import N as SHOWN
from tests.postgres_databases import new_database

pytestmark = pytest.mark.postgres

OVERSPENT = Verdict.OVERSPENT
N = 400
TOTAL = Window("mail", 0, 0, 0, N)


@pytest.fixture
def url():
    return new_database()


@pytest.fixture
def cells(url):
    stores = [PostgresStore.open(url) for _ in range(3)]
    owned(stores[0])
    yield stores
    for store in stores:
        run(store.close())


def spending(number, amount, before=0, window=TOTAL, **more):
    return change(number, before, spends=[Spend(window, amount, 0)], **more)


def leases(store):
    return run(store._rows("SELECT owner, granted, spent FROM budget_lease ORDER BY owner"))


def spent(store, window=TOTAL):
    return run(store.lookup(Lookup(budgets=(window,)))).spent[window.budget]


def test_a_cell_spends_from_its_lease_without_a_look_at_others(cells):
    one, _, _ = cells
    assert commit(one, spending(1, 4)) == [COMMITTED]
    (lease,) = leases(one)

    assert commit(one, spending(2, 4)) == [COMMITTED]

    assert (lease["granted"], lease["spent"]) == (4 + (N - 4) // 4, 4)
    assert leases(one)[0]["granted"] == lease["granted"]
    assert leases(one)[0]["spent"] == 8


def test_what_a_dead_cell_has_not_spent_is_reclaimed_by_a_write_and_it_spends_no_more(cells):
    dead, heir, _ = cells
    commit(dead, spending(1, 1))

    assert commit(heir, spending(2, N - 1)) == [COMMITTED]

    assert {row["granted"] - row["spent"] for row in leases(heir)} == {0}
    assert commit(dead, spending(3, 1)) == [OVERSPENT]  # it was only paused
    assert spent(heir) == N


def test_no_lease_is_ever_larger_than_what_is_left_of_the_limit(cells):
    for number in range(40):
        commit(cells[number % 3], spending(number, 5))
        assert sum(row["granted"] for row in leases(cells[0])) <= N


def test_what_another_cell_gives_back_may_be_spent_by_all(cells):
    one, two, three = cells
    row = OutboxRow(1, 0, "email", NOW, NOW + 9, b"x", spends=(reserved(Spend(TOTAL, N, 0)),))
    assert commit(one, spending(1, N, outbox=[row])) == [COMMITTED]
    assert commit(three, spending(2, 1)) == [OVERSPENT]

    commit(two, change(1, 1, outbox_cancelled=[(1, 1, 0)]))

    assert spent(three) == 0
    assert commit(three, spending(2, N)) == [COMMITTED]
    assert commit(one, spending(3, 1)) == [OVERSPENT]


def test_a_rolling_window_counts_the_leases_of_earlier_buckets(cells):
    one, two, _ = cells

    def rolling(bucket):
        return Window("mail", bucket, bucket - 100, FOR_EVER_MS, 10)

    assert commit(one, spending(1, 1, window=rolling(1000))) == [COMMITTED]
    assert commit(two, spending(2, 9, window=rolling(1050))) == [COMMITTED]
    assert commit(one, spending(3, 1, window=rolling(1000))) == [OVERSPENT]
    assert commit(one, spending(3, 1, window=rolling(1110))) == [COMMITTED]


class Cell(threading.Thread):
    """Spends until nothing is left; now and then withdraws what it has planned."""

    def __init__(self, store, base):
        super().__init__()
        self.store, self.base, self.draws = store, base, random.Random(base)
        self.given = self.refused = self.highest = 0

    def run(self):
        number = self.base
        while self.refused < 3 and number < self.base + 5_000:
            amounts = [self.draws.randint(1, 5) for _ in range(self.draws.randint(1, 4))]
            group = []
            for amount in amounts:
                number += 1
                taken = (reserved(Spend(TOTAL, amount, 0)),)
                row = OutboxRow(1, 0, "email", NOW, NOW + 9, b"x", spends=taken)
                group.append(spending(number, amount, outbox=[row]))
            with suppress(StoreUnavailableError):
                verdicts = commit(self.store, *group)
                self.refused = self.refused + 1 if OVERSPENT in verdicts else 0
                done = [c for c, v in zip(group, verdicts, strict=True) if v is COMMITTED]
                self.given += sum(c.spends[0].amount for c in done)
                self.highest = max(self.highest, spent(self.store))
                if done and self.draws.random() < 0.2:
                    one = done[0]
                    end = change(one.number, 1, outbox_cancelled=[(one.number, 1, 0)])
                    if commit(self.store, end) == [COMMITTED]:
                        self.given -= one.spends[0].amount


def test_cells_that_spend_and_withdraw_at_once_give_all_and_never_more(cells):
    threads = [Cell(store, 10_000 * i) for i, store in enumerate(cells, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    rows = leases(cells[0])
    assert max(thread.highest for thread in threads) <= N
    assert sum(thread.given for thread in threads) == spent(cells[0]) <= N
    assert sum(row["granted"] for row in rows) <= N
    assert len(rows) == 3
    left = N - spent(cells[0])
    if left:
        assert commit(cells[0], spending(1, left)) == [COMMITTED]
    assert commit(cells[0], spending(2, 1)) == [OVERSPENT]


@pytest.mark.fault
def test_sessions_of_two_cells_on_one_database_keep_a_budget_though_answers_are_lost(url):
    fire = Fire(PostgresStore.open(url))

    shown, spent_then = fire.run()

    assert 0.99 * SHOWN <= shown <= SHOWN
    assert spent_then == {"banners": shown * 1000, "money": shown * 200}
    assert fire.deaths
