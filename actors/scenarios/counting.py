"""How a turn moves the counts of who is where in which scenario."""

from collections.abc import Sequence

from actors.domain.journeys import Journeys
from actors.playbook.model import Playbook
from actors.playbook.scenario_model import END, End, Propose, Scenario
from actors.scenarios.world import Line

Standing = tuple[tuple[int, str, str, tuple[str, ...]], ...]
"""A customer's instances: id, scenario, digest, and the step of each token."""

Counts = list[tuple[str, str, str, int, int, int]]
"""Scenario, digest and step; how many more wait there, have passed it and have left at it."""

INSTANCES = ""
"""The step under which instances themselves are counted: under way, started, over."""

_WENT_ON = frozenset({"passed", "sent", "expired"})
_OVER = frozenset({"ended", "stopped"})
_WAITING, _PASSED, _LEFT = range(3)


def standing(journeys: Journeys) -> Standing:
    """Return who stands where: to be taken before a turn, which changes the journeys in place."""
    return tuple(
        (one.id, one.scenario, one.digest, tuple([token.step for token in one.tokens]))
        for one in journeys.instances
    )


def count_changes(
    before: Standing, after: Standing, lines: Sequence[Line], playbook: Playbook
) -> Counts:
    """Return what a customer's turns change in the counts, in order of scenario, digest and step.

    Who waits where is the difference between the two states, so that all customers' counts add up to
    what their states hold, whatever the lines say. The lines say who went on and who was lost:

    - A way *passes* a step when it goes on from it, wherever to; one that was sent, expired or refused
      for good passes as well.
    - It *leaves* at a step when the instance is over, or a join has enough, while it waits there; and at
      an `end` step. An instance that ends at no `end` step and with nobody waiting leaves at `END`.

    Args:
        before: Who stood where before the turns.
        after: And after; empty when the customer is no more.
        lines: Of all these turns, in order.
        playbook: The one in force, which knows the versions that are still walked.
    """
    if before == after and not lines:
        return []
    counting = _Counting(before, after, playbook)
    for line in lines:
        counting.take(line)
    return counting.result()


class _Counting:
    """Goes through the lines; use once. Instances of which nothing is said cost next to nothing."""

    __slots__ = (
        "_after",
        "_at_end",
        "_before",
        "_deltas",
        "_digests",
        "_playbook",
        "_resting",
    )

    def __init__(self, before: Standing, after: Standing, playbook: Playbook) -> None:
        self._playbook = playbook
        self._before = {one[0]: one for one in before}
        self._after = {one[0]: one for one in after}
        self._digests: dict[int, str] = {}
        self._resting: dict[int, list[str]] = {}
        self._at_end: set[int] = set()
        self._deltas: dict[tuple[str, str, str], list[int]] = {}

    def take(self, line: Line) -> None:
        """Count one line."""
        number, what = line.instance, line.what
        if not number:
            return
        if what == "started":
            self._digests[number] = self._in_force(line)
            self._resting[number] = []
            self._add(line, INSTANCES, _PASSED)
        elif what == "moved":
            # Whose steps have other names now is no longer known; only those who enter some are.
            known = self._after.get(number)
            self._digests[number] = self._in_force(line) if known is None else known[2]
            self._resting[number] = []
        elif what == "entered":
            self._at(number).append(line.step)
        elif what in _OVER:
            self._over(line)
        elif what in _WENT_ON or (what == "refused" and self._refused_for_good(line)):
            self._go_on(line)

    def result(self) -> Counts:
        """Return the counts, without those that did not change."""
        for number, resting in self._resting.items():
            known = self._after.get(number)
            if known is not None:
                for step in known[3]:
                    if step in resting:
                        resting.remove(step)
                for step in resting:
                    self._count(known[1], known[2], step, _LEFT)
        for some, others, sign in (
            (self._before, self._after, -1),
            (self._after, self._before, 1),
        ):
            for number, one in some.items():
                if others.get(number) != one:
                    _, scenario, digest, steps = one
                    self._count(scenario, digest, INSTANCES, _WAITING, sign)
                    for step in steps:
                        self._count(scenario, digest, step, _WAITING, sign)
        found = sorted(self._deltas.items())
        return [(*key, deltas[0], deltas[1], deltas[2]) for key, deltas in found if any(deltas)]

    def _at(self, number: int) -> list[str]:
        """Return where an instance's tokens rest, as far as the lines have said."""
        resting = self._resting.get(number)
        if resting is None:
            known = self._before.get(number)
            resting = self._resting[number] = [] if known is None else list(known[3])
        return resting

    def _go_on(self, line: Line) -> None:
        resting = self._at(line.instance)
        if line.step in resting:
            resting.remove(line.step)
        definition = self._definition(line)
        if definition is not None and isinstance(definition.steps.get(line.step), End):
            self._at_end.add(line.instance)
            self._add(line, line.step, _LEFT)
        else:
            self._at_end.discard(line.instance)
            self._add(line, line.step, _PASSED)

    def _over(self, line: Line) -> None:
        number = line.instance
        for step in self._at(number):
            self._add(line, step, _LEFT)
        self._resting[number] = []
        # The word is a goal's, or that of an `end` step.
        if line.what == "ended" and not line.why and number not in self._at_end:
            self._add(line, END, _LEFT)
        self._add(line, INSTANCES, _LEFT)

    def _refused_for_good(self, line: Line) -> bool:
        if not line.why.startswith("consent"):
            return False
        definition = self._definition(line)
        step = None if definition is None else definition.steps.get(line.step)
        return isinstance(step, Propose) and step.mandatory

    def _definition(self, line: Line) -> Scenario | None:
        return definition_of(self._playbook, line.scenario, self._digest(line))

    def _digest(self, line: Line) -> str:
        digest = self._digests.get(line.instance)
        if digest is None:
            known = self._before.get(line.instance) or self._after.get(line.instance)
            digest = self._in_force(line) if known is None else known[2]
            self._digests[line.instance] = digest
        return digest

    def _in_force(self, line: Line) -> str:
        scenario = self._playbook.scenarios_by_name.get(line.scenario)
        return "" if scenario is None else scenario.digest

    def _add(self, line: Line, step: str, what: int) -> None:
        self._count(line.scenario, self._digest(line), step, what)

    def _count(self, scenario: str, digest: str, step: str, what: int, n: int = 1) -> None:
        key = (scenario, digest, step)
        deltas = self._deltas.get(key)
        if deltas is None:
            deltas = self._deltas[key] = [0, 0, 0]
        deltas[what] += n


def definition_of(playbook: Playbook, name: str, digest: str) -> Scenario | None:
    """Return the version of a scenario, in force or still walked; None for one that is not known."""
    scenario = playbook.scenarios_by_name.get(name)
    if scenario is not None and scenario.digest == digest:
        return scenario
    return playbook.earlier.get((name, digest))
