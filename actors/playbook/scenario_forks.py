"""Checks of forks: branches keep apart, and meet in the fork's own join."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from actors.playbook.hints import expected
from actors.playbook.scenario_compiler import needed
from actors.playbook.scenario_model import END
from actors.playbook.scenario_schema import StepModel
from actors.playbook.scenario_ways import Way, Ways
from actors.playbook.source import Path

Tell = Callable[[str, Path, str], None]


@dataclass(frozen=True, slots=True)
class Fork:
    """A fork, its join, and by branch the steps that it leads to before the join."""

    name: str
    join: str
    regions: Mapping[str, frozenset[str]]


def check_forks(steps: Mapping[str, StepModel], ways: Ways, tell: Tell) -> tuple[Fork, ...] | None:
    """Report what is wrong with forks and joins; return the forks when nothing is."""
    wrong: list[str] = []

    def count(step: str, path: Path, text: str) -> None:
        wrong.append(step)
        tell(step, path, text)

    _pairs(steps, count)
    if wrong:
        return None
    joins = {str(step.join) for step in steps.values() if step.fork}
    forks = tuple(
        Fork(name, str(step.join), {b: _region(b, joins, steps, ways) for b in step.fork})
        for name, step in steps.items()
        if step.fork
    )
    for fork in forks:
        _apart(fork, ways, count)
    if not wrong:
        for fork in forks:
            _meeting(fork, forks, steps, ways, count)
    return None if wrong else forks


def _pairs(steps: Mapping[str, StepModel], tell: Tell) -> None:
    """Check that each fork has a join of its own, and each join a fork."""
    joins = [name for name, step in steps.items() if step.kinds == ("join",)]
    taken: dict[str, str] = {}
    for name, step in steps.items():
        if step.fork is None:
            continue
        join = str(step.join)
        if join not in joins:
            tell(name, ("join",), f"unknown join {join!r}{expected(join, joins)}")
        elif join in taken:
            tell(name, ("join",), f"{join!r} is the join of fork {taken[join]!r}")
        taken.setdefault(join, name)
        _branches(name, step.fork, join, tell)
    for name in joins:
        if name in taken:
            _need(name, steps[name].join, len(steps[taken[name]].fork or ()), tell)
        else:
            tell(name, ("join",), f"join {name!r} is of no fork, expected 'join: {name}' at one")


def _branches(name: str, branches: tuple[str, ...], join: str, tell: Tell) -> None:
    if len(branches) < 2:
        tell(name, ("fork",), "found less than two branches, expected two or more")
    for i, branch in enumerate(branches):
        if branch in {END, join}:
            tell(name, ("fork", i), f"found {branch!r} as a branch, expected a step of its own")
        elif branch in branches[:i]:
            tell(name, ("fork", i), f"branch {branch!r} is listed twice")


def _need(name: str, need: int | str | None, branches: int, tell: Tell) -> None:
    if isinstance(need, str):
        if need not in {"all", "any"}:
            tell(name, ("join",), f"found {need!r}, expected all, any or a number of branches")
    elif need is not None and not 1 <= need <= branches:
        tell(name, ("join",), f"found {need}, expected 1 to {branches}, the branches of its fork")


def _region(
    branch: str, joins: set[str], steps: Mapping[str, StepModel], ways: Ways
) -> frozenset[str]:
    """Return the steps of a branch: where it leads, but not past a join whose fork is not in it."""
    seen = {branch}
    waiting = [branch]
    while waiting:
        name = waiting.pop()
        for way in ways[name]:
            is_open = way.target in joins and not any(
                steps[each].fork and steps[each].join == way.target for each in seen
            )
            if way.target != END and way.target not in seen and not is_open:
                seen.add(way.target)
                waiting.append(way.target)
    return frozenset(seen)


def _all(ways: Ways) -> Iterator[Way]:
    for some in ways.values():
        yield from some


def _apart(fork: Fork, ways: Ways, tell: Tell) -> None:
    """Check that only its join leads out of a branch, and nothing but the fork into it."""
    outside = _without(fork, ways)
    for branch, region in fork.regions.items():
        title = f"branch {branch!r} of fork {fork.name!r}"
        elsewhere = ({*fork.regions} - {branch}) | outside - {fork.join}
        for way in _all(ways):
            if branch not in outside and way.start in region - outside and way.target in elsewhere:
                text = f"leads from {title} to {way.target!r}, expected 'next: {fork.join}'"
                tell(way.start, way.path, text)
                return
        for way in _all(ways):
            enters = way.target in region and way.start not in region
            if enters and not (way.start == fork.name and way.target == branch):
                text = f"leads to {way.target!r} in {title} from outside it"
                tell(way.start, way.path, f"{text}, expected a step outside")
                return


def _without(fork: Fork, ways: Ways) -> frozenset[str]:
    """Return the steps that are reached without passing a fork."""
    first = next(iter(ways))
    seen = {first}
    waiting = [first]
    while waiting:
        name = waiting.pop()
        for way in () if name == fork.name else ways[name]:
            if way.target != END and way.target not in seen:
                seen.add(way.target)
                waiting.append(way.target)
    return frozenset(seen)


def _meeting(
    fork: Fork,
    forks: tuple[Fork, ...],
    steps: Mapping[str, StepModel],
    ways: Ways,
    tell: Tell,
) -> None:
    """Check that the branches, and nothing else, lead to the join, and that enough of them do."""
    inner = [
        each.regions
        for each in forks
        if each is not fork and any(each.name in region for region in fork.regions.values())
    ]
    hidden = {step for regions in inner for region in regions.values() for step in region}
    arriving = set()
    for way in _all(ways):
        if way.target != fork.join:
            continue
        branches = [b for b, region in fork.regions.items() if way.start in region]
        if branches and way.start not in hidden:
            arriving.add(branches[0])
            continue
        where = "from inside another fork" if branches else "from outside its branches"
        tell(way.start, way.path, f"leads to {fork.join!r}, the join of {fork.name!r}, {where}")
        return
    need = needed(steps[fork.join], len(fork.regions))
    if len(arriving) < need:
        tell(
            fork.join,
            ("join",),
            f"waits for {need} branches, and only {len(arriving)} lead to it; expected a join that"
            " can be complete",
        )
