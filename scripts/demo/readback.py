"""Reading back what the system knows at the end: every profile, and some decisions."""

import asyncio
import re
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
    best: dict[str, Any] = field(default_factory=dict)
    removed: Counter[tuple[str, str]] = field(default_factory=Counter)
    considered: int = 0
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
        spent = amount((body.get("purchases") or {}).get("monetary"))
        known.customers += 1
        known.sales += spent
        tier = _name(body.get("tier"))
        known.tiers[tier] += 1
        known.tier_sales[tier] = known.tier_sales.get(tier, Decimal(0)) + spent
        known.segments.update(_name(segment) for segment in body.get("segments") or [])
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
    if isinstance(value, dict):
        value = value.get("name") or value.get("segment")
    return str(value) if value else "none"


def _count_decision(known: Known, body: dict[str, Any]) -> None:
    removed = [r for r in body.get("removed") or [] if isinstance(r, dict)]
    for removal in removed:
        known.removed[str(removal.get("stage")), _plain(str(removal.get("rule", "")))] += 1
    known.considered += len(removed) + len(body.get("ranked") or [])


def _plain(rule: str) -> str:
    """Leave out what differs from one decision to the next, such as numbers in quotes."""
    return re.sub(r"\s+", " ", rule).strip()[:60]
