"""What a briefing holds. Lists are bounded, the most important entry first; 0 means never or none."""

from dataclasses import dataclass, field

MAX_CHANNELS = 8
MAX_THREADS = 12
MAX_OFFERS = 12
MAX_POSITIONS = 12
MAX_SAY = 12
MAX_AVOID = 24
MAX_SEGMENTS = 64

OFFER = "offer"
PLANNED = "planned"

REFUSED = "refused"
"""The customer said no to the action, and it is silent until then."""
NO_CONSENT = "no_consent"
"""The customer may not be addressed for that purpose on this channel."""
OPEN_CASE = "open_case"
NEGATIVE_SENTIMENT = "negative_sentiment"
CONTACT_LIMIT = "contact_limit"
"""A contact cap of the playbook is full until then."""


@dataclass(slots=True)
class Who:
    """`known` says that the customer has a user id with us; texts may be empty."""

    first_name: str
    known: bool
    since_at_ms: int
    locale: str
    timezone: str


@dataclass(slots=True)
class Relationship:
    """`spend_minor` is net of refunds, in minor units of the book currency."""

    orders: int
    spend_minor: int
    last_order_at_ms: int


@dataclass(slots=True)
class Said:
    """One utterance. For an offer `about` is the action and `outcome` how it was taken."""

    at_ms: int
    about: str
    intent: str = ""
    topic: str = ""
    sentiment: str = ""
    outcome: str = ""


@dataclass(slots=True)
class ChannelStand:
    """Where the conversation stands on one channel: the last thing that each side said there."""

    channel: str
    last_seen_at_ms: int
    customer: Said | None
    us: Said | None


@dataclass(slots=True)
class OpenThread:
    """An open question, case, cart or offer. `key` is an effect key for offers.

    `items` and `minor` are a cart's, `action` and `expires_at_ms` an offer's.
    """

    kind: str
    key: str
    channel: str
    opened_at_ms: int
    last_at_ms: int
    topic: str = ""
    items: int = 0
    minor: int = 0
    action: str = ""
    label: str = ""
    expires_at_ms: int = 0


@dataclass(slots=True)
class Position:
    """A scenario that waits, and the actions that it will propose at `due_at_ms`, if still right.

    `steps` are those at which an instance stands, empty for a trigger; `due_at_ms` 0 is for one that
    waits for something to happen.
    """

    scenario: str
    key: str
    due_at_ms: int
    actions: tuple[str, ...]
    labels: tuple[str, ...]
    steps: tuple[str, ...] = ()


@dataclass(slots=True)
class Offered:
    """An offer that was made, `times` times on the channel with the same result; this is the last.

    `outcome` is empty while nothing was heard of it.
    """

    effect_key: str
    action: str
    label: str
    channel: str
    at_ms: int
    expires_at_ms: int
    outcome: str
    answered_at_ms: int
    pending: bool
    times: int = 1


@dataclass(slots=True)
class Say:
    """Something to take up: an open thread (`kind` as there), or an action that is `planned`.

    `here` says that the action has a treatment for the reader's channel.
    """

    kind: str
    key: str
    channel: str
    topic: str = ""
    action: str = ""
    label: str = ""
    until_ms: int = 0
    here: bool = False


@dataclass(slots=True)
class Avoid:
    """Something not to say. `about` names the action, the purpose or the cap."""

    reason: str
    about: str = ""
    label: str = ""
    until_ms: int = 0


@dataclass(slots=True, kw_only=True)
class Briefing:
    """A customer as one purpose may see them on one channel, as of `at_ms` and turn `seq`.

    `refusal` says why nothing is shown, as `consent_refusal` does; then everything below it is empty.
    """

    number: int
    seq: int
    purpose: str
    channel: str
    at_ms: int
    currency: str
    minor_digits: int
    refusal: str = ""
    parts: tuple[str, ...] = ()
    who: Who | None = None
    tier: str = ""
    service_level: str = ""
    routing: int | None = None
    reply_within_ms: int = 0
    segments: tuple[str, ...] = ()
    relationship: Relationship | None = None
    channels: list[ChannelStand] = field(default_factory=list)
    threads: list[OpenThread] = field(default_factory=list)
    positions: list[Position] = field(default_factory=list)
    offers: list[Offered] = field(default_factory=list)
    say: list[Say] = field(default_factory=list)
    avoid: list[Avoid] = field(default_factory=list)
