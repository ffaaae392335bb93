"""The values that rules may refer to, computed only where some rule of the playbook does.

Handing a value to CEL costs about as much as evaluating a rule on it, so the variables are picked
once per playbook, and are flat (see actors/playbook/lowering.py).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from cel import Context

from actors.domain.profile import Profile
from actors.domain.state import CustomerState
from actors.playbook.fields import AFTER_SEGMENTS, CATALOGUE, NEVER_DAYS
from actors.playbook.lowering import SEGMENTS, Variable, variable_of
from actors.playbook.model import Action, Playbook, Trigger
from actors.playbook.rules import Rule
from actors.playbook.templates import Placeholder, Template

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


def _contacts_within(profile: Profile, now_ms: int, days: int) -> int:
    since = now_ms - days * _DAY_MS
    return sum(1 for contact in profile.contacts if contact.at_ms > since)


def _average(view: View) -> float:
    purchases = view.state.profile.purchases
    return purchases.spend_minor / view.scale / purchases.orders if purchases.orders else 0.0


def _tenure(view: View) -> float:
    first_ms = view.state.profile.first_seen_at_ms
    return (view.now_ms - first_ms) / _DAY_MS if first_ms else 0.0


def _known(view: View) -> bool:
    return any(identity.kind == "user" for identity in view.state.identities)


def _marketing(view: View) -> dict[str, str]:
    """Consent to marketing by channel."""
    return {
        key.removesuffix("|marketing"): consent.status
        for key, consent in view.state.profile.consents.items()
        if key.endswith("|marketing")
    }


_SCALARS: dict[str, Scalar] = {
    "profile.orders": lambda v: v.state.profile.purchases.orders,
    "profile.refunds": lambda v: v.state.profile.purchases.refunds,
    "profile.items": lambda v: v.state.profile.purchases.items,
    "profile.spend": lambda v: v.state.profile.purchases.spend_minor / v.scale,
    "profile.avg_basket": _average,
    "profile.recency_days": lambda v: days_since(v.state.profile.purchases.last_at_ms, v.now_ms),
    "profile.tenure_days": _tenure,
    "profile.timezone": lambda v: v.state.profile.timezone or v.timezone,
    "profile.locale": lambda v: v.state.profile.locale,
    "profile.coupons_used": lambda v: v.state.profile.coupons_used,
    "profile.redemptions": lambda v: v.state.profile.redemptions,
    "profile.known": _known,
    "profile.contacts_7d": lambda v: _contacts_within(v.state.profile, v.now_ms, 7),
    "profile.contacts_30d": lambda v: _contacts_within(v.state.profile, v.now_ms, 30),
    "conversation.last_intent": lambda v: v.state.conversation.last_intent,
    "conversation.last_channel": lambda v: v.state.conversation.last_channel,
    "conversation.turns": lambda v: len(v.state.conversation.turns),
    "conversation.cart_items": lambda v: v.state.conversation.cart_items,
    "conversation.cart_total": lambda v: v.state.conversation.cart_minor / v.scale,
    "conversation.open_cart": lambda v: bool(v.state.conversation.cart_id),
    "event.type": lambda v: v.occasion.type,
    "event.name": lambda v: v.occasion.name,
    "event.channel": lambda v: v.occasion.channel,
    "event.late": lambda v: v.occasion.late,
    "now.hour": lambda v: v.local.hour,
    "now.weekday": lambda v: v.local.weekday(),
    "now.day": lambda v: v.local.day,
    "now.month": lambda v: v.local.month,
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
}

FIELD_NAMES = frozenset(_SCALARS) | frozenset(_MAPS)
"""Every field that is read here: the playbook's catalogue without segments and tier (tested)."""


def _entry(path: str, key: str) -> Scalar:
    entries, read = _MAPS[path]
    default = CATALOGUE[path].default

    def reader(view: View) -> Value:
        known = entries(view)
        return read(known[key], view) if key in known else default

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


Groups = tuple[tuple[int, ...], ...]
"""Indexes of actions, in groups."""

_MAX_PICKS = 1024


@dataclass(frozen=True, slots=True)
class Pick:
    """The variables that some of the rules need.

    `values` are (name, position in `ContextBuilder.names`), `flags` (name, segment); `listed` and
    `tiered` say whether the list of segments and the tier are needed as such.
    """

    values: tuple[tuple[str, int], ...]
    flags: tuple[tuple[str, str], ...]
    listed: bool
    tiered: bool

    def context(self, values: Sequence[Value], segments: Sequence[str], tier: str) -> Context:
        """Return the CEL context of these rules.

        Everything at once: a context that is added to after an evaluation is built again inside.
        """
        variables = {name: values[position] for name, position in self.values}
        for name, segment in self.flags:
            variables[name] = segment in segments
        if self.listed:
            variables[SEGMENTS] = list(segments)
        if self.tiered:
            variables["tier"] = tier
        return Context(variables=variables)


class ContextBuilder:
    """Picks the variables of one playbook's rules and placeholders, and reads their values.

    `names` are the variables in the order of the values that `build` returns: an order that depends
    on nothing but the playbook. What is made from segments is not among them: a `Pick` adds it.
    `segments` is the pick of the segments' own rules.
    """

    def __init__(self, playbook: Playbook) -> None:
        self._scale = 10.0**playbook.minor_digits
        self._timezone = playbook.timezone
        variables = {variable for rule in rules_of(playbook) for variable in rule.variables}
        for template in _templates_of(playbook):
            variables |= {v for p in template.placeholders if (v := _variable_of(p)) is not None}
        made = {variable for variable in variables if variable.path in AFTER_SEGMENTS}
        ordered = sorted(variables - made, key=lambda variable: variable.name)
        self.names = tuple(variable.name for variable in ordered)
        self._readers = tuple(self._reader(variable, playbook) for variable in ordered)
        self._positions = {name: i for i, name in enumerate(self.names)}
        self._picks: dict[tuple[Groups, tuple[str, ...]], Pick] = {}
        self.quotes: dict[int, tuple[Quote, ...]] = {}
        self.segments = self._pick([segment.rule for segment in playbook.segments])

    def _reader(self, variable: Variable, playbook: Playbook) -> Scalar:
        path = variable.path
        if path in _SCALARS:
            return _SCALARS[path]
        if variable.key is not None:
            return _entry(path, variable.key)
        if path in playbook.used_whole:
            return _whole(path)
        return _some(path, sorted(playbook.used_keys.get(path, ())))

    def pick(self, groups: Groups, triggers: tuple[Trigger, ...], playbook: Playbook) -> Pick:
        """Return what the rules of some actions and triggers need; worked out once.

        `groups` are tuples of action indexes, as `Playbook.by_placement` and `Trigger.propose` have
        them.
        """
        key = (groups, tuple([trigger.name for trigger in triggers]))
        known = self._picks.get(key)
        if known is None:
            rules = [trigger.when for trigger in triggers if trigger.when is not None]
            for index in {index for group in groups for index in group}:
                rules += rules_of_action(playbook.actions[index])
            known = self._pick(rules)
            if len(self._picks) < _MAX_PICKS:
                self._picks[key] = known
        return known

    def _pick(self, rules: Sequence[Rule]) -> Pick:
        variables = sorted({variable for rule in rules for variable in rule.variables})
        return Pick(
            tuple(
                (v.name, self._positions[v.name]) for v in variables if v.name in self._positions
            ),
            tuple((v.name, v.key) for v in variables if v.path == SEGMENTS and v.key is not None),
            any(v.path == SEGMENTS and v.key is None for v in variables),
            any(v.path == "tier" for v in variables),
        )

    def build(self, state: CustomerState, occasion: Occasion, now_ms: int) -> list[Value]:
        """Return the values of the variables, in the order of `names`."""
        view = View(state, occasion, now_ms, self._scale, self._timezone)
        return [reader(view) for reader in self._readers]


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


def _variable_of(placeholder: Placeholder) -> Variable | None:
    field = CATALOGUE[placeholder.path]
    if placeholder.path not in FIELD_NAMES:
        return None
    keyed = placeholder.key and not field.is_dyn
    return variable_of(placeholder.path, placeholder.key if keyed else None)


@dataclass(frozen=True, slots=True)
class Quote:
    """Where a placeholder's value stands: a position in `ContextBuilder.names`, or -1 for the tier.

    `key` is looked up in the value, when it is a map.
    """

    name: str
    position: int
    key: str


def _quotes(builder: ContextBuilder, template: Template) -> tuple[Quote, ...]:
    quotes = []
    for placeholder in template.placeholders:
        variable = _variable_of(placeholder)
        if variable is not None:
            key = placeholder.key if variable.key is None else ""
            quotes.append(Quote(placeholder.name, builder.names.index(variable.name), key))
        elif placeholder.path == "tier":
            quotes.append(Quote(placeholder.name, -1, ""))
    return tuple(quotes)


def quoted_values(
    playbook: Playbook, template: Template, values: Sequence[Value], tier: str
) -> dict[str, object]:
    """Return what a template's placeholders stand for, by their names."""
    builder = builder_of(playbook)
    quotes = builder.quotes.get(id(template))
    if quotes is None:  # the playbook keeps its templates alive, so their ids stay theirs
        quotes = builder.quotes[id(template)] = _quotes(builder, template)
    quoted: dict[str, object] = {}
    for quote in quotes:
        value = tier if quote.position < 0 else values[quote.position]
        if quote.key:
            value = value.get(quote.key) if isinstance(value, dict) else None
        quoted[quote.name] = value
    return quoted
