"""Fields as Python code: one function reads them all, because a call costs more than what it reads.

An expression of `PLAIN` and the maps of `KEPT` may use `state`, `occasion`, `now_ms`, `scale` (minor
units per currency unit), `timezone` (the playbook's), the names of `_SHORT`, and the functions of
`_CALLED`. Fields that rules use rarely are functions, in actors/decisioning/profile_fields.py.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from actors.attributes import rule_value
from actors.decisioning import profile_fields
from actors.decisioning.local_time import calendar
from actors.decisioning.profile_fields import since_code
from actors.domain.groups import GroupState, Membership, current
from actors.domain.profile import ConsentState, Contact
from actors.domain.state import CustomerState
from actors.playbook.attribute_model import Attribute
from actors.playbook.fields import ATTRIBUTES, CATALOGUE
from actors.playbook.lowering import Variable

_DAY_MS = 86_400_000.0

_SHORT: dict[str, str] = {
    "profile": "state.profile",
    "bought": "profile.purchases",
    "talk": "state.conversation",
    "now": "calendar(now_ms, profile.timezone, timezone)",
}
"""What expressions share; each is worked out once, in this order, where one of them uses it."""


PLAIN: dict[str, str] = {
    "profile.orders": "bought.orders",
    "profile.refunds": "bought.refunds",
    "profile.items": "bought.items",
    "profile.spend": "bought.spend_minor / scale",
    "profile.avg_basket": "(bought.spend_minor / scale / bought.orders if bought.orders else 0.0)",
    "profile.recency_days": since_code("bought.last_at_ms"),
    "profile.tenure_days": (
        f"((now_ms - profile.first_seen_at_ms) / {_DAY_MS} if profile.first_seen_at_ms else 0.0)"
    ),
    "profile.coupons_used": "profile.coupons_used",
    "profile.redemptions": "profile.redemptions",
    "profile.timezone": "profile.timezone or timezone",
    "profile.locale": "profile.locale",
    "profile.known": "known(state)",
    "profile.contacts_7d": "contacts_within(profile.contacts, now_ms, 7)",
    "profile.contacts_30d": "contacts_within(profile.contacts, now_ms, 30)",
    "conversation.last_intent": "talk.last_intent",
    "conversation.last_channel": "talk.last_channel",
    "conversation.turns": "len(talk.turns)",
    "conversation.cart_items": "talk.cart_items",
    "conversation.cart_total": "talk.cart_minor / scale",
    "conversation.open_cart": "bool(talk.cart_id)",
    "event.type": "occasion.type",
    "event.name": "occasion.name",
    "event.channel": "occasion.channel",
    "event.late": "occasion.late",
    "now.hour": "now[0]",
    "now.weekday": "now[1]",
    "now.day": "now[2]",
    "now.month": "now[3]",
    **profile_fields.PLAIN,
}
"""Fields of one value."""

KEPT: dict[str, tuple[str, str]] = {
    "profile.spend_by_department": ("profile.departments", "{0}.spend_minor / scale"),
    "profile.orders_by_department": ("profile.departments", "{0}.orders"),
    "profile.days_since_department": ("profile.departments", since_code("{0}.last_at_ms")),
    "profile.channel_events": ("profile.channels", "{0}.events"),
    "profile.channel_days": ("profile.channels", since_code("{0}.last_seen_at_ms")),
    "profile.views": ("profile.views", "{0}"),
    "profile.consent": ("marketing(profile.consents, now_ms)", "{0} == 'granted'"),
    "profile.offered": ("profile.responses", "{0}.offered"),
    "profile.taken": ("profile.responses", "{0}.taken"),
    "profile.refused": ("profile.responses", "{0}.refused"),
    "profile.days_since_refused": ("profile.responses", since_code("{0}.last_refused_at_ms")),
    "profile.traits": ("profile.traits", "{0}"),
    "event.properties": ("occasion.properties", "{0}"),
    "event.traits": ("occasion.traits", "{0}"),
    "instance": ("occasion.instance", "{0}"),
    "profile.groups": ("joined(state.groups)", "{0}"),
    "group.members": ("of_kinds(occasion.groups)", "{0}.members"),
    "group.traits": ("of_kinds(occasion.groups)", "{0}.known_traits()"),
    **profile_fields.MAPS,
}
"""Maps: where one is kept, and what an entry of it reads as, with `{0}` for the entry."""


def _known(state: CustomerState) -> bool:
    return "user" in [identity.kind for identity in state.identities]


def _contacts_within(contacts: Iterable[Contact], now_ms: int, days: int) -> int:
    since = now_ms - days * _DAY_MS
    return sum(1 for contact in contacts if contact.at_ms > since)


def _marketing(consents: Mapping[str, ConsentState], now_ms: int) -> dict[str, str]:
    """Consent to marketing by channel."""
    if not consents:
        return {}
    return {
        key.removesuffix("|marketing"): consent.status
        for key, consent in consents.items()
        if key.endswith("|marketing") and not 0 < consent.expires_at_ms <= now_ms
    }


def _joined(groups: Sequence[Membership]) -> dict[str, str]:
    """Ids of groups by kind, of several of a kind the one joined last."""
    return {each.kind: each.group_id for each in current(groups)} if groups else {}


def _of_kinds(groups: Sequence[GroupState]) -> dict[str, GroupState]:
    return {group.kind: group for group in groups}


_CALLED: dict[str, Callable[..., Any]] = {
    "bool": bool,
    "len": len,
    "calendar": calendar,
    "known": _known,
    "contacts_within": _contacts_within,
    "marketing": _marketing,
    "joined": _joined,
    "of_kinds": _of_kinds,
    "rule_value": rule_value,
}

Read = Callable[[CustomerState, Any, int], list[Any]]
"""Takes state, occasion and now; returns values."""


def reader(
    variables: Sequence[Variable],
    scalars: Mapping[str, Callable[[Any], Any]],
    view: Callable[[CustomerState, Any, int], Any],
    used_keys: Mapping[str, Iterable[str]],
    attributes: Mapping[str, Attribute],
    scale: float,
    timezone: str,
) -> Read:
    """Return one function that reads variables in their order.

    `scalars` are the fields that are functions, of what `view` makes. `used_keys` are the entries that are read of a map
    that is wanted itself; those of a map that is not there are all of them.
    """
    code = _Code()
    values = []
    for variable in variables:
        path, key = variable.path, variable.key
        if path == ATTRIBUTES:
            declared = code.constant(attributes[key or ""])
            values.append(f"rule_value({declared}, {code.shared('state.attributes')}, now_ms)")
        elif key is not None:
            values.append(code.entry(path, key))
        elif path in KEPT:
            values.append(code.some(path, sorted(used_keys[path]) if path in used_keys else None))
        elif path in PLAIN:
            values.append(PLAIN[path])
        else:
            values.append(
                f"{code.constant(scalars[path])}({code.shared('view(state, occasion, now_ms)')})"
            )
    return code.function(values, {"scale": scale, "timezone": timezone, "view": view})


class _Code:
    """The body of a function under way. Keys of playbooks stand in it as constants, never as text."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._names: dict[str, str] = {}
        self._constants: dict[str, Any] = {}

    def constant(self, value: Any) -> str:
        name = f"c{len(self._constants)}"
        self._constants[name] = value
        return name

    def shared(self, expression: str) -> str:
        """Return the name of what is worked out once."""
        name = self._names.get(expression)
        if name is None:
            name = self._names[expression] = f"n{len(self._names)}"
            self._lines.append(f"{name} = {expression}")
        return name

    def entry(self, path: str, key: str) -> str:
        """Return an entry of a map; what is not there reads as the catalogue's default."""
        kept, shown = KEPT[path]
        entry = self.shared(f"{self.shared(kept)}.get({key!r})")
        return f"({shown.format(entry)} if {entry} is not None else {CATALOGUE[path].default!r})"

    def some(self, path: str, keys: Sequence[str] | None) -> str:
        """Return the entries of a map that are there: of those that rules name, or of all."""
        kept, shown = KEPT[path]
        held, each = self.shared(kept), shown.format("each")
        if keys is None:
            return f"{{key: {each} for key, each in {held}.items()}}"
        wanted = self.constant(tuple(keys))
        found = f"for key in {wanted} if key in {held} for each in ({held}[key],)"
        return f"({{key: {each} {found}}} if {held} else {{}})"

    def function(self, values: Sequence[str], given: Mapping[str, Any]) -> Read:
        body = [*self._lines, f"return [{', '.join(values)}]"]
        text = "\n".join(body)
        short = [f"{name} = {code}" for name, code in _SHORT.items() if _uses(text, name)]
        lines = "\n    ".join([*short, *body])
        names = {"__builtins__": {}, **_CALLED, **self._constants, **given}
        source = f"def read(state, occasion, now_ms):\n    {lines}\n"
        # Not text of a playbook: what is above, and constants.
        exec(compile(source, "<fields>", "exec"), names)  # noqa: S102
        made: Read = names["read"]
        return made


def _uses(text: str, name: str) -> bool:
    if name == "profile":
        return True
    return f"{name}." in text or f"{name}[" in text
