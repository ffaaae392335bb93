"""What is worked out once for a playbook: which signals anybody waits for, and which are kept."""

from dataclasses import dataclass
from functools import lru_cache

from actors.domain.journeys import Instance
from actors.playbook.model import Playbook
from actors.playbook.rules import Rule
from actors.playbook.scenario_model import Goal, Heard, Listen, Scenario
from actors.scenarios.asking import asked_by_any
from actors.scenarios.matching import names


@dataclass(frozen=True, slots=True)
class Start:
    """A start that may hear signals of one key. `simple` says that one of them is enough.

    `rules` are those that such a signal, and then its customer, must meet, in order; without the signal's
    own where it is not simple: `matching` asks those.
    """

    scenario: Scenario
    simple: bool
    segments: tuple[str, ...]
    rules: tuple[Rule, ...]


@dataclass(frozen=True, slots=True)
class Index:
    """`keys` are those that some scenario in force listens to, `starts` the starts by such keys.

    `kept` are the keys of signals to be kept for `kept_ms`, the greatest lateness in force; `asked` the
    properties that are kept of them, None for all; `keyed_by` those that key scenarios with a lateness, in the
    order of the playbook.
    """

    keys: frozenset[str]
    starts: dict[str, tuple[Start, ...]]
    kept: frozenset[str]
    kept_ms: int
    asked: tuple[str, ...] | None
    keyed_by: tuple[str, ...]


@lru_cache(maxsize=16)
def index_of(playbook: Playbook) -> Index:
    """Return the index of a playbook, which is worked out once."""
    late = [scenario for scenario in playbook.scenarios if scenario.lateness_ms > 0]
    earlier = [scenario for scenario in playbook.earlier.values() if scenario.lateness_ms > 0]
    return Index(
        frozenset().union(*(scenario.listens for scenario in playbook.scenarios)),
        {
            key: tuple([_start(each) for each in hearing])
            for key, hearing in playbook.scenarios_hearing.items()
        },
        frozenset().union(*(scenario.listens for scenario in late)),
        max((scenario.lateness_ms for scenario in late), default=0),
        asked_by_any([*late, *earlier]),
        tuple(dict.fromkeys(scenario.keyed_by for scenario in late if scenario.keyed_by)),
    )


def _start(scenario: Scenario) -> Start:
    begins, simple = scenario.start, scenario.start.pattern.simple
    asked = (begins.pattern.parts[0].heard.when if simple else None, begins.when)
    return Start(scenario, simple, begins.segments, tuple([r for r in asked if r is not None]))


@dataclass(frozen=True, slots=True)
class Ears:
    """What of a scenario hears signals of one key: its stops, its goals and its steps by name."""

    stops: tuple[Heard, ...]
    goals: tuple[Goal, ...]
    steps: frozenset[str]


@lru_cache(maxsize=4096)
def ears_of(scenario: Scenario, key: str) -> Ears | None:
    """Return what of a scenario hears signals of a key, None for nothing; it is worked out once."""
    if key not in scenario.listens:
        return None
    return Ears(
        tuple(stop for stop in scenario.stops if stop.key == key),
        tuple(goal for goal in scenario.goals if goal.heard.key == key),
        frozenset(
            step.name
            for step in scenario.steps.values()
            if isinstance(step, Listen) and any(names(case.pattern, key) for case in step.cases)
        ),
    )


def definition(playbook: Playbook, instance: Instance) -> Scenario | None:
    """Return the version that an instance walks, or None when it is not known any more."""
    current = playbook.scenarios_by_name.get(instance.scenario)
    if current is not None and current.digest == instance.digest:
        return current
    return playbook.earlier.get((instance.scenario, instance.digest))
