"""The parts of a profile beyond purchases and consent: each one bounded, each one cheap while empty.

Instants are 0 for "never". Money is in minor units of the book currency unless a name says
otherwise.
"""

from dataclasses import dataclass, field
from typing import Any, NamedTuple

MAX_TRAIT_CHANGES = 40
MAX_CHANGES_OF_ONE_TRAIT = 5
MAX_TRAIT_ORIGINS = 120
MAX_OLD_VALUE = 64
MAX_INTERESTS = 64
MAX_OUTREACH = 16
MAX_CAMPAIGNS = 32
MAX_OPEN_CASES = 20
MAX_CLOSED_CASES = 10
MAX_LEADS = 5


class TraitOrigin(NamedTuple):
    """When a trait was last said, and on which channel; kept for one that was removed too."""

    at_ms: int
    source: str


@dataclass(slots=True)
class TraitChange:
    """A value that was replaced or removed: by what was said at `at_ms` on the channel `source`.

    `old` is a number or a truth value as it was, anything else as text of at most `MAX_OLD_VALUE`.
    """

    name: str
    at_ms: int
    source: str
    old: Any


@dataclass(slots=True, init=False)
class Ledger:
    """What orders tell besides their number and sum.

    `first_order_minor` is what was bought at the instant of the first order; `previous_order_at_ms`
    the last order but one. `goods_minor` sums the costs of goods that orders stated,
    `goods_known_minor` the totals of those orders. `discount_minor` is what was taken off before
    the total.
    """

    previous_order_at_ms: int = 0
    first_order_minor: int = 0
    refunded_minor: int = 0
    discount_minor: int = 0
    goods_minor: int = 0
    goods_known_minor: int = 0

    def __init__(
        self,
        previous_order_at_ms: int = 0,
        first_order_minor: int = 0,
        refunded_minor: int = 0,
        discount_minor: int = 0,
        goods_minor: int = 0,
        goods_known_minor: int = 0,
    ) -> None:
        self.previous_order_at_ms = previous_order_at_ms
        self.first_order_minor = first_order_minor
        self.refunded_minor = refunded_minor
        self.discount_minor = discount_minor
        self.goods_minor = goods_minor
        self.goods_known_minor = goods_known_minor


@dataclass(slots=True, init=False)
class Interest:
    """What a customer looked for in one category; `last_at_ms` counts views too."""

    clicks: int = 0
    searches: int = 0
    last_at_ms: int = 0

    def __init__(
        self,
        clicks: int = 0,
        searches: int = 0,
        last_at_ms: int = 0,
    ) -> None:
        self.clicks = clicks
        self.searches = searches
        self.last_at_ms = last_at_ms


@dataclass(slots=True, init=False)
class Outreach:
    """What was sent to a customer on one channel, and what came back.

    `cost_millis` is in thousandths of a minor unit, because a message may cost less than a cent.
    """

    sent: int = 0
    cost_millis: int = 0
    seen: int = 0
    clicked: int = 0
    bounced: int = 0
    last_clicked_at_ms: int = 0

    def __init__(
        self,
        sent: int = 0,
        cost_millis: int = 0,
        seen: int = 0,
        clicked: int = 0,
        bounced: int = 0,
        last_clicked_at_ms: int = 0,
    ) -> None:
        self.sent = sent
        self.cost_millis = cost_millis
        self.seen = seen
        self.clicked = clicked
        self.bounced = bounced
        self.last_clicked_at_ms = last_clicked_at_ms


@dataclass(slots=True, init=False)
class Campaign:
    """One campaign as it met this customer.

    `seq` is the turn of its assignment, 0 before it; `origin` the number of the customer in whose
    turns it counts, 0 for the one who holds this.
    """

    kind: str = ""
    seq: int = 0
    assigned_at_ms: int = 0
    received_at_ms: int = 0
    redeemed: int = 0
    last_redeemed_at_ms: int = 0
    origin: int = 0

    def __init__(
        self,
        kind: str = "",
        seq: int = 0,
        assigned_at_ms: int = 0,
        received_at_ms: int = 0,
        redeemed: int = 0,
        last_redeemed_at_ms: int = 0,
        origin: int = 0,
    ) -> None:
        self.kind = kind
        self.seq = seq
        self.assigned_at_ms = assigned_at_ms
        self.received_at_ms = received_at_ms
        self.redeemed = redeemed
        self.last_redeemed_at_ms = last_redeemed_at_ms
        self.origin = origin


@dataclass(slots=True)
class Lead:
    """One interest in buying. `stage` is `captured`, `qualified`, `converted` or `lost`."""

    lead_id: str
    topic: str = ""
    stage: str = ""
    channel: str = ""
    value_minor: int = 0
    at_ms: int = 0


@dataclass(slots=True)
class Case:
    """One service case; open while `closed_at_ms` is 0.

    `satisfaction` is 1 to 5, 0 before any rating; `contacts` counts the handled ones about it.
    """

    case_id: str
    topic: str = ""
    state: str = ""
    priority: str = ""
    channel: str = ""
    opened_at_ms: int = 0
    changed_at_ms: int = 0
    closed_at_ms: int = 0
    satisfaction: int = 0
    contacts: int = 0


@dataclass(slots=True, init=False)
class Service:
    """Service history: sums over all time, the open cases and the last closed ones.

    `rating_sum` adds up ratings of 1 to 5; `last_rating` is 0 before any.
    """

    opened: int = 0
    closed: int = 0
    ratings: int = 0
    rating_sum: int = 0
    last_rating: int = 0
    last_rated_at_ms: int = 0
    cases: list[Case] = field(default_factory=list)

    def __init__(
        self,
        opened: int = 0,
        closed: int = 0,
        ratings: int = 0,
        rating_sum: int = 0,
        last_rating: int = 0,
        last_rated_at_ms: int = 0,
        cases: list[Case] | None = None,
    ) -> None:
        self.opened = opened
        self.closed = closed
        self.ratings = ratings
        self.rating_sum = rating_sum
        self.last_rating = last_rating
        self.last_rated_at_ms = last_rated_at_ms
        self.cases = [] if cases is None else cases

    def open_cases(self) -> list[Case]:
        """Return the cases that are open, in order of arrival."""
        return [case for case in self.cases if not case.closed_at_ms]


@dataclass(slots=True, init=False)
class Credit:
    """Credit and payments. `limit_minor` and `balance_minor` are as last stated by an event.

    `due_minor` and `paid_minor` are sums over all time; what is owed of them is the difference.
    """

    limit_minor: int = 0
    limit_at_ms: int = 0
    balance_minor: int = 0
    balance_at_ms: int = 0
    due_minor: int = 0
    paid_minor: int = 0
    missed: int = 0
    last_paid_at_ms: int = 0
    last_missed_at_ms: int = 0

    def __init__(  # noqa: PLR0913 - one a field
        self,
        limit_minor: int = 0,
        limit_at_ms: int = 0,
        balance_minor: int = 0,
        balance_at_ms: int = 0,
        due_minor: int = 0,
        paid_minor: int = 0,
        missed: int = 0,
        last_paid_at_ms: int = 0,
        last_missed_at_ms: int = 0,
    ) -> None:
        self.limit_minor = limit_minor
        self.limit_at_ms = limit_at_ms
        self.balance_minor = balance_minor
        self.balance_at_ms = balance_at_ms
        self.due_minor = due_minor
        self.paid_minor = paid_minor
        self.missed = missed
        self.last_paid_at_ms = last_paid_at_ms
        self.last_missed_at_ms = last_missed_at_ms


@dataclass(slots=True, init=False)
class Voice:
    """What a customer says of us to others. `praises` are reviews of 4 or 5 out of 5."""

    reviews: int = 0
    praises: int = 0
    last_review_at_ms: int = 0
    referrals: int = 0
    referrals_converted: int = 0
    last_referral_at_ms: int = 0

    def __init__(
        self,
        reviews: int = 0,
        praises: int = 0,
        last_review_at_ms: int = 0,
        referrals: int = 0,
        referrals_converted: int = 0,
        last_referral_at_ms: int = 0,
    ) -> None:
        self.reviews = reviews
        self.praises = praises
        self.last_review_at_ms = last_review_at_ms
        self.referrals = referrals
        self.referrals_converted = referrals_converted
        self.last_referral_at_ms = last_referral_at_ms
