"""A token on its way: step by step, until it comes to rest or is gone.

Each kind of step has a function that takes the walk and the step, and returns the target at which the walk's token
goes on, or None when it rests or is gone.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

from actors.domain.journeys import Instance, Token
from actors.playbook.scenario_model import (
    END,
    Arm,
    Branch,
    Call,
    Date,
    Emit,
    End,
    Filter,
    Fork,
    Join,
    Listen,
    Propose,
    Repeat,
    Scenario,
    Split,
    Step,
    Thread,
    Update,
    Wait,
    WaitUntil,
)
from actors.scenarios.calendar import next_moment
from actors.scenarios.ending import ENDED, NO_CALL, STOPPED, cut_short, finish
from actors.scenarios.forking import (
    close,
    fork,
    has_room,
    join_of,
    remove,
    scope_at,
    scope_of,
    successor,
    under_way,
)
from actors.scenarios.listening import case_of, kept_after
from actors.scenarios.run import Run
from actors.scenarios.values import keep
from actors.scenarios.world import CallOut, Signal

MAX_STEPS = 1000
"""Steps of one walk; an instance that wants more is stopped."""

OTHERWISE, TIMEOUT, FAILED, TOO_FEW = "otherwise", "timeout", "failed", "too few"
_SCALE = 2.0**-64


@dataclass(slots=True, init=False)
class Walk:
    """A token that walks because of `signal`, None for a timer, and is at moment `at_ms`.

    `todo` are the other ways that start now, last one first: token, target, moment, signal.
    """

    run: Run
    scenario: Scenario
    instance: Instance
    token: Token
    at_ms: int
    signal: Signal | None
    label: str = ""
    todo: list[tuple[Token, str, int, Signal | None]] = field(default_factory=list)

    def __init__(  # noqa: PLR0913 - one a field
        self,
        run: Run,
        scenario: Scenario,
        instance: Instance,
        token: Token,
        at_ms: int,
        signal: Signal | None,
        label: str = "",
        todo: list[tuple[Token, str, int, Signal | None]] | None = None,
    ) -> None:
        self.run = run
        self.scenario = scenario
        self.instance = instance
        self.token = token
        self.at_ms = at_ms
        self.signal = signal
        self.label = label
        self.todo = [] if todo is None else todo

    def passed(self, step: Step, why: str = "") -> None:
        """Say that the token goes on from a step."""
        self.run.say(self.instance, "passed", step.name, why)

    def rest(self, step: Step, due_ms: int, why: str = "") -> None:
        """Let the token rest at a step until it is due, 0 for as long as it takes."""
        self.token.due_ms = due_ms
        self.run.say(self.instance, "entered", step.name, why, due_ms)


def go_on(
    run: Run,
    scenario: Scenario,
    instance: Instance,
    token: Token,
    target: str,
    at_ms: int,
    signal: Signal | None,
) -> None:
    """Let a token go on at a target at a moment, and all that come of it, as far as they go."""
    run.touched[instance.id] = instance
    walk = Walk(run, scenario, instance, token, at_ms, signal)
    walk.todo.append((token, target, at_ms, signal))
    left = MAX_STEPS
    while walk.todo:
        token, target, at_ms, walk.signal = walk.todo.pop()
        if not any(each is token for each in instance.tokens):
            continue
        walk.token, walk.at_ms = token, max(at_ms, token.since_ms)
        following: str | None = target
        while following is not None:
            if following == END:
                following = _branch_over(walk)
                continue
            left -= 1
            if left < 0:
                run.progress.notes.append(f"too many steps at once: {scenario.name}")
                cut_short(run, instance, STOPPED, "endless", walk.at_ms, walk.signal)
                return
            step = scenario.steps[following]
            _enter(walk.token, step.name, walk.at_ms)
            following = _KINDS[type(step)](walk, step)


def _enter(token: Token, name: str, at_ms: int) -> None:
    token.step, token.since_ms = name, at_ms
    token.due_ms = token.late_ms = token.try_ms = token.said = 0
    token.call = NO_CALL
    if token.heard:
        token.heard = {}


def _branch_over(walk: Walk) -> str | None:
    """End the way that the token is on; return where another goes on because of that."""
    instance, token = walk.instance, walk.token
    label, walk.label = walk.label, ""
    remove(instance, token)
    scope = scope_of(instance, token)
    if scope is not None:
        if under_way(instance, scope):
            return None
        join = join_of(walk.scenario, scope)
        return _too_few(walk, join)
    if not instance.tokens:
        finish(walk.run, instance, ENDED, label, walk.at_ms, walk.signal)
    return None


def _too_few(walk: Walk, join: Join) -> str:
    scope = scope_of(walk.instance, walk.token)
    assert scope is not None  # noqa: S101 - asked only about the ways of a fork
    walk.token = successor(walk.instance, scope, join, walk.at_ms)
    walk.passed(join, TOO_FEW)
    return join.otherwise


def _wait(walk: Walk, step: Wait) -> str | None:
    return _until(walk, step, walk.at_ms + step.span_ms)


def _wait_until(walk: Walk, step: WaitUntil) -> str | None:
    moment, scenario, world = step.moment, walk.scenario, walk.run.world
    date = world.date(moment) if isinstance(moment, Date) else ""
    due_ms = next_moment(moment, walk.at_ms, world.zone(scenario), scenario.windows, date)
    if due_ms is None:
        walk.passed(step, "no date")
        return step.otherwise
    return _until(walk, step, due_ms)


def _until(walk: Walk, step: Step, due_ms: int) -> str | None:
    if due_ms <= walk.at_ms:
        walk.passed(step)
        return step.next
    walk.rest(step, due_ms)
    return None


def _listen(walk: Walk, step: Listen) -> str | None:
    run, scenario, instance, token = walk.run, walk.scenario, walk.instance, walk.token
    if step.timeout_ms:
        token.due_ms, token.late_ms = walk.at_ms + step.timeout_ms, scenario.lateness_ms
    for signal in kept_after(run.journeys, scenario, walk.at_ms, run.now_ms):
        case = case_of(run.world, scenario, instance, token, step, signal)
        if case is not None:
            walk.at_ms, walk.signal = signal.at_ms, signal
            keep(instance, case.keep, signal.properties)
            walk.passed(step, signal.key)
            return case.next
    keys = dict.fromkeys(part.heard.key for case in step.cases for part in case.pattern.parts)
    walk.rest(step, token.due_ms, ", ".join(keys))
    return None


def _filter(walk: Walk, step: Filter) -> str:
    if walk.run.world.met(walk.scenario, step.rule, walk.instance, walk.signal):
        walk.passed(step)
        return step.next
    walk.passed(step, OTHERWISE)
    return step.otherwise


def _branch(walk: Walk, step: Branch) -> str:
    for rule, target in step.cases:
        if walk.run.world.met(walk.scenario, rule, walk.instance, walk.signal):
            walk.passed(step)
            return target
    walk.passed(step, OTHERWISE)
    return step.otherwise


def arm_of(number: int, scenario: str, step: Split) -> Arm:
    """Return the arm of a split that a customer goes, each time: by a hash of all three."""
    text = f"{number}/{scenario}/{step.name}"
    digest = blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    point = int.from_bytes(digest, "big") * _SCALE * sum(arm.weight for arm in step.arms)
    reached = 0.0
    for arm in step.arms:
        reached += arm.weight
        if reached > point:
            return arm
    return step.arms[-1]


def _split(walk: Walk, step: Split) -> str:
    chosen = arm_of(walk.run.world.number, walk.scenario.name, step)
    walk.passed(step, chosen.name)
    return chosen.next


def _fork(walk: Walk, step: Fork) -> str | None:
    instance, join = walk.instance, walk.scenario.steps[step.join]
    assert isinstance(join, Join)  # noqa: S101 - the compiler has checked it
    if not has_room(instance, step):
        walk.run.progress.notes.append(f"too many tokens: {walk.scenario.name}")
        walk.passed(step, "too many tokens")
        return join.otherwise
    walk.passed(step)
    tokens = fork(instance, walk.token, step, join)
    ways = list(zip(tokens, step.branches, strict=True))
    walk.todo += [(token, way, walk.at_ms, walk.signal) for token, way in reversed(ways)]
    return None


def _join(walk: Walk, step: Join) -> str | None:
    instance, token = walk.instance, walk.token
    scope = scope_at(walk.scenario, instance, token, step)
    if scope is None:
        walk.passed(step)
        return step.next
    scope.arrived += 1
    if scope.arrived >= step.need:
        close(instance, scope, token)
        walk.passed(step)
        return step.next
    remove(instance, token)
    return None if under_way(instance, scope) else _too_few(walk, step)


def _repeat(walk: Walk, step: Repeat) -> str:
    rounds = walk.instance.rounds
    count = rounds.get(step.name, 0)
    if count < step.times and (
        step.rule is None
        or walk.run.world.met(walk.scenario, step.rule, walk.instance, walk.signal)
    ):
        rounds[step.name] = count + 1
        walk.passed(step, "again")
        walk.at_ms += 1
        return step.back
    rounds.pop(step.name, None)
    walk.passed(step)
    return step.next


def _propose(walk: Walk, step: Propose) -> None:
    if walk.run.told:
        walk.token.try_ms = walk.run.now_ms
    walk.rest(step, walk.at_ms + step.offer_for_ms)


def _update(walk: Walk, step: Update) -> str:
    world = walk.run.world
    traits = world.text(walk.scenario, step.traits, walk.instance, walk.signal)
    walk.run.progress.traits += [(name, value, walk.at_ms) for name, value in traits.items()]
    world.take(traits, walk.at_ms)
    walk.passed(step)
    return step.next


def _thread(walk: Walk, step: Thread) -> str:
    texts = walk.run.world.text(walk.scenario, step.subject, walk.instance, walk.signal)
    subject = str(texts.get("subject", ""))
    walk.run.progress.threads.append((step.opens, step.kind, subject, walk.at_ms))
    walk.passed(step)
    return step.next


def _emit(walk: Walk, step: Emit) -> str:
    properties = walk.run.world.text(walk.scenario, step.properties, walk.instance, walk.signal)
    walk.run.emit(step.event, properties, walk.at_ms)
    walk.passed(step)
    return step.next


def _call(walk: Walk, step: Call) -> None:
    run, instance, token = walk.run, walk.instance, walk.token
    due_ms = walk.at_ms + step.timeout_ms
    content = run.world.text(walk.scenario, step.content, instance, walk.signal)
    run.progress.calls.append(
        CallOut(
            instance.id,
            token.id,
            walk.scenario.name,
            step.name,
            step.channel,
            content,
            due_ms,
        )
    )
    walk.rest(step, due_ms, step.channel)


def _end(walk: Walk, step: End) -> str:
    walk.passed(step, step.label)
    walk.label = step.label
    return END


_KINDS: dict[type[Step], Callable[[Walk, Any], str | None]] = {
    Wait: _wait,
    WaitUntil: _wait_until,
    Listen: _listen,
    Filter: _filter,
    Branch: _branch,
    Split: _split,
    Fork: _fork,
    Join: _join,
    Repeat: _repeat,
    Propose: _propose,
    Update: _update,
    Thread: _thread,
    Emit: _emit,
    Call: _call,
    End: _end,
}
