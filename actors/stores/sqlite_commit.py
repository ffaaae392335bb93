"""The committing transaction: read what decides, judge, write what survives.

Functions here take a connection inside a transaction that holds the write lock.
"""

import sqlite3
from collections import Counter
from collections.abc import Sequence

from actors.domain.ids import Identity
from actors.ports import Change, OutboxState, Verdict
from actors.stores.rules import Facts, judge
from actors.stores.sqlite_budgets import reserved_text, sums_for, write_budgets
from actors.stores.sqlite_erasure import erase
from actors.stores.sqlite_groups import seqs_of, write_groups
from actors.stores.sqlite_moves import move_outbox
from actors.stores.sqlite_scenarios import write_scenarios
from actors.stores.sqlite_segments import write_segments
from actors.stores.sqlite_sql import Batched
from actors.stores.texts import to_text

_EPOCHS = Batched(
    "SELECT json_group_array(json_array(p, epoch)) FROM partition WHERE p IN (VALUES {rows})", 1
)
_SEQS = Batched(
    "SELECT json_group_array(json_array(number, p, seq)) FROM customer"
    " WHERE number IN (VALUES {rows})",
    1,
)
_HASHES = Batched("SELECT json_group_array(hex(hash)) FROM dedupe WHERE hash IN (VALUES {rows})", 1)
_OWNERS = Batched(
    "SELECT json_group_array(json_array(wanted.column1, identity.customer))"
    " FROM (VALUES {rows}) AS wanted CROSS JOIN identity"
    " ON identity.kind = wanted.column2 AND identity.value = wanted.column3",
    3,
)
_INSERT_CUSTOMERS = Batched("INSERT INTO customer (number, p, seq, state) VALUES {rows}", 4)
_UPDATE_CUSTOMERS = Batched(
    "UPDATE customer SET seq = new.column1, state = new.column2 FROM (VALUES {rows}) AS new"
    " WHERE customer.number = new.column3 AND customer.seq = new.column4"
    " AND customer.p = new.column5",
    5,
)
_INSERT_JOURNAL = Batched("INSERT INTO journal (customer, seq, at, kind, payload) VALUES {rows}", 5)
_INSERT_DEDUPE = Batched(
    "INSERT INTO dedupe (hash, fingerprint, customer, seq, stored_at) VALUES {rows}", 5
)
_INSERT_IDENTITIES = Batched(
    "INSERT OR REPLACE INTO identity (kind, value, customer) VALUES {rows}", 3
)
_DELETE_TIMERS = Batched(
    "DELETE FROM timer WHERE (customer, key) IN"  # VALUES itself would walk through the table
    " (SELECT column1, column2 FROM (VALUES {rows}))",
    2,
)
_INSERT_TIMERS = Batched("INSERT INTO timer (customer, key, p, due) VALUES {rows}", 4)
_INSERT_OUTBOX = Batched(
    "INSERT INTO outbox (customer, seq, n, p, state, attempts, channel, committed_at, next_at,"
    " send_at, expires_at, error, payload, spends) VALUES {rows}",
    14,
)
_ADD_TO_COUNTERS = Batched(
    "UPDATE counter SET n = n + more.column2 FROM (VALUES {rows}) AS more"
    " WHERE counter.name = more.column1",
    2,
)


def commit(connection: sqlite3.Connection, changes: Sequence[Change], now_ms: int) -> list[Verdict]:
    """Write the changes that may be written; return the verdict on each, in order."""
    verdicts = judge(changes, _facts(connection, changes))
    survivors = [
        change
        for change, verdict in zip(changes, verdicts, strict=True)
        if verdict is Verdict.COMMITTED
    ]
    if survivors:
        counts: Counter[str] = Counter()
        for change in survivors:
            if change.erasure is not None:  # before its own row, which is the receipt
                erase(connection, change.erasure, counts)
        _write_customers(connection, survivors, counts)
        _write_history(connection, survivors, counts, now_ms)
        _write_timers(connection, survivors, counts)
        _write_outbox(connection, survivors, counts, now_ms)
        write_segments(connection, survivors)
        write_groups(connection, survivors)
        write_scenarios(connection, survivors)
        add_to_counters(connection, counts)
    return verdicts


def read_epochs(connection: sqlite3.Connection, partitions: set[int]) -> dict[int, int]:
    """Return the epochs of those partitions that exist."""
    return dict(_EPOCHS.select(connection, [(p,) for p in partitions]))


def owners_of(
    connection: sqlite3.Connection, identities: Sequence[Identity]
) -> dict[Identity, int]:
    """Return the customer numbers of those identities that have an owner."""
    rows = [(i, to_text(one.kind), to_text(one.value)) for i, one in enumerate(identities)]
    return {identities[i]: number for i, number in _OWNERS.select(connection, rows)}


def add_to_counters(connection: sqlite3.Connection, more: Counter[str]) -> None:
    """Add to the named counters; amounts may be negative."""
    rows = [(name, n) for name, n in more.items() if n]
    if rows:
        _ADD_TO_COUNTERS.run(connection, rows)


def _facts(connection: sqlite3.Connection, changes: Sequence[Change]) -> Facts:
    seqs = _SEQS.select(connection, [(change.number,) for change in changes])
    hashes = [(message.hash,) for change in changes for message in change.messages]
    identities = list({one: None for change in changes for one in change.identities})
    return Facts(
        read_epochs(connection, {change.partition for change in changes}),
        {number: (p, seq) for number, p, seq in seqs},
        {bytes.fromhex(digits) for digits in _HASHES.select(connection, hashes)},
        owners_of(connection, identities),
        seqs_of(connection, changes),
        sums_for(connection, changes),
    )


def _write_customers(
    connection: sqlite3.Connection, changes: list[Change], counts: Counter[str]
) -> None:
    new = [c for c in changes if not c.seq_before]
    known = [
        (c.seq_after, c.state, c.number, c.seq_before, c.partition) for c in changes if c.seq_before
    ]
    _INSERT_CUSTOMERS.insert(
        connection, [(c.number, c.partition, c.seq_after, c.state) for c in new]
    )
    updated = _UPDATE_CUSTOMERS.run(connection, known)
    if updated != len(known):
        raise RuntimeError(f"{updated} customer rows were updated, expected {len(known)}")
    counts["customers"] += len(new)


def _write_history(
    connection: sqlite3.Connection, changes: list[Change], counts: Counter[str], now_ms: int
) -> None:
    turns = [
        (change.number, row.seq, row.at_ms, row.kind, row.payload)
        for change in changes
        for row in change.journal
    ]
    _INSERT_JOURNAL.insert(connection, turns)
    counts["turns"] += len(turns)
    _INSERT_DEDUPE.insert(
        connection,
        [
            (message.hash, message.fingerprint, change.number, message.seq, now_ms)
            for change in changes
            for message in change.messages
        ],
    )
    _INSERT_IDENTITIES.insert(
        connection,
        [
            (to_text(one.kind), to_text(one.value), change.number)
            for change in changes
            for one in change.identities
        ],
    )


def _write_timers(
    connection: sqlite3.Connection, changes: list[Change], counts: Counter[str]
) -> None:
    """Delete, then set: a timer that fires and sets itself again stays."""
    new = {
        (change.number, to_text(timer.key)): (change.partition, timer.due_at_ms)
        for change in changes
        for timer in change.timers_set
    }
    gone = {(change.number, to_text(key)) for change in changes for key in change.timers_deleted}
    counts["timers"] -= _DELETE_TIMERS.run(connection, sorted(gone.union(new)))
    _INSERT_TIMERS.insert(connection, [(*key, *rest) for key, rest in new.items()])
    counts["timers"] += len(new)


def _write_outbox(
    connection: sqlite3.Connection, changes: list[Change], counts: Counter[str], now_ms: int
) -> None:
    effects = [
        (
            *(change.number, row.seq, row.n, change.partition),
            *(OutboxState.HELD if row.held else OutboxState.PENDING, 0, to_text(row.channel)),
            *(now_ms, now_ms, row.send_at_ms, row.expires_at_ms),
            *("", row.payload, reserved_text(row.spends)),
        )
        for change in changes
        for row in change.outbox
    ]
    _INSERT_OUTBOX.insert(connection, effects)
    counts["outbox_held"] += sum(row.held for change in changes for row in change.outbox)
    counts["outbox_pending"] += sum(not row.held for change in changes for row in change.outbox)
    write_budgets(connection, changes, move_outbox(connection, changes, counts, now_ms))
