"""From a validated body to the core's `Event` or `Response`, packed for the way to its customer."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

from actors.domain.errors import InvalidIdError
from actors.domain.events import EVENT_TYPES, Event, Response
from actors.domain.ids import Identity, parse_customer, parse_effect
from actors.domain.money import LIMIT_MINOR, minor_of
from actors.identity import email_address
from actors.wire.messages import Routed, pack_item
from serve_app.auth import Key
from serve_app.bodies import MAX_ELEMENTS, may_hold_infinity, may_hold_many, strictly
from serve_app.gateway import PackedItem
from serve_app.problems import FORBIDDEN, INVALID, UNKNOWN_EFFECT, ProblemError, invalid
from serve_app.schemas import Decide, Envelope, Money, ResponseIn

DECIDE = "decide"

_CHANNELS = {"page": "web", "track": "web", "screen": "app"}
_THREE_DIGITS = frozenset({"BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"})
_NO_DIGITS = frozenset(
    {
        *("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW"),
        *("PYG", "RWF", "UGX", "UYI", "VND", "VUV", "XAF", "XOF", "XPF"),
    }
)


def minor_digits(currency: str) -> int:
    """Return how many digits the minor unit of an ISO 4217 currency has."""
    if currency in _NO_DIGITS:
        return 0
    return 3 if currency in _THREE_DIGITS else 2


def email_identity(value: object) -> Identity | None:
    """Return the identity of an e-mail address in its one spelling, or None when it is not one."""
    address = email_address(value) if isinstance(value, str) else None
    return None if address is None else Identity("email", address)


def channel_for(given: str | None, kind: str, key: Key) -> str:
    """Return the channel that an item speaks for: as given, else the key's, else by its type.

    Raises:
        ProblemError: 403, when the key is bound to other channels.
    """
    bound = key.channels
    if not given:
        given = min(bound) if bound else _CHANNELS.get(kind, "unknown")
    if bound and given not in bound:
        raise ProblemError(FORBIDDEN, "The key is bound to other channels.")
    return given


def identities_of(user: str | None, anonymous: str | None) -> list[Identity]:
    """Return the identities given, the routing one first. Empty strings count as absent.

    Raises:
        ProblemError: 422, when there is none.
    """
    found = []
    if user:
        found.append(Identity("user", user))
    if anonymous:
        found.append(Identity("anon", anonymous))
    if not found:
        raise invalid("userId", "userId or anonymousId is needed")
    return found


@dataclass(slots=True)
class _Parts:
    """What a type may add to while its event is built."""

    identities: list[Identity]
    properties: dict[str, Any]


def _track(envelope: Envelope, parts: _Parts) -> str:
    name = envelope.get("event")
    if not name:
        raise invalid("event", "track needs the name of an event")
    return name


def _view(envelope: Envelope, parts: _Parts) -> str:
    return envelope.get("name") or ""


def _nameless(envelope: Envelope, parts: _Parts) -> str:
    return ""  # whom its traits name is for the playbook to say


def _group(envelope: Envelope, parts: _Parts) -> str:
    group = envelope.get("groupId")
    if not group:
        raise invalid("groupId", "group needs a groupId")
    parts.properties = {**parts.properties, "groupId": group}
    return ""


def _alias(envelope: Envelope, parts: _Parts) -> str:
    previous = envelope.get("previousId")
    if not previous:
        raise invalid("previousId", "alias needs the previousId")
    if not envelope.get("userId"):
        raise invalid("userId", "alias needs the userId to link to")
    parts.properties = {**parts.properties, "previousId": previous}
    earlier = Identity("anon", previous)
    if earlier not in parts.identities:
        parts.identities.append(earlier)
    return ""


_TYPES: dict[str, Callable[[Envelope, _Parts], str]] = {
    "track": _track,
    "page": _view,
    "screen": _view,
    "identify": _nameless,
    "group": _group,
    "alias": _alias,
}
"""Each checks and takes what its type needs beyond the others, and returns the event's name."""


def build_event(kind: str, envelope: Envelope, key: Key, new_id: Callable[[], str]) -> Event:
    """Build the event of one validated envelope.

    Args:
        kind: One of `EVENT_TYPES`; the envelope's own `type`, if any, must agree.
        envelope: As `schemas.ENVELOPE` returns it. Not changed, but its parts are shared.
        key: Decides on the channel.
        new_id: Makes the message id when the sender gave none.

    Raises:
        ProblemError: 422 for what the type lacks, 403 for a channel that is not the key's.
    """
    own = envelope.get("type")
    if own is not None and own != kind:
        raise invalid("type", f"must be {kind} here")
    parts = _Parts(
        identities_of(envelope.get("userId"), envelope.get("anonymousId")),
        envelope.get("properties") or {},
    )
    name = _TYPES[kind](envelope, parts)
    context = envelope.get("context")
    given: str | None = None
    placements: tuple[str, ...] = ()
    if context:
        given = context.get("channel")
        placements = tuple(context.get("placements") or ())
    return Event(
        message_id=envelope.get("messageId") or new_id(),
        type=kind,
        name=name,
        identities=tuple(parts.identities),
        channel=channel_for(given, kind, key),
        properties=parts.properties,
        traits=envelope.get("traits") or {},
        context=cast("dict[str, Any]", context) if context else {},
        placements=placements,
        max_actions=len(placements),
        at_ms=cast("int | None", envelope.get("timestamp")),
        sent_at_ms=cast("int | None", envelope.get("sentAt")),
        original_at_ms=cast("int | None", envelope.get("originalTimestamp")),
    )


def kind_of(envelope: Envelope) -> str:
    """Return the type that an envelope itself names.

    Raises:
        ProblemError: 422, when it names none that exists.
    """
    kind = envelope.get("type")
    if kind not in EVENT_TYPES:
        raise invalid("type", f"must be one of {', '.join(EVENT_TYPES)}")
    return kind


def _number_or_0(customer: str) -> int:
    """Return a customer's number; 0, which addresses nobody, when it is not one of our ids."""
    try:
        return parse_customer(customer)
    except InvalidIdError:
        return 0


def build_question(body: Decide, key: Key, new_id: Callable[[], str]) -> tuple[Event, int]:
    """Build the event of a `decide` question and the customer number it names, or 0.

    Raises:
        ProblemError: 422, or 403 for a channel that is not the key's.
    """
    user, anonymous, customer = body.get("userId"), body.get("anonymousId"), body.get("customerId")
    number = 0
    identities: list[Identity] = []
    if customer:
        if user or anonymous:
            raise invalid("customerId", "give either customerId or userId and anonymousId")
        number = _number_or_0(customer)
        if not number:
            raise invalid("customerId", "is not one of our ids")
    else:
        identities = identities_of(user, anonymous)
    placements = tuple(body.get("placements") or ())
    if not placements:
        raise invalid("placements", "at least one placement is needed")
    context = body.get("context") or {}
    channel = body.get("channel") or context.get("channel")
    if not channel and len(key.channels) != 1:
        raise invalid("channel", "is needed")
    event = Event(
        message_id=body.get("messageId") or new_id(),
        type=DECIDE,
        identities=tuple(identities),
        channel=channel_for(channel, DECIDE, key),
        context=cast("dict[str, Any]", context),
        placements=placements,
        max_actions=body.get("maxActions") or len(placements),
    )
    return event, number


def _minor(value: float | Money | None, currency: str) -> int | None:
    if value is None:
        return None
    amount: Any = value
    if isinstance(value, dict):
        if value["currency"] != currency:
            raise invalid("value.currency", f"the currency here is {currency}")
        amount = value["amount"]
    minor = minor_of(amount, minor_digits(currency))
    if minor is None or not 0 <= minor <= LIMIT_MINOR:
        raise invalid("value", "must be an amount of zero or more")
    return minor


def build_response(body: ResponseIn, currency: str) -> tuple[Response, int]:
    """Build an outcome and the number of the customer to whom its effect belongs.

    Raises:
        ProblemError: 404 for a key that cannot be ours, 422 for a value that is no amount, and for
            what is said of other outcomes only.
    """
    try:
        number, _, _ = parse_effect(body["effectKey"])
    except InvalidIdError:
        number = 0
    if not number:
        raise ProblemError(UNKNOWN_EFFECT)
    value = body.get("value")
    if isinstance(value, str) and body["outcome"] != "bounce":
        raise invalid("value", "hard and soft are said of a bounce only")
    order_id = body.get("orderId")
    if order_id and body["outcome"] != "convert":
        raise invalid("orderId", "is said of convert only")
    response = Response(
        message_id=body["messageId"],
        effect_key=body["effectKey"],
        outcome=body["outcome"],
        value_minor=None if isinstance(value, str) else _minor(value, currency),
        at_ms=cast("int | None", body.get("at")),
        detail=value if isinstance(value, str) else order_id or "",
    )
    return response, number


def packed(
    item: Event | Response, number: int = 0, *, dry_run: bool = False, body: bytes = b""
) -> PackedItem:
    """Pack one item for its customer.

    `body` is the JSON it came from, which tells words that are not JSON from numbers too large.

    Raises:
        ProblemError: 422 for a number that does not fit 64 bits, and for too many elements in one object or
            array; 400 for NaN and Infinity.
    """
    try:
        data = pack_item(Routed(item, number, dry_run))
    except OverflowError:
        raise ProblemError(INVALID, "A number does not fit 64 bits.") from None
    if may_hold_infinity(data) and isinstance(item, Event):
        if body:
            strictly(body)
        if _not_finite(item.properties, item.traits, item.context):
            raise ProblemError(INVALID, "A number does not fit 64 bits.")
    if (
        isinstance(item, Event)
        and may_hold_many(data)
        and _most_elements(item.properties, item.traits, item.context) > MAX_ELEMENTS
    ):
        raise ProblemError(INVALID, f"One object or array has more than {MAX_ELEMENTS} elements.")
    route = item.identities[0] if isinstance(item, Event) and not number else None
    return PackedItem(route, number, data)


def _most_elements(*values: object) -> int:
    most, stack = 0, list(values)
    while stack:
        value = stack.pop()
        if isinstance(value, dict | list):
            most = max(most, len(value))
            stack.extend(value.values() if isinstance(value, dict) else value)
    return most


def _not_finite(*values: object) -> bool:
    stack = list(values)
    while stack:
        value = stack.pop()
        if isinstance(value, dict):
            stack.extend(value.values())
        elif isinstance(value, list):
            stack.extend(value)
        elif isinstance(value, float) and not math.isfinite(value):
            return True
    return False
