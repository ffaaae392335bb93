"""Reads of the SQLite store that a group of turns, a timeline or a learner asks for."""

import json
import sqlite3
from collections.abc import Sequence

from actors.domain.ids import Identity
from actors.ports import (
    DueTimer,
    FirstAnswer,
    Found,
    JournalKind,
    Lookup,
    StoredCustomer,
    TimelineRow,
)
from actors.stores.sqlite_budgets import spent_in
from actors.stores.sqlite_commit import owners_of
from actors.stores.sqlite_due import TIMERS, DueWhere, due_rows
from actors.stores.sqlite_groups import groups_of, read_groups
from actors.stores.sqlite_sql import Batched, Pivot, one_json, one_row
from actors.stores.texts import from_text

_CUSTOMERS = Pivot(
    1,
    "SELECT p || ' ' || seq FROM customer WHERE number = ?1",
    "SELECT state FROM customer WHERE number = ?1",
)
_TURNS = Pivot(2, "SELECT payload FROM journal WHERE customer = ?1 AND seq = ?2")
_MESSAGES = Batched(
    "SELECT json_group_array(json_array(hex(hash), hex(fingerprint), customer, seq)) FROM dedupe"
    " WHERE hash IN (VALUES {rows})",
    1,
)
_TOMBSTONES = Batched(
    "SELECT json_group_array(json_array(hex(hash), erased_at)) FROM tombstone"
    " WHERE hash IN (VALUES {rows})",
    1,
)
_IDENTITIES = Batched(
    "SELECT json_group_array(json_array(customer, kind, value)) FROM identity"
    " WHERE customer IN (VALUES {rows})",
    1,
)
_TIMELINE = """SELECT json_group_array(json_array(offset, customer, seq, at, kind, hex(payload)))
    FROM (SELECT * FROM journal INDEXED BY journal_customer WHERE customer = ?1 AND seq < ?2
          AND (?3 = 0 OR ?3 >> kind & 1) ORDER BY seq DESC LIMIT ?4)"""
_MERGES = """SELECT json_group_array(json_array(offset, customer, seq, at, kind, hex(payload)))
    FROM (SELECT * FROM journal INDEXED BY journal_merges WHERE kind IN (5, 6)
          AND customer = ?1 AND seq < ?2 AND ?3 >> kind & 1 ORDER BY seq DESC LIMIT ?4)"""
_MERGE_KINDS = 1 << JournalKind.MERGE | 1 << JournalKind.UNMERGE
_HISTORY = """SELECT json_group_array(json_array(offset, customer, seq, at, kind, hex(payload)))
    FROM (SELECT * FROM journal WHERE offset IN (
              SELECT offset FROM journal INDEXED BY journal_customer
              WHERE customer IN (SELECT value FROM json_each(?1)) AND (at, offset) < (?2, ?3)
              AND (?4 = 0 OR ?4 >> kind & 1) ORDER BY at DESC, offset DESC LIMIT ?5)
          ORDER BY at DESC, offset DESC)"""
_TURNS_AFTER = """SELECT json_group_array(json_array(offset, customer, seq, at, kind, hex(payload)))
    FROM (SELECT * FROM journal WHERE offset > ? ORDER BY offset LIMIT ?)"""
_COUNTS = "SELECT json_group_array(json_array(name, n)) FROM counter"
_LAST = (1 << 63) - 1


def lookup(connection: sqlite3.Connection, want: Lookup) -> Found:
    """Answer a lookup. Call inside a transaction: there are up to nine reads."""
    owners = owners_of(connection, want.identities)
    numbers = list(dict.fromkeys((*want.numbers, *owners.values())))
    return Found(
        owners,
        _customers(connection, numbers),
        {
            bytes.fromhex(digits): FirstAnswer(bytes.fromhex(fingerprint), number, seq)
            for digits, fingerprint, number, seq in _MESSAGES.select(
                connection, [(one,) for one in want.messages]
            )
        },
        {
            turn: payload
            for turn, (payload,) in zip(
                want.turns, _TURNS.select(connection, want.turns), strict=True
            )
            if payload is not None
        },
        {
            bytes.fromhex(digits): at_ms
            for digits, at_ms in _TOMBSTONES.select(connection, [(one,) for one in want.tombstones])
        },
        _identities(connection, want.owned_by),
        read_groups(connection, want.groups),
        groups_of(connection, want.grouped),
        spent_in(connection, want.budgets),
    )


def _identities(
    connection: sqlite3.Connection, numbers: Sequence[int]
) -> dict[int, tuple[Identity, ...]]:
    found: dict[int, list[Identity]] = {}
    for number, kind, value in _IDENTITIES.select(connection, [(number,) for number in numbers]):
        found.setdefault(number, []).append(Identity(from_text(kind), from_text(value)))
    return {
        number: tuple(sorted(identities, key=lambda one: (one.kind, one.value)))
        for number, identities in found.items()
    }


def _customers(connection: sqlite3.Connection, numbers: list[int]) -> dict[int, StoredCustomer]:
    found = {}
    rows = _CUSTOMERS.select(connection, [(number,) for number in numbers])
    for number, (head, state) in zip(numbers, rows, strict=True):
        if head is not None:
            partition, seq = head.split()
            found[number] = StoredCustomer(number, int(partition), int(seq), state)
    return found


def due_timers(connection: sqlite3.Connection, due: DueWhere) -> list[DueTimer]:
    """Return the owner's due timers, earliest first. Call inside a transaction."""
    return [
        DueTimer(number, partition, from_text(key), due_ms)
        for due_ms, number, key, partition in due_rows(connection, TIMERS, (), due)
    ]


def next_timer_ms(connection: sqlite3.Connection) -> int | None:
    """Return when the next timer of anybody is due."""
    due_ms: int | None = one_row(connection, "SELECT min(due) FROM timer")[0]
    return due_ms


def timeline(
    connection: sqlite3.Connection,
    number: int,
    before_seq: int | None,
    kinds: Sequence[int],
    limit: int,
) -> list[TimelineRow]:
    """Return a customer's turns, newest first."""
    mask = sum(1 << kind for kind in set(kinds))
    below = _LAST if before_seq is None else before_seq
    # Merges are looked for often and are few: they have an index of their own.
    text = _MERGES if mask and not mask & ~_MERGE_KINDS else _TIMELINE
    return [
        TimelineRow(offset, customer, seq, at_ms, kind, bytes.fromhex(payload))
        for offset, customer, seq, at_ms, kind, payload in one_json(
            connection, text, (number, below, mask, limit)
        )
    ]


def history(
    connection: sqlite3.Connection,
    numbers: Sequence[int],
    before: tuple[int, int] | None,
    kinds: Sequence[int],
    limit: int,
) -> list[TimelineRow]:
    """Return turns of several customers, newest first by time and offset."""
    mask = sum(1 << kind for kind in set(kinds))
    values = (json.dumps([*numbers]), *(before or (_LAST, _LAST)), mask, limit)
    return [
        TimelineRow(offset, customer, seq, at_ms, kind, bytes.fromhex(payload))
        for offset, customer, seq, at_ms, kind, payload in one_json(connection, _HISTORY, values)
    ]


def turns_after(connection: sqlite3.Connection, after_offset: int, limit: int) -> list[TimelineRow]:
    """Return rows of all kinds, in commit order."""
    return [
        TimelineRow(offset, number, seq, at_ms, kind, bytes.fromhex(payload))
        for offset, number, seq, at_ms, kind, payload in one_json(
            connection, _TURNS_AFTER, (after_offset, limit)
        )
    ]


def counts(connection: sqlite3.Connection) -> dict[str, int]:
    """Return what `status` shows."""
    stored = dict(one_json(connection, _COUNTS))
    return {
        "customers": stored["customers"],
        "turns": stored["turns"],
        "timers": stored["timers"],
        "outbox": sum(n for name, n in stored.items() if name.startswith("outbox_")),
    }
