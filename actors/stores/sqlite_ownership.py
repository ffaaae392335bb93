"""Cells and partitions of the SQLite store: who lives, who owns what, under which epoch."""

import sqlite3
from collections import Counter
from collections.abc import Sequence

from actors.ports import CellRow, PartitionRow
from actors.stores.claim_rules import claims_won
from actors.stores.sqlite_commit import add_to_counters
from actors.stores.sqlite_sql import Batched, one_json, one_row

_PARTITIONS = "SELECT json_group_array(json_array(p, owner, epoch)) FROM partition"
_SOME_PARTITIONS = Batched(_PARTITIONS + " WHERE p IN (VALUES {rows})", 1)
_CLAIM = Batched("UPDATE partition SET owner = ?, epoch = epoch + 1 WHERE p IN (VALUES {rows})", 1)
_CELLS = (
    "SELECT json_group_array(json_array(name, incarnation, pid, pid_started, host, beat)) FROM cell"
)


def _map_changed(connection: sqlite3.Connection) -> None:
    add_to_counters(connection, Counter(map_version=1))


def register_cell(connection: sqlite3.Connection, cell: CellRow) -> None:
    """Insert or replace a cell by name."""
    connection.execute(
        "INSERT OR REPLACE INTO cell (name, incarnation, pid, pid_started, host, beat)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        (cell.name, cell.incarnation, cell.pid, cell.pid_started, cell.host, cell.beat),
    )
    _map_changed(connection)


def beat(connection: sqlite3.Connection, cell: CellRow) -> None:
    """Store a beat if this incarnation is the registered one."""
    connection.execute(
        "UPDATE cell SET beat = ? WHERE name = ? AND incarnation = ?",
        (cell.beat, cell.name, cell.incarnation),
    )


def remove_cell(connection: sqlite3.Connection, cell: CellRow) -> None:
    """Delete this incarnation's row."""
    removed = connection.execute(
        "DELETE FROM cell WHERE name = ? AND incarnation = ?", (cell.name, cell.incarnation)
    )
    if removed.rowcount:
        _map_changed(connection)


def cells(connection: sqlite3.Connection) -> list[CellRow]:
    """Return the cells by name."""
    return sorted(
        (CellRow(*row) for row in one_json(connection, _CELLS)), key=lambda cell: cell.name
    )


def partitions(connection: sqlite3.Connection) -> list[PartitionRow]:
    """Return the partitions in order."""
    return [PartitionRow(*row) for row in sorted(one_json(connection, _PARTITIONS))]


def map_version(connection: sqlite3.Connection) -> int:
    """Return the number that grows with each change of this module's tables."""
    number: int = one_row(connection, "SELECT n FROM counter WHERE name = 'map_version'")[0]
    return number


def claim(
    connection: sqlite3.Connection, claims: Sequence[tuple[int, str, int]], owner: str
) -> dict[int, int]:
    """Take over the partitions that are still as expected; return their new epochs."""
    stored = {
        p: (current, epoch)
        for p, current, epoch in _SOME_PARTITIONS.select(connection, [(p,) for p, _, _ in claims])
    }
    won = claims_won(stored, claims)
    if won:
        _CLAIM.run(connection, [(p,) for p in won], owner)
        _map_changed(connection)
    return won
