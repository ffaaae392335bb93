"""What an edit of a playbook means for customers who are on their way through its scenarios."""

from collections.abc import Iterator
from dataclasses import dataclass

from actors.playbook.model import Playbook
from actors.playbook.scenario_model import (
    Branch,
    Call,
    Filter,
    Fork,
    Join,
    Listen,
    Propose,
    Repeat,
    Scenario,
    Split,
    Step,
    Wait,
    WaitUntil,
)

UNCHANGED, CHANGED, NEW, GONE = "unchanged", "changed", "new", "gone"

NO_MIGRATE = "the new version declares no 'migrate'"
NO_STEP = "the new version has no such step"
IN_A_FORK = "it stands in a fork"
NOT_THERE = "the scenario is not in the new playbook"

_RESTS = (Wait, WaitUntil, Listen, Propose, Call)


@dataclass(frozen=True, slots=True)
class Stay:
    """Instances at `step` finish on the version they began with; `why` they cannot move."""

    step: str
    why: str


@dataclass(frozen=True, slots=True)
class ScenarioChange:
    """One scenario in two playbooks: `what` is `unchanged`, `changed`, `new` or `gone`.

    `stays` and `moves` (old step, new step) are in the order of the old file, and hold steps at
    which a customer can rest; of an unchanged or new scenario there are none.
    """

    name: str
    what: str
    before: str = ""
    after: str = ""
    migrates: bool = False
    stays: tuple[Stay, ...] = ()
    moves: tuple[tuple[str, str], ...] = ()


def compare_scenarios(before: Playbook, after: Playbook) -> tuple[ScenarioChange, ...]:
    """Return what becomes of each scenario, in the order of the new playbook, then those gone."""
    changes = [_changed(before.scenarios_by_name.get(each.name), each) for each in after.scenarios]
    for each in before.scenarios:
        if each.name not in after.scenarios_by_name:
            stays = tuple(Stay(step, NOT_THERE) for step in _resting(each))
            changes.append(ScenarioChange(each.name, GONE, before=each.digest, stays=stays))
    return tuple(changes)


def _changed(old: Scenario | None, new: Scenario) -> ScenarioChange:
    if old is None:
        return ScenarioChange(new.name, NEW, after=new.digest)
    if old.digest == new.digest:
        return ScenarioChange(new.name, UNCHANGED, before=old.digest, after=new.digest)
    stays: list[Stay] = []
    moves: list[tuple[str, str]] = []
    in_forks = _in_forks(old)
    for step in _resting(old):
        target = step if new.moves is None else new.moves.get(step, step)
        if new.moves is None:
            stays.append(Stay(step, NO_MIGRATE))
        elif step in in_forks:
            stays.append(Stay(step, IN_A_FORK))
        elif target not in new.steps:
            stays.append(Stay(step, NO_STEP))
        else:
            moves.append((step, target))
    return ScenarioChange(
        new.name,
        CHANGED,
        before=old.digest,
        after=new.digest,
        migrates=new.moves is not None,
        stays=tuple(stays),
        moves=tuple(moves),
    )


def _resting(scenario: Scenario) -> list[str]:
    """Return the steps at which a customer can stay for a while."""
    return [name for name, step in scenario.steps.items() if isinstance(step, _RESTS)]


def _in_forks(scenario: Scenario) -> frozenset[str]:
    """Return the steps between forks and their joins."""
    inside: set[str] = set()
    for fork in scenario.steps.values():
        if not isinstance(fork, Fork):
            continue
        seen = {fork.join}
        waiting = list(fork.branches)
        while waiting:
            name = waiting.pop()
            if name in seen or name not in scenario.steps:
                continue
            seen.add(name)
            waiting += _targets(scenario.steps[name])
        inside |= seen - {fork.join}
    return frozenset(inside)


def _targets(step: Step) -> Iterator[str]:
    """Yield where a step may lead to."""
    if isinstance(step, Fork):
        yield from step.branches
        yield step.join
        return
    if isinstance(step, Branch):
        yield from (target for _, target in step.cases)
    elif isinstance(step, Split):
        yield from (arm.next for arm in step.arms)
    elif isinstance(step, Listen):
        yield from (case.next for case in step.cases)
    elif isinstance(step, Repeat):
        yield step.back
    elif isinstance(step, Propose):
        yield step.not_sent
    if isinstance(step, WaitUntil | Filter | Listen | Branch | Join | Call):
        yield step.otherwise
    yield step.next
