"""Wiping a customer out of the SQLite store. Call inside the committing transaction."""

import sqlite3
from collections import Counter

from actors.ports import Erasure
from actors.stores.rules import OUTBOX_STATES
from actors.stores.sqlite_groups import erase_groups
from actors.stores.sqlite_segments import erase_segments
from actors.stores.sqlite_sql import Batched

_EMPTY_JOURNAL = Batched("UPDATE journal SET payload = x'' WHERE customer IN (VALUES {rows})", 1)
_REWRITE_TURNS = Batched(
    "UPDATE journal SET payload = turn.column3 FROM (VALUES {rows}) AS turn"
    " WHERE customer = turn.column1 AND seq = turn.column2",
    3,
)
_EFFECTS_BY_STATE = Batched(
    "SELECT json_group_array(json_array(state, n)) FROM (SELECT state, count(*) AS n FROM outbox"
    " WHERE state IN (0, 1, 6) AND customer IN (VALUES {rows}) GROUP BY state)",
    1,
)
_CANCEL_EFFECTS = Batched(
    "UPDATE outbox SET state = 4 WHERE state IN (0, 1, 6) AND customer IN (VALUES {rows})", 1
)
_EMPTY_EFFECTS = Batched(
    "UPDATE outbox SET payload = x'', error = '' WHERE customer IN (VALUES {rows})", 1
)
_DELETE_IDENTITIES = Batched("DELETE FROM identity WHERE customer IN (VALUES {rows})", 1)
_DELETE_TIMERS = Batched("DELETE FROM timer WHERE customer IN (VALUES {rows})", 1)
_BURY = Batched("INSERT OR REPLACE INTO tombstone (hash, erased_at) VALUES {rows}", 2)


def erase(connection: sqlite3.Connection, erasure: Erasure, counts: Counter[str]) -> None:
    """Empty journal and outbox, delete identities and timers, keep the tombstones.

    An attempt that is under way keeps nothing: its row is cancelled, and how it ends is not stored.
    """
    numbers = [(number,) for number in erasure.numbers]
    _EMPTY_JOURNAL.run(connection, numbers)
    _REWRITE_TURNS.run(connection, erasure.rewritten)
    for state, n in _EFFECTS_BY_STATE.select(connection, numbers):
        counts[f"outbox_{OUTBOX_STATES[state]}"] -= n
        counts["outbox_cancelled"] += n
    _CANCEL_EFFECTS.run(connection, numbers)
    _EMPTY_EFFECTS.run(connection, numbers)
    _DELETE_IDENTITIES.run(connection, numbers)
    counts["timers"] -= _DELETE_TIMERS.run(connection, numbers)
    erase_segments(connection, erasure)
    erase_groups(connection, erasure)
    _BURY.insert(connection, [(one, erasure.at_ms) for one in erasure.tombstones])
