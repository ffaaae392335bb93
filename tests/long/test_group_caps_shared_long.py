"""Caps of households under hundreds of histories: what the fast tests try with a few."""

import pytest
from hypothesis import given, settings

from tests.properties import test_group_caps_shared as quick

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

MANY = settings(max_examples=300, deadline=None)
in_races = quick.test_a_household_never_gets_more_than_its_cap_allows_in_any_window
in_turn = quick.test_one_after_the_other_everybody_gets_just_what_the_cap_has_room_for


@MANY
@given(*quick.histories)
def test_a_household_never_gets_more_than_its_cap_allows_in_hundreds_of_histories(
    limit, window, plan
):
    in_races.hypothesis.inner_test(limit, window, plan)


@MANY
@given(*quick.one_by_one)
def test_one_after_the_other_nobody_is_refused_what_there_is_room_for(limit, plan):
    in_turn.hypothesis.inner_test(limit, plan)
