"""What a whole system is told when nobody says anything, and what it is not told."""

import pytest
from pydantic import ValidationError

from actors.runtime.wishing import TOP_TIER
from cluster.settings import Settings


def test_by_default_up_to_eight_of_the_top_tier_get_an_actor_of_their_own_slowly():
    settings = Settings()

    assert (settings.dedicated, settings.dedicated_per_node) == (TOP_TIER, 8)
    assert 60 / settings.dedicated_per_minute >= 10


@pytest.mark.parametrize("rule", ["", TOP_TIER, "true", "profile.spend > 2000.0"])
def test_a_rule_is_one_that_compiles(rule):
    assert Settings(dedicated=rule).dedicated == rule


@pytest.mark.parametrize(
    "wrong",
    [
        {"dedicated": "profile.spend >"},
        {"dedicated_per_node": -1},
        {"dedicated_per_minute": 0},
        {"dedicated_per_minute": 601},
    ],
)
def test_what_cannot_be_carried_out_is_refused(wrong):
    with pytest.raises(ValidationError):
        Settings(**wrong)
