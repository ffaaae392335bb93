"""The store's rows as the checker wants them: decoded, and free of any store."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgpack

from actors.domain.actions import OUTBOUND
from actors.ports import OutboxState
from actors.wire.records import unpack_turn
from actors.wire.state import unpack_state

Fetch = Callable[[str], Sequence[Sequence[Any]]]
"""Runs one SELECT and returns its rows, all of them in one snapshot of the store."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """An outbound effect as the journal has it."""

    number: int
    seq: int
    n: int
    channel: str
    action: str
    order: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One journal row. `message` is empty for a timer's turn; `minor` is what an order came to."""

    number: int
    seq: int
    message: str = ""
    name: str = ""
    minor: int = 0
    timer: str = ""
    effects: tuple[Sent, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Customer:
    """One customer's row, and what its state says was bought."""

    number: int
    seq: int
    user: str
    orders: int = 0
    spend_minor: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Out:
    """One outbox row. `spends` are (budget, amount in thousandths) of what it has reserved."""

    number: int
    seq: int
    n: int
    channel: str
    action: str = ""
    order: str = ""
    state: int = OutboxState.SENT
    attempts: int = 1
    send_at_ms: int = 0
    error: str = ""
    spends: tuple[tuple[str, int], ...] = ()


@dataclass(slots=True, kw_only=True)
class Books:
    """A whole store after a run. `spent` is by budget; `timers` are (customer, key, due instant)."""

    customers: list[Customer] = field(default_factory=list)
    turns: list[Turn] = field(default_factory=list)
    outbox: list[Out] = field(default_factory=list)
    timers: list[tuple[int, str, int]] = field(default_factory=list)
    spent: dict[str, int] = field(default_factory=dict)
    messages: int = 0
    now_ms: int = 0


def read_books(fetch: Fetch, now_ms: int) -> Books:
    """Read a store of any kind: the names of tables and columns are the same in all of them.

    `now_ms` is the machine's time, against which timers are late.
    """
    spent: dict[str, int] = {}
    for name, amount in fetch("SELECT name, spent FROM budget"):
        spent[name] = spent.get(name, 0) + int(amount)
    return Books(
        customers=[_customer(row) for row in fetch("SELECT number, seq, state FROM customer")],
        turns=[
            _turn(row)
            for row in fetch("SELECT customer, seq, payload FROM journal ORDER BY customer, seq")
        ],
        outbox=[
            _out(row)
            for row in fetch(
                "SELECT customer, seq, n, channel, state, attempts, send_at, error, payload, spends"
                " FROM outbox"
            )
        ],
        timers=[
            (row[0], _text(row[1]), row[2]) for row in fetch("SELECT customer, key, due FROM timer")
        ],
        spent=spent,
        messages=int(fetch("SELECT count(*) FROM dedupe")[0][0]),
        now_ms=now_ms,
    )


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _customer(row: Sequence[Any]) -> Customer:
    state = unpack_state(bytes(row[2]))
    users = [identity.value for identity in state.identities if identity.kind == "user"]
    return Customer(
        number=row[0],
        seq=row[1],
        user=users[0] if users else "",
        orders=state.profile.purchases.orders,
        spend_minor=state.profile.purchases.spend_minor,
    )


def _turn(row: Sequence[Any]) -> Turn:
    record = unpack_turn(bytes(row[2]))
    event = record.event
    total = 0.0 if event is None else event.properties.get("total", 0.0)
    effects = tuple(
        Sent(
            number=row[0],
            seq=row[1],
            n=effect.n,
            channel=effect.channel,
            action=effect.action,
            order=str(effect.content.get("order", "")),
        )
        for effect in record.effects
        if effect.mode == OUTBOUND
    )
    return Turn(
        number=row[0],
        seq=row[1],
        message="" if event is None else event.message_id,
        name="" if event is None else event.name,
        minor=round(float(total) * 100),
        timer="" if record.timer is None else record.timer[0],
        effects=effects,
    )


def _out(row: Sequence[Any]) -> Out:
    payload = msgpack.unpackb(bytes(row[8])) if row[8] else {}
    return Out(
        number=row[0],
        seq=row[1],
        n=row[2],
        channel=_text(row[3]),
        state=row[4],
        attempts=row[5],
        send_at_ms=row[6],
        error=_text(row[7]),
        action=payload.get("action", ""),
        order=str((payload.get("content") or {}).get("order", "")),
        spends=tuple(_spends(_text(row[9]))) if row[9] else (),
    )


def _spends(text: str) -> list[tuple[str, int]]:
    return [(str(each[0]), int(each[2])) for each in json.loads(text)] if text else []
