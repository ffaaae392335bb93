"""What a commit does to effects that wait in the SQLite outbox: hand over, hold, end."""

import sqlite3
from collections import Counter
from collections.abc import Sequence

from actors.ports import Change, OutboxState
from actors.stores.rules import OUTBOX_STATES
from actors.stores.sqlite_sql import Batched
from actors.stores.texts import to_text

_WAITING = Batched(
    "SELECT json_group_array(json_array(id, customer, seq, n, state))"
    " FROM (VALUES {rows}) AS wanted CROSS JOIN outbox ON outbox.customer = wanted.column1"
    " AND outbox.seq = wanted.column2 AND outbox.n = wanted.column3"
    " WHERE outbox.state IN (0, 6)",
    3,
)
_MOVE = Batched(
    "UPDATE outbox SET state = new.column2, next_at = new.column3, send_at = new.column4"
    " FROM (VALUES {rows}) AS new WHERE outbox.id = new.column1",
    4,
)
_END = Batched(
    "UPDATE outbox SET state = ended.column2,"
    " error = CASE ended.column3 WHEN '' THEN error ELSE ended.column3 END"
    " FROM (VALUES {rows}) AS ended WHERE outbox.id = ended.column1",
    3,
)

Effect = tuple[int, int, int]


def move_outbox(
    connection: sqlite3.Connection, changes: Sequence[Change], counts: Counter[str], now_ms: int
) -> list[Effect]:
    """Release and hold, then end, what is pending or held; return those that ended.

    Call it after new rows are written: a turn may withdraw what an earlier one of its group made.
    """
    moves: dict[Effect, tuple[int, int]] = {}
    ends: dict[Effect, tuple[int, str]] = {}
    for change in changes:
        for number, seq, n, at_ms in change.outbox_released:
            moves[number, seq, n] = (OutboxState.PENDING, at_ms)
        for number, seq, n, at_ms in change.outbox_postponed:
            moves[number, seq, n] = (OutboxState.HELD, at_ms)
        for effect in change.outbox_cancelled:
            ends.setdefault(effect, (OutboxState.CANCELLED, ""))
        for number, seq, n, state, why in change.outbox_dropped:
            ends.setdefault((number, seq, n), (state, why))
    if not moves and not ends:
        return []
    waiting: dict[Effect, tuple[int, int]] = {
        (number, seq, n): (row_id, state)
        for row_id, number, seq, n, state in _WAITING.select(connection, [*{**moves, **ends}])
    }
    moved, ended = [], []
    for effect, (row_id, before) in waiting.items():
        after = before
        if effect in moves:
            after, at_ms = moves[effect]
            moved.append((row_id, after, now_ms, at_ms))
        if effect in ends:
            after, why = ends[effect]
            ended.append((row_id, after, to_text(why)))
        counts[f"outbox_{OUTBOX_STATES[before]}"] -= 1
        counts[f"outbox_{OUTBOX_STATES[after]}"] += 1
    _MOVE.run(connection, moved)
    _END.run(connection, ended)
    return [effect for effect in waiting if effect in ends]
