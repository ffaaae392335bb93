"""Segments as they are read: who is in one at the moment of asking, and a profile of its own."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from actors.decisioning.membership import SEGMENTS, standing_of
from actors.domain.economics import Economics, profit_and_loss
from actors.domain.ids import customer_text
from actors.domain.instants import format_instant
from actors.domain.state import CustomerState
from actors.playbook.model import Playbook, Segment
from actors.ports import Lookup, SegmentFlow, Store, StoredCustomer
from serve_app.living import living
from serve_app.render.values import MoneyFormat

DAY_MS = 86_400_000
HISTORY_DAYS = 30
MAX_COUNTED = 2_000
"""Members whose states a segment's profile looks at; of more it is a sample."""
_PORTION = 200
_BEFORE_ALL = -1


@dataclass(slots=True)
class Sums:
    """What members add up to. Amounts are in minor units."""

    members: int = 0
    orders: int = 0
    revenue_minor: int = 0
    discounts_minor: int = 0
    refunds_minor: int = 0
    goods_minor: int = 0
    sends_minor: int = 0
    service_minor: int = 0
    profit_minor: int = 0
    offered: int = 0
    seen: int = 0
    taken: int = 0
    refused: int = 0

    def add(self, state: CustomerState, scale: float, economics: Economics) -> None:
        """Add one member; `scale` is minor units per currency unit."""
        profile = state.profile
        book = profit_and_loss(profile, scale, economics)
        self.members += 1
        self.orders += profile.purchases.orders
        self.revenue_minor += book.revenue_minor
        self.discounts_minor += book.discounts_minor
        self.refunds_minor += book.refunds_minor
        self.goods_minor += book.goods_minor
        self.sends_minor += book.sends_minor
        self.service_minor += book.service_minor
        self.profit_minor += book.profit_minor
        for history in profile.responses.values():
            self.offered += history.offered
            self.seen += history.seen
            self.taken += history.taken
            self.refused += history.refused


async def members_page(
    store: Store, playbook: Playbook, name: str, after: int, limit: int, now_ms: int
) -> tuple[list[dict[str, Any]], int | None]:
    """Return a page of who is in a segment now, and the number after which the next one begins.

    The index says who was when last looked at. Those in whose case the rule says otherwise by now are
    left out, and those whose next look is overdue are looked at here. A page may be short, or empty.
    """
    listed = {each.number: each.since_ms for each in await store.members(name, after, limit + 1)}
    overdue = {
        each.number: each.due_at_ms
        for each in await store.overdue(SEGMENTS, now_ms, after, limit + 1)
    }
    union = sorted(listed.keys() | overdue.keys())
    numbers = union[:limit]
    found = await store.lookup(Lookup(numbers=tuple(numbers)))
    rows = [found.customers[number] for number in numbers if number in found.customers]
    held = await asyncio.to_thread(_held, rows, playbook, name, now_ms)
    items = [
        {
            "customerId": customer_text(number),
            "since": format_instant(listed.get(number, overdue.get(number, now_ms))),
        }
        for number in numbers
        if number in held
    ]
    return items, numbers[-1] if len(union) > limit else None


def _held(rows: Sequence[StoredCustomer], playbook: Playbook, name: str, now_ms: int) -> set[int]:
    return {
        row.number
        for row in rows
        if (state := living(row)) is not None
        and name in standing_of(state, playbook, now_ms).segments
    }


class Profiles:
    """Profiles of segments over their members' states; one is worked out at a time."""

    def __init__(self, store: Store, currency: str) -> None:
        self._store = store
        self._money = MoneyFormat(currency)
        self._turnstile = asyncio.Lock()

    async def of(self, segment: Segment, playbook: Playbook, now_ms: int) -> dict[str, Any]:
        """Return the profile of a segment as of now."""
        async with self._turnstile:
            size = (await self._store.member_counts()).get(segment.name, 0)
            flows = await self._store.flows(segment.name, now_ms - (HISTORY_DAYS - 1) * DAY_MS)
            sums = await self._sums(segment.name, playbook, now_ms)
        return {
            **head_json(segment, size),
            "rule": segment.rule.source,
            "asOf": format_instant(now_ms),
            "history": history_json(flows, size, now_ms),
            "counted": sums.members,
            "sampled": sums.members >= MAX_COUNTED,
            **self._sums_json(sums),
        }

    async def _sums(self, name: str, playbook: Playbook, now_ms: int) -> Sums:
        """Add up the first members by number: numbers are keyed hashes, so they are a fair sample."""
        sums, after = Sums(), _BEFORE_ALL
        while sums.members < MAX_COUNTED:
            members = await self._store.members(name, after, _PORTION)
            if not members:
                break
            after = members[-1].number
            numbers = tuple(each.number for each in members)
            found = await self._store.lookup(Lookup(numbers=numbers))
            rows = list(found.customers.values())
            await asyncio.to_thread(_add, sums, rows, playbook, name, now_ms, self._money.scale)
        return sums

    def _sums_json(self, sums: Sums) -> dict[str, Any]:
        money, members = self._money, max(1, sums.members)
        return {
            "totals": {
                "orders": sums.orders,
                "revenue": money(sums.revenue_minor),
                "discounts": money(sums.discounts_minor),
                "refunds": money(sums.refunds_minor),
                "goods": money(sums.goods_minor),
                "sends": money(sums.sends_minor),
                "service": money(sums.service_minor),
                "profit": money(sums.profit_minor),
            },
            "perMember": {
                "orders": sums.orders / members,
                "value": money((sums.revenue_minor - sums.refunds_minor) / members),
                "cost": money((sums.goods_minor + sums.sends_minor + sums.service_minor) / members),
                "profit": money(sums.profit_minor / members),
            },
            "response": {
                "offered": sums.offered,
                "seen": sums.seen,
                "taken": sums.taken,
                "refused": sums.refused,
                "takenRate": sums.taken / sums.offered if sums.offered else None,
                "refusedRate": sums.refused / sums.offered if sums.offered else None,
            },
        }


def _add(
    sums: Sums,
    rows: Sequence[StoredCustomer],
    playbook: Playbook,
    name: str,
    now_ms: int,
    scale: float,
) -> None:
    for row in rows:
        if sums.members == MAX_COUNTED:
            return
        state = living(row)
        if state is not None and name in standing_of(state, playbook, now_ms).segments:
            sums.add(state, scale, playbook.economics)


def head_json(segment: Segment, size: int) -> dict[str, Any]:
    """Return what a list shows of a segment."""
    momentary = any(path.startswith("event.") for path in segment.rule.paths)
    return {
        "name": segment.name,
        "description": segment.description,
        "size": size,
        "momentary": momentary,
    }


def history_json(flows: Sequence[SegmentFlow], size: int, now_ms: int) -> list[dict[str, Any]]:
    """Return the last days, newest first: who entered and left, and the size at the end of each."""
    by_day = {flow.day_ms: flow for flow in flows}
    today_ms = now_ms - now_ms % DAY_MS
    size -= sum(flow.entered - flow.left for flow in flows if flow.day_ms > today_ms)
    days = []
    for back in range(HISTORY_DAYS):
        day_ms = today_ms - back * DAY_MS
        flow = by_day.get(day_ms, SegmentFlow(day_ms, 0, 0))
        day = format_instant(day_ms)[:10]
        days.append({"day": day, "entered": flow.entered, "left": flow.left, "size": size})
        size -= flow.entered - flow.left
    return days
