"""Request bodies, validated straight from bytes; the same types make the OpenAPI document.

The envelope ignores fields that it does not know, because Segment's clients send many; our own
bodies (decide, responses, administration) refuse them.
"""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, ConfigDict, Field, TypeAdapter, WithJsonSchema, with_config
from pydantic_core import PydanticCustomError
from typing_extensions import TypedDict

from actors.domain.actions import OUTCOMES
from serve_app.instants import parse_duration, parse_instant

MAX_ID = 512
MAX_MESSAGE_ID = 100
MAX_PLACEMENTS = 10

_CLEAN = r"^[^\x00-\x1f\x7f-\x9f]*$"
_NAME = r"^[A-Za-z0-9][A-Za-z0-9_.:-]*$"


def _instant(text: str) -> int:
    try:
        return parse_instant(text)
    except ValueError as error:
        raise PydanticCustomError("instant", "{reason}", {"reason": str(error)}) from None


def _duration(text: str) -> int:
    try:
        return parse_duration(text)
    except ValueError as error:
        raise PydanticCustomError("duration", "{reason}", {"reason": str(error)}) from None


Instant = Annotated[
    str,
    AfterValidator(_instant),
    WithJsonSchema(
        {"type": "string", "format": "date-time", "examples": ["2026-01-31T12:00:00.000Z"]}
    ),
]
"""RFC 3339 text in, integer of milliseconds out."""

Duration = Annotated[
    str,
    AfterValidator(_duration),
    WithJsonSchema({"type": "string", "format": "duration", "examples": ["PT30M"]}),
]

UserId = Annotated[str, Field(max_length=MAX_ID, pattern=_CLEAN)]
"""May be empty, which counts as absent: RudderStack's browser library sends it so."""

MessageId = Annotated[str, Field(min_length=1, max_length=MAX_MESSAGE_ID, pattern=_CLEAN)]
EventName = Annotated[str, Field(max_length=256, pattern=_CLEAN)]
ChannelName = Annotated[str, Field(min_length=1, max_length=64, pattern=_NAME)]
Placements = Annotated[
    list[Annotated[str, Field(min_length=1, max_length=64, pattern=_NAME)]],
    Field(max_length=MAX_PLACEMENTS),
]
Scope = Literal["ingest", "decide", "read", "admin"]

_LENIENT = ConfigDict(extra="ignore", strict=True)
_OPEN = ConfigDict(extra="allow", strict=True)
_STRICT = ConfigDict(extra="forbid", strict=True)


@with_config(_OPEN)
class ConsentIn(TypedDict, total=False):
    """Consent by channel, as consent managers write it into the context."""

    categoryPreferences: dict[str, bool] | None


@with_config(_OPEN)
class ContextIn(TypedDict, total=False):
    """What surrounds an event. `channel` and `placements` say who asks for actions, and where.

    `basket` holds ids of items, or products with a `product_id`: something that goes with them may be offered.
    """

    channel: ChannelName | None
    placements: Placements | None
    timezone: str | None
    locale: str | None
    consent: ConsentIn | None
    basket: list[Any] | None


@with_config(_LENIENT)
class Envelope(TypedDict, total=False):
    """The Segment envelope. What a type needs beyond this is checked when the event is built."""

    type: str | None
    messageId: MessageId | None
    userId: UserId | None
    anonymousId: UserId | None
    previousId: UserId | None
    groupId: UserId | None
    event: EventName | None
    name: EventName | None
    properties: dict[str, Any] | None
    traits: dict[str, Any] | None
    context: ContextIn | None
    timestamp: Instant | None
    sentAt: Instant | None
    originalTimestamp: Instant | None
    writeKey: str | None


@with_config(_LENIENT)
class Batch(TypedDict, total=False):
    """Up to 2,500 envelopes, each with its `type`; `context` and `sentAt` apply to all of them."""

    batch: Annotated[list[Any], Field()]
    context: dict[str, Any] | None
    sentAt: Instant | None
    writeKey: str | None


@with_config(_STRICT)
class _DecideNeeds(TypedDict):
    """What a question must have; see `Decide`."""


@with_config(_STRICT)
class Decide(_DecideNeeds, total=False):
    """A question for the best actions, without an event."""

    messageId: MessageId | None
    userId: UserId | None
    anonymousId: UserId | None
    customerId: Annotated[str, Field(max_length=64)] | None
    channel: ChannelName | None
    placements: Placements | None
    maxActions: Annotated[int, Field(ge=1, le=MAX_PLACEMENTS)] | None
    context: ContextIn | None
    dryRun: bool | None


@with_config(_STRICT)
class Money(TypedDict):
    """An amount in the playbook's currency; as text it is exact."""

    amount: int | float | Annotated[str, Field(pattern=r"^\d{1,13}(\.\d{1,6})?$")]
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")]


Outcome = Literal[
    "delivered",
    "impression",
    "click",
    "accept",
    "reject",
    "dismiss",
    "convert",
    "no_response",
    "bounce",
    "unsubscribe",
    "complaint",
]
if set(Outcome.__args__) != set(OUTCOMES):  # type: ignore[attr-defined]
    raise AssertionError("the outcomes of the API are not those of the core")


@with_config(_STRICT)
class _ResponseNeeds(TypedDict):
    effectKey: Annotated[str, Field(min_length=1, max_length=64)]
    outcome: Outcome
    messageId: MessageId


@with_config(_STRICT)
class ResponseIn(_ResponseNeeds, total=False):
    """How one effect was taken. `orderId` is of a convert: with it, the order counts once however it is reported."""

    value: Annotated[float, Field(ge=0, le=1e13)] | Money | Literal["hard", "soft"] | None
    orderId: Annotated[str, Field(min_length=1, max_length=200)] | None
    at: Instant | None


@with_config(_STRICT)
class Advance(TypedDict, total=False):
    """Where to move the virtual clock: by a span, or to an instant. Exactly one of them."""

    by: Duration
    to: Instant


@with_config(_STRICT)
class PlaybookIn(TypedDict):
    """A whole playbook: the text of every file by its name relative to the bundle."""

    files: Annotated[
        dict[Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9_][A-Za-z0-9_./-]*$")], str],
        Field(min_length=1, max_length=200),
    ]


@with_config(_STRICT)
class Rollback(TypedDict, total=False):
    """Which stored version to make active again; without one, the one before the active."""

    version: Annotated[str, Field(min_length=1, max_length=100)]


@with_config(_STRICT)
class _KeyNeeds(TypedDict):
    scopes: Annotated[list[Scope], Field(min_length=1, max_length=4)]


@with_config(_STRICT)
class KeyIn(_KeyNeeds, total=False):
    """A key to make. With `channels` it may speak for these channels only."""

    channels: Annotated[list[ChannelName], Field(max_length=16)]
    name: Annotated[str, Field(max_length=100, pattern=_CLEAN)]


ENVELOPE: TypeAdapter[Envelope] = TypeAdapter(Envelope)
BATCH: TypeAdapter[Batch] = TypeAdapter(Batch)
DECIDE: TypeAdapter[Decide] = TypeAdapter(Decide)
RESPONSE: TypeAdapter[ResponseIn] = TypeAdapter(ResponseIn)
ADVANCE: TypeAdapter[Advance] = TypeAdapter(Advance)
PLAYBOOK: TypeAdapter[PlaybookIn] = TypeAdapter(PlaybookIn)
ROLLBACK: TypeAdapter[Rollback] = TypeAdapter(Rollback)
KEY: TypeAdapter[KeyIn] = TypeAdapter(KeyIn)
