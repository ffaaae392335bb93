"""Every interleaving, to a depth, in every small world; and each planted bug, by its shortest story."""

from random import Random

import pytest

from tests.model_checking.explore import explore, walk
from tests.model_checking.model import Model
from tests.model_checking.planted import PLANTED
from tests.model_checking.worlds import EVERYTHING, WORLDS

FAST_DEPTH = 5


@pytest.mark.parametrize("sizes", WORLDS, ids=lambda sizes: sizes.name)
def test_whatever_happens_within_five_steps_every_promise_is_kept(sizes):
    found = explore(Model(sizes), FAST_DEPTH, ends_every=20)

    print(f"{sizes.name}: {found.states} states, {found.steps} steps, depth {found.depth}")
    assert (found.broken, found.story) == ("", ())
    assert found.states > 200
    assert found.checked_ends > 10


@pytest.mark.parametrize("planted", PLANTED, ids=lambda planted: planted.name)
def test_a_planted_bug_is_found_by_its_shortest_story(planted):
    found = explore(Model(planted.sizes, planted.bug), 12, ends_every=planted.ends_every)

    print(f"{planted.name}: {found.broken}", *found.story, sep="\n  ")
    assert planted.breaks in found.broken
    assert len(found.story) == found.depth
    # What is found is the bug's doing: without it the same world keeps every promise as far.
    sound = explore(Model(planted.sizes), found.depth, ends_every=planted.ends_every)
    assert sound.broken == ""


def test_a_story_is_what_happens_step_by_step():
    planted = next(each for each in PLANTED if each.name == "no epoch check")
    found = explore(Model(planted.sizes, planted.bug), 12, ends_every=planted.ends_every)
    model = Model(planted.sizes, planted.bug)

    world = model.first()
    for label in found.story:
        assert model.broken(world) == ""
        world = next(after for name, after in model.steps(world) if name == label)

    assert model.broken(world) == found.broken


def test_the_same_world_is_explored_the_same_way_again():
    first, again = (explore(Model(WORLDS[0]), 4) for _ in range(2))

    assert first == again


def test_walks_through_everything_at_once_keep_every_promise_and_end_well():
    model = Model(EVERYTHING)

    found = [walk(model, Random(seed), 150) for seed in range(12)]

    print(f"{sum(each.steps for each in found)} steps of {len(found)} walks")
    assert [(each.broken, each.story) for each in found if each.broken] == []
    assert sum(each.steps for each in found) > 1_200
