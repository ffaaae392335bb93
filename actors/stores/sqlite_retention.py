"""What the SQLite store forgets by age, a bounded portion at a time. Call inside a transaction."""

import sqlite3
from collections import Counter

from actors.stores.rules import ANSWERS_LOOKED_AT, BEFORE_ALL_DAYS, OUTBOX_STATES, day_of
from actors.stores.sqlite_commit import add_to_counters
from actors.stores.sqlite_sql import Batched, one_json, one_row
from actors.stores.texts import to_text

_EMPTY = """UPDATE journal SET payload = x'' WHERE offset IN (
    SELECT offset FROM journal INDEXED BY journal_age
    WHERE kind = ?1 AND kind NOT IN (5, 6, 8) AND payload != x'' AND at < ?2 AND offset < ?3
    ORDER BY at, offset LIMIT ?4)"""
_OLDEST_ANSWER = """SELECT min(journal.offset) FROM (
        SELECT customer, seq FROM dedupe INDEXED BY dedupe_age
        WHERE stored_at >= 0 ORDER BY stored_at, hash LIMIT ?
    ) AS oldest CROSS JOIN journal INDEXED BY journal_customer
    ON journal.customer = oldest.customer AND journal.seq = oldest.seq"""
_DELETE_EFFECTS = """DELETE FROM outbox WHERE id IN (
    SELECT id FROM outbox INDEXED BY outbox_age
    WHERE state = ?1 AND state > 1 AND state < 6 AND send_at < ?2 ORDER BY send_at, id LIMIT ?3)"""
_CUSTOMERS = """SELECT json_group_array(json_array(number, p, is_one, due)) FROM (
    SELECT number, p, substr(state, 1, 1) != x'00' AS is_one,
        (SELECT due FROM timer WHERE timer.customer = number AND timer.key = ?1) AS due
    FROM customer WHERE number > ?2 ORDER BY number LIMIT ?3)"""
_DELETE_TIMERS = Batched(
    "DELETE FROM timer WHERE (customer, key) IN (SELECT column1, column2 FROM (VALUES {rows}))",
    2,
)
_INSERT_TIMERS = Batched("INSERT INTO timer (customer, key, p, due) VALUES {rows}", 4)
_OLD_FLOWS = """SELECT json_group_array(json_array(segment, day, entered, gone)) FROM (
    SELECT segment, day, entered, gone FROM segment_flow INDEXED BY segment_flow_day
    WHERE day >= 0 AND day < ? ORDER BY day, segment LIMIT ?)"""
_DELETE_FLOWS = Batched(
    "DELETE FROM segment_flow WHERE (segment, day) IN"
    " (SELECT column1, column2 FROM (VALUES {rows}))",
    2,
)
_ADD_FLOWS = Batched(
    "INSERT INTO segment_flow (segment, day, entered, gone) VALUES {rows}"
    " ON CONFLICT (segment, day) DO UPDATE SET entered = entered + excluded.entered,"
    " gone = gone + excluded.gone",
    4,
)


def oldest_answer(connection: sqlite3.Connection) -> int | None:
    """Return the offset from which on turns may have to be told again."""
    offset: int | None = one_row(connection, _OLDEST_ANSWER, (ANSWERS_LOOKED_AT,))[0]
    return offset


def forget_turns(
    connection: sqlite3.Connection, kind: int, before_ms: int, below_offset: int, limit: int
) -> int:
    """Empty the payloads of old turns; return how many."""
    return connection.execute(_EMPTY, (kind, before_ms, below_offset, limit)).rowcount


def forget_effects(connection: sqlite3.Connection, state: int, before_ms: int, limit: int) -> int:
    """Delete old effects that ended in a state; return how many."""
    gone = connection.execute(_DELETE_EFFECTS, (state, before_ms, limit)).rowcount
    if gone:
        add_to_counters(connection, Counter({f"outbox_{OUTBOX_STATES[state]}": -gone}))
    return gone


def forget_flows(connection: sqlite3.Connection, before_ms: int, limit: int) -> int:
    """Fold old days of segments into what was before all days; return how many."""
    rows = one_json(connection, _OLD_FLOWS, (day_of(before_ms), limit))
    if rows:
        sums: dict[str, tuple[int, int]] = {}
        for segment, _, entered, gone in rows:
            before = sums.get(segment, (0, 0))
            sums[segment] = (before[0] + entered, before[1] + gone)
        _DELETE_FLOWS.run(connection, [(segment, day) for segment, day, _, _ in rows])
        _ADD_FLOWS.insert(
            connection,
            [(segment, BEFORE_ALL_DAYS, *both) for segment, both in sorted(sums.items())],
        )
    return len(rows)


def watch(
    connection: sqlite3.Connection, key: str, due_ms: int, after_number: int, limit: int
) -> int | None:
    """Set or move to an earlier time a timer of the next customers; return the last one."""
    name = to_text(key)
    found = one_json(connection, _CUSTOMERS, (name, after_number, limit))
    moved = [(n, p) for n, p, is_one, due in found if is_one and (due is None or due > due_ms)]
    gone = _DELETE_TIMERS.run(connection, [(number, name) for number, _ in moved])
    _INSERT_TIMERS.insert(connection, [(number, name, p, due_ms) for number, p in moved])
    add_to_counters(connection, Counter({"timers": len(moved) - gone}))
    return found[-1][0] if found else None
