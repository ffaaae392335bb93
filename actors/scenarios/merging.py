"""The scenarios of two customers who are one."""

from actors.domain.journeys import (
    MAX_INSTANCES,
    MAX_QUEUED,
    MAX_RECENT,
    MAX_STARTS,
    Instance,
    Journeys,
)
from actors.playbook.model import Playbook
from actors.scenarios.ending import NO_CALL, STOPPED, withdraw
from actors.scenarios.index import definition
from actors.scenarios.waiting import next_wait
from actors.scenarios.world import Line, Progress

MERGED = "merged"
_Patterns = dict[tuple[str, str, str], list[int]]


def merge_journeys(
    survivor: Journeys,
    other: Journeys,
    playbook: Playbook,
    number_of_other: int,
    number_of_survivor: int = 0,
) -> tuple[Journeys, Progress]:
    """Return the scenarios of both as those of the survivor; both arguments are used up.

    Effects get the origins by which the survivor knows them. All instances get new ids: the `waits` of the progress are
    the timers of them all, with 0 for each id that the survivor's had before.
    """
    progress = Progress(waits={each.id: 0 for each in survivor.instances})
    for instance in other.instances:
        _seen_from(instance, number_of_other, number_of_survivor)
    together = sorted(
        [*survivor.instances, *other.instances], key=lambda instance: instance.started_ms
    )
    merged = Journeys(max(survivor.next_id, other.next_id))
    for instance in together:
        instance.id = merged.next_id
        merged.next_id += 1
        if _allowed(merged, instance, playbook):
            merged.instances.append(instance)
            progress.waits[instance.id] = next_wait(instance)
        else:
            _stop(instance, progress)
    merged.starts = _starts(survivor, other)
    merged.patterns = _patterns(survivor.patterns, other.patterns, playbook)
    merged.recent = sorted([*survivor.recent, *other.recent], key=lambda each: each.at_ms)[
        -MAX_RECENT:
    ]
    _queue(merged, survivor, other, progress)
    return merged, progress


def part_journeys(
    journeys: Journeys, number: int, other: Journeys, number_of_other: int
) -> tuple[Journeys, Journeys]:
    """Return the scenarios of one who becomes two again: of the customer `number`, and of the other.

    Whoever began an instance goes on with it, from where it stands now, so that nothing is sent twice;
    what began while they were one stays. `other` are the other's journeys from before the merge: they say which
    more were theirs, and what they had started by then. All arguments are used up.
    """
    theirs = {number_of_other, *(each.origin for each in other.instances if each.origin)}
    parted = Journeys(other.next_id, starts=other.starts, patterns=other.patterns)
    kept = []
    for instance in journeys.instances:
        if instance.origin not in theirs:
            kept.append(instance)
            continue
        _seen_from(instance, number, number_of_other)
        instance.id = parted.next_id
        parted.next_id += 1
        parted.instances.append(instance)
    journeys.instances = kept
    return journeys, parted


def _seen_from(instance: Instance, number: int, survivor: int) -> None:
    def moved(effect: tuple[int, int, int]) -> tuple[int, int, int]:
        seq, n, origin = effect
        if origin == 0:
            return seq, n, number
        return seq, n, 0 if origin == survivor else origin

    instance.origin = 0 if instance.origin == survivor else instance.origin or number
    instance.sent = [moved(effect) for effect in instance.sent]
    for token in instance.tokens:
        if token.call != NO_CALL:
            token.call = moved(token.call)


def _allowed(merged: Journeys, instance: Instance, playbook: Playbook) -> bool:
    """Return whether an instance may go on beside those that go on already."""
    if len(merged.instances) >= MAX_INSTANCES:
        return False
    scenario = playbook.scenarios_by_name.get(instance.scenario) or definition(playbook, instance)
    live = sum(
        1
        for each in merged.instances
        if each.scenario == instance.scenario and each.key == instance.key
    )
    return live < (1 if scenario is None else scenario.limit)


def _stop(instance: Instance, progress: Progress) -> None:
    withdraw(instance, progress)
    progress.lines.append(Line(instance.scenario, instance.id, instance.key, STOPPED, why=MERGED))


def _starts(survivor: Journeys, other: Journeys) -> dict[tuple[str, str], int]:
    latest = dict(survivor.starts)
    for name, at_ms in other.starts.items():
        latest[name] = max(latest.get(name, at_ms), at_ms)
    newest = sorted(latest.items(), key=lambda item: (item[1], item[0]))[-MAX_STARTS:]
    return dict(newest)


def _patterns(mine: _Patterns, others: _Patterns, playbook: Playbook) -> _Patterns:
    """Join progress: of a count all moments, of a sequence the one that is further."""
    joined: _Patterns = {}
    for name in sorted(mine.keys() | others.keys()):
        scenario = playbook.scenarios_by_name.get(name[0])
        one, two = mine.get(name, []), others.get(name, [])
        if scenario is None or scenario.digest != name[1]:
            joined[name] = one or two
            continue
        pattern = scenario.start.pattern
        if len(pattern.parts) > 1:
            joined[name] = max(one, two)
        else:
            # One short of complete at most: only a signal completes a pattern, and starts something.
            joined[name] = sorted([*one, *two])[1 - pattern.count :]
    newest = sorted(joined.items(), key=lambda item: (item[1][-1], item[0]))[-MAX_STARTS:]
    return dict(newest)


def _queue(merged: Journeys, survivor: Journeys, other: Journeys, progress: Progress) -> None:
    live = {(each.scenario, each.key) for each in merged.instances}
    for entry in sorted([*survivor.queued, *other.queued], key=lambda entry: entry[2]):
        name, key = entry[:2]
        if len(merged.queued) < MAX_QUEUED and (name, key) in live:
            merged.queued.append(entry)
        else:
            progress.notes.append(f"too many queued: {name}")
