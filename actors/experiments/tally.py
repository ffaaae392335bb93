"""Who is in which arm since when, and what they did from then on: analysis by intention to treat.

Outcomes are events of the customer's own. What comes back on effects is not among them: only who was
sent something could click on it. A customer counts from the turn that first reached the experiment,
whatever came of it, and for as long as the horizon; events of that turn itself came before it.

Customers who became one are one unit where their arms agree, since the earlier of both; across arms they
are left out and counted. Taking the merge back undoes that, but what happened meanwhile stays where it
was heard.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from math import isfinite
from typing import Any

from actors.experiments.arms import MIXED
from actors.playbook.experiment_model import Experiment, Experiments, Measure

MAX_UNITS = 4_000_000
"""Customers in experiments that one tally holds, about 200 bytes each; whoever comes later is not counted."""
MAX_AMOUNT = 1e12


@dataclass(slots=True)
class Unit:
    """A customer in an experiment; `values` has one number a measure, `seq` the turn that reached it."""

    arm: str
    reached_at_ms: int
    seq: int
    values: list[float]


@dataclass(slots=True)
class Cohort:
    """The units of one experiment; `mixed` are those left out, `unknown` those in arms that are gone."""

    units: list[Unit] = field(default_factory=list)
    mixed: int = 0
    unknown: int = 0


class Tally:
    """Built turn by turn, in the order in which they were committed."""

    def __init__(self, experiments: Experiments) -> None:
        self._measures = experiments.measures
        self._horizon_ms = experiments.horizon_ms
        self._units: dict[str, dict[int, Unit]] = {}
        self._joined: dict[int, int] = {}
        self._members: dict[int, list[int]] = {}
        self._held = 0
        self.capped = False

    def event(self, number: int, key: str, at_ms: int, properties: Mapping[str, Any]) -> None:
        """Count an event, by its key (see `event_key`)."""
        gains = [
            (i, gain) for i, m in enumerate(self._measures) if (gain := _gain(m, key, properties))
        ]
        if not gains:
            return
        for units in self._units.values():
            unit = units.get(number) if number not in self._members else self._eldest(units, number)
            if unit is None or not 0 <= at_ms - unit.reached_at_ms < self._horizon_ms:
                continue
            for i, gain in gains:
                if self._measures[i].sum_of:
                    unit.values[i] += gain
                else:
                    unit.values[i] = 1.0

    def reach(self, number: int, seq: int, experiment: str, arm: str, at_ms: int) -> None:
        """Take a customer into an arm; call after the events of the same turn."""
        units = self._units.setdefault(experiment, {})
        if number in units:
            return
        if self._held >= MAX_UNITS:
            self.capped = True
            return
        units[number] = Unit(arm, at_ms, seq, [0.0] * len(self._measures))
        self._held += 1

    def merge(self, survivor: int, loser: int) -> None:
        """Let two customers be one from now on."""
        self._joined[loser] = survivor
        self._members.setdefault(survivor, [survivor]).append(loser)

    def unmerge(self, survivor: int, loser: int, seqs: Collection[int]) -> None:
        """Let them be two again; turns `seqs` of the survivor's were the loser's."""
        if self._joined.pop(loser, None) is None:
            return
        members = self._members[survivor]
        members.remove(loser)
        if len(members) == 1:
            del self._members[survivor]
        for units in self._units.values():
            unit = units.get(survivor)
            if unit is not None and unit.seq in seqs and loser not in units:
                units[loser] = units.pop(survivor)

    def erase(self, number: int) -> None:
        """Forget a customer, and whoever had become one with her."""
        for each in [*self._members.pop(number, ()), number]:
            self._joined.pop(each, None)
            if each != number:
                self.erase(each)
            for units in self._units.values():
                self._held -= units.pop(each, None) is not None

    def units(self, experiment: str) -> Mapping[int, Unit]:
        """Return the units of an experiment by customer, before anybody is united."""
        return self._units.get(experiment, {})

    def cohort(self, experiment: Experiment, experiments: Experiments) -> Cohort:
        """Return the units of an experiment, each person once."""
        cohort = Cohort()
        for root, unit in self._people(experiment.name):
            if unit.arm == MIXED or self._is_mixed_around(root, experiment, experiments):
                cohort.mixed += 1
            elif experiment.arm(unit.arm) is None:
                cohort.unknown += 1
            else:
                cohort.units.append(unit)
        return cohort

    def _people(self, experiment: str) -> Iterator[tuple[int, Unit]]:
        units = self._units.get(experiment, {})
        if not self._joined:
            yield from units.items()
            return
        groups: dict[int, list[Unit]] = {}
        for number, unit in units.items():
            groups.setdefault(self._root(number), []).append(unit)
        for root, group in groups.items():
            yield root, group[0] if len(group) == 1 else self._united(group)

    def _united(self, group: list[Unit]) -> Unit:
        arms = {unit.arm for unit in group}
        first = min(group, key=lambda unit: unit.reached_at_ms)
        values = [
            sum(unit.values[i] for unit in group)
            if measure.sum_of
            else max(unit.values[i] for unit in group)
            for i, measure in enumerate(self._measures)
        ]
        arm = arms.pop() if len(arms) == 1 else MIXED
        return Unit(arm, first.reached_at_ms, first.seq, values)

    def _is_mixed_around(self, root: int, experiment: Experiment, experiments: Experiments) -> bool:
        """Return whether a person is made of several arms of an experiment around this one."""
        if root not in self._members:
            return False
        outer = experiments.by_name.get(experiment.within)
        while outer is not None:
            units = self._units.get(outer.name, {})
            if len({units[n].arm for n in self._all(root) if n in units}) > 1:
                return True
            outer = experiments.by_name.get(outer.within)
        return False

    def _root(self, number: int) -> int:
        while number in self._joined:
            number = self._joined[number]
        return number

    def _all(self, root: int) -> Iterator[int]:
        for member in self._members.get(root, [root]):
            if member == root:
                yield root
            else:
                yield from self._all(member)

    def _eldest(self, units: Mapping[int, Unit], root: int) -> Unit | None:
        found = [units[n] for n in self._all(root) if n in units]
        return min(found, key=lambda unit: unit.reached_at_ms, default=None)


def _gain(measure: Measure, key: str, properties: Mapping[str, Any]) -> float:
    """Return what an event adds to a measure."""
    if measure.event != key and (measure.event or key in measure.but):
        return 0.0
    return _number(properties.get(measure.sum_of)) if measure.sum_of else 1.0


def _number(value: Any) -> float:
    """Return an amount that anybody may have sent; what is none, or absurd, is 0."""
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return 0.0
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
        return 0.0
    return float(value) if abs(value) <= MAX_AMOUNT else 0.0
