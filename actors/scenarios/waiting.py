"""When an instance's timer is due, and what goes on when it fires."""

from collections.abc import Iterator

from actors.domain.journeys import Instance, Scope, Token
from actors.playbook.scenario_model import Call, Listen, Propose, Scenario
from actors.scenarios.forking import join_of, successor
from actors.scenarios.run import Run
from actors.scenarios.walking import TIMEOUT, go_on

MAX_FIRED = 64
"""What goes on when a timer fires once; the rest goes on when it fires again."""


def next_wait(instance: Instance) -> int:
    """Return when the timer of an instance is due, 0 for never."""
    soonest = 0
    for token in instance.tokens:
        if token.due_ms:
            due_ms = token.due_ms + token.late_ms
            if not soonest or due_ms < soonest:
                soonest = due_ms
        if token.try_ms and (not soonest or token.try_ms < soonest):
            soonest = token.try_ms
    for scope in instance.scopes:
        if scope.due_ms and (not soonest or scope.due_ms < soonest):
            soonest = scope.due_ms
    return soonest


def fire(run: Run, scenario: Scenario, instance: Instance) -> bool:
    """Let the first part of an instance that is due go on; return False when none is."""
    due = min(_due(instance, run.now_ms), default=None, key=lambda each: each[:3])
    if due is None:
        return False
    part = due[3]
    if isinstance(part, Scope):
        join = join_of(scenario, part)
        token = successor(instance, part, join, part.due_ms)
        run.say(instance, "passed", join.name, TIMEOUT)
        go_on(run, scenario, instance, token, join.otherwise, part.due_ms, None)
    else:
        _go_on_late(run, scenario, instance, part)
    return True


def _due(instance: Instance, now_ms: int) -> Iterator[tuple[int, int, int, Scope | Token]]:
    for scope in instance.scopes:
        if scope.due_ms and scope.due_ms <= now_ms:
            yield scope.due_ms, 0, scope.id, scope
    for token in instance.tokens:
        fires_ms = token.due_ms + token.late_ms
        if token.due_ms and fires_ms <= now_ms:
            yield fires_ms, 1, token.id, token


def _go_on_late(run: Run, scenario: Scenario, instance: Instance, token: Token) -> None:
    step = scenario.steps[token.step]
    what, why, target = "passed", "", step.next
    if isinstance(step, Listen | Call):
        why, target = TIMEOUT, step.otherwise
    elif isinstance(step, Propose):
        what, target = "expired", step.not_sent
    run.say(instance, what, step.name, why)
    go_on(run, scenario, instance, token, target, token.due_ms, None)
