"""The values that rules may refer to, computed only where some rule of the playbook does.

The variables are picked once per playbook, and are flat (see actors/playbook/lowering.py).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from itertools import chain
from operator import itemgetter
from typing import Any

from actors.attributes import rule_value
from actors.decisioning.local_time import Calendar, calendar, local_time
from actors.decisioning.profile_fields import MAPS, SCALARS
from actors.domain.groups import GroupState, current
from actors.domain.profile import Profile
from actors.domain.state import CustomerState
from actors.playbook.fields import AFTER_SEGMENTS, ATTRIBUTES, CATALOGUE, NEVER_DAYS
from actors.playbook.lowering import Variable, variable_of
from actors.playbook.model import Action, Playbook
from actors.playbook.rules import Rule
from actors.playbook.scenario_parts import rules_in, templates_in
from actors.playbook.templates import Placeholder, Template

_DAY_MS = 86_400_000.0


@dataclass(slots=True)
class Occasion:
    """The event, question or timer that the context is built for, and the customer's `groups`."""

    type: str
    name: str
    channel: str
    properties: dict[str, Any]
    traits: dict[str, Any]
    late: bool
    groups: Sequence[GroupState] = ()
    instance: dict[str, Any] = field(default_factory=dict)


class View:
    """What a reader may look at. `scale` is minor units per currency unit."""

    __slots__ = ("_local", "economics", "now_ms", "occasion", "scale", "state", "timezone")

    def __init__(
        self, state: CustomerState, occasion: Occasion, now_ms: int, playbook: Playbook
    ) -> None:
        self.state = state
        self.occasion = occasion
        self.now_ms = now_ms
        self.scale = 10.0**playbook.minor_digits
        self.timezone = playbook.timezone
        self.economics = playbook.economics
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


def _joined(view: View) -> dict[str, str]:
    """Ids of groups by kind, of several of a kind the one joined last."""
    groups = view.state.groups
    return {each.kind: each.group_id for each in current(groups)} if groups else {}


def _of_kinds(view: View) -> dict[str, GroupState]:
    return {group.kind: group for group in view.occasion.groups}


def _departments(view: View) -> Mapping[str, Any]:
    return view.state.profile.departments


def _channels(view: View) -> Mapping[str, Any]:
    return view.state.profile.channels


def _responses(view: View) -> Mapping[str, Any]:
    return view.state.profile.responses


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
    return calendar(view.now_ms, view.state.profile.timezone, view.timezone)


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
        _departments,
        lambda d, v: d.spend_minor / v.scale,
    ),
    "profile.orders_by_department": (
        _departments,
        lambda d, _: d.orders,
    ),
    "profile.days_since_department": (
        _departments,
        lambda d, v: days_since(d.last_at_ms, v.now_ms),
    ),
    "profile.channel_events": (_channels, lambda c, _: c.events),
    "profile.channel_days": (
        _channels,
        lambda c, v: days_since(c.last_seen_at_ms, v.now_ms),
    ),
    "profile.views": (lambda v: v.state.profile.views, lambda n, _: n),
    "profile.consent": (_marketing, lambda status, _: status == "granted"),
    "profile.offered": (_responses, lambda r, _: r.offered),
    "profile.taken": (_responses, lambda r, _: r.taken),
    "profile.refused": (_responses, lambda r, _: r.refused),
    "profile.days_since_refused": (
        _responses,
        lambda r, v: days_since(r.last_refused_at_ms, v.now_ms),
    ),
    "profile.traits": (lambda v: v.state.profile.traits, lambda value, _: value),
    "event.properties": (lambda v: v.occasion.properties, lambda value, _: value),
    "event.traits": (lambda v: v.occasion.traits, lambda value, _: value),
    "instance": (lambda v: v.occasion.instance, lambda value, _: value),
    "profile.groups": (_joined, lambda group_id, _: group_id),
    "group.members": (_of_kinds, lambda group, _: group.members),
    "group.traits": (_of_kinds, lambda group, _: group.known_traits()),
    **MAPS,
}

INSTANCE = "instance"
"""The variable that is different for each instance of a scenario."""

FIELD_NAMES = (
    frozenset(_SCALARS)
    | frozenset(_MAPS)
    | frozenset(chain.from_iterable(_TOGETHER))
    | {ATTRIBUTES}
)
"""Every field that is read here: the playbook's catalogue without segments and tier (tested)."""


def _entries(entries: Entries, wanted: Sequence[tuple[str, str]]) -> Reader:
    """Read entries of one map; what is not there reads as the catalogue's default.

    `wanted` holds paths that are kept in that map, each with a key.
    """
    reads = [(key, _MAPS[path][1], CATALOGUE[path].default) for path, key in wanted]
    nothing = [default for _, _, default in reads]

    def reader(view: View) -> list[Value]:
        known = entries(view)
        if not known:
            return nothing
        return [read(known[key], view) if key in known else default for key, read, default in reads]

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
        if not known:
            return {}
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
    declared = [v for v in variables if v.key is not None and v.path == ATTRIBUTES]
    if declared:
        readers.append(_attributes([v.key or "" for v in declared], playbook))
        read += [v.name for v in declared]
    kept: dict[Entries, list[Variable]] = {}
    for variable in variables:
        if variable.key is not None and variable.path != ATTRIBUTES:
            kept.setdefault(_MAPS[variable.path][0], []).append(variable)
    for entries, some in kept.items():
        readers.append(_entries(entries, [(v.path, v.key or "") for v in some]))
        read += [v.name for v in some]
    single = [v for v in left.values() if v.name not in read]
    scalars = [_scalar(v.path, playbook) for v in single]
    readers.append(lambda view: [scalar(view) for scalar in scalars])
    return readers, read + [v.name for v in single]


def _picker(places: Sequence[int]) -> Callable[[Sequence[Value]], Sequence[Value]]:
    """Return how to bring values into another order."""
    if len(places) > 1:
        return itemgetter(*places)
    return lambda values: [values[place] for place in places]


class ContextBuilder:
    """Picks the variables of one playbook's rules and placeholders, and reads their values.

    `names` are the variables in the order of the values that `build` returns: an order that depends
    on nothing but the playbook; `positions` are their places there. What is made from segments is
    not among them.
    """

    def __init__(self, playbook: Playbook) -> None:
        self._playbook = playbook
        variables = {variable for rule in rules_of(playbook) for variable in rule.variables}
        for template in _templates_of(playbook):
            variables |= {v for p in template.placeholders if (v := variable_quoted(p)) is not None}
        made = {variable for variable in variables if variable.path in AFTER_SEGMENTS}
        ordered = sorted(variables - made, key=lambda variable: variable.name)
        self.names = tuple(variable.name for variable in ordered)
        self.positions = {name: i for i, name in enumerate(self.names)}
        self._readers, read = _readers(ordered, playbook)
        self._in_order = _picker([read.index(name) for name in self.names])

    def build(self, state: CustomerState, occasion: Occasion, now_ms: int) -> list[Value]:
        """Return the values of the variables, in the order of `names`."""
        view = View(state, occasion, now_ms, self._playbook)
        values: list[Value] = []
        for reader in self._readers:
            values += reader(view)
        return list(self._in_order(values))


@lru_cache(maxsize=16)
def builder_of(playbook: Playbook) -> ContextBuilder:
    """Return the builder of a playbook, made once."""
    return ContextBuilder(playbook)


def with_instance(
    values: Sequence[Value], playbook: Playbook, data: Mapping[str, Any]
) -> Sequence[Value]:
    """Return a builder's values, as they are for a scenario's instance with this data."""
    position = builder_of(playbook).positions.get(INSTANCE)
    if position is None:
        return values
    return [*values[:position], data, *values[position + 1 :]]


def rules_of_action(action: Action) -> list[Rule]:
    """Return the rules of one action: its eligibility and the conditions of its weights."""
    rules = [rule for rule, _ in action.weights]
    return rules if action.eligible is None else [*rules, action.eligible]


def rules_of(playbook: Playbook) -> list[Rule]:
    """Return every rule of a playbook."""
    rules = [segment.rule for segment in playbook.segments]
    for action in playbook.actions:
        rules += rules_of_action(action)
    rules += [trigger.when for trigger in playbook.triggers if trigger.when is not None]
    return rules + [rule for scenario in playbook.scenarios for rule in rules_in(scenario)]


def _templates_of(playbook: Playbook) -> list[Template]:
    treatments = [t.content for action in playbook.actions for t in action.treatments.values()]
    return treatments + [t for scenario in playbook.scenarios for t in templates_in(scenario)]


def variable_quoted(placeholder: Placeholder) -> Variable | None:
    """Return the variable that a placeholder shows; None for what is made from segments."""
    field = CATALOGUE[placeholder.path]
    if placeholder.path not in FIELD_NAMES:
        return None
    keyed = placeholder.key and not field.is_dyn
    return variable_of(placeholder.path, placeholder.key if keyed else None)
