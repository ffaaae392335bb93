"""Reading back what the system knows at the end: every profile, and some decisions."""

import asyncio
from collections import Counter, deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, TypeVar

from scripts.demo.client import Client, GoneError

T = TypeVar("T")


@dataclass(slots=True)
class Known:
    """What the profiles and the sampled decisions say. Money is exact, in currency units."""

    sales: Decimal = Decimal(0)
    customers: int = 0
    missing: list[int] = field(default_factory=list)
    tiers: Counter[str] = field(default_factory=Counter)
    tier_sales: dict[str, Decimal] = field(default_factory=dict)
    segments: Counter[str] = field(default_factory=Counter)
    contacts: Counter[str] = field(default_factory=Counter)
    best: dict[str, Any] = field(default_factory=dict)
    removed: Counter[tuple[str, str]] = field(default_factory=Counter)
    considered: int = 0
    chosen: int = 0
    outdone: int = 0
    sampled: int = 0
    status: dict[str, Any] = field(default_factory=dict)


def amount(value: Any) -> Decimal:
    """Return an amount of money as the API writes it: `{amount, currency}` or a number."""
    if isinstance(value, dict):
        value = value.get("amount")
    return Decimal(str(value)) if value is not None else Decimal(0)


async def read_back(
    client: Client,
    households: list[int],
    samples: list[tuple[int, str]],
    connections: int,
) -> Known:
    """Read all profiles, the sampled decision records and the status."""
    known = Known()
    best = Decimal(-1)

    async def profile(household: int) -> None:
        nonlocal best
        reply = await client.get(f"/v1/customers/user:hh-{household}")
        if reply.status != 200:
            known.missing.append(household)
            return
        body = reply.body
        spent = amount((body.get("purchases") or {}).get("spend"))
        known.customers += 1
        known.sales += spent
        tier = _name(body.get("tier"))
        known.tiers[tier] += 1
        known.tier_sales[tier] = known.tier_sales.get(tier, Decimal(0)) + spent
        known.segments.update(_name(segment) for segment in body.get("segments") or [])
        known.contacts.update(str(c.get("channel")) for c in body.get("contacts") or [])
        if spent > best:
            best = spent
            known.best = body

    async def decision(sample: tuple[int, str]) -> None:
        household, decision_id = sample
        reply = await client.get(f"/v1/customers/user:hh-{household}/decisions/{decision_id}")
        if reply.status == 200:
            known.sampled += 1
            _count_decision(known, reply.body)

    await _each(households, profile, connections)
    await _each(samples, decision, connections)
    reply = await client.get("/v1/status")
    known.status = reply.body if reply.status == 200 else {}
    return known


async def _each(items: list[T], work: Callable[[T], Awaitable[None]], at_once: int) -> None:
    waiting = deque(items)

    async def worker() -> None:
        while waiting:
            await work(waiting.popleft())

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(min(at_once, len(items))):
                group.create_task(worker())
    except* GoneError as errors:
        gone = errors
    else:
        return
    raise gone.exceptions[0]


def _name(value: Any) -> str:
    return str(value) if value else "none"


def _count_decision(known: Known, body: dict[str, Any]) -> None:
    removed = [r for r in body.get("removed") or [] if isinstance(r, dict)]
    for removal in removed:
        known.removed[str(removal.get("stage")), str(removal.get("rule", ""))] += 1
    candidates = [c for c in body.get("candidates") or [] if isinstance(c, dict)]
    known.chosen += sum(1 for c in candidates if c.get("chosen"))
    known.outdone += sum(1 for c in candidates if not c.get("chosen"))
    known.considered += len(removed) + len(candidates)
