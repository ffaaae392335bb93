"""Groups as they are read: what is known of one, who belongs to it, and what its members add up to."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from actors.domain.economics import STANDARD
from actors.domain.groups import GroupKey, GroupState, current
from actors.domain.ids import customer_text
from actors.domain.instants import format_instant
from actors.domain.profile import Profile
from actors.domain.state import CustomerState
from actors.playbook.model import Playbook
from actors.policies.contact_pressure import counted
from actors.ports import Lookup, Member, Store, StoredCustomer
from actors.wire.groups import unpack_group
from serve_app.living import living
from serve_app.render.values import MoneyFormat, instant
from serve_app.segments import DAY_MS, Sums

MAX_COUNTED = 2_000
"""Members whose states are added up; of more it is a sample."""
_PORTION = 200
_BEFORE_ALL = -1


@dataclass(slots=True)
class _Together(Sums):
    """What members add up to, as of `now_ms`."""

    now_ms: int = 0
    spend_minor: int = 0
    last_order_at_ms: int = 0
    last_seen_at_ms: int = 0
    contacts: dict[int, int] = field(default_factory=lambda: {7: 0, 30: 0})

    def add_profile(self, profile: Profile) -> None:
        """Add what a segment's profile does not ask for."""
        self.spend_minor += profile.purchases.spend_minor
        self.last_order_at_ms = max(self.last_order_at_ms, profile.purchases.last_at_ms)
        self.last_seen_at_ms = max(self.last_seen_at_ms, profile.last_seen_at_ms)
        for days in self.contacts:
            since_ms = self.now_ms - days * DAY_MS
            self.contacts[days] += sum(1 for each in profile.contacts if each.at_ms > since_ms)


async def records_for(
    store: Store, state: CustomerState, playbook: Playbook
) -> tuple[list[GroupState], int]:
    """Return the records of a customer's groups that share a cap, and a number that changes with them."""
    shared = {cap.per for cap in playbook.caps}
    keys = tuple(each.key for each in current(state.groups) if each.kind in shared)
    if not keys:
        return [], 0
    rows = (await store.lookup(Lookup(groups=keys))).groups
    found = [rows[key] for key in keys if key in rows]
    return [unpack_group(row.state) for row in found], sum(row.seq for row in found)


class GroupReader:
    """Reads groups; one is worked out at a time, because it may look at thousands of customers."""

    def __init__(self, store: Store, currency: str) -> None:
        self._store = store
        self._money = MoneyFormat(currency)
        self._turnstile = asyncio.Lock()

    async def of(
        self, key: GroupKey, playbook: Playbook | None, now_ms: int, page: tuple[int, int]
    ) -> dict[str, Any] | None:
        """Return a group as of now, or None when nobody belongs to it.

        `page` is the number after which the members listed begin, and how many at most.
        """
        row = (await self._store.lookup(Lookup(groups=(key,)))).groups.get(key)
        if row is None:
            return None
        group = unpack_group(row.state)
        after, limit = page
        listed = await self._store.group_members(key, after, limit + 1)
        async with self._turnstile:
            together = await self._add_up(key, playbook, now_ms)
        return {
            **_known_json(group),
            "asOf": format_instant(now_ms),
            "lastSeenAt": instant(together.last_seen_at_ms),
            "members": _members_json(group, listed, limit),
            "counted": together.members,
            "sampled": together.members >= MAX_COUNTED,
            "totals": self._totals_json(together),
            "contacts": {
                "last7Days": together.contacts[7],
                "last30Days": together.contacts[30],
            },
            "caps": _caps_json(group, playbook, now_ms),
        }

    async def _add_up(self, key: GroupKey, playbook: Playbook | None, now_ms: int) -> _Together:
        together, after = _Together(now_ms=now_ms), _BEFORE_ALL
        while together.members < MAX_COUNTED:
            members = await self._store.group_members(key, after, _PORTION)
            if not members:
                break
            after = members[-1].number
            numbers = tuple(each.number for each in members)
            rows = list((await self._store.lookup(Lookup(numbers=numbers))).customers.values())
            await asyncio.to_thread(_add, together, rows, playbook, self._money.scale)
        return together

    def _totals_json(self, sums: _Together) -> dict[str, Any]:
        money = self._money
        return {
            "orders": sums.orders,
            "lastOrderAt": instant(sums.last_order_at_ms),
            "spend": money(sums.spend_minor),
            "revenue": money(sums.revenue_minor),
            "discounts": money(sums.discounts_minor),
            "refunds": money(sums.refunds_minor),
            "goods": money(sums.goods_minor),
            "sends": money(sums.sends_minor),
            "service": money(sums.service_minor),
            "profit": money(sums.profit_minor),
        }


def _add(
    together: _Together, rows: Sequence[StoredCustomer], playbook: Playbook | None, scale: float
) -> None:
    economics = STANDARD if playbook is None else playbook.economics
    for row in rows:
        state = living(row)
        if state is not None:
            together.add(state, scale, economics)
            together.add_profile(state.profile)


def _known_json(group: GroupState) -> dict[str, Any]:
    known = group.known_traits()
    return {
        "kind": group.kind,
        "groupId": group.group_id,
        "since": instant(group.first_seen_at_ms),
        "changedAt": instant(group.changed_at_ms),
        "traits": known,
        "traitOrigins": {
            name: {"at": instant(each.at_ms), "source": each.source}
            for name, each in sorted(group.traits.items())
            if name in known
        },
        "traitChanges": [
            {"trait": c.name, "at": instant(c.at_ms), "source": c.source, "old": c.old}
            for c in sorted(group.changes, key=lambda c: -c.at_ms)
        ],
    }


def _members_json(group: GroupState, listed: Sequence[Member], limit: int) -> dict[str, Any]:
    items = [
        {"customerId": customer_text(each.number), "since": format_instant(each.since_ms)}
        for each in listed[:limit]
    ]
    page: dict[str, Any] = {"count": group.members, "items": items}
    if len(listed) > limit:
        page["nextCursor"] = items[-1]["customerId"]
    return page


def _caps_json(group: GroupState, playbook: Playbook | None, now_ms: int) -> list[dict[str, Any]]:
    """Return how full the caps per this kind of group are; a cap that is full says until when."""
    standing = []
    if playbook is None:
        return []
    for cap in playbook.caps:
        if cap.per == group.kind:
            used, free_at_ms = counted(group.contacts, cap, now_ms, playbook.policies.zones)
            standing.append(
                {
                    "name": cap.name,
                    "limit": cap.limit,
                    "windowSeconds": cap.window_ms // 1000,
                    "calendar": cap.unit or None,
                    "used": used,
                    "freeAt": instant(free_at_ms),
                }
            )
    return standing
