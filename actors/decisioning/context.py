"""The values that rules may refer to, computed only where some rule of the playbook does.

The variables are picked once per playbook, and are flat (see actors/playbook/lowering.py).
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any

from actors.decisioning.local_time import local_time
from actors.decisioning.profile_fields import SCALARS
from actors.decisioning.reading import KEPT, PLAIN, reader
from actors.domain.groups import GroupState
from actors.domain.state import CustomerState
from actors.playbook.fields import AFTER_SEGMENTS, ATTRIBUTES, CATALOGUE
from actors.playbook.learning_model import Feature
from actors.playbook.lowering import Variable, variable_of
from actors.playbook.model import Action, Playbook
from actors.playbook.rules import Rule
from actors.playbook.scenario_parts import rules_in, templates_in
from actors.playbook.templates import Placeholder, Template


@dataclass(slots=True, init=False)
class Occasion:
    """The event, question or timer that the context is built for, and the customer's `groups`."""

    type: str
    name: str
    channel: str
    properties: dict[str, Any]
    traits: dict[str, Any]
    late: bool
    groups: Sequence[GroupState] = ()
    instance: dict[str, Any] = field(default_factory=dict)

    def __init__(  # noqa: PLR0913 - one a field
        self,
        type: str,  # noqa: A002
        name: str,
        channel: str,
        properties: dict[str, Any],
        traits: dict[str, Any],
        late: bool,
        groups: Sequence[GroupState] = (),
        instance: dict[str, Any] | None = None,
    ) -> None:
        self.type = type
        self.name = name
        self.channel = channel
        self.properties = properties
        self.traits = traits
        self.late = late
        self.groups = groups
        self.instance = {} if instance is None else instance


class View:
    """What a reader may look at. `scale` is minor units per currency unit."""

    __slots__ = ("_local", "economics", "now_ms", "occasion", "scale", "state", "timezone")

    def __init__(
        self, state: CustomerState, occasion: Occasion, now_ms: int, playbook: Playbook
    ) -> None:
        self.state = state
        self.occasion = occasion
        self.now_ms = now_ms
        self.scale = 10.0**playbook.minor_digits
        self.timezone = playbook.timezone
        self.economics = playbook.economics
        self._local: datetime | None = None

    @property
    def local(self) -> datetime:
        """The customer's local time; worked out at most once."""
        if self._local is None:
            self._local = local_time(self.now_ms, self.state.profile.timezone, self.timezone)
        return self._local


Value = Any

INSTANCE = "instance"
"""The variable that is different for each instance of a scenario."""

FIELD_NAMES = frozenset(SCALARS) | frozenset(PLAIN) | frozenset(KEPT) | {ATTRIBUTES}
"""Every field that is read here: the playbook's catalogue without segments and tier (tested)."""


class ContextBuilder:
    """Reads the values of variables under one playbook.

    `names` are the variables in the order of the values that `build` returns: an order that depends
    on nothing but which they are; `positions` are their places there. What is made from segments is
    not among them.
    """

    def __init__(self, playbook: Playbook, variables: Collection[Variable]) -> None:
        variables = frozenset(variables)
        made = {variable for variable in variables if variable.path in AFTER_SEGMENTS}
        ordered = sorted(variables - made, key=lambda variable: variable.name)
        self.names = tuple(variable.name for variable in ordered)
        self.positions = {name: i for i, name in enumerate(self.names)}
        whole, keys = playbook.used_whole, playbook.used_keys
        self._read = reader(
            ordered,
            SCALARS,
            lambda state, occasion, now_ms: View(state, occasion, now_ms, playbook),
            {path: keys.get(path, ()) for path in KEPT if path not in whole},
            playbook.attributes.by_name,
            10.0**playbook.minor_digits,
            playbook.timezone,
        )

    def build(self, state: CustomerState, occasion: Occasion, now_ms: int) -> list[Value]:
        """Return the values of the variables, in the order of `names`."""
        return self._read(state, occasion, now_ms)


@lru_cache(maxsize=16)
def builder_of(playbook: Playbook) -> ContextBuilder:
    """Return what reads the variables of all rules and placeholders of a playbook, made once."""
    variables = {variable for rule in rules_of(playbook) for variable in rule.variables}
    variables |= {v for each in playbook.learning.used if (v := variable_told(each)) is not None}
    for template in _templates_of(playbook):
        variables |= {v for p in template.placeholders if (v := variable_quoted(p)) is not None}
    return ContextBuilder(playbook, variables)


def with_instance(
    values: Sequence[Value], playbook: Playbook, data: Mapping[str, Any]
) -> Sequence[Value]:
    """Return a builder's values, as they are for a scenario's instance with this data."""
    position = builder_of(playbook).positions.get(INSTANCE)
    if position is None:
        return values
    return [*values[:position], data, *values[position + 1 :]]


def rules_of_action(action: Action) -> list[Rule]:
    """Return the rules of one action: its eligibility and the conditions of its weights."""
    rules = [rule for rule, _ in action.weights]
    asked = [action.eligible, action.applicable, action.suitable]
    asked += [treatment.when for treatment in action.treatments.values()]
    return [*rules, *[rule for rule in asked if rule is not None]]


def rules_of(playbook: Playbook) -> list[Rule]:
    """Return every rule of a playbook."""
    rules = [segment.rule for segment in playbook.segments]
    for action in playbook.actions:
        rules += rules_of_action(action)
    rules += [trigger.when for trigger in playbook.triggers if trigger.when is not None]
    rules += [each.rule for each in playbook.learning.used if each.rule is not None]
    return rules + [rule for scenario in playbook.scenarios for rule in rules_in(scenario)]


def _templates_of(playbook: Playbook) -> list[Template]:
    treatments = [t.texts for action in playbook.actions for t in action.treatments.values()]
    return treatments + [t for scenario in playbook.scenarios for t in templates_in(scenario)]


def variable_told(feature: Feature) -> Variable | None:
    """Return the variable that a feature of the models is read from; None where a rule says it."""
    if feature.rule is not None:
        return None
    keyed = feature.key and not CATALOGUE[feature.path].is_dyn
    return variable_of(feature.path, feature.key if keyed else None)


def variable_quoted(placeholder: Placeholder) -> Variable | None:
    """Return the variable that a placeholder shows; None for what is made from segments, or suggested."""
    if placeholder.path not in FIELD_NAMES:
        return None
    field = CATALOGUE[placeholder.path]
    keyed = placeholder.key and not field.is_dyn
    return variable_of(placeholder.path, placeholder.key if keyed else None)
