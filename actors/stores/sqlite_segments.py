"""Who is in which segment, in the SQLite store. Call inside a transaction.

How many are in a segment is the sum of its days, so no counter of its own has to agree with it.
"""

import sqlite3
from collections.abc import Sequence

from actors.ports import Change, DueTimer, Erasure, Member, SegmentFlow
from actors.stores.rules import Flow, day_of, flows_of
from actors.stores.sqlite_sql import Batched, one_json
from actors.stores.texts import from_text, to_text

_HELD = Batched(
    "SELECT json_group_array(json_array(wanted.column1, wanted.column2))"
    " FROM (VALUES {rows}) AS wanted CROSS JOIN membership"
    " ON membership.segment = wanted.column1 AND membership.customer = wanted.column2",
    2,
)
_LEAVE = Batched(
    "DELETE FROM membership WHERE (segment, customer) IN"
    " (SELECT column1, column2 FROM (VALUES {rows}))",
    2,
)
_ENTER = Batched("INSERT OR REPLACE INTO membership (segment, customer, since) VALUES {rows}", 3)
_FLOW = Batched(
    "INSERT INTO segment_flow (segment, day, entered, gone) VALUES {rows}"
    " ON CONFLICT (segment, day) DO UPDATE SET entered = entered + excluded.entered,"
    " gone = gone + excluded.gone",
    4,
)
_HELD_BY = Batched(
    "SELECT json_group_array(json_array(segment, customer)) FROM membership"
    " WHERE customer IN (VALUES {rows})",
    1,
)
_MEMBERS = """SELECT json_group_array(json_array(customer, since)) FROM (
    SELECT customer, since FROM membership WHERE segment = ? AND customer > ?
    ORDER BY customer LIMIT ?)"""
_COUNTS = """SELECT json_group_array(json_array(segment, n)) FROM (
    SELECT segment, sum(entered - gone) AS n FROM segment_flow GROUP BY segment)"""
_FLOWS = """SELECT json_group_array(json_array(day, entered, gone)) FROM (
    SELECT day, entered, gone FROM segment_flow WHERE segment = ? AND day >= ? ORDER BY day)"""
_OVERDUE = """SELECT json_group_array(json_array(customer, p, due)) FROM (
    SELECT customer, p, due FROM timer INDEXED BY timer_due
    WHERE due <= ? AND key = ? AND customer > ? ORDER BY customer LIMIT ?)"""


def write_segments(connection: sqlite3.Connection, changes: Sequence[Change]) -> None:
    """Let customers leave, then enter, and count both."""
    left = {
        (to_text(name), change.number): at_ms
        for change in changes
        for name, at_ms in change.segments_left
    }
    entered = {
        (to_text(name), change.number): at_ms
        for change in changes
        for name, at_ms in change.segments_entered
    }
    if not left and not entered:
        return
    rows = _HELD.select(connection, sorted(left.keys() | entered.keys()))
    held = {(from_text(segment), number) for segment, number in rows}
    _add_flows(connection, flows_of(changes, held))
    if left:
        _LEAVE.run(connection, sorted(left))
    _ENTER.insert(connection, [(*key, since_ms) for key, since_ms in sorted(entered.items())])


def erase_segments(connection: sqlite3.Connection, erasure: Erasure) -> None:
    """Take customers out of every segment."""
    rows = _HELD_BY.select(connection, [(number,) for number in erasure.numbers])
    if not rows:
        return
    left: dict[Flow, tuple[int, int]] = {}
    for stored, _ in rows:
        flow = (from_text(stored), day_of(erasure.at_ms))
        left[flow] = (0, left.get(flow, (0, 0))[1] + 1)
    _add_flows(connection, left)
    _LEAVE.run(connection, rows)


def _add_flows(connection: sqlite3.Connection, flows: dict[Flow, tuple[int, int]]) -> None:
    rows = [(to_text(name), day_ms, *more) for (name, day_ms), more in sorted(flows.items())]
    _FLOW.insert(connection, rows)


def members(
    connection: sqlite3.Connection, segment: str, after_number: int, limit: int
) -> list[Member]:
    """Return a page of a segment's members, by number."""
    rows = one_json(connection, _MEMBERS, (to_text(segment), after_number, limit))
    return [Member(number, since_ms) for number, since_ms in rows]


def member_counts(connection: sqlite3.Connection) -> dict[str, int]:
    """Return the sizes of all segments."""
    return {from_text(segment): n for segment, n in one_json(connection, _COUNTS)}


def flows(connection: sqlite3.Connection, segment: str, since_ms: int) -> list[SegmentFlow]:
    """Return the days of a segment from the one of `since_ms`."""
    rows = one_json(connection, _FLOWS, (to_text(segment), max(0, day_of(since_ms))))
    return [SegmentFlow(*row) for row in rows]


def overdue(
    connection: sqlite3.Connection, key: str, until_ms: int, after_number: int, limit: int
) -> list[DueTimer]:
    """Return timers with one key that are due, by customer; what is due is little."""
    rows = one_json(connection, _OVERDUE, (until_ms, to_text(key), after_number, limit))
    return [DueTimer(number, partition, key, due_ms) for number, partition, due_ms in rows]
