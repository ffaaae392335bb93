"""What a scenario may look at in a signal that comes to it: the names of properties, as far as they are known."""

from collections.abc import Iterable

from actors.playbook.scenario_model import Listen, Scenario
from actors.playbook.scenario_parts import rules_in, templates_in

PROPERTIES = "event.properties"


def properties_asked(scenario: Scenario) -> frozenset[str] | None:
    """Return the properties that rules, texts and `keep` name, and the one that keys it; None for any.

    Any is what a rule looks at that takes the properties otherwise than by a literal name. What a start asks
    for does not count: a signal that was kept starts nothing.
    """
    names = {scenario.keyed_by} if scenario.keyed_by else set()
    heard = (scenario.stops, scenario.goals, scenario.steps)
    for rule in rules_in(heard):
        if PROPERTIES in rule.whole:
            return None
        names.update(name for path, name in rule.keys if path == PROPERTIES)
    for template in templates_in(heard):
        names.update(each.key for each in template.placeholders if each.path == PROPERTIES)
    for step in scenario.steps.values():
        if isinstance(step, Listen):
            names.update(source for case in step.cases for _, source in case.keep)
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
