"""The panoramic profile: who a customer is and how the relationship has gone so far."""

from dataclasses import dataclass, field
from typing import Any

MAX_TRAITS = 100
MAX_DEPARTMENTS = 64
MAX_CHANNELS = 16
MAX_RESPONSES = 64
MAX_CONTACTS = 64


@dataclass(slots=True)
class Purchases:
    """Recency, frequency and monetary value, overall or for one department.

    `spend_minor` is net of refunds, in minor units of the book currency.
    """

    orders: int = 0
    refunds: int = 0
    items: int = 0
    spend_minor: int = 0
    first_at_ms: int = 0
    last_at_ms: int = 0


@dataclass(slots=True)
class ChannelUse:
    """How a customer uses one channel."""

    events: int = 0
    last_seen_at_ms: int = 0


@dataclass(slots=True)
class ResponseHistory:
    """How a customer has answered one action so far."""

    offered: int = 0
    seen: int = 0
    taken: int = 0
    refused: int = 0
    last_offered_at_ms: int = 0
    last_refused_at_ms: int = 0


@dataclass(slots=True)
class Contact:
    """One contact that counts under contact policies, at its planned send time."""

    at_ms: int
    channel: str
    action: str
    purpose: str


@dataclass(slots=True)
class ConsentState:
    """`status` is `granted` or `denied`; a missing entry means unknown, which means no."""

    status: str
    at_ms: int
    source: str


@dataclass(slots=True)
class Profile:
    """One customer's profile. Bounded: every mapping has a stated limit, the oldest goes first.

    Maps: `consents` by `channel|purpose`, where `*` stands for any; `departments` and `channels` by
    name; `responses` by action; `views` counts product views by category. `contacts` is in order of
    time, oldest first.
    """

    traits: dict[str, Any] = field(default_factory=dict)
    timezone: str = ""
    locale: str = ""
    purchases: Purchases = field(default_factory=Purchases)
    departments: dict[str, Purchases] = field(default_factory=dict)
    channels: dict[str, ChannelUse] = field(default_factory=dict)
    responses: dict[str, ResponseHistory] = field(default_factory=dict)
    contacts: list[Contact] = field(default_factory=list)
    consents: dict[str, ConsentState] = field(default_factory=dict)
    views: dict[str, int] = field(default_factory=dict)
    coupons_used: int = 0
    redemptions: int = 0
    first_seen_at_ms: int = 0
    last_seen_at_ms: int = 0
    late_events: int = 0
