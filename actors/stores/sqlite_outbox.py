"""The outbox of the SQLite store: what is due, claims before attempts, results, the stream."""

import json
import sqlite3
from collections import Counter
from collections.abc import Sequence
from functools import partial
from typing import Any

from actors.ports import Check, Claim, OutboxItem, OutboxResult, OutboxState, paused_by
from actors.stores.claim_rules import may_attempt
from actors.stores.rules import OUTBOX_STATES, SENDING_TIMEOUT_MS, permit, states_of
from actors.stores.sqlite_commit import add_to_counters, read_epochs
from actors.stores.sqlite_due import OUTBOX, DueWhere, due_rows
from actors.stores.sqlite_sql import Batched, Pivot, one_json
from actors.stores.texts import from_text, to_text

_ITEMS = Batched(
    "SELECT json_group_array(json_array(id, customer, seq, n, p, channel, state,"
    " attempts, committed_at, next_at, expires_at, hex(payload), error, send_at)) FROM outbox"
    " WHERE id IN (VALUES {rows})",
    1,
)
_STREAM = (
    "SELECT json_group_array(json_array(customer, seq, n, p, channel, state, attempts,"
    " committed_at, next_at, expires_at, hex(payload), error, send_at)) FROM ("
    " SELECT * FROM outbox INDEXED BY outbox_stream WHERE state < 4 AND attempts > 0 AND channel = ?"
    " AND (committed_at, customer, seq, n) > (?, ?, ?, ?)"
    " ORDER BY committed_at, customer, seq, n LIMIT ?)"
)
_OF = (
    "SELECT json_group_array(json_array(customer, seq, n, p, channel, state, attempts,"
    " committed_at, next_at, expires_at, hex(payload), error, send_at)) FROM ("
    " SELECT * FROM outbox INDEXED BY outbox_effect"
    " WHERE customer IN (SELECT value FROM json_each(?1)) AND (?2 = 0 OR ?2 >> state & 1)"
    " ORDER BY customer, seq, n)"
)
_STATES = Batched(
    "SELECT json_group_array(json_array(id, customer, seq, n, p, state, attempts))"
    " FROM (VALUES {rows}) AS wanted CROSS JOIN outbox ON outbox.customer = wanted.column1"
    " AND outbox.seq = wanted.column2 AND outbox.n = wanted.column3",
    3,
)
_CLAIM = Batched(
    "UPDATE outbox SET state = 1, attempts = attempts + 1, next_at = ?,"
    " committed_at = CASE attempts WHEN 0 THEN ? ELSE committed_at END WHERE id IN (VALUES {rows})",
    1,
)
_SETTLE = Batched(
    "UPDATE outbox SET state = result.column2, next_at = result.column3, error = result.column4"
    " FROM (VALUES {rows}) AS result WHERE outbox.id = result.column1",
    4,
)
_OPEN_CHANNELS = """
    WITH RECURSIVE open (channel) AS (
        SELECT min(channel) FROM outbox INDEXED BY outbox_due WHERE state < 2
        UNION ALL
        SELECT (SELECT min(channel) FROM outbox INDEXED BY outbox_due
                WHERE state < 2 AND outbox.channel > open.channel)
        FROM open WHERE channel IS NOT NULL
    ) SELECT json_group_array(channel) FROM open WHERE channel IS NOT NULL"""
_CUSTOMERS = Pivot(1, "SELECT state FROM customer WHERE number = ?1")
_PAUSES = (
    "SELECT json_group_array(json_array(name, since)) FROM (SELECT * FROM pause ORDER BY name)"
)
_LET_GO = (
    "UPDATE outbox INDEXED BY outbox_held_back SET next_at = ?"
    " WHERE state = 0 AND error != '' AND error = ?"
)
_COUNTS = "SELECT json_group_array(json_array(name, n)) FROM counter"


def _item(row: list[Any]) -> OutboxItem:
    *start, channel, state, attempts, committed, next_at, expires, payload, error, send_at = row
    number, seq, n, partition = start
    return OutboxItem(
        number=number,
        seq=seq,
        n=n,
        partition=partition,
        channel=from_text(channel),
        state=state,
        attempts=attempts,
        committed_at_ms=committed,
        next_at_ms=next_at,
        expires_at_ms=expires,
        payload=bytes.fromhex(payload),
        last_error=from_text(error),
        send_at_ms=send_at,
    )


def outbox_due(
    connection: sqlite3.Connection, due: DueWhere, skip: Sequence[str]
) -> list[OutboxItem]:
    """Return what the owner may attempt now. Call inside a transaction: there are several reads.

    A claim moves `next_at` to the end of its attempt's time, so a dead one comes back by itself.
    """
    skipped = {to_text(channel) for channel in skip}
    queues = [
        due_rows(connection, OUTBOX, (channel,), due)
        for channel in one_json(connection, _OPEN_CHANNELS)
        if channel not in skipped
    ]
    ids = [row_id for _, row_id in sorted(row for queue in queues for row in queue)[: due.limit]]
    items = {row[0]: _item(row[1:]) for row in _ITEMS.select(connection, [(i,) for i in ids])}
    return [items[i] for i in ids]


def outbox_claim(
    connection: sqlite3.Connection,
    items: Sequence[OutboxItem],
    epochs: dict[int, int],
    now_ms: int,
    check: Check,
) -> list[Claim]:
    """Claim what is still as its item says, under epochs that still hold, and may be sent."""
    stored = _read_states(connection, [(item.number, item.seq, item.n) for item in items])
    current = read_epochs(connection, {row[1] for row in stored.values()})
    states = states_of([item.number for item in items], partial(_customers, connection))
    switches = tuple(pauses(connection))
    won: list[tuple[int]] = []
    held: list[tuple[int, int, int, str]] = []
    moved: Counter[str] = Counter()
    answers = []
    for item in items:
        row = stored.get((item.number, item.seq, item.n))
        if row is None or not may_attempt(
            (row[2], row[3]),
            (item.state, item.attempts),
            epochs.get(row[1]),
            current.get(row[1]),
        ):
            answers.append(Claim.LOST)
            continue
        said = permit(check, item, states.get(item.number), switches, now_ms)
        answers.append(said.verdict)
        if said.verdict is Claim.LOST:
            continue
        del stored[item.number, item.seq, item.n]  # named twice: claimed once
        moved[f"outbox_{OUTBOX_STATES[item.state]}"] -= 1
        if said.verdict is Claim.MINE:
            won.append((row[0],))
            moved["outbox_sending"] += 1
        else:
            held.append((row[0], OutboxState.PENDING, said.next_at_ms, to_text(said.why)))
            moved["outbox_pending"] += 1
    if won:
        _CLAIM.run(connection, won, now_ms + SENDING_TIMEOUT_MS, now_ms)
    if held:
        _SETTLE.run(connection, held)
    add_to_counters(connection, moved)
    return answers


def _customers(connection: sqlite3.Connection, numbers: Sequence[int]) -> dict[int, bytes]:
    rows = _CUSTOMERS.select(connection, [(number,) for number in numbers])
    return {n: row for n, (row,) in zip(numbers, rows, strict=True) if row is not None}


def outbox_settle(connection: sqlite3.Connection, results: Sequence[OutboxResult]) -> None:
    """Store the results of those attempts whose rows are in `sending`."""
    stored = _read_states(connection, [(one.number, one.seq, one.n) for one in results])
    ended: Counter[str] = Counter()
    rows = []
    for one in results:
        row = stored.pop((one.number, one.seq, one.n), None)
        if row is not None and row[2] == OutboxState.SENDING:
            rows.append((row[0], one.state, one.next_at_ms, to_text(one.error)))
            ended["outbox_sending"] -= 1
            ended[f"outbox_{OUTBOX_STATES[one.state]}"] += 1
    if rows:
        _SETTLE.run(connection, rows)
        add_to_counters(connection, ended)


def _read_states(
    connection: sqlite3.Connection, effects: list[tuple[int, int, int]]
) -> dict[tuple[int, int, int], list[int]]:
    """Return [id, partition, state, attempts] by effect."""
    return {
        (number, seq, n): [row_id, *rest]
        for row_id, number, seq, n, *rest in _STATES.select(connection, effects)
    }


def outbox_stream(
    connection: sqlite3.Connection, channel: str, after: tuple[int, int, int, int], limit: int
) -> list[OutboxItem]:
    """Return a channel's rows after a place in the stream."""
    return [_item(row) for row in one_json(connection, _STREAM, (to_text(channel), *after, limit))]


def outbox_of(
    connection: sqlite3.Connection, numbers: Sequence[int], states: Sequence[int]
) -> list[OutboxItem]:
    """Return the rows of some customers, in these states or in any."""
    mask = sum(1 << state for state in set(states))
    return [_item(row) for row in one_json(connection, _OF, (json.dumps([*numbers]), mask))]


def outbox_counts(connection: sqlite3.Connection) -> dict[str, int]:
    """Return the number of rows by state name."""
    counts = dict(one_json(connection, _COUNTS))
    return {name: counts.get(f"outbox_{name}", 0) for name in OUTBOX_STATES.values()}


def pause(connection: sqlite3.Connection, name: str, now_ms: int) -> bool:
    """Throw a switch unless it is thrown."""
    done = connection.execute("INSERT OR IGNORE INTO pause VALUES (?, ?)", (to_text(name), now_ms))
    return done.rowcount == 1


def resume(connection: sqlite3.Connection, name: str, now_ms: int) -> bool:
    """Take a switch back, and let go what it held."""
    done = connection.execute("DELETE FROM pause WHERE name = ?", (to_text(name),))
    if done.rowcount == 1:
        connection.execute(_LET_GO, (now_ms, to_text(paused_by(name))))
    return done.rowcount == 1


def pauses(connection: sqlite3.Connection) -> dict[str, int]:
    """Return the switches thrown, in order."""
    return dict(sorted((from_text(name), at_ms) for name, at_ms in one_json(connection, _PAUSES)))
