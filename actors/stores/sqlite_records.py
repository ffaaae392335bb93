"""Small things that the SQLite store keeps by name: playbooks, settings, keys, checkpoints."""

import sqlite3
from typing import Any

from actors.stores.sqlite_sql import one_row

_ACTIVE = "SELECT version, bundle FROM playbook WHERE active = 1"
_VERSION = "SELECT version, bundle FROM playbook WHERE version = ?"
_FORGET = (
    "DELETE FROM dedupe WHERE hash IN"
    " (SELECT hash FROM dedupe INDEXED BY dedupe_age WHERE stored_at < ? LIMIT ?)"
)


def checkpoint(connection: sqlite3.Connection, model: str) -> tuple[int, bytes] | None:
    """Return a model's last checkpoint."""
    row: tuple[int, bytes] | None = one_row(
        connection, "SELECT offset, data FROM checkpoint WHERE model = ?", (model,)
    )
    return row


def save_checkpoint(connection: sqlite3.Connection, model: str, offset: int, data: bytes) -> bool:
    """Store a checkpoint if it is further than the one there."""
    saved = connection.execute(
        "INSERT INTO checkpoint (model, offset, data) VALUES (?, ?, ?) ON CONFLICT (model)"
        " DO UPDATE SET offset = excluded.offset, data = excluded.data"
        " WHERE checkpoint.offset < excluded.offset",
        (model, offset, data),
    )
    return saved.rowcount == 1


def playbook(connection: sqlite3.Connection, version: str | None) -> tuple[str, bytes] | None:
    """Return the active playbook, or a version."""
    found: tuple[str, bytes] | None = (
        one_row(connection, _ACTIVE)
        if version is None
        else one_row(connection, _VERSION, (version,))
    )
    return found


def playbook_versions(connection: sqlite3.Connection) -> list[tuple[str, int, bool]]:
    """Return all versions, the one that was stored last first."""
    rows = connection.execute("SELECT version, stored_at, active FROM playbook ORDER BY id DESC")
    return [(version, stored_at_ms, bool(active)) for version, stored_at_ms, active in rows]


def put_playbook(connection: sqlite3.Connection, version: str, bundle: bytes, now_ms: int) -> None:
    """Make a version the active one, storing its bundle if the version is new."""
    connection.execute(
        "INSERT INTO playbook (version, stored_at, active, bundle) VALUES (?, ?, 0, ?)"
        " ON CONFLICT (version) DO NOTHING",
        (version, now_ms, bundle),
    )
    connection.execute(
        "UPDATE playbook SET active = (version = ?1) WHERE active OR version = ?1", (version,)
    )


def setting(connection: sqlite3.Connection, name: str) -> bytes | None:
    """Return a value by name."""
    row: Any = one_row(connection, "SELECT value FROM setting WHERE name = ?", (name,))
    return row[0] if row else None


def put_setting(connection: sqlite3.Connection, name: str, value: bytes) -> None:
    """Store a value by name."""
    connection.execute(
        "INSERT INTO setting (name, value) VALUES (?, ?)"
        " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        (name, value),
    )


def put_setting_if_absent(connection: sqlite3.Connection, name: str, value: bytes) -> bytes:
    """Store a value unless there is one; return the one there."""
    connection.execute(
        "INSERT INTO setting (name, value) VALUES (?, ?) ON CONFLICT (name) DO NOTHING",
        (name, value),
    )
    return setting(connection, name) or b""


def keys(connection: sqlite3.Connection) -> list[tuple[bytes, bytes]]:
    """Return all API keys, in the order in which they were made."""
    return connection.execute("SELECT hash, record FROM api_key ORDER BY id").fetchall()


def put_key(connection: sqlite3.Connection, key_hash: bytes, record: bytes) -> None:
    """Add or replace a key."""
    connection.execute(
        "INSERT INTO api_key (hash, record) VALUES (?, ?)"
        " ON CONFLICT (hash) DO UPDATE SET record = excluded.record",
        (key_hash, record),
    )


def revoke_key(connection: sqlite3.Connection, key_hash: bytes) -> bool:
    """Remove a key; False when there was none."""
    return connection.execute("DELETE FROM api_key WHERE hash = ?", (key_hash,)).rowcount == 1


def forget_messages(connection: sqlite3.Connection, before_ms: int, limit: int) -> int:
    """Delete up to `limit` deduplication rows stored before an instant; return how many."""
    return connection.execute(_FORGET, (before_ms, limit)).rowcount
