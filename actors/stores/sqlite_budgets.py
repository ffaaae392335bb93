"""What is spent of budgets, in the SQLite store. Call inside a transaction; what writes, under the lock.

The lock makes the check and the write one step: nobody spends between them.
"""

import json
import sqlite3
from collections import Counter
from collections.abc import Iterable, Sequence

from actors.domain.budgets import Span, Window, span_of
from actors.ports import Change, Reserved
from actors.stores.budget_rules import Run, note, outdated, spans_of
from actors.stores.sqlite_sql import Batched
from actors.stores.texts import from_text, to_text

_SUMS = Batched(
    "SELECT json_group_array(json_array(wanted.column1, wanted.column2, wanted.column3,"
    " (SELECT coalesce(sum(spent), 0) FROM budget WHERE name = wanted.column1"
    " AND bucket BETWEEN wanted.column2 AND wanted.column3)))"
    " FROM (VALUES {rows}) AS wanted WHERE wanted.column1 IS NOT NULL",
    3,
)
_SPEND = Batched(
    "INSERT INTO budget (name, bucket, spent) VALUES {rows}"
    " ON CONFLICT (name, bucket) DO UPDATE SET spent = spent + excluded.spent",
    3,
)
_GIVE_BACK = Batched(
    "UPDATE budget SET spent = spent - back.column3 FROM (VALUES {rows}) AS back"
    " WHERE budget.name = back.column1 AND budget.bucket = back.column2",
    3,
)
_RESERVED = Batched(
    "SELECT json_group_array(json_array(id, spends)) FROM (VALUES {rows}) AS wanted"
    " CROSS JOIN outbox ON outbox.customer = wanted.column1 AND outbox.seq = wanted.column2"
    " AND outbox.n = wanted.column3"
    " WHERE outbox.attempts = 0 AND outbox.state IN (4, 5) AND outbox.spends != ''",
    3,
)
_RELEASED = Batched("UPDATE outbox SET spends = '' WHERE id IN (VALUES {rows})", 1)
_FORGET = "DELETE FROM budget WHERE name = ? AND bucket < ?"


def sums(connection: sqlite3.Connection, spans: Sequence[Span]) -> dict[Span, int]:
    """Return what is spent in each span."""
    rows = _SUMS.select(connection, [(to_text(name), *of) for name, *of in spans])
    return {(from_text(name), since, until): spent for name, since, until, spent in rows}


def spent_in(connection: sqlite3.Connection, windows: Sequence[Window]) -> dict[str, int]:
    """Return what is spent in each budget's window."""
    found = sums(connection, [span_of(window) for window in windows])
    return {name: spent for (name, _, _), spent in found.items()}


def sums_for(connection: sqlite3.Connection, changes: Sequence[Change]) -> dict[Span, int]:
    """Return what is spent where the changes spend."""
    return sums(connection, spans_of(spend for change in changes for spend in change.spends))


def write_budgets(
    connection: sqlite3.Connection,
    changes: Sequence[Change],
    ended: Sequence[tuple[int, int, int]],
) -> None:
    """Write what changes spend, and give back what ended effects have taken in vain."""
    spends = [spend for change in changes for spend in change.spends]
    if spends:
        run: Run = Counter()
        note(spends, run)
        rows = [(to_text(name), bucket, n) for (name, bucket), n in sorted(run.items())]
        _SPEND.insert(connection, rows)
        for name, before_ms in outdated(spends).items():
            connection.execute(_FORGET, (to_text(name), before_ms))
    if ended:
        give_back(connection, ended)


def give_back(connection: sqlite3.Connection, effects: Sequence[tuple[int, int, int]]) -> None:
    """Give back what effects have taken that ended before any attempt began; others keep it."""
    found = _RESERVED.select(connection, effects)
    if not found:
        return
    back: Counter[tuple[str, int]] = Counter()
    for _, text in found:
        for name, bucket, amount in json.loads(text):
            back[name, bucket] += amount
    rows = [(to_text(name), bucket, n) for (name, bucket), n in sorted(back.items())]
    _GIVE_BACK.run(connection, rows)
    _RELEASED.run(connection, [(row_id,) for row_id, _ in found])


def reserved_text(spends: Iterable[Reserved]) -> str:
    """Return what stands in an effect's row of what it has taken; empty for nothing."""
    return json.dumps(list(spends)) if spends else ""
