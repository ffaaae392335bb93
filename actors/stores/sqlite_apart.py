"""Customers with partitions of their own in the SQLite store."""

import sqlite3
from collections import Counter
from functools import partial

from actors.domain.ids import PARTITIONS
from actors.ports import PartitionRow
from actors.stores.rehome_rules import Held, may_rehome, next_partition
from actors.stores.sqlite_commit import add_to_counters, read_epochs
from actors.stores.sqlite_launches import SqliteLaunches
from actors.stores.sqlite_sql import one_row

# With the number in the text: only so does SQLite see that the partial index serves.
_APART = f"SELECT number, p FROM customer WHERE p >= {PARTITIONS} ORDER BY number"  # noqa: S608
_MOVE = (
    "UPDATE customer SET p = ? WHERE number = ?",
    "UPDATE timer SET p = ? WHERE customer = ?",
    "UPDATE outbox SET p = ? WHERE customer = ?",
)


class SqliteApart(SqliteLaunches):
    """The methods of `Store` on partitions of single customers."""

    async def open_partition(self, owner: str) -> PartitionRow:
        """See `Store.open_partition`."""
        return await self._write(partial(_open_partition, owner=owner))

    async def rehome(self, number: int, of: Held, to: Held) -> bool:
        """See `Store.rehome`."""
        return await self._write(partial(_rehome, number=number, of=of, to=to))

    async def apart(self) -> list[tuple[int, int]]:
        """See `Store.apart`."""
        return await self._read(_apart)


def _open_partition(connection: sqlite3.Connection, owner: str) -> PartitionRow:
    highest: int = one_row(connection, "SELECT max(p) FROM partition")[0]
    row = PartitionRow(next_partition(highest), owner, 1)
    connection.execute("INSERT INTO partition VALUES (?, ?, ?)", (row.partition, owner, row.epoch))
    add_to_counters(connection, Counter(map_version=1))
    return row


def _rehome(connection: sqlite3.Connection, number: int, of: Held, to: Held) -> bool:
    row = connection.execute("SELECT p FROM customer WHERE number = ?", (number,)).fetchone()
    epochs = read_epochs(connection, {of[0], to[0]})
    if not may_rehome(None if row is None else row[0], epochs, of, to):
        return False
    for statement in _MOVE:
        connection.execute(statement, (to[0], number))
    add_to_counters(connection, Counter(map_version=1))
    return True


def _apart(connection: sqlite3.Connection) -> list[tuple[int, int]]:
    return [(number, p) for number, p in connection.execute(_APART)]
