"""What the core uses of a playbook: compiled, indexed, in milliseconds and minor units."""

from dataclasses import dataclass, field

from actors.domain.actions import POSITIVE
from actors.domain.economics import STANDARD, Economics
from actors.playbook import arbitration_model
from actors.playbook.arbitration_model import Arbitration
from actors.playbook.attribute_model import Attributes
from actors.playbook.budget_model import NO_BUDGETS, Budgets
from actors.playbook.conversion_model import USUAL, Conversions
from actors.playbook.experiment_model import NO_EXPERIMENTS, Experiments
from actors.playbook.feed_model import NO_FEEDS, Feeds
from actors.playbook.group_model import NO_KINDS, GroupRules
from actors.playbook.identity_model import DEFAULT_RULES, IdentityRules
from actors.playbook.learning_model import NO_MODELS, Learning
from actors.playbook.policy_model import NO_POLICIES, Policies
from actors.playbook.retention_model import KEEP_ALL, Retention
from actors.playbook.rules import Rule
from actors.playbook.scenario_model import Scenario
from actors.playbook.templates import Template


@dataclass(frozen=True, slots=True)
class Segment:
    """A named predicate over the profile."""

    name: str
    rule: Rule
    description: str = ""


@dataclass(frozen=True, slots=True)
class Tier:
    """A segment with a service level.

    `channels` are those that may be written to, None for all. `routing` says who handles a service contact: 0
    self-service, 1 a general agent, 2 a skilled agent, None unsaid. `reply_within_ms` is the goal for a
    reply, 0 for none.
    """

    segment: str
    service_level: str
    description: str = ""
    channels: frozenset[str] | None = None
    routing: int | None = None
    reply_within_ms: int = 0


@dataclass(frozen=True, slots=True)
class Treatment:
    """How an action looks on one channel. `placements` are where it may stand in a reply there.

    `outbound` says that the channel can be written to. `cost_minor` is in minor units and may be a
    fraction of one. `when` is the rule under which it may be used, None for always.
    `locales` holds the content by language tag, in small letters.
    """

    channel: str
    cost_minor: float
    placements: frozenset[str]
    outbound: bool
    content: Template
    locales: dict[str, Template] = field(default_factory=dict)
    when: Rule | None = None

    @property
    def texts(self) -> Template:
        """All its content, in every language."""
        fields = [*self.content.fields]
        for each in self.locales.values():
            fields += each.fields
        return Template(tuple(fields))

    def content_in(self, locale: str) -> Template:
        """Return the content in a language, else in the one without its region, else as it is by default.

        Of `de-Latn-CH` or `de_CH.UTF-8` each part is left off in turn, from the end.
        """
        if self.locales and locale:
            parts = locale.split(".", maxsplit=1)[0].replace("_", "-").lower().split("-")
            while parts:
                found = self.locales.get("-".join(parts))
                if found is not None:
                    return found
                parts.pop()
        return self.content


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """Something that can be offered or said. `key` is `issue/group/name`.

    `lever` is the factor of all its levers, 1.0 for none; `eligible`, `applicable` and `suitable` are
    rules of the funnel, None for no rule; `weights` are factors that apply while their rule holds;
    `starting_propensity`, in (0, 1), is the prior mean of the models. `success` are the outcomes that the
    models take for a yes. `suggest` names the model that fills in what is suggested; empty for none.
    `offer_cost_minor` is what it costs when the offer is taken; `value_minor` is what is left beyond that.
    """

    index: int
    key: str
    issue: str
    group: str
    name: str
    value_minor: float
    purpose: str
    eligible: Rule | None
    weights: tuple[tuple[Rule, float], ...]
    lever: float
    starting_propensity: float
    expires_after_ms: int
    treatments: dict[str, Treatment]
    success: frozenset[str] = POSITIVE
    suggest: str = ""
    description: str = ""
    applicable: Rule | None = None
    suitable: Rule | None = None
    offer_cost_minor: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Trigger:
    """A scenario of one step: on an event, propose actions, at once or after a wait.

    `on` is the key of the event (see `event_key`), or `entered:`, `left:` or `deviation:` and a name; `propose` are indexes of actions; `channels`
    None means any outbound channel. `cancel_on` are event names that end the wait. `keyed_by` is
    the property that tells waits apart, or empty. `record` logs an action that another system has
    already delivered: it has one action and one channel, and nothing is sent.
    """

    name: str
    on: str
    when: Rule | None
    propose: tuple[int, ...]
    channels: frozenset[str] | None
    after_ms: int
    cancel_on: frozenset[str]
    keyed_by: str
    record: bool
    description: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cap:
    """At most `limit` contacts in any `window_ms`. A filter that is None lets everything count.

    `unit` is that of a calendar window (`day`, `week` or `month`, local to the customer), empty for elapsed
    time; of a calendar window `window_ms` is the longest that it can be. `groups` hold the middle part of action keys. `per` is the kind of group for which it counts; empty
    for a cap of one customer.
    """

    name: str
    limit: int
    window_ms: int
    channels: frozenset[str] | None
    groups: frozenset[str] | None
    actions: frozenset[str] | None
    purposes: frozenset[str] | None
    per: str = ""
    unit: str = ""


def event_key(event_type: str, name: str) -> str:
    """Return what triggers are indexed by: the name of a track event, else `type:` and the type."""
    return name if event_type == "track" else f"type:{event_type}"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Playbook:
    """A compiled playbook; equal only to itself, so that caches may be keyed by it.

    Actions are sorted by key; a segment, cap, trigger or tier keeps its place in the file.
    `tiers` are tried in order; the first whose segment holds is the customer's, else
    `default_tier`. `used_paths`, `used_keys` and `used_whole` are what all rules and placeholders
    refer to: fields, literal keys by map, and the maps for which keys are not enough.
    `placements` are those each channel has; `default_placements` are asked when a channel's event
    names none. `waits_cancelled_by` holds the delayed triggers that an event name cancels.
    `triggers_by_change` has those on segments and deviations, which no event can start, whatever its name.
    `scenarios_hearing` holds scenarios by the keys of the signals that their starts listen to. `attention_ms` is for how long a contact makes attention
    dearer, 0 for never. `suggests` says that an action does. `earlier` are versions of
    scenarios that are not in force and still walked, by (name, digest), and `earlier_books` the playbooks they are from.
    """

    version: str
    name: str
    currency: str
    minor_digits: int
    timezone: str
    segments: tuple[Segment, ...]
    tiers: tuple[Tier, ...]
    default_tier: str
    default_service_level: str
    actions: tuple[Action, ...]
    action_index: dict[str, int]
    triggers: tuple[Trigger, ...]
    triggers_by_event: dict[str, tuple[Trigger, ...]]
    waits_cancelled_by: dict[str, tuple[Trigger, ...]]
    caps: tuple[Cap, ...]
    suppress_after_refusal_ms: int
    purposes_without_consent: frozenset[str]
    by_placement: dict[tuple[str, str], tuple[int, ...]]
    used_paths: frozenset[str]
    used_keys: dict[str, tuple[str, ...]]
    used_whole: frozenset[str]
    placements: dict[str, tuple[str, ...]] = field(default_factory=dict)
    default_placements: dict[str, tuple[str, ...]] = field(default_factory=dict)
    triggers_by_change: dict[str, tuple[Trigger, ...]] = field(default_factory=dict)
    attributes: Attributes = field(default_factory=Attributes)
    identities: IdentityRules = DEFAULT_RULES
    groups: GroupRules = NO_KINDS
    scenarios: tuple[Scenario, ...] = ()
    scenarios_by_name: dict[str, Scenario] = field(default_factory=dict)
    scenarios_hearing: dict[str, tuple[Scenario, ...]] = field(default_factory=dict)
    earlier: dict[tuple[str, str], Scenario] = field(default_factory=dict)
    earlier_books: dict[tuple[str, str], "Playbook"] = field(default_factory=dict)
    economics: Economics = STANDARD
    arbitration: Arbitration = arbitration_model.STANDARD
    retention: Retention = KEEP_ALL
    policies: Policies = NO_POLICIES
    attention_ms: int = 0
    default_level: Tier = Tier("standard", "standard")
    budgets: Budgets = NO_BUDGETS
    experiments: Experiments = NO_EXPERIMENTS
    conversions: Conversions = USUAL
    feeds: Feeds = NO_FEEDS
    suggests: bool = False
    learning: Learning = NO_MODELS
    description: str = ""

    def __deepcopy__(self, memo: object) -> "Playbook":
        """Return itself: nothing in a playbook changes."""
        return self

    def action(self, key: str) -> Action | None:
        """Return the action with this key, or None."""
        index = self.action_index.get(key)
        return None if index is None else self.actions[index]

    def triggers_for(self, event_type: str, name: str) -> tuple[Trigger, ...]:
        """Return the triggers that wait for such an event, in file order."""
        return self.triggers_by_event.get(event_key(event_type, name), ())

    def level(self, tier: str) -> Tier:
        """Return a tier by name, with what it says of service; the default for any other name."""
        for each in self.tiers:
            if each.segment == tier:
                return each
        return self.default_level

    def service_level(self, tier: str) -> str:
        """Return the service level of a tier by name."""
        for each in self.tiers:
            if each.segment == tier:
                return each.service_level
        return self.default_service_level
