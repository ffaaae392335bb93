"""What a scenario may look at in a signal that comes to it: the names of properties, as far as they are known."""

from collections.abc import Iterable, Iterator

from actors.playbook.rules import Rule
from actors.playbook.scenario_model import (
    Branch,
    Call,
    Emit,
    Filter,
    Heard,
    Listen,
    Repeat,
    Scenario,
    Thread,
    Update,
)
from actors.playbook.templates import Template

PROPERTIES = "event.properties"


def properties_asked(scenario: Scenario) -> frozenset[str] | None:
    """Return the properties that rules, texts and `keep` name, and the one that keys it; None for any.

    Any is what a rule looks at that takes the properties otherwise than by a literal name. What a start asks
    for does not count: a signal that was kept starts nothing.
    """
    names = {scenario.keyed_by} if scenario.keyed_by else set()
    names.update(source for _, source in _kept(scenario))
    for rule in _rules(scenario):
        if PROPERTIES in rule.whole:
            return None
        names.update(name for path, name in rule.keys if path == PROPERTIES)
    for template in _templates(scenario):
        names.update(each.key for each in template.placeholders if each.path == PROPERTIES)
    return frozenset(names)


def asked_by_any(scenarios: Iterable[Scenario]) -> tuple[str, ...] | None:
    """Return the properties that any of the scenarios asks for, those first that key them; None for any."""
    keys: dict[str, None] = {}
    names: set[str] = set()
    for scenario in scenarios:
        asked = properties_asked(scenario)
        if asked is None:
            return None
        if scenario.keyed_by:
            keys[scenario.keyed_by] = None
        names |= asked
    return (*keys, *sorted(names - keys.keys()))


def _heards(scenario: Scenario) -> Iterator[Heard]:
    yield from scenario.stops
    yield from (goal.heard for goal in scenario.goals)
    for step in scenario.steps.values():
        if isinstance(step, Listen):
            for case in step.cases:
                for part in case.pattern.parts:
                    yield part.heard
                    yield from part.without


def _rules(scenario: Scenario) -> Iterator[Rule]:
    for heard in _heards(scenario):
        if heard.when is not None:
            yield heard.when
    for step in scenario.steps.values():
        if isinstance(step, Branch):
            yield from (rule for rule, _ in step.cases)
        rule = step.rule if isinstance(step, Filter | Repeat) else None
        if rule is not None:
            yield rule


def _templates(scenario: Scenario) -> Iterator[Template]:
    for step in scenario.steps.values():
        if isinstance(step, Update):
            yield step.traits
        elif isinstance(step, Thread):
            yield step.subject
        elif isinstance(step, Emit):
            yield step.properties
        elif isinstance(step, Call):
            yield step.content


def _kept(scenario: Scenario) -> Iterator[tuple[str, str]]:
    for step in scenario.steps.values():
        if isinstance(step, Listen):
            for case in step.cases:
                yield from case.keep
