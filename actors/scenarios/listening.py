"""What a token at a `listen` step makes of a signal, and the signals kept for those who listen late."""

from actors.domain.journeys import MAX_RECENT, Instance, Journeys, Recent, Token
from actors.playbook.model import Playbook
from actors.playbook.scenario_model import Case, Heard, Listen, Scenario
from actors.scenarios.index import index_of
from actors.scenarios.matching import advance, matches
from actors.scenarios.values import flat, some_of
from actors.scenarios.world import Signal, World


def case_of(
    world: World,
    scenario: Scenario,
    instance: Instance,
    token: Token,
    step: Listen,
    signal: Signal,
) -> Case | None:
    """Return the first case that a signal completes for a token, None when there is none."""
    at_ms = signal.at_ms
    if at_ms < token.since_ms or (token.due_ms and at_ms > token.due_ms):
        return None

    def counts(heard: Heard) -> bool:
        return matches(world, scenario, instance, heard, signal)

    for place, case in enumerate(step.cases):
        if case.pattern.simple:
            if counts(case.pattern.parts[0].heard):
                return case
            continue
        progress = token.heard.get(place, [])
        if advance(case.pattern, progress, counts, at_ms):
            return case
        if progress:
            token.heard[place] = progress
        else:
            token.heard.pop(place, None)
    return None


def kept_after(journeys: Journeys, scenario: Scenario, after_ms: int, now_ms: int) -> list[Signal]:
    """Return the kept signals that an instance may still hear, in order of moment, then of hearing."""
    if not scenario.lateness_ms:
        return []
    earliest_ms = now_ms - scenario.lateness_ms
    found = [
        Signal(each.key, each.at_ms, each.seq, each.properties)
        for each in journeys.recent
        if each.at_ms > after_ms and each.at_ms >= earliest_ms and each.key in scenario.listens
    ]
    return sorted(found, key=lambda signal: signal.at_ms)


def keep_signal(journeys: Journeys, signal: Signal, playbook: Playbook, now_ms: int) -> None:
    """Keep a signal that has been heard, if some scenario may want to hear it later."""
    index = index_of(playbook)
    if signal.instance or signal.key not in index.kept:
        return
    earliest_ms = now_ms - index.kept_ms
    recent = [each for each in journeys.recent if each.at_ms >= earliest_ms]
    if signal.at_ms >= earliest_ms:
        if index.asked is None:
            kept = flat(signal.properties, index.keyed_by)
        else:
            kept = some_of(signal.properties, index.asked)
        recent.append(Recent(signal.key, signal.at_ms, signal.seq, kept))
    if len(recent) > MAX_RECENT:
        recent.remove(min(recent, key=lambda each: each.at_ms))
    journeys.recent = recent
