"""What the definition of a scenario holds inside: its rules and its texts."""

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any

from actors.playbook.rules import Rule
from actors.playbook.scenario_model import Scenario
from actors.playbook.templates import Template

Parts = Scenario | tuple[Any, ...] | dict[str, Any]
"""A scenario, or some of what it consists of."""


def rules_in(scenario: Parts) -> list[Rule]:
    """Return every rule of a scenario or of parts of one, in the order in which they are written."""
    return [part for part in _parts(scenario) if isinstance(part, Rule)]


def templates_in(scenario: Parts) -> list[Template]:
    """Return every text of a scenario or of parts of one, in the order in which they are written."""
    return [part for part in _parts(scenario) if isinstance(part, Template)]


def _parts(found: Any) -> Iterator[Rule | Template]:
    if isinstance(found, Rule | Template):
        yield found
    elif isinstance(found, tuple):
        for each in found:
            yield from _parts(each)
    elif isinstance(found, dict):
        yield from _parts(tuple(found.values()))
    elif is_dataclass(found):
        for one in fields(found):
            yield from _parts(getattr(found, one.name))
