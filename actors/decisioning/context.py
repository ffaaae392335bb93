"""The values that rules may refer to, computed only where some rule of the playbook does.

Building the context of a whole profile would cost more than evaluating every rule, so the readers
are picked once per playbook.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from actors.domain.profile import Profile
from actors.domain.state import CustomerState
from actors.playbook.model import Playbook

NEVER_DAYS = 36_500.0
"""Stands for "never" wherever a rule reads days since something."""

_DAY_MS = 86_400_000.0
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Occasion:
    """The event, question or timer that the context is built for."""

    type: str
    name: str
    channel: str
    properties: dict[str, Any]
    traits: dict[str, Any]
    late: bool


@dataclass(frozen=True, slots=True)
class View:
    """What a reader may look at. `scale` is minor units per currency unit."""

    state: CustomerState
    occasion: Occasion
    now_ms: int
    scale: float
    timezone: str


Keys = tuple[str, ...]
ALL = "\0all"
"""Among the keys of a map: a rule needs more of it than single entries."""

Reader = Callable[[View, Keys], Any]


def days_since(at_ms: int, now_ms: int) -> float:
    """Return days from an instant to now, `NEVER_DAYS` when it never was."""
    return (now_ms - at_ms) / _DAY_MS if at_ms else NEVER_DAYS


@lru_cache(maxsize=1024)
def _zone(name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return None


def local_time(now_ms: int, *names: str) -> datetime:
    """Return the local time in the first zone of `names` that exists, else in UTC."""
    moment = _EPOCH + timedelta(milliseconds=now_ms)
    for name in names:
        zone = _zone(name) if name else None
        if zone is not None:
            return moment.astimezone(zone)
    return moment


def _local(view: View) -> datetime:
    return local_time(view.now_ms, view.state.profile.timezone, view.timezone)


def _contacts_within(profile: Profile, now_ms: int, days: int) -> int:
    since = now_ms - days * _DAY_MS
    return sum(1 for contact in profile.contacts if contact.at_ms > since)


def _average(view: View) -> float:
    purchases = view.state.profile.purchases
    return purchases.spend_minor / view.scale / purchases.orders if purchases.orders else 0.0


def _known(view: View, _keys: Keys) -> bool:
    return any(identity.kind == "user" for identity in view.state.identities)


def _consent(view: View, keys: Keys) -> dict[str, bool]:
    consents = view.state.profile.consents
    names = set(keys) | {key.split("|", 1)[0] for key in consents if key.endswith("|marketing")}
    return {
        name: (known := consents.get(f"{name}|marketing")) is not None and known.status == "granted"
        for name in sorted(names)
    }


def _over(
    pick: Callable[[View], dict[str, Any]], read: Callable[[Any, View], Any], default: Any
) -> Reader:
    """Read a mapping: the keys that rules name, with a default; every key when `ALL` is among them."""

    def reader(view: View, keys: Keys) -> dict[str, Any]:
        known = pick(view)
        values = {
            key: read(known[key], view) if key in known else default for key in keys if key != ALL
        }
        if ALL in keys:
            for key, value in known.items():
                values[key] = read(value, view)
        return values

    return reader


_READERS: dict[str, Reader] = {
    "profile.orders": lambda v, _: v.state.profile.purchases.orders,
    "profile.refunds": lambda v, _: v.state.profile.purchases.refunds,
    "profile.items": lambda v, _: v.state.profile.purchases.items,
    "profile.spend": lambda v, _: v.state.profile.purchases.spend_minor / v.scale,
    "profile.avg_basket": lambda v, _: _average(v),
    "profile.recency_days": lambda v, _: days_since(v.state.profile.purchases.last_at_ms, v.now_ms),
    "profile.tenure_days": lambda v, _: (
        (v.now_ms - v.state.profile.first_seen_at_ms) / _DAY_MS
        if v.state.profile.first_seen_at_ms
        else 0.0
    ),
    "profile.spend_by_department": _over(
        lambda v: v.state.profile.departments, lambda d, v: d.spend_minor / v.scale, 0.0
    ),
    "profile.orders_by_department": _over(
        lambda v: v.state.profile.departments, lambda d, _: d.orders, 0
    ),
    "profile.days_since_department": _over(
        lambda v: v.state.profile.departments,
        lambda d, v: days_since(d.last_at_ms, v.now_ms),
        NEVER_DAYS,
    ),
    "profile.channel_events": _over(lambda v: v.state.profile.channels, lambda c, _: c.events, 0),
    "profile.channel_days": _over(
        lambda v: v.state.profile.channels,
        lambda c, v: days_since(c.last_seen_at_ms, v.now_ms),
        NEVER_DAYS,
    ),
    "profile.views": _over(lambda v: v.state.profile.views, lambda n, _: n, 0),
    "profile.traits": lambda v, _: v.state.profile.traits,
    "profile.timezone": lambda v, _: v.state.profile.timezone,
    "profile.locale": lambda v, _: v.state.profile.locale,
    "profile.coupons_used": lambda v, _: v.state.profile.coupons_used,
    "profile.redemptions": lambda v, _: v.state.profile.redemptions,
    "profile.known": _known,
    "profile.consent": _consent,
    "profile.offered": _over(lambda v: v.state.profile.responses, lambda r, _: r.offered, 0),
    "profile.taken": _over(lambda v: v.state.profile.responses, lambda r, _: r.taken, 0),
    "profile.refused": _over(lambda v: v.state.profile.responses, lambda r, _: r.refused, 0),
    "profile.days_since_refused": _over(
        lambda v: v.state.profile.responses,
        lambda r, v: days_since(r.last_refused_at_ms, v.now_ms),
        NEVER_DAYS,
    ),
    "profile.contacts_7d": lambda v, _: _contacts_within(v.state.profile, v.now_ms, 7),
    "profile.contacts_30d": lambda v, _: _contacts_within(v.state.profile, v.now_ms, 30),
    "conversation.last_intent": lambda v, _: v.state.conversation.last_intent,
    "conversation.last_channel": lambda v, _: v.state.conversation.last_channel,
    "conversation.turns": lambda v, _: len(v.state.conversation.turns),
    "conversation.cart_items": lambda v, _: v.state.conversation.cart_items,
    "conversation.cart_total": lambda v, _: v.state.conversation.cart_minor / v.scale,
    "conversation.open_cart": lambda v, _: bool(v.state.conversation.cart_id),
    "event.type": lambda v, _: v.occasion.type,
    "event.name": lambda v, _: v.occasion.name,
    "event.channel": lambda v, _: v.occasion.channel,
    "event.late": lambda v, _: v.occasion.late,
    "now.hour": lambda v, _: _local(v).hour,
    "now.weekday": lambda v, _: _local(v).weekday(),
    "now.day": lambda v, _: _local(v).day,
    "now.month": lambda v, _: _local(v).month,
}

FIELD_NAMES = frozenset(_READERS) | {"event.properties", "event.traits"}
"""Every field that `ContextBuilder` can fill; equal to the playbook's catalogue (tested)."""


def _subset(source: dict[str, Any], keys: Keys) -> dict[str, Any]:
    if ALL in keys:
        return source
    return {key: source[key] for key in keys if key in source}


def _keys(playbook: Playbook, path: str) -> Keys:
    keys = tuple(sorted(playbook.used_keys.get(path, ())))
    return (*keys, ALL) if path in playbook.used_whole else keys


class ContextBuilder:
    """Builds the values for one playbook's rules and placeholders."""

    def __init__(self, playbook: Playbook) -> None:
        self._scale = 10.0**playbook.minor_digits
        self._timezone = playbook.timezone
        self._plan: list[tuple[str, str, Reader, Keys]] = []
        self._properties = _keys(playbook, "event.properties")
        self._traits = _keys(playbook, "event.traits")
        for path in sorted(playbook.used_paths):
            reader = _READERS.get(path)
            if reader is not None:
                root, name = path.split(".", 1)
                self._plan.append((root, name, reader, _keys(playbook, path)))

    def build(self, state: CustomerState, occasion: Occasion, now_ms: int) -> dict[str, Any]:
        """Return the nested values: `{"profile": {…}, "event": {…}, …}`."""
        view = View(state, occasion, now_ms, self._scale, self._timezone)
        values: dict[str, Any] = {
            "profile": {},
            "conversation": {},
            "event": {
                "properties": _subset(occasion.properties, self._properties),
                "traits": _subset(occasion.traits, self._traits),
            },
            "now": {},
        }
        for root, name, reader, keys in self._plan:
            values[root][name] = reader(view, keys)
        return values
