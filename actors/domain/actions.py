"""Effects and outcomes: what was said or offered to a customer, and how it was taken."""

from dataclasses import dataclass, field
from typing import Any

OUTCOMES = (
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
)
POSITIVE = frozenset({"click", "accept", "convert"})
NEGATIVE = frozenset({"reject", "dismiss", "no_response"})
WITHDRAWING = frozenset({"unsubscribe", "complaint"})

CALL = "call/"
"""What the action of an effect begins with that is no offer: a scenario calls a webhook."""
FEED = "feed/"
"""What the action of an effect begins with by which another system is told of a change."""
NOT_TAUGHT, REFUSED, TAKEN, VOID = -1, 0, 1, 2
"""Labels of an effect: nothing yet, not taken, taken; withdrawn or never received, so that silence
teaches nothing."""

INLINE = "inline"
"""Returned in the reply to the channel that asked."""
OUTBOUND = "outbound"
"""Written to the outbox and delivered by a dispatcher."""
RECORDED = "recorded"
"""Delivered by another system before we heard of it; logged so that its outcome can be credited."""


@dataclass(slots=True, kw_only=True, init=False)
class Effect:
    """One action for one channel: the unit of delivery, of deduplication and of credit.

    Its key is the customer's number, `seq` and `n`. `propensity` is the model's estimate that the
    customer will take it, in [0, 1]; `chosen_with` the probability with which the policy chose it,
    in (0, 1]. Money is in minor units. `send_at_ms` is when it is planned to go, 0 for at once; `cause`
    the trigger or the `scenario:step:instance.token` that proposed it.
    """

    seq: int
    n: int
    action: str
    channel: str
    placement: str
    mode: str
    purpose: str
    segment: str
    at_ms: int
    expires_at_ms: int
    rank: int = 1
    propensity: float = 0.0
    priority_minor: float = 0.0
    chosen_with: float = 1.0
    send_at_ms: int = 0
    cause: str = ""
    content: dict[str, Any] = field(default_factory=dict)

    def __init__(  # noqa: PLR0913 - one a field
        self,
        *,
        seq: int,
        n: int,
        action: str,
        channel: str,
        placement: str,
        mode: str,
        purpose: str,
        segment: str,
        at_ms: int,
        expires_at_ms: int,
        rank: int = 1,
        propensity: float = 0.0,
        priority_minor: float = 0.0,
        chosen_with: float = 1.0,
        send_at_ms: int = 0,
        cause: str = "",
        content: dict[str, Any] | None = None,
    ) -> None:
        self.seq = seq
        self.n = n
        self.action = action
        self.channel = channel
        self.placement = placement
        self.mode = mode
        self.purpose = purpose
        self.segment = segment
        self.at_ms = at_ms
        self.expires_at_ms = expires_at_ms
        self.rank = rank
        self.propensity = propensity
        self.priority_minor = priority_minor
        self.chosen_with = chosen_with
        self.send_at_ms = send_at_ms
        self.cause = cause
        self.content = {} if content is None else content


@dataclass(slots=True, init=False)
class OpenEffect:
    """What a customer's state remembers of an effect until its window has long closed.

    `outcome` is the last one heard, or empty; `label` is what the models were told:
    `NOT_TAUGHT`, `REFUSED`, `TAKEN` or `VOID`. `origin` is the number of the customer in whose turns `seq`
    counts, 0 for the one who holds this. `purpose` is that of an effect which was queued for its
    channel, and may have to be withdrawn; empty for others. `placement` is where an inline one stands;
    `send_at_ms` when a held one is to go, 0 once it was handed over; `seen_at_ms` and `clicked_at_ms` the
    last impression and click (or acceptance); `reward_minor` what conversions brought, less refunds.
    """

    seq: int
    n: int
    action: str
    channel: str
    segment: str
    at_ms: int
    expires_at_ms: int
    outcome: str = ""
    label: int = -1
    origin: int = 0
    purpose: str = ""
    placement: str = ""
    send_at_ms: int = 0
    seen_at_ms: int = 0
    clicked_at_ms: int = 0
    reward_minor: int = 0

    def __init__(  # noqa: PLR0913 - one a field
        self,
        seq: int,
        n: int,
        action: str,
        channel: str,
        segment: str,
        at_ms: int,
        expires_at_ms: int,
        outcome: str = "",
        label: int = -1,
        origin: int = 0,
        purpose: str = "",
        placement: str = "",
        send_at_ms: int = 0,
        seen_at_ms: int = 0,
        clicked_at_ms: int = 0,
        reward_minor: int = 0,
    ) -> None:
        self.seq = seq
        self.n = n
        self.action = action
        self.channel = channel
        self.segment = segment
        self.at_ms = at_ms
        self.expires_at_ms = expires_at_ms
        self.outcome = outcome
        self.label = label
        self.origin = origin
        self.purpose = purpose
        self.placement = placement
        self.send_at_ms = send_at_ms
        self.seen_at_ms = seen_at_ms
        self.clicked_at_ms = clicked_at_ms
        self.reward_minor = reward_minor


@dataclass(slots=True, init=False)
class Conversion:
    """An order or a redemption that a state remembers, so that it is credited once.

    `id` is a digest of its name and id. (`seq`, `n`, `origin`) is the effect that it is credited to, as
    in `OpenEffect`; `seq` 0 says that there was none so far. `reward_minor` is less what was refunded.
    """

    id: int
    name: str
    at_ms: int
    reward_minor: int
    seq: int = 0
    n: int = 0
    origin: int = 0

    def __init__(
        self,
        id: int,  # noqa: A002
        name: str,
        at_ms: int,
        reward_minor: int,
        seq: int = 0,
        n: int = 0,
        origin: int = 0,
    ) -> None:
        self.id = id
        self.name = name
        self.at_ms = at_ms
        self.reward_minor = reward_minor
        self.seq = seq
        self.n = n
        self.origin = origin
