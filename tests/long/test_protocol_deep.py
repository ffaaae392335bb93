"""The worlds of `tests/model_checking` to the depth that docs/ownership.md states."""

from random import Random

import pytest

from tests.model_checking.explore import explore, walk
from tests.model_checking.model import Model
from tests.model_checking.worlds import DEPTHS, EVERYTHING, WORLDS

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.mark.parametrize("sizes", WORLDS, ids=lambda sizes: sizes.name)
def test_every_promise_is_kept_in_all_that_may_happen(sizes):
    found = explore(Model(sizes), DEPTHS[sizes.name], ends_every=100)

    print(
        f"{sizes.name}: {found.states} states, {found.steps} steps, depth {found.depth}, "
        f"{found.checked_ends} followed to their end"
    )
    assert (found.broken, found.story) == ("", ())
    assert found.whole or found.depth == DEPTHS[sizes.name]


def test_long_walks_through_everything_at_once_keep_every_promise_and_end_well():
    model = Model(EVERYTHING)

    found = [walk(model, Random(seed), 400) for seed in range(400)]

    print(
        f"{sum(each.steps for each in found)} steps of {len(found)} walks, each followed to its end"
    )
    assert [(each.broken, each.story) for each in found if each.broken] == []
