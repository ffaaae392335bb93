"""Groups of customers, in the SQLite store. Call inside a transaction."""

import sqlite3
from collections.abc import Sequence

from actors.domain.groups import GroupKey
from actors.ports import Change, Erasure, GroupWrite, Member, StoredGroup
from actors.stores.sqlite_sql import Batched, Pivot, one_json
from actors.stores.texts import from_text, to_text

_GROUPS = Pivot(
    2,
    "SELECT seq FROM customer_group WHERE kind = ?1 AND id = ?2",
    "SELECT state FROM customer_group WHERE kind = ?1 AND id = ?2",
)
_SEQS = Pivot(2, "SELECT seq FROM customer_group WHERE kind = ?1 AND id = ?2")
_OF_CUSTOMERS = Batched(
    "SELECT json_group_array(json_array(customer, kind, id)) FROM group_member"
    " WHERE customer IN (VALUES {rows})",
    1,
)
_PUT = Batched(
    "INSERT OR REPLACE INTO customer_group (kind, id, seq, state) VALUES {rows}",
    4,
)
_REMOVE = Batched(
    "DELETE FROM customer_group WHERE (kind, id) IN (SELECT column1, column2 FROM (VALUES {rows}))",
    2,
)
_REMOVE_ROWS = Batched(
    "DELETE FROM group_member WHERE (kind, id) IN (SELECT column1, column2 FROM (VALUES {rows}))", 2
)
_LOSE_ROWS = Batched(
    "DELETE FROM group_member WHERE (kind, id, customer) IN"
    " (SELECT column1, column2, column3 FROM (VALUES {rows}))",
    3,
)
_PUT_ROWS = Batched(
    "INSERT OR REPLACE INTO group_member (kind, id, customer, since, left_at) VALUES {rows}", 5
)
_ERASE = Batched("DELETE FROM group_member WHERE customer IN (VALUES {rows})", 1)
_MEMBERS = """SELECT json_group_array(json_array(customer, since)) FROM (
    SELECT customer, since FROM group_member
    WHERE kind = ? AND id = ? AND customer > ? AND left_at = 0 ORDER BY customer LIMIT ?)"""
_LAST_SEQ = "SELECT n FROM counter WHERE name = 'group_seq'"
_KEEP_SEQ = "UPDATE counter SET n = max(n, ?) WHERE name = 'group_seq'"


def read_groups(
    connection: sqlite3.Connection, keys: Sequence[GroupKey]
) -> dict[GroupKey, StoredGroup]:
    """Return those groups that exist."""
    rows = _GROUPS.select(connection, [_stored(key) for key in keys])
    return {
        key: StoredGroup(key, seq, state)
        for key, (seq, state) in zip(keys, rows, strict=True)
        if seq is not None
    }


def groups_of(
    connection: sqlite3.Connection, numbers: Sequence[int]
) -> dict[int, tuple[GroupKey, ...]]:
    """Return the groups of some customers, also those that they left."""
    found: dict[int, list[GroupKey]] = {}
    for number, kind, group_id in _OF_CUSTOMERS.select(connection, [(n,) for n in numbers]):
        found.setdefault(number, []).append(GroupKey(from_text(kind), from_text(group_id)))
    return {number: tuple(sorted(keys)) for number, keys in found.items()}


def seqs_of(connection: sqlite3.Connection, changes: Sequence[Change]) -> dict[GroupKey, int]:
    """Return the seqs of those groups that changes write and that exist."""
    keys = [write.key for change in changes for write in change.groups]
    rows = _SEQS.select(connection, [_stored(key) for key in keys])
    return {key: seq for key, (seq,) in zip(keys, rows, strict=True) if seq is not None}


def write_groups(connection: sqlite3.Connection, changes: Sequence[Change]) -> None:
    """Write records and rows, or remove them; seqs follow on from all that there have been."""
    writes = [write for change in changes for write in change.groups]
    if not writes:
        return
    removed = [write for write in writes if not write.state]
    if removed:
        connection.execute(_KEEP_SEQ, (max(write.seq_before for write in removed),))
        keys = [_stored(write.key) for write in removed]
        _REMOVE.run(connection, keys)
        _REMOVE_ROWS.run(connection, keys)
    kept = [write for write in writes if write.state]
    first: int = connection.execute(_LAST_SEQ).fetchone()[0]
    _PUT.insert(
        connection,
        [(*_stored(w.key), (w.seq_before or first) + 1, w.state) for w in kept],
    )
    _LOSE_ROWS.run(connection, [(*_stored(w.key), number) for w in kept for number in w.gone])
    _PUT_ROWS.insert(connection, [row for write in kept for row in _rows(write)])


def _rows(write: GroupWrite) -> list[tuple[str, str, int, int, int]]:
    kind, group_id = _stored(write.key)
    return [(kind, group_id, r.number, r.since_ms, r.left_at_ms) for r in write.members]


def erase_groups(connection: sqlite3.Connection, erasure: Erasure) -> None:
    """Take customers out of every group."""
    _ERASE.run(connection, [(number,) for number in erasure.numbers])


def group_members(
    connection: sqlite3.Connection, key: GroupKey, after_number: int, limit: int
) -> list[Member]:
    """Return a page of a group's members, by number."""
    rows = one_json(connection, _MEMBERS, (*_stored(key), after_number, limit))
    return [Member(number, since_ms) for number, since_ms in rows]


def _stored(key: GroupKey) -> tuple[str, str]:
    return to_text(key.kind), to_text(key.group_id)
