"""What a decision is taken from: small, complete, and recorded as it stands."""

from dataclasses import dataclass, field
from typing import Any, NamedTuple

ENGINE_VERSION = "1"
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


class Silence(NamedTuple):
    """A rule that silences something for a time.

    `scope` is `action`, `group`, `channel`, `purpose` or `all`, `name` what of it, `rule` why,
    `until_ms` when it ends (0: not known).
    """

    scope: str
    name: str
    rule: str
    until_ms: int


class Planned(NamedTuple):
    """When an outbound message would go: `at_ms` on the business clock, or 0 when it is dropped; `why`."""

    at_ms: int
    why: str = ""


@dataclass(frozen=True, slots=True)
class Proposal:
    """Outbound actions that a trigger proposes, on some channels or, when None, on any."""

    trigger: str
    actions: tuple[int, ...]
    channels: tuple[str, ...] | None


@dataclass(slots=True, kw_only=True)
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
    left of them (money in minor units), `prices` budgets to the shadow price of one unit of use.
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


@dataclass(slots=True)
class Prepared:
    """The funnel's result before scoring. Candidates are in the order of slots, then of keys."""

    tier: str
    segments: tuple[str, ...]
    candidates: tuple[Candidate, ...]
    weights: dict[int, float]
    removed: tuple[Removal, ...]


class Ranked(NamedTuple):
    """One scored candidate. priority = propensity × weight × value × lever − cost, minor units."""

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


class Chosen(NamedTuple):
    """One action chosen for one slot; `chosen_with` is the probability with which it was."""

    ranked: Ranked
    rank: int
    chosen_with: float


@dataclass(slots=True)
class Choice:
    """The arbitration: scored candidates, best first by slot; what was chosen; what was removed.

    A ranked candidate that was not chosen lost its slot to the better ones before it.
    """

    ranked: tuple[Ranked, ...]
    chosen: tuple[Chosen, ...]
    removed: tuple[Removal, ...]
