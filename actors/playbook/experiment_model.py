"""What the core uses of `experiments.yaml`: holdouts, experiments, and what is counted in each arm."""

from dataclasses import dataclass, field

HOLDOUT, EXPERIMENT, ENGINE, LOGGED = "holdout", "experiment", "engine", "logged"
KINDS = (HOLDOUT, EXPERIMENT, ENGINE, LOGGED)
"""`logged` is one whose arms another system has drawn."""

HELD, OPEN = "held", "open"
"""The arms of a holdout."""

ARBITRATED, RANDOM, PROPENSITY, NO_LEVERS = "arbitrated", "random", "propensity", "no_levers"
POLICIES = (ARBITRATED, RANDOM, PROPENSITY, NO_LEVERS)
"""How a decision may be taken: as it is, at random, by propensity alone, or without the business's factors."""

FOR_EVER_MS = 1 << 62
DEFAULT_HORIZON_MS = 14 * 86_400_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Arm:
    """One arm. `share` is in (0, 1), those of all arms add up to 1; `below` is the sum up to this one.

    `hold` removes what is in scope; `actions`, unless None, are all of it that stay. `policy` is one of
    `POLICIES`.
    """

    name: str
    share: float
    below: float
    hold: bool = False
    actions: frozenset[str] | None = None
    policy: str = ARBITRATED


@dataclass(frozen=True, slots=True, kw_only=True)
class Experiment:
    """Customers in arms, by a hash that nothing else depends on.

    `covers` are the (action index, channel) that it is about, those of `scenarios` alone unless that is
    None. `within` is the experiment whose held customers are not in this one, or empty. `key` is the
    hash's key. It takes place in `from_ms` ≤ now < `until_ms`. `by_arm` are the arms by name. `event` is the key of the event that
    says which arm another system has drawn, in the property `arm_property`; both are empty otherwise.
    """

    name: str
    kind: str
    arms: tuple[Arm, ...]
    control: str
    key: bytes
    covers: frozenset[tuple[int, str]] = frozenset()
    scenarios: frozenset[str] | None = None
    within: str = ""
    from_ms: int = 0
    until_ms: int = FOR_EVER_MS
    event: str = ""
    arm_property: str = ""
    description: str = ""
    by_arm: dict[str, Arm] = field(default_factory=dict)

    def arm(self, name: str) -> Arm | None:
        """Return the arm of that name, or None."""
        return self.by_arm.get(name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """What is counted of a customer: whether there was such an event, or the sum of a property.

    `event` is an event's key, empty for any event but those in `but`; `sum_of` a property, or empty.
    """

    name: str
    event: str = ""
    sum_of: str = ""
    but: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Experiments:
    """All experiments, those that others are within before those, and what is counted for how long.

    `by_event` are the logged ones by the key of their event. `barring` and `deciding` are those
    arms, as (experiment, arm), that remove something or have a policy of their own.
    """

    all: tuple[Experiment, ...] = ()
    by_name: dict[str, Experiment] = field(default_factory=dict)
    by_event: dict[str, tuple[Experiment, ...]] = field(default_factory=dict)
    barring: dict[tuple[str, str], tuple[Experiment, Arm]] = field(default_factory=dict)
    deciding: dict[tuple[str, str], str] = field(default_factory=dict)
    measures: tuple[Measure, ...] = ()
    horizon_ms: int = DEFAULT_HORIZON_MS


NO_EXPERIMENTS = Experiments()
"""What holds without an `experiments.yaml`."""
