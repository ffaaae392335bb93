"""What a decision is taken from: small, complete, and recorded as it stands."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from actors.policies.verdicts import Planned, Silence

ENGINE_VERSION = "2"
"""Grows when the same input may give another decision; a replay across versions is reported."""

AVAILABILITY = "availability"
CHANNEL = "channel"
ELIGIBILITY = "eligibility"
APPLICABILITY = "applicability"
SUITABILITY = "suitability"
CONSENT = "consent"
EXPERIMENT = "experiment"
CONTACT_POLICY = "contact_policy"
PROPENSITY = "propensity"
TREATMENT = "treatment"
ARBITRATION = "arbitration"
BUNDLING = "bundling"
BUDGET = "budget"
"""The stages at which a candidate may be removed."""


class Stands(NamedTuple):
    """What a placement shows already: the index of its action, and the effect that showed it."""

    placement: str
    action: int
    seq: int
    n: int


@dataclass(slots=True, init=False)
class Proposal:
    """Outbound actions that a trigger proposes, on some channels or, when None, on any."""

    trigger: str
    actions: tuple[int, ...]
    channels: tuple[str, ...] | None

    def __init__(
        self,
        trigger: str,
        actions: tuple[int, ...],
        channels: tuple[str, ...] | None,
    ) -> None:
        self.trigger = trigger
        self.actions = actions
        self.channels = channels


@dataclass(slots=True, kw_only=True, init=False)
class DecisionInput:
    """Everything that a decision depends on, besides the scores and the playbook of that version.

    `context` are the values that rules refer to, in the order of the playbook's variables. `caps` holds, for each contact cap of the playbook
    in order, how many contacts count now and when the oldest of them leaves the window. `refused`
    are action keys that the customer refused recently, with the time until which they are silent.
    `consents` maps `channel|purpose` to `granted` or `denied`.
    `paused` are the switches thrown (`all`, `channel:…`, `action:…`, `scenario:…`), in order. `planned`
    maps `channel|purpose` to when a message would be sent; what is missing goes at once; `caps_later`
    holds the counts of `caps` at each planned instant other than `at_ms`. `recent` counts the contacts
    that make attention dearer, `barred` are channels that the tier does not have or whose address is
    dead, as `channel: reason`. `arms` maps experiments to the customer's arm, `funds` budgets to what is
    left of them (money in minor units), `prices` budgets to the shadow price of one unit of use. `standing` is what a repeated question finds in the
    placements that it asks about. `suggested` maps models of items to the one that each would suggest.
    """

    at_ms: int
    seed: int
    channel: str = ""
    placements: tuple[str, ...] = ()
    max_actions: int = 0
    context: list[Any] = field(default_factory=list)
    caps: tuple[tuple[int, int], ...] = ()
    refused: dict[str, int] = field(default_factory=dict)
    consents: dict[str, str] = field(default_factory=dict)
    proposals: tuple[Proposal, ...] = ()
    paused: tuple[str, ...] = ()
    silences: tuple[Silence, ...] = ()
    planned: dict[str, Planned] = field(default_factory=dict)
    caps_later: dict[int, tuple[tuple[int, int], ...]] = field(default_factory=dict)
    recent: int = 0
    barred: tuple[str, ...] = ()
    arms: dict[str, str] = field(default_factory=dict)
    funds: dict[str, float] = field(default_factory=dict)
    prices: dict[str, float] = field(default_factory=dict)
    standing: tuple[Stands, ...] = ()
    suggested: dict[str, str] = field(default_factory=dict)

    def __init__(  # noqa: PLR0913 - one a field
        self,
        *,
        at_ms: int,
        seed: int,
        channel: str = "",
        placements: tuple[str, ...] = (),
        max_actions: int = 0,
        context: list[Any] | None = None,
        caps: tuple[tuple[int, int], ...] = (),
        refused: dict[str, int] | None = None,
        consents: dict[str, str] | None = None,
        proposals: tuple[Proposal, ...] = (),
        paused: tuple[str, ...] = (),
        silences: tuple[Silence, ...] = (),
        planned: dict[str, Planned] | None = None,
        caps_later: dict[int, tuple[tuple[int, int], ...]] | None = None,
        recent: int = 0,
        barred: tuple[str, ...] = (),
        arms: dict[str, str] | None = None,
        funds: dict[str, float] | None = None,
        prices: dict[str, float] | None = None,
        standing: tuple[Stands, ...] = (),
        suggested: dict[str, str] | None = None,
    ) -> None:
        self.at_ms = at_ms
        self.seed = seed
        self.channel = channel
        self.placements = placements
        self.max_actions = max_actions
        self.context = [] if context is None else context
        self.caps = caps
        self.refused = {} if refused is None else refused
        self.consents = {} if consents is None else consents
        self.proposals = proposals
        self.paused = paused
        self.silences = silences
        self.planned = {} if planned is None else planned
        self.caps_later = {} if caps_later is None else caps_later
        self.recent = recent
        self.barred = barred
        self.arms = {} if arms is None else arms
        self.funds = {} if funds is None else funds
        self.prices = {} if prices is None else prices
        self.standing = standing
        self.suggested = {} if suggested is None else suggested


class Candidate(NamedTuple):
    """An action that may be shown in a placement, or sent on a channel when `placement` is empty."""

    action: int
    channel: str
    placement: str
    trigger: str


class Removal(NamedTuple):
    """Why a candidate left the funnel: the stage, the rule or policy, and when to try again, or 0."""

    action: int
    channel: str
    stage: str
    rule: str
    retry_at_ms: int = 0


@dataclass(slots=True, init=False)
class Prepared:
    """The funnel's result before scoring. Candidates are in the order of slots, then of keys.

    `runs` are the same candidates as the funnel made them, each a `parts.Run`; where it did not, they are made of them.
    """

    tier: str
    segments: tuple[str, ...]
    candidates: tuple[Candidate, ...]
    weights: dict[int, float]
    removed: tuple[Removal, ...]
    runs: tuple[Any, ...] = field(default=(), compare=False)

    def __init__(
        self,
        tier: str,
        segments: tuple[str, ...],
        candidates: tuple[Candidate, ...],
        weights: dict[int, float],
        removed: tuple[Removal, ...],
        runs: tuple[Any, ...] = (),
    ) -> None:
        self.tier = tier
        self.segments = segments
        self.candidates = candidates
        self.weights = weights
        self.removed = removed
        self.runs = runs


class Ranked(NamedTuple):
    """One scored candidate; money in minor units.

    priority = propensity × (weight × value × lever) − (cost + attention + shadow). `probability` is that
    with which its slot would have gone to it, 0 when it could not compete for it any more.
    """

    action: int
    channel: str
    placement: str
    trigger: str
    propensity: float
    observations: float
    weight: float
    value_minor: float
    lever: float
    cost_minor: float
    priority_minor: float
    sd: float = 0.0
    positives: float = 0.0
    attention_minor: float = 0.0
    shadow_minor: float = 0.0
    probability: float = 0.0


class Chosen(NamedTuple):
    """One action chosen for one slot; `chosen_with` is the probability with which it was.

    `again` is the (seq, n) of an effect that stands there already and is returned again: nothing new.
    """

    ranked: Ranked
    rank: int
    chosen_with: float
    again: tuple[int, int] | None = None


class Draw(NamedTuple):
    """How a slot was decided: an empty `placement` is the outbound one.

    `survivors` competed for it, `nothing` is the probability with which it was to stay empty, and
    `vectors` is how many posterior vectors voted, 0 when there was nothing to be uncertain about.
    """

    placement: str
    survivors: int
    nothing: float
    vectors: int
    epsilon: float


@dataclass(slots=True, init=False)
class Choice:
    """The arbitration: scored candidates, best first by slot; what was chosen; what was removed.

    A ranked candidate that was neither chosen nor removed lost the draw for its slot. `rows` are the
    fields of each `Ranked`, and `places` say where in them the chosen ones stand.
    """

    rows: Sequence[Sequence[Any]]
    chosen: tuple[Chosen, ...]
    removed: tuple[Removal, ...]
    draws: tuple[Draw, ...] = ()
    places: tuple[int, ...] = ()

    def __init__(
        self,
        rows: Sequence[Sequence[Any]],
        chosen: tuple[Chosen, ...],
        removed: tuple[Removal, ...],
        draws: tuple[Draw, ...] = (),
        places: tuple[int, ...] = (),
    ) -> None:
        self.rows = rows
        self.chosen = chosen
        self.removed = removed
        self.draws = draws
        self.places = places

    @property
    def ranked(self) -> tuple[Ranked, ...]:
        """The scored candidates; few ask for more than the chosen ones."""
        return tuple([Ranked(*row) for row in self.rows])
