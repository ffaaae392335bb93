"""Budgets under hundreds of histories of commits, lost answers and retries, over each store."""

import pytest
from hypothesis import given, settings

from tests.budget_ledger import all_steps, play_on_both

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@settings(max_examples=400, deadline=None)
@given(all_steps)
def test_no_window_of_a_budget_holds_too_much_in_hundreds_of_histories(steps):
    play_on_both(steps)
