"""Everything that is kept of one customer between turns."""

from dataclasses import dataclass, field
from typing import Any

from actors.domain.actions import Conversion, OpenEffect
from actors.domain.conversation import Conversation
from actors.domain.groups import Membership
from actors.domain.ids import Identity
from actors.domain.journeys import Journeys
from actors.domain.profile import Profile

MAX_OPEN_EFFECTS = 32
MAX_CONVERSIONS = 16
MAX_TIMERS = 256
MAX_IDENTITIES = 50


@dataclass(slots=True, init=False)
class Timer:
    """Something this customer is waiting for. `key` is unique within the customer.

    `kind` is `trigger` (a delayed trigger; `subject` is its name and `data` what its rule and content
    may refer to), `close` (the windows of open effects), `segments` (when to look at them again), `absence`, `scenario`, `retention` or `send` (the first held effect).
    """

    key: str
    due_at_ms: int
    kind: str
    subject: str = ""
    data: dict[str, object] = field(default_factory=dict)

    def __init__(
        self,
        key: str,
        due_at_ms: int,
        kind: str,
        subject: str = "",
        data: dict[str, object] | None = None,
    ) -> None:
        self.key = key
        self.due_at_ms = due_at_ms
        self.kind = kind
        self.subject = subject
        self.data = {} if data is None else data


@dataclass(slots=True)
class CustomerState:
    """A customer: number, identities, profile, conversation, open effects and timers.

    `seq` is the number of turns taken; it grows by exactly one a turn. `effects` is oldest first.
    Events from before `erased_before_ms` are refused, because one of the identities was erased then.
    `attributes` holds the declared attributes by name, `patterns` the baselines: plain lists, whose
    layout belongs to `actors.attributes` and `actors.patterns`. `segments` are those that the customer
    was in when last looked at, by name, and since when in milliseconds. `journeys` are the scenarios that
    the customer is in. `groups` are the memberships
    that last and the last that ended, in the order in which they were heard of. `arms` are the arms of
    experiments that the customer has reached, by experiment, and since when. `conversions` are the last
    orders and redemptions, oldest first: those credited, and those that a late click may still explain.
    `invested` is what was spent on this customer, by budget with a share per customer: (start of the bucket,
    thousandths of a minor unit), oldest first.
    """

    number: int
    partition: int
    seq: int = 0
    generation: int = 0
    identities: list[Identity] = field(default_factory=list)
    linked: list[Identity] = field(default_factory=list)
    profile: Profile = field(default_factory=Profile)
    conversation: Conversation = field(default_factory=Conversation)
    effects: list[OpenEffect] = field(default_factory=list)
    timers: list[Timer] = field(default_factory=list)
    attributes: dict[str, list[Any]] = field(default_factory=dict)
    patterns: list[Any] = field(default_factory=list)
    erased_before_ms: int = 0
    segments: dict[str, int] = field(default_factory=dict)
    groups: list[Membership] = field(default_factory=list)
    journeys: Journeys = field(default_factory=Journeys)
    arms: dict[str, tuple[str, int]] = field(default_factory=dict)
    conversions: list[Conversion] = field(default_factory=list)
    invested: dict[str, list[tuple[int, int]]] = field(default_factory=dict)

    def place_of(self, effect: OpenEffect) -> tuple[int, int, int]:
        """Return (number, seq, n): how the store names an effect that this customer remembers."""
        return effect.origin or self.number, effect.seq, effect.n

    def effect(self, seq: int, n: int, origin: int = 0) -> OpenEffect | None:
        """Return the remembered effect, or None when it is unknown or was forgotten.

        `origin` is as in `OpenEffect`: 0 for an effect of this customer's own turns.
        """
        for effect in reversed(self.effects):
            if effect.seq == seq and effect.n == n and effect.origin == origin:
                return effect
        return None
