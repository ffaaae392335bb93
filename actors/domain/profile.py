"""The panoramic profile: who a customer is and how the relationship has gone so far."""

from dataclasses import dataclass, field
from typing import Any

from actors.domain.histories import (
    Campaign,
    Credit,
    Interest,
    Lead,
    Ledger,
    Outreach,
    Service,
    TraitChange,
    TraitOrigin,
    Voice,
)

MAX_TRAITS = 100
MAX_DEPARTMENTS = 64
MAX_CHANNELS = 16
MAX_RESPONSES = 64
MAX_CONTACTS = 64
MAX_ANSWERS = 64
VISIT_GAP_MS = 30 * 60 * 1000


@dataclass(slots=True, init=False)
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

    def __init__(
        self,
        orders: int = 0,
        refunds: int = 0,
        items: int = 0,
        spend_minor: int = 0,
        first_at_ms: int = 0,
        last_at_ms: int = 0,
    ) -> None:
        self.orders = orders
        self.refunds = refunds
        self.items = items
        self.spend_minor = spend_minor
        self.first_at_ms = first_at_ms
        self.last_at_ms = last_at_ms


@dataclass(slots=True, init=False)
class ChannelUse:
    """How a customer uses one channel.

    A visit ends with `VISIT_GAP_MS` of silence on the channel; an event that arrives after a later
    one begins none. `hours` counts events by hour of the day in UTC: zones move, sums do not.
    `contacts` are service contacts handled here; of `costed` ones the cost was stated, and adds up
    to `contact_cost_minor`.
    """

    events: int = 0
    last_seen_at_ms: int = 0
    visits: int = 0
    hours: list[int] = field(default_factory=lambda: [0] * 24)
    contacts: int = 0
    costed: int = 0
    contact_cost_minor: int = 0

    def __init__(
        self,
        events: int = 0,
        last_seen_at_ms: int = 0,
        visits: int = 0,
        hours: list[int] | None = None,
        contacts: int = 0,
        costed: int = 0,
        contact_cost_minor: int = 0,
    ) -> None:
        self.events = events
        self.last_seen_at_ms = last_seen_at_ms
        self.visits = visits
        self.hours = [0] * 24 if hours is None else hours
        self.contacts = contacts
        self.costed = costed
        self.contact_cost_minor = contact_cost_minor


@dataclass(slots=True, init=False)
class ResponseHistory:
    """How a customer has answered one action so far."""

    offered: int = 0
    seen: int = 0
    taken: int = 0
    refused: int = 0
    last_offered_at_ms: int = 0
    last_refused_at_ms: int = 0

    def __init__(
        self,
        offered: int = 0,
        seen: int = 0,
        taken: int = 0,
        refused: int = 0,
        last_offered_at_ms: int = 0,
        last_refused_at_ms: int = 0,
    ) -> None:
        self.offered = offered
        self.seen = seen
        self.taken = taken
        self.refused = refused
        self.last_offered_at_ms = last_offered_at_ms
        self.last_refused_at_ms = last_refused_at_ms


@dataclass(slots=True, init=False)
class Contact:
    """One contact that counts under contact policies, at its planned send time.

    `seq` and `n` are those of the effect when it is a message on its way, 0 for what was said when it was
    decided; `origin` is as in `OpenEffect`, and in the records of groups always the customer's number.
    """

    at_ms: int
    channel: str
    action: str
    purpose: str
    seq: int = 0
    n: int = 0
    origin: int = 0

    def __init__(
        self,
        at_ms: int,
        channel: str,
        action: str,
        purpose: str,
        seq: int = 0,
        n: int = 0,
        origin: int = 0,
    ) -> None:
        self.at_ms = at_ms
        self.channel = channel
        self.action = action
        self.purpose = purpose
        self.seq = seq
        self.n = n
        self.origin = origin


@dataclass(slots=True, init=False)
class ConsentState:
    """`status` is `granted` or `denied`; a missing entry means unknown, which means no.

    A grant with an `expires_at_ms` other than 0 is unknown from then on; a denial never expires.
    `basis` is the lawful basis, as whoever recorded it named it, or empty.
    """

    status: str
    at_ms: int
    source: str
    expires_at_ms: int = 0
    basis: str = ""

    def __init__(
        self,
        status: str,
        at_ms: int,
        source: str,
        expires_at_ms: int = 0,
        basis: str = "",
    ) -> None:
        self.status = status
        self.at_ms = at_ms
        self.source = source
        self.expires_at_ms = expires_at_ms
        self.basis = basis


@dataclass(slots=True)
class Profile:
    """One customer's profile. Bounded: every mapping has a stated limit, the oldest goes first.

    Maps: `consents` by `channel|purpose`, where `*` stands for any; `departments` and `channels` by
    name; `responses` by action; `views` counts product views by category; `trait_origins` by trait,
    `interests` by category, `outreach` by channel, `campaigns` by id. `answers` holds
    when last a customer answered with a no, a complaint or a bounce, by `outcome|action|channel`; `dead` the
    channels whose address bounced for good, with a mark of the addresses known then. `contacts` and `trait_changes`
    are in order of time, oldest first.
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
    trait_origins: dict[str, TraitOrigin] = field(default_factory=dict)
    trait_changes: list[TraitChange] = field(default_factory=list)
    ledger: Ledger = field(default_factory=Ledger)
    interests: dict[str, Interest] = field(default_factory=dict)
    outreach: dict[str, Outreach] = field(default_factory=dict)
    campaigns: dict[str, Campaign] = field(default_factory=dict)
    service: Service = field(default_factory=Service)
    credit: Credit = field(default_factory=Credit)
    voice: Voice = field(default_factory=Voice)
    leads: list[Lead] = field(default_factory=list)
    answers: dict[str, int] = field(default_factory=dict)
    dead: dict[str, int] = field(default_factory=dict)
