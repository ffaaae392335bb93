"""Instances of other versions: who moves to the one in force, and who stays or has to stop."""

from collections.abc import Mapping

from actors.domain.journeys import Instance, Token
from actors.playbook.scenario_model import (
    Call,
    Listen,
    Propose,
    Scenario,
    Step,
    Wait,
    WaitUntil,
)
from actors.scenarios.ending import STOPPED, cut_short
from actors.scenarios.run import Run
from actors.scenarios.walking import go_on

GONE = "version gone"
_TAKE_TIME = (Wait, WaitUntil, Listen, Propose, Call)


def move(run: Run, instance: Instance) -> None:
    """Move an instance to the version in force, if that is declared and possible."""
    current = run.playbook.scenarios_by_name.get(instance.scenario)
    if current is not None and current.digest == instance.digest:
        return
    own = run.playbook.earlier.get((instance.scenario, instance.digest))
    if own is not None and (current is None or current.moves is None):
        return
    targets = None if current is None else _targets(current, instance, current.moves or {})
    if current is not None and targets is not None:
        _place(run, own, current, instance, targets)
    elif own is None:
        cut_short(run, instance, STOPPED, GONE, run.now_ms, None)


def _targets(current: Scenario, instance: Instance, moves: Mapping[str, str]) -> list[Step] | None:
    """Return the step for each token, or None when the instance cannot move."""
    if instance.scopes:
        return None
    names = [moves.get(token.step, token.step) for token in instance.tokens]
    if any(name not in current.steps for name in names):
        return None
    return [current.steps[name] for name in names]


def _place(
    run: Run,
    own: Scenario | None,
    current: Scenario,
    instance: Instance,
    targets: list[Step],
) -> None:
    run.touched[instance.id] = instance
    run.say(instance, "moved")
    instance.digest = current.digest
    entering = []
    for token, step in zip(tuple(instance.tokens), targets, strict=True):
        before = None if own is None else own.steps.get(token.step)
        if _is_alike(before, token, step):
            _stay(before, token, step, current)
        else:
            entering.append((token, step.name))
    for token, name in entering:
        go_on(run, current, instance, token, name, run.now_ms, None)


def _is_alike(before: Step | None, token: Token, step: Step) -> bool:
    if before is not None:
        return type(before) is type(step)
    return isinstance(step, Listen) or (isinstance(step, _TAKE_TIME) and bool(token.due_ms))


def _stay(before: Step | None, token: Token, step: Step, current: Scenario) -> None:
    token.step = step.name
    if not isinstance(step, Listen):
        token.late_ms = 0
        return
    token.late_ms = current.lateness_ms
    if not isinstance(before, Listen) or [c.pattern for c in before.cases] != [
        c.pattern for c in step.cases
    ]:
        token.heard = {}
