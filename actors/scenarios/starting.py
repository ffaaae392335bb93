"""How instances begin: by a signal, or from the queue when the one before them has ended."""

from typing import Any

from actors.domain.journeys import (
    MAX_INSTANCES,
    MAX_QUEUED,
    MAX_STARTS,
    Instance,
    Token,
)
from actors.playbook.scenario_model import QUEUE, RESTART, Heard, Scenario
from actors.scenarios import matching
from actors.scenarios.ending import STOPPED, cut_short, over
from actors.scenarios.forking import new_id
from actors.scenarios.index import Start
from actors.scenarios.listening import kept_after
from actors.scenarios.run import Run
from actors.scenarios.values import flat, key_of
from actors.scenarios.walking import go_on
from actors.scenarios.world import Line, Signal


def start(run: Run, begins: Start, signal: Signal) -> None:
    """Let the start of a scenario hear a signal."""
    world, scenario = run.world, begins.scenario
    # Most signals start nothing: what is cheap to ask is asked first, and the key is made last.
    if not begins.simple and not _complete(run, scenario, signal):
        return
    for segment in begins.segments:
        if not world.within(segment):
            return
    for rule in begins.rules:
        if not world.met(scenario, rule, None, signal):
            return
    key = key_of(scenario.keyed_by, signal.properties)
    if _admitted(run, scenario, key, signal):
        data = flat(signal.properties, (scenario.keyed_by,))
        _begin(run, scenario, key, signal.at_ms, data, signal, signal.key)


def release(run: Run) -> None:
    """Start what was queued behind an instance that has ended."""
    journeys = run.journeys
    if not run.ended or not journeys.queued:
        return
    place = 0
    for name, key, at_ms, data in list(journeys.queued):
        ended = run.ended.get((name, key))
        if ended is None or _live(run, name, key):
            place += 1
            continue
        journeys.queued = [*journeys.queued[:place], *journeys.queued[place + 1 :]]
        scenario = run.playbook.scenarios_by_name.get(name)
        if scenario is not None:
            _begin(run, scenario, key, max(at_ms, ended[0]), data, ended[1], QUEUE)


def _complete(run: Run, scenario: Scenario, signal: Signal) -> bool:
    """Return whether a signal completes a start's pattern of several."""
    pattern = scenario.start.pattern

    def counts(heard: Heard) -> bool:
        return matching.starts(run.world, scenario, heard, signal)

    if not matching.names(pattern, signal.key):
        return False
    patterns = run.journeys.patterns
    key = key_of(scenario.keyed_by, signal.properties)
    name = (scenario.name, scenario.digest, key)
    progress = patterns.pop(name, [])
    complete = matching.advance(pattern, progress, counts, signal.at_ms)
    if progress:
        patterns[name] = progress
        if len(patterns) > MAX_STARTS:
            del patterns[next(iter(patterns))]
    return complete


def _live(run: Run, name: str, key: str) -> list[Instance]:
    return [each for each in run.journeys.instances if each.scenario == name and each.key == key]


def _admitted(run: Run, scenario: Scenario, key: str, signal: Signal) -> bool:
    """Return whether a customer may start now; stop or queue what the re-entry policy says."""
    at_ms = signal.at_ms
    last_ms = run.journeys.starts.get((scenario.name, key))
    if scenario.every_ms and last_ms is not None and at_ms - last_ms < scenario.every_ms:
        return _skip(run, scenario, key, "every")
    live = _live(run, scenario.name, key)
    if not live or len(live) < scenario.limit:
        return True
    if scenario.reentry == RESTART:
        if at_ms < max(each.started_ms for each in live):
            return _skip(run, scenario, key, RESTART)
        for each in live:
            cut_short(run, each, STOPPED, "restarted", at_ms, signal)
        return True
    if scenario.reentry == QUEUE and len(run.journeys.queued) < MAX_QUEUED:
        data = flat(signal.properties, (scenario.keyed_by,))
        run.journeys.queued.append((scenario.name, key, at_ms, data))
        run.progress.lines.append(Line(scenario.name, 0, key, "held", why=QUEUE))
        return False
    return _skip(run, scenario, key, scenario.reentry)


def _skip(run: Run, scenario: Scenario, key: str, why: str) -> bool:
    run.progress.lines.append(Line(scenario.name, 0, key, "skipped", why=why))
    return False


def _begin(
    run: Run,
    scenario: Scenario,
    key: str,
    at_ms: int,
    data: dict[str, Any],
    signal: Signal | None,
    why: str,
) -> None:
    journeys = run.journeys
    if len(journeys.instances) >= MAX_INSTANCES:
        run.progress.notes.append(f"too many instances: {scenario.name}")
        _skip(run, scenario, key, "too many")
        return
    instance = Instance(
        journeys.next_id, scenario.name, scenario.digest, key, at_ms, run.world.seq, data
    )
    journeys.next_id += 1
    journeys.instances.append(instance)
    if scenario.every_ms:
        _remember(run, scenario, key, at_ms)
    run.touched[instance.id] = instance
    run.say(instance, "started", why=why)
    for kept in kept_after(journeys, scenario, at_ms, run.now_ms):
        if over(run, scenario, instance, kept):
            return
    token = Token(new_id(instance), "", 0, at_ms)
    instance.tokens.append(token)
    go_on(run, scenario, instance, token, scenario.first, at_ms, signal)


def _remember(run: Run, scenario: Scenario, key: str, at_ms: int) -> None:
    starts, name = run.journeys.starts, (scenario.name, key)
    last_ms = starts.pop(name, at_ms)
    starts[name] = max(last_ms, at_ms)
    if len(starts) > MAX_STARTS:
        del starts[next(iter(starts))]
