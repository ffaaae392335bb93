"""Checks of the ways through a scenario: that each leads somewhere, ends, and keeps to its fork."""

from collections.abc import Callable, Iterable, Mapping

from actors.playbook.hints import expected
from actors.playbook.scenario_compiler import needed
from actors.playbook.scenario_forks import Fork, check_forks
from actors.playbook.scenario_model import END
from actors.playbook.scenario_schema import StepModel
from actors.playbook.scenario_ways import Way, Ways, ways_of
from actors.playbook.source import Document, Path

_TAKES_TIME = frozenset({"wait", "listen", "call"})


def check_flow(document: Document, root: Path, steps: Mapping[str, StepModel]) -> None:
    """Report ways that lead nowhere, to no end, or across forks; `root` is where steps are.

    Every step must have one kind and the fields that go with it.
    """
    ways = ways_of(steps)

    def tell(step: str, path: Path, text: str) -> None:
        where = (*root, step, *path)
        document.report(document.place(where) if path else document.key_place(where), text)

    if not _targets(steps, ways, tell):
        return
    forks = check_forks(steps, ways, tell)
    if forks is None:
        return
    reached = _reached(next(iter(steps)), steps, ways)
    for name in steps:
        if name not in reached:
            tell(name, (), f"no way leads to step {name!r}")
    _circles(steps, ways, forks, tell)


Tell = Callable[[str, Path, str], None]
"""Told of a problem: the step, where in it (empty for its name), and the text."""


def _targets(steps: Mapping[str, StepModel], ways: Ways, tell: Tell) -> bool:
    """Report targets that are no steps; return whether there were none."""
    clean = True
    for way in (each for some in ways.values() for each in some):
        choices = list(steps) if way.back else [*steps, END]
        if way.target not in choices:
            clean = False
            tell(way.start, way.path, f"unknown step {way.target!r}{expected(way.target, choices)}")
    return clean


def _reached(
    first: str, steps: Mapping[str, StepModel], ways: Mapping[str, Iterable[Way]]
) -> set[str]:
    """Return the steps that some way from one leads to; a fork leads to its join."""
    reached, waiting = {first}, [first]
    while waiting:
        name = waiting.pop()
        targets = [way.target for way in ways[name]]
        if steps[name].fork:
            targets.append(str(steps[name].join))
        for target in targets:
            if target != END and target not in reached:
                reached.add(target)
                waiting.append(target)
    return reached


def _circles(steps: Mapping[str, StepModel], ways: Ways, forks: Iterable[Fork], tell: Tell) -> None:
    onward = {name: [w for w in some if not w.back] for name, some in ways.items()}
    closing = _circle(onward)
    if closing:
        tell(
            closing[-1].start,
            closing[-1].path,
            f"leads back to step {closing[-1].target!r}, expected a 'repeat', which has a bound",
        )
        return
    for way in (each for some in ways.values() for each in some):
        if way.back and way.start not in _reached(way.target, steps, onward):
            text = f"step {way.target!r} does not lead back here, expected an earlier step"
            tell(way.start, way.path, text)
            return
    quick = _at_once(steps, ways, forks)
    circle = _circle(quick)
    if circle:
        back = next(way for way in circle if way.back)
        names = " → ".join([back.target, *_rotated(circle, back)])
        tell(
            back.start,
            back.path,
            f"the circle {names} takes no time, expected a wait or a listen in it",
        )


def _rotated(circle: list[Way], last: Way) -> list[str]:
    """Return what a circle leads to, one after the other, so that it ends with one way's target."""
    at = circle.index(last) + 1
    return [way.target for way in [*circle[at:], *circle[:at]]]


def _at_once(steps: Mapping[str, StepModel], ways: Ways, forks: Iterable[Fork]) -> Ways:
    """Return the ways that may take no time at all.

    A message that is sent takes none, one that nobody sent has had its time. A join takes time when
    it must wait for a branch that does.
    """
    quick = dict(ways)
    for name, step in steps.items():
        if step.kinds[0] in _TAKES_TIME or (step.wait_until and step.wait_until.window is None):
            quick[name] = ()
        elif step.propose:
            quick[name] = tuple(way for way in ways[name] if way.path != ("notSent",))
    # Inner forks first: their joins may be what makes a branch slow.
    for fork in sorted(forks, key=lambda each: sum(map(len, each.regions.values()))):
        early = sum(_is_quick(branch, fork, ways, quick) for branch in fork.regions)
        if needed(steps[fork.join], len(fork.regions)) > early:
            quick[fork.join] = ()
    return quick


def _is_quick(branch: str, fork: Fork, ways: Ways, quick: Ways) -> bool:
    """Return whether a branch can come to its end without taking time."""
    seen, waiting = {branch}, [branch]
    while waiting:
        name = waiting.pop()
        if name in {fork.join, END} or not ways[name]:
            return True
        for way in quick[name]:
            if way.target not in seen:
                seen.add(way.target)
                waiting.append(way.target)
    return False


def _circle(ways: Mapping[str, Iterable[Way]]) -> list[Way]:
    """Return a circle, one way after the other, the one that closes it last; empty without one."""
    done: set[str] = set()
    for root in ways:
        path: list[Way] = []
        walking = {root}
        open_ways = [iter(ways[root])] if root not in done else []
        while open_ways:
            way = next(open_ways[-1], None)
            if way is None:
                open_ways.pop()
                left = path.pop().target if path else root
                walking.discard(left)
                done.add(left)
            elif way.target in walking:
                names = [root, *(each.target for each in path)]
                return [*path[names.index(way.target) :], way]
            elif way.target in ways and way.target not in done:
                path.append(way)
                walking.add(way.target)
                open_ways.append(iter(ways[way.target]))
    return []
