"""The values that rules may refer to, computed only where some rule of the playbook does.

The variables are picked once per playbook, and are flat (see actors/playbook/lowering.py).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import chain
from typing import Any
from zoneinfo import ZoneInfo

from actors.attributes import rule_value
from actors.decisioning.profile_fields import MAPS, SCALARS
from actors.domain.profile import Profile
from actors.domain.state import CustomerState
from actors.playbook.fields import AFTER_SEGMENTS, ATTRIBUTES, CATALOGUE, NEVER_DAYS
from actors.playbook.lowering import Variable, variable_of
from actors.playbook.model import Action, Playbook
from actors.playbook.rules import Rule
from actors.playbook.templates import Placeholder, Template

_DAY_MS = 86_400_000.0
_QUARTER_MS = 900_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(slots=True)
class Occasion:
    """The event, question or timer that the context is built for."""

    type: str
    name: str
    channel: str
    properties: dict[str, Any]
    traits: dict[str, Any]
    late: bool


class View:
    """What a reader may look at. `scale` is minor units per currency unit."""

    __slots__ = ("_local", "now_ms", "occasion", "scale", "state", "timezone")

    def __init__(
        self, state: CustomerState, occasion: Occasion, now_ms: int, scale: float, timezone: str
    ) -> None:
        self.state = state
        self.occasion = occasion
        self.now_ms = now_ms
        self.scale = scale
        self.timezone = timezone
        self._local: datetime | None = None

    @property
    def local(self) -> datetime:
        """The customer's local time; worked out at most once."""
        if self._local is None:
            self._local = local_time(self.now_ms, self.state.profile.timezone, self.timezone)
        return self._local


Value = Any
Scalar = Callable[[View], Value]
Entries = Callable[[View], Mapping[str, Any]]
Entry = Callable[[Any, View], Value]
Reader = Callable[[View], Sequence[Value]]
"""Reads several variables at once."""


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


Calendar = tuple[int, int, int, int]
"""Hour, weekday, day and month."""


def _calendar_of(local: datetime) -> Calendar:
    return local.hour, local.weekday(), local.day, local.month


@lru_cache(maxsize=4096)
def _quarter(number: int, *zones: str) -> Calendar | None:
    """Return what holds all through a quarter of an hour since 1970; None if it changes within."""
    first = _calendar_of(local_time(number * _QUARTER_MS, *zones))
    last = _calendar_of(local_time((number + 1) * _QUARTER_MS - 1, *zones))
    return first if first == last else None


def _contacts_within(profile: Profile, now_ms: int, days: int) -> int:
    since = now_ms - days * _DAY_MS
    return sum(1 for contact in profile.contacts if contact.at_ms > since)


def _known(view: View) -> bool:
    return any(identity.kind == "user" for identity in view.state.identities)


def _marketing(view: View) -> dict[str, str]:
    """Consent to marketing by channel."""
    return {
        key.removesuffix("|marketing"): consent.status
        for key, consent in view.state.profile.consents.items()
        if key.endswith("|marketing") and not 0 < consent.expires_at_ms <= view.now_ms
    }


def _worth(view: View) -> tuple[Value, ...]:
    profile, scale, now_ms = view.state.profile, view.scale, view.now_ms
    purchases = profile.purchases
    orders, spend = purchases.orders, purchases.spend_minor / scale
    first_ms = profile.first_seen_at_ms
    return (
        orders,
        purchases.refunds,
        purchases.items,
        spend,
        spend / orders if orders else 0.0,
        days_since(purchases.last_at_ms, now_ms),
        (now_ms - first_ms) / _DAY_MS if first_ms else 0.0,
        profile.coupons_used,
        profile.redemptions,
    )


def _cart(view: View) -> tuple[Value, ...]:
    talk = view.state.conversation
    return talk.cart_items, talk.cart_minor / view.scale, bool(talk.cart_id)


def _now(view: View) -> Calendar:
    zone = view.state.profile.timezone
    return _quarter(view.now_ms // _QUARTER_MS, zone, view.timezone) or _calendar_of(view.local)


_TOGETHER: dict[tuple[str, ...], Reader] = {
    (
        "profile.orders",
        "profile.refunds",
        "profile.items",
        "profile.spend",
        "profile.avg_basket",
        "profile.recency_days",
        "profile.tenure_days",
        "profile.coupons_used",
        "profile.redemptions",
    ): _worth,
    ("conversation.cart_items", "conversation.cart_total", "conversation.open_cart"): _cart,
    ("now.hour", "now.weekday", "now.day", "now.month"): _now,
}
"""Fields that rules use most, read by one call for several: a call costs more than what it reads."""

_SCALARS: dict[str, Scalar] = {
    "profile.timezone": lambda v: v.state.profile.timezone or v.timezone,
    "profile.locale": lambda v: v.state.profile.locale,
    "profile.known": _known,
    "profile.contacts_7d": lambda v: _contacts_within(v.state.profile, v.now_ms, 7),
    "profile.contacts_30d": lambda v: _contacts_within(v.state.profile, v.now_ms, 30),
    "conversation.last_intent": lambda v: v.state.conversation.last_intent,
    "conversation.last_channel": lambda v: v.state.conversation.last_channel,
    "conversation.turns": lambda v: len(v.state.conversation.turns),
    "event.type": lambda v: v.occasion.type,
    "event.name": lambda v: v.occasion.name,
    "event.channel": lambda v: v.occasion.channel,
    "event.late": lambda v: v.occasion.late,
    **SCALARS,
}

_MAPS: dict[str, tuple[Entries, Entry]] = {
    "profile.spend_by_department": (
        lambda v: v.state.profile.departments,
        lambda d, v: d.spend_minor / v.scale,
    ),
    "profile.orders_by_department": (
        lambda v: v.state.profile.departments,
        lambda d, _: d.orders,
    ),
    "profile.days_since_department": (
        lambda v: v.state.profile.departments,
        lambda d, v: days_since(d.last_at_ms, v.now_ms),
    ),
    "profile.channel_events": (lambda v: v.state.profile.channels, lambda c, _: c.events),
    "profile.channel_days": (
        lambda v: v.state.profile.channels,
        lambda c, v: days_since(c.last_seen_at_ms, v.now_ms),
    ),
    "profile.views": (lambda v: v.state.profile.views, lambda n, _: n),
    "profile.consent": (_marketing, lambda status, _: status == "granted"),
    "profile.offered": (lambda v: v.state.profile.responses, lambda r, _: r.offered),
    "profile.taken": (lambda v: v.state.profile.responses, lambda r, _: r.taken),
    "profile.refused": (lambda v: v.state.profile.responses, lambda r, _: r.refused),
    "profile.days_since_refused": (
        lambda v: v.state.profile.responses,
        lambda r, v: days_since(r.last_refused_at_ms, v.now_ms),
    ),
    "profile.traits": (lambda v: v.state.profile.traits, lambda value, _: value),
    "event.properties": (lambda v: v.occasion.properties, lambda value, _: value),
    "event.traits": (lambda v: v.occasion.traits, lambda value, _: value),
    **MAPS,
}

FIELD_NAMES = (
    frozenset(_SCALARS)
    | frozenset(_MAPS)
    | frozenset(chain.from_iterable(_TOGETHER))
    | {ATTRIBUTES}
)
"""Every field that is read here: the playbook's catalogue without segments and tier (tested)."""


def _entries(path: str, keys: Sequence[str]) -> Reader:
    """Read entries of one map; what is not there reads as the catalogue's default."""
    entries, read = _MAPS[path]
    default = CATALOGUE[path].default

    def reader(view: View) -> list[Value]:
        known = entries(view)
        return [read(known[key], view) if key in known else default for key in keys]

    return reader


def _attributes(names: Sequence[str], playbook: Playbook) -> Reader:
    """Read declared attributes as of now."""
    declared = [playbook.attributes.by_name[name] for name in names]

    def reader(view: View) -> list[Value]:
        state, now_ms = view.state.attributes, view.now_ms
        return [rule_value(attribute, state, now_ms) for attribute in declared]

    return reader


def _some(path: str, keys: Sequence[str]) -> Scalar:
    """Read the entries of a map that are there, of those that rules name."""
    entries, read = _MAPS[path]

    def reader(view: View) -> Value:
        known = entries(view)
        return {key: read(known[key], view) for key in keys if key in known}

    return reader


def _whole(path: str) -> Scalar:
    entries, read = _MAPS[path]
    return lambda view: {key: read(value, view) for key, value in entries(view).items()}


def _scalar(path: str, playbook: Playbook) -> Scalar:
    if path in _SCALARS:
        return _SCALARS[path]
    if path in playbook.used_whole:
        return _whole(path)
    return _some(path, sorted(playbook.used_keys.get(path, ())))


def _readers(variables: Sequence[Variable], playbook: Playbook) -> tuple[list[Reader], list[str]]:
    """Return readers for some variables, and the names of what they read one after the other."""
    readers: list[Reader] = []
    read: list[str] = []
    left = {v.path: v for v in variables if v.key is None}
    for paths, reader in _TOGETHER.items():
        if any(path in left for path in paths):
            readers.append(reader)
            read += [variable_of(path).name for path in paths]
    entries: dict[str, list[Variable]] = {}
    for variable in variables:
        if variable.key is not None:
            entries.setdefault(variable.path, []).append(variable)
    for path, some in entries.items():
        keys = [v.key or "" for v in some]
        readers.append(_attributes(keys, playbook) if path == ATTRIBUTES else _entries(path, keys))
        read += [v.name for v in some]
    single = [v for v in left.values() if v.name not in read]
    scalars = [_scalar(v.path, playbook) for v in single]
    readers.append(lambda view: [scalar(view) for scalar in scalars])
    return readers, read + [v.name for v in single]


class ContextBuilder:
    """Picks the variables of one playbook's rules and placeholders, and reads their values.

    `names` are the variables in the order of the values that `build` returns: an order that depends
    on nothing but the playbook; `positions` are their places there. What is made from segments is
    not among them.
    """

    def __init__(self, playbook: Playbook) -> None:
        self._scale = 10.0**playbook.minor_digits
        self._timezone = playbook.timezone
        variables = {variable for rule in rules_of(playbook) for variable in rule.variables}
        for template in _templates_of(playbook):
            variables |= {v for p in template.placeholders if (v := variable_quoted(p)) is not None}
        made = {variable for variable in variables if variable.path in AFTER_SEGMENTS}
        ordered = sorted(variables - made, key=lambda variable: variable.name)
        self.names = tuple(variable.name for variable in ordered)
        self.positions = {name: i for i, name in enumerate(self.names)}
        self._readers, read = _readers(ordered, playbook)
        self._order = [read.index(name) for name in self.names]

    def build(self, state: CustomerState, occasion: Occasion, now_ms: int) -> list[Value]:
        """Return the values of the variables, in the order of `names`."""
        view = View(state, occasion, now_ms, self._scale, self._timezone)
        values: list[Value] = []
        for reader in self._readers:
            values += reader(view)
        return list(map(values.__getitem__, self._order))


@lru_cache(maxsize=16)
def builder_of(playbook: Playbook) -> ContextBuilder:
    """Return the builder of a playbook, made once."""
    return ContextBuilder(playbook)


def rules_of_action(action: Action) -> list[Rule]:
    """Return the rules of one action: its eligibility and the conditions of its weights."""
    rules = [rule for rule, _ in action.weights]
    return rules if action.eligible is None else [*rules, action.eligible]


def rules_of(playbook: Playbook) -> list[Rule]:
    """Return every rule of a playbook."""
    rules = [segment.rule for segment in playbook.segments]
    for action in playbook.actions:
        rules += rules_of_action(action)
    return rules + [trigger.when for trigger in playbook.triggers if trigger.when is not None]


def _templates_of(playbook: Playbook) -> list[Template]:
    return [t.content for action in playbook.actions for t in action.treatments.values()]


def variable_quoted(placeholder: Placeholder) -> Variable | None:
    """Return the variable that a placeholder shows; None for what is made from segments."""
    field = CATALOGUE[placeholder.path]
    if placeholder.path not in FIELD_NAMES:
        return None
    keyed = placeholder.key and not field.is_dyn
    return variable_of(placeholder.path, placeholder.key if keyed else None)
