"""Builders of rows for the tests of stores."""

import asyncio

from actors.domain.ids import Identity
from actors.ports import (
    GRANTED,
    CellRow,
    Change,
    JournalKind,
    JournalRow,
    Lookup,
    Message,
    OutboxRow,
    Store,
    TimerRow,
    Verdict,
)

ME = "cell-0/one"
OTHER = "cell-1/two"
P = 7
FOREIGN_P = 8
NOW = 1_800_000_000_000

COMMITTED, FENCED, RACE_LOST = Verdict.COMMITTED, Verdict.FENCED, Verdict.RACE_LOST


def run(coroutine):
    return asyncio.run(coroutine)


def cell(name="cell-0", incarnation="one", beat=0):
    return CellRow(name, incarnation, 4711, 1_000, "host-a", beat)


def user(value):
    return Identity("user", value)


def message(name, seq, fingerprint=b"f" * 16):
    return Message(name.encode().ljust(16, b"."), fingerprint, seq)


def turn(seq, kind=JournalKind.EVENT, payload=None):
    return JournalRow(seq, NOW + seq, kind, payload or b"turn %d" % seq)


def effect(seq, n=0, channel="email", expires_at_ms=NOW + 86_400_000, **fields):
    payload = b"\x00\xff effect %d.%d" % (seq, n)
    return OutboxRow(
        seq, n, channel, fields.pop("send_at_ms", NOW), expires_at_ms, payload, **fields
    )


def timer(key, due_at_ms):
    return TimerRow(key, due_at_ms)


def change(number, before=0, after=None, *, p=P, epoch=1, **rows):
    """One change of `number`, by default one turn, with one journal row a turn."""
    after = before + 1 if after is None else after
    rows.setdefault("journal", [turn(seq) for seq in range(before + 1, after + 1)])
    rows.setdefault("state", b"state of %d at %d" % (number, after))
    return Change(number, p, epoch, before, after, **rows)


def owned(store: Store, *partitions, owner=ME) -> Store:
    """Let `owner` own the partitions, by default `P`, under epoch 1."""
    run(store.claim([(p, "", 0) for p in partitions or (P,)], owner))
    return store


def commit(store: Store, *changes, now_ms=NOW):
    return run(store.commit(changes, now_ms))


def customer(store: Store, number):
    return run(store.lookup(Lookup(numbers=(number,)))).customers.get(number)


def state_of(store: Store, number):
    row = customer(store, number)
    return None if row is None else (row.partition, row.seq, row.state)


def due(store: Store, now_ms=NOW, owner=ME, limit=100, skip=()):
    return run(store.outbox_due(owner, now_ms, limit, skip))


def permitted(item, state, pauses):
    """Permit every attempt."""
    return GRANTED


def effects(items):
    return [(item.number, item.seq, item.n) for item in items]
