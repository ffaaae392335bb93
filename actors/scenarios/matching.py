"""Whether a signal is one that is waited for, and when a pattern of several is complete."""

from bisect import insort
from collections.abc import Callable

from actors.domain.journeys import Instance
from actors.playbook.scenario_model import Heard, Pattern, Scenario
from actors.scenarios.values import key_text
from actors.scenarios.world import Signal, World

Counts = Callable[[Heard], bool]
"""Tells whether the signal that came is one of a kind."""


def matches(
    world: World, scenario: Scenario, instance: Instance, heard: Heard, signal: Signal
) -> bool:
    """Return whether an instance hears a signal as one of a kind; its moment is not looked at."""
    if heard.key != signal.key:
        return False
    if scenario.keyed_by and heard.same_key:
        text = key_text(signal.properties.get(scenario.keyed_by))
        if text is not None and text != instance.key:
            return False
    return heard.when is None or world.met(scenario, heard.when, instance, signal)


def starts(world: World, scenario: Scenario, heard: Heard, signal: Signal) -> bool:
    """Return whether a signal is one that a start waits for."""
    return heard.key == signal.key and (
        heard.when is None or world.met(scenario, heard.when, None, signal)
    )


def names(pattern: Pattern, key: str) -> bool:
    """Return whether a pattern waits for signals of a key, or for none of them to come."""
    return any(
        part.heard.key == key or any(each.key == key for each in part.without)
        for part in pattern.parts
    )


def advance(pattern: Pattern, progress: list[int], counts: Counts, at_ms: int) -> bool:
    """Take a signal of a moment into the progress of a pattern; return whether that completes it.

    Progress is a list that is changed in place, and empty when there is none: of a count the moments,
    of a sequence how many parts have come and the moment of the last one.
    """
    if len(pattern.parts) > 1:
        return _follow(pattern, progress, counts, at_ms)
    if not counts(pattern.parts[0].heard):
        return False
    if pattern.count == 1:
        return True
    insort(progress, at_ms)
    if pattern.within_ms:
        earliest_ms = progress[-1] - pattern.within_ms
        progress[:] = [each for each in progress if each >= earliest_ms]
    if len(progress) < pattern.count:
        return False
    progress.clear()
    return True


def _follow(pattern: Pattern, progress: list[int], counts: Counts, at_ms: int) -> bool:
    parts = pattern.parts
    before, last_ms = progress or (0, 0)
    place = before
    if place and at_ms >= last_ms and any(counts(each) for each in parts[place].without):
        place = 0
    if place and at_ms >= last_ms and counts(parts[place].heard):
        within_ms = parts[place].within_ms
        if within_ms and at_ms - last_ms > within_ms:
            place = 0
        else:
            place, last_ms = place + 1, at_ms
            if place == len(parts):
                progress.clear()
                return True
    if place == 0:
        if counts(parts[0].heard):
            place, last_ms = 1, at_ms
    elif place == before == 1 and counts(parts[0].heard):
        last_ms = max(last_ms, at_ms)
    progress[:] = [place, last_ms] if place else []
    return False
