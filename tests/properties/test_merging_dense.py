"""Few customers who are merged and taken apart all the time: whatever order it happened in, as the model says."""

import pytest

from tests.merging_dense import walk_densely


@pytest.mark.parametrize("seed", [2, 4, 8])
def test_who_comes_and_goes_and_comes_again_is_divided_as_the_model_says(seed):
    met = walk_densely(seed, 40)

    assert met.unmerges > 5
    assert met.elsewhere > 0
