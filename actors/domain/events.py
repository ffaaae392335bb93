"""Events: facts from touchpoints, in the Segment envelope, as the core sees them.

Every instant is an integer of milliseconds since 1970-01-01T00:00Z and is called `…_at_ms`: integers
survive msgpack, compare fast and have no zone to forget. See docs/decisions.
"""

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from actors.domain.ids import Identity

MAX_FUTURE_MS = 5 * 60 * 1000
"""An event time further ahead of its receipt than this is clamped to the receipt and marked."""

FIRST_MS = 1
"""Nothing happened before 1970; 0 stands for "never" in profiles."""

DECIDE = "decide"
"""The type of a question, which is no event."""

EVENT_TYPES = ("identify", "track", "page", "screen", "group", "alias")


@dataclass(slots=True, kw_only=True, init=False)
class Event:
    """One touchpoint event (or a `decide` question, whose type is `decide` and whose name is empty).

    `identities[0]` is the routing identity: `userId`, else `anonymousId`. `at_ms` is None when the
    sender gave no time; `sent_at_ms` and `original_at_ms` correct the sender's clock.
    """

    message_id: str
    type: str
    name: str = ""
    identities: tuple[Identity, ...]
    channel: str = "unknown"
    properties: dict[str, Any] = field(default_factory=dict)
    traits: dict[str, Any] = field(default_factory=dict)
    context: dict[str, Any] = field(default_factory=dict)
    placements: tuple[str, ...] = ()
    max_actions: int = 0
    at_ms: int | None = None
    sent_at_ms: int | None = None
    original_at_ms: int | None = None

    def __init__(  # noqa: PLR0913 - one a field
        self,
        *,
        message_id: str,
        type: str,  # noqa: A002
        name: str = "",
        identities: tuple[Identity, ...],
        channel: str = "unknown",
        properties: dict[str, Any] | None = None,
        traits: dict[str, Any] | None = None,
        context: dict[str, Any] | None = None,
        placements: tuple[str, ...] = (),
        max_actions: int = 0,
        at_ms: int | None = None,
        sent_at_ms: int | None = None,
        original_at_ms: int | None = None,
    ) -> None:
        self.message_id = message_id
        self.type = type
        self.name = name
        self.identities = identities
        self.channel = channel
        self.properties = {} if properties is None else properties
        self.traits = {} if traits is None else traits
        self.context = {} if context is None else context
        self.placements = placements
        self.max_actions = max_actions
        self.at_ms = at_ms
        self.sent_at_ms = sent_at_ms
        self.original_at_ms = original_at_ms


class EventTime(NamedTuple):
    """When an event happened, after correction; `clamped` if it claimed to come from the future."""

    at_ms: int
    clamped: bool


def event_time(event: Event, received_at_ms: int) -> EventTime:
    """Return the time at which to apply an event that was received at `received_at_ms`.

    `receivedAt − (sentAt − originalTimestamp)` when both are given, else `timestamp`, else the
    receipt. Times more than five minutes ahead of the receipt become the receipt,
    and are marked; so are times before 1970, which become its beginning.
    """
    if event.sent_at_ms is not None and event.original_at_ms is not None:
        at_ms = received_at_ms - (event.sent_at_ms - event.original_at_ms)
    elif event.at_ms is not None:
        at_ms = event.at_ms
    elif event.original_at_ms is not None:
        at_ms = event.original_at_ms
    else:
        return EventTime(received_at_ms, clamped=False)
    if at_ms > received_at_ms + MAX_FUTURE_MS:
        return EventTime(received_at_ms, clamped=True)
    if at_ms < FIRST_MS:
        return EventTime(FIRST_MS, clamped=True)
    return EventTime(at_ms, clamped=False)


@dataclass(slots=True, init=False)
class Response:
    """An outcome that a channel reports for one effect.

    `detail` is `hard` or `soft` for a bounce, and the id of the order for a `convert`, where it is known.
    """

    message_id: str
    effect_key: str
    outcome: str
    value_minor: int | None = None
    at_ms: int | None = None
    detail: str = ""

    def __init__(
        self,
        *,
        message_id: str,
        effect_key: str,
        outcome: str,
        value_minor: int | None = None,
        at_ms: int | None = None,
        detail: str = "",
    ) -> None:
        self.message_id = message_id
        self.effect_key = effect_key
        self.outcome = outcome
        self.value_minor = value_minor
        self.at_ms = at_ms
        self.detail = detail


MERGE, UNMERGE, CONSENT, ERASE = "merge", "unmerge", "consent", "erase"
ENTER, ANSWER, REVIEW = "enter", "answer", "review"
COMMANDS = (MERGE, UNMERGE, CONSENT, ERASE, ENTER, ANSWER, REVIEW)
OWN_TURNS = frozenset({CONSENT, ENTER, ANSWER, REVIEW})
"""Commands that change nobody but the customer: turns like those of events."""


@dataclass(slots=True, init=False)
class Command:
    """What somebody asks of one customer by hand; `kind` is one of `COMMANDS`.

    Arguments: of `merge` and `unmerge` the `other` customer's number; of `consent` the `channel`,
    `purpose`, `status` (`granted` or `denied`), and where known `source`, `basis`, `expires_at_ms`;
    of `erase` none; of `enter` the `scenario` and the `data` of the start; of `answer` the `number`, `seq` and `n` of
    the effect that called a webhook, whether it went `ok`, and the answer's `properties`; of `review` what
    `actors.turn.holding.review` says.
    """

    message_id: str
    kind: str
    arguments: dict[str, Any] = field(default_factory=dict)
    at_ms: int | None = None

    def __init__(
        self,
        *,
        message_id: str,
        kind: str,
        arguments: dict[str, Any] | None = None,
        at_ms: int | None = None,
    ) -> None:
        self.message_id = message_id
        self.kind = kind
        self.arguments = {} if arguments is None else arguments
        self.at_ms = at_ms
