"""What has become due in the partitions of one owner, without walking through everybody's.

An index over all partitions in order of time answers nearly always, because owners handle what is
due and it goes away. When a long stretch of it belongs to others (an owner that is behind, or dead),
a second index, by partition, is merged instead.
"""

import sqlite3
from dataclasses import dataclass
from typing import Any

from actors.stores.sqlite_sql import Row, one_json, one_row


@dataclass(frozen=True, slots=True)
class DueWhere:
    """Whose, until when, how many."""

    owner: str
    until_ms: int
    limit: int


@dataclass(frozen=True, slots=True)
class DueQueries:
    """Each answers with rows that begin with (due, tie, tie …): their order.

    `scan` takes (until, how many to look at, owner, limit); `beyond` (until, how many to look at)
    and says whether there are more; `heads` (owner, until) gives (partition, earliest due);
    `in_partition` takes (partition, until, limit).
    """

    scan: str
    beyond: str
    heads: str
    in_partition: str


TIMERS = DueQueries(
    scan="""SELECT json_group_array(json_array(due, customer, key, p)) FROM (
        SELECT due, customer, key, t.p AS p FROM (
            SELECT due, customer, key, p FROM timer INDEXED BY timer_due
            WHERE due <= ? ORDER BY due, customer, key LIMIT ?
        ) AS t CROSS JOIN partition ON partition.p = t.p WHERE partition.owner = ?
        ORDER BY due, customer, key LIMIT ?)""",
    beyond="SELECT 1 FROM timer INDEXED BY timer_due WHERE due <= ? ORDER BY due LIMIT 1 OFFSET ?",
    heads="""SELECT json_group_array(json_array(p, head)) FROM (
        SELECT p, head FROM (
            SELECT p, (SELECT min(due) FROM timer INDEXED BY timer_due_in_partition
                       WHERE timer.p = partition.p) AS head
            FROM partition WHERE owner = ?)
        WHERE head <= ? ORDER BY head)""",
    in_partition="""SELECT json_group_array(json_array(due, customer, key, p)) FROM (
        SELECT due, customer, key, p FROM timer INDEXED BY timer_due_in_partition
        WHERE p = ? AND due <= ? ORDER BY due, customer, key LIMIT ?)""",
)

OUTBOX = DueQueries(
    scan="""SELECT json_group_array(json_array(next_at, id)) FROM (
        SELECT next_at, id FROM (
            SELECT next_at, id, p FROM outbox INDEXED BY outbox_due
            WHERE state < 2 AND channel = ? AND next_at <= ? ORDER BY next_at, id LIMIT ?
        ) AS o CROSS JOIN partition ON partition.p = o.p WHERE partition.owner = ?
        ORDER BY next_at, id LIMIT ?)""",
    beyond="""SELECT 1 FROM outbox INDEXED BY outbox_due
        WHERE state < 2 AND channel = ? AND next_at <= ? ORDER BY next_at LIMIT 1 OFFSET ?""",
    heads="""SELECT json_group_array(json_array(p, head)) FROM (
        SELECT p, head FROM (
            SELECT p, (SELECT min(next_at) FROM outbox INDEXED BY outbox_due_in_partition
                       WHERE state < 2 AND channel = ? AND outbox.p = partition.p) AS head
            FROM partition WHERE owner = ?)
        WHERE head <= ? ORDER BY head)""",
    in_partition="""SELECT json_group_array(json_array(next_at, id)) FROM (
        SELECT next_at, id FROM outbox INDEXED BY outbox_due_in_partition
        WHERE state < 2 AND channel = ? AND p = ? AND next_at <= ?
        ORDER BY next_at, id LIMIT ?)""",
)
"""For one channel, whose name comes first: a channel that is behind has a queue of its own."""


def due_rows(
    connection: sqlite3.Connection, queries: DueQueries, key: Row, due: DueWhere
) -> list[list[Any]]:
    """Return the first rows that are due, in order. `key` are the values that come first."""
    look_at = 1000 + 4 * due.limit
    rows = one_json(connection, queries.scan, (*key, due.until_ms, look_at, due.owner, due.limit))
    if len(rows) < due.limit and one_row(connection, queries.beyond, (*key, due.until_ms, look_at)):
        return _merge_partitions(connection, queries, key, due)
    return rows


def _merge_partitions(
    connection: sqlite3.Connection, queries: DueQueries, key: Row, due: DueWhere
) -> list[list[Any]]:
    """Take partitions by their earliest row, until the rest cannot add to the first `limit`."""
    rows: list[list[Any]] = []
    bound_ms = due.until_ms
    for partition, head_ms in one_json(connection, queries.heads, (*key, due.owner, due.until_ms)):
        if head_ms > bound_ms:
            break
        rows += one_json(connection, queries.in_partition, (*key, partition, bound_ms, due.limit))
        rows.sort()
        del rows[due.limit :]
        if len(rows) == due.limit:
            bound_ms = rows[-1][0]
    return rows
