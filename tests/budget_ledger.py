"""Commits in whatever order, with lost answers and retries, and what budgets must hold after each of them."""

import asyncio
import tempfile
from collections import Counter
from contextlib import suppress
from pathlib import Path

from hypothesis import strategies as st

from actors.domain.budgets import FOR_EVER_MS, Spend, Window
from actors.domain.errors import StoreUnavailableError
from actors.ports import Lookup, OutboxRow, OutboxState, Verdict, reserved
from actors.stores.memory import MemoryStore
from tests.contracts.store_support import ME, NOW, P, change
from tests.doubles.faults import FailNext
from tests.sqlite_files import new_sqlite

SIZE, LENGTH = 10, 30
LIMIT = 12


def window(kind, at):
    """What a budget of either kind may take at an instant."""
    bucket = at // SIZE * SIZE
    if kind == "rolling":
        return Window("rolling", bucket, (at - LENGTH) // SIZE * SIZE, FOR_EVER_MS, LIMIT)
    start = at // LENGTH * LENGTH
    return Window("calendar", start, start, start, LIMIT)


step = st.fixed_dictionaries(
    {
        "number": st.integers(1, 6),
        "later": st.sampled_from([0, 0, 0, 1, 4, 11, -3]),
        "spends": st.lists(
            st.tuples(st.sampled_from(["rolling", "calendar"]), st.integers(1, 7)), max_size=3
        ),
        "withdraws": st.booleans(),
        "fault": st.sampled_from([None, None, None, "before", "after"]),
        "joins": st.booleans(),
    }
)


class Ledger:
    """What must have been spent, worked out from what was written alone."""

    def __init__(self):
        self.seqs = Counter()
        self.effects = {}  # (number, seq) -> (instant, [(kind, amount)])

    def spent(self, kind, since, until):
        return sum(
            amount
            for at, spends in self.effects.values()
            for which, amount in spends
            if which == kind and since <= at <= until
        )


async def play(store, steps):
    await store.claim([(P, "", 0)], ME)
    flaky, ledger, at = FailNext(store), Ledger(), 1000
    batch = {}
    for one in steps:
        at = max(0, at + one["later"])
        number = one["number"]
        if number not in batch:
            batch[number] = (make(ledger, one, at), one, at)
        if one["joins"]:
            continue
        await commit(flaky, store, ledger, list(batch.values()), one["fault"])
        batch = {}
        await check(store, ledger, at)
    return ledger


def make(ledger, one, at):
    before = ledger.seqs[one["number"]]
    spends = [Spend(window(kind, at), amount, 0) for kind, amount in one["spends"]]
    row = OutboxRow(before + 1, 0, "email", NOW, NOW + 9, b"x", spends=tuple(map(reserved, spends)))
    gone = [(one["number"], before, 0)] if one["withdraws"] and before else []
    return change(one["number"], before, spends=spends, outbox=[row], outbox_cancelled=gone)


async def commit(flaky, store, ledger, batch, fault):
    """Commit as a session does: after an unknown outcome the truth is read again."""
    if fault:
        flaky.fail("commit", fault)
    verdicts = None
    with suppress(StoreUnavailableError):
        verdicts = await flaky.commit([each for each, _, _ in batch], NOW)
    rows = (await store.lookup(Lookup(numbers=tuple(e.number for e, _, _ in batch)))).customers
    for i, (each, one, at) in enumerate(batch):
        written = each.number in rows and rows[each.number].seq == each.seq_after
        if verdicts is not None:
            assert written == (verdicts[i] is Verdict.COMMITTED)
        if written and ledger.seqs[each.number] < each.seq_after:
            ledger.seqs[each.number] = each.seq_after
            ledger.effects[each.number, each.seq_after] = (at, one["spends"])
            for number, seq, _ in each.outbox_cancelled:
                ledger.effects.pop((number, seq))


async def check(store, ledger, now):
    cancelled = {
        (row.number, row.seq)
        for row in await store.outbox_of(tuple(range(1, 7)), (OutboxState.CANCELLED,))
    }
    assert not cancelled & ledger.effects.keys()
    for start in range(now - 2 * LENGTH, now + 1):
        assert ledger.spent("rolling", start + 1, start + LENGTH) <= LIMIT
    for start in range(now // LENGTH * LENGTH, now + 1, LENGTH):
        assert ledger.spent("calendar", start, start + LENGTH - 1) <= LIMIT
    here = tuple(window(kind, now) for kind in ("rolling", "calendar"))
    stored = (await store.lookup(Lookup(budgets=here))).spent
    rolling, calendar = here
    assert stored["calendar"] == ledger.spent(
        "calendar", calendar.bucket_ms, calendar.bucket_ms + LENGTH - 1
    )
    assert stored["rolling"] == ledger.spent("rolling", rolling.since_ms, 1 << 62)


def play_on_both(steps):
    """Play on each store; they must end alike."""
    memory = MemoryStore()
    with tempfile.TemporaryDirectory() as folder:
        file = new_sqlite(Path(folder) / "store.db")

        async def both():
            try:
                return (await play(memory, steps)).effects, (await play(file, steps)).effects
            finally:
                await file.close()

        in_memory, in_file = asyncio.run(both())
    assert in_memory == in_file


all_steps = st.lists(step, max_size=40)
