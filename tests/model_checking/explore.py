"""Breadth first through all states, so that what is found is as short as can be."""

from array import array
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from tests.model_checking.model import Model
from tests.model_checking.world import World


@dataclass(frozen=True, slots=True)
class Explored:
    """What was seen. `whole` says that there were no further states; `story` leads to what is `broken`."""

    states: int
    steps: int
    depth: int
    whole: bool
    checked_ends: int
    broken: str = ""
    story: tuple[str, ...] = ()


def explore(
    model: Model,
    depth: int,
    *,
    most: int = 10_000_000,
    ends_every: int = 50,
    heard: Callable[[int, int], None] = lambda _depth, _states: None,
) -> Explored:
    """Visit every state within `depth` steps of the first one, until a promise is broken.

    States are remembered by their 64-bit hash: among a million the odds that two share one are 1 in
    30 million. Of every `ends_every`-th state it is followed up whether all ends well.
    """
    start = model.first()
    seen = {hash(start)}
    parents, labels = array("q", [-1]), [""]
    names: dict[str, str] = {}
    frontier: list[tuple[int, World]] = [(0, start)]
    steps, level, ends = 0, 0, 0

    def told(at: int) -> tuple[str, ...]:
        story = []
        while at > 0:
            story.append(labels[at])
            at = parents[at]
        return tuple(reversed(story))

    while frontier and level < depth and len(seen) < most:
        level += 1
        reached: list[tuple[int, World]] = []
        for at, world in frontier:
            for label, after in model.steps(world):
                steps += 1
                key = hash(after)
                if key in seen:
                    continue
                seen.add(key)
                parents.append(at)
                labels.append(names.setdefault(label, label))
                here = len(labels) - 1
                broken = model.broken(after)
                if not broken and here % ends_every == 0:
                    ends += 1
                    broken = model.stuck(after)
                if broken:
                    return Explored(len(seen), steps, level, False, ends, broken, told(here))
                reached.append((here, after))
        frontier = reached
        heard(level, len(seen))
    return Explored(len(seen), steps, level, not frontier, ends)


def walk(model: Model, chance: Random, steps: int) -> Explored:
    """Take steps at random, all the way to where nothing more can happen, or so many; then see it end well.

    Breadth first goes everywhere near the start, this goes far: what needs many steps is met here.
    """
    world, story = model.first(), []
    for taken in range(steps):
        ahead = [(label, after) for label, after in model.steps(world) if after != world]
        if not ahead:
            break
        label, world = ahead[chance.randrange(len(ahead))]
        story.append(label)
        broken = model.broken(world)
        if broken:
            return Explored(taken + 1, taken + 1, taken + 1, False, 0, broken, tuple(story))
    broken = model.stuck(world)
    told = tuple(story) if broken else ()
    return Explored(len(story), len(story), len(story), len(story) < steps, 1, broken, told)
