"""A customer at one turn, as the scenarios' engine asks for it."""

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from actors.attributes import rule_value
from actors.decisioning.context import (
    INSTANCE,
    Occasion,
    builder_of,
    with_instance,
)
from actors.decisioning.local_time import zone_exists
from actors.decisioning.plan import Standing, plan_of
from actors.decisioning.predicates import predicates_of
from actors.decisioning.quoting import quoted_values, quotes_of
from actors.domain.folding.traits import take_traits
from actors.domain.histories import TraitOrigin
from actors.domain.journeys import Instance
from actors.domain.state import CustomerState
from actors.playbook.direct import Predicates
from actors.playbook.lowering import variable_of
from actors.playbook.model import Playbook
from actors.playbook.rules import Rule
from actors.playbook.scenario_model import Date, Scenario
from actors.playbook.scenario_parts import rules_in
from actors.playbook.templates import Template, filled
from actors.scenarios.calendar import place_zone
from actors.scenarios.world import Signal

SOURCE = "scenario"
"""What says of a trait that a scenario has set it."""

_EVENT = "event."
_EVENT_FIELDS = ("type", "name", "channel", "properties", "traits", "late")


class _Asked(NamedTuple):
    """How to ask a rule, and whether it reads the data of an instance, and the event."""

    ask: Predicates
    of_instance: bool
    of_event: bool


@lru_cache(maxsize=64)
def _asked(playbook: Playbook) -> dict[Rule, _Asked]:
    """Return how to ask each rule of a playbook's scenarios, by the rule."""
    positions = builder_of(playbook).positions
    return {
        rule: _Asked(predicates_of([rule], positions), INSTANCE in rule.paths, _foreign(rule.paths))
        for scenario in playbook.scenarios
        for rule in rules_in(scenario)
    }


def _foreign(paths: Iterable[str]) -> bool:
    return any(path.startswith(_EVENT) for path in paths)


class Surroundings:
    """One turn's customer. `own` is the turn's event as a signal, None when it has none.

    `standing` are the values that the turn has worked out; traits that a step sets make them anew.
    """

    def __init__(
        self,
        state: CustomerState,
        playbook: Playbook,
        now_ms: int,
        occasion: Occasion,
        standing: Standing,
        own: Signal | None,
    ) -> None:
        self._state = state
        self._playbook = playbook
        self._now_ms = now_ms
        self._occasion = occasion
        self._standings: dict[str, Standing] = {playbook.version: standing}
        self._own = own
        self.notes: list[str] = []

    @property
    def number(self) -> int:
        """The customer's number."""
        return self._state.number

    @property
    def seq(self) -> int:
        """The number of the turn."""
        return self._state.seq

    def standing(self, playbook: Playbook | None = None) -> Standing:
        """Return where the customer stands now, by the playbook in force or an earlier one."""
        book = playbook or self._playbook
        known = self._standings.get(book.version)
        if known is None:
            values = builder_of(book).build(self._state, self._occasion, self._now_ms)
            known = self._standings[book.version] = plan_of(book).stand(values)
        return known

    def met(
        self, scenario: Scenario, rule: Rule, instance: Instance | None, signal: Signal | None
    ) -> bool:
        """Return whether a rule holds now; `instance` None is for starts."""
        book = self._book(scenario)
        standing = self._standings.get(book.version) or self.standing(book)
        ask, of_instance, of_event = _asked(book)[rule]
        values = standing.values
        if of_instance or (of_event and signal is not self._own):
            values = self._values(book, standing, of_event, instance, signal)
        return ask(values, standing.segments, standing.tier)[0]

    def within(self, segment: str) -> bool:
        """Return whether the customer is in a segment now."""
        return segment in self.standing().segments

    def zone(self, scenario: Scenario) -> str:
        """Return the customer's zone, else that of her place, of the scenario, of the playbook."""
        profile = self._state.profile
        if profile.timezone and zone_exists(profile.timezone):
            return profile.timezone
        traits = profile.traits
        address = traits.get("address")
        place = address if isinstance(address, dict) else traits
        region = place.get("region") or place.get("state")
        found = place_zone(_text(place.get("country")), _text(region))
        return found or scenario.zone or self._playbook.timezone

    def date(self, path: Date) -> str:
        """Return the date that the profile holds, as text; empty when there is none."""
        if path.path == "attributes":
            attribute = self._playbook.attributes.by_name.get(path.key)
            if attribute is None:
                return ""
            return _text(rule_value(attribute, self._state.attributes, self._now_ms))
        return _text(self._state.profile.traits.get(path.key))

    def take(self, traits: Mapping[str, Any], at_ms: int) -> None:
        """Take traits that a step has just set, so that the rules of later steps see them."""
        origin = TraitOrigin(at_ms, SOURCE)
        take_traits(self._state.profile, dict(traits), origin, newest=True, notes=self.notes)
        self._standings.clear()

    def text(
        self, scenario: Scenario, template: Template, instance: Instance, signal: Signal | None
    ) -> dict[str, Any]:
        """Return a template with its placeholders filled."""
        book = self._book(scenario)
        quotes = quotes_of(template, builder_of(book).positions)
        if not quotes:
            return dict(filled(template, {}))
        standing = self.standing(book)
        paths = frozenset(p.path for p in template.placeholders)
        values = standing.values
        if INSTANCE in paths or (signal is not self._own and _foreign(paths)):
            values = self._values(book, standing, _foreign(paths), instance, signal)
        return dict(filled(template, quoted_values(quotes, values, standing.tier)))

    def _book(self, scenario: Scenario) -> Playbook:
        known = self._playbook.scenarios_by_name.get(scenario.name)
        if known is scenario or (known is not None and known.digest == scenario.digest):
            return self._playbook
        return self._playbook.earlier_books.get((scenario.name, scenario.digest), self._playbook)

    def _values(
        self,
        book: Playbook,
        standing: Standing,
        of_event: bool,
        instance: Instance | None,
        signal: Signal | None,
    ) -> Sequence[Any]:
        """Return the values of rules as this instance and signal have them."""
        data = {} if instance is None else instance.data
        values = list(with_instance(standing.values, book, data))
        if of_event and signal is not self._own:
            positions = builder_of(book).positions
            for name, value in zip(_EVENT_FIELDS, _event_values(signal), strict=True):
                position = positions.get(variable_of(_EVENT + name).name)
                if position is not None:
                    values[position] = value
        return values


def _event_values(signal: Signal | None) -> tuple[Any, ...]:
    if signal is None:
        return "timer", "", "", {}, {}, False
    return "track", signal.key, "", dict(signal.properties), {}, False


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
