"""Whoever commits what in whatever order, with lost answers and retries: no window ever holds too much."""

from hypothesis import given, settings

from tests.budget_ledger import all_steps, play_on_both


@settings(max_examples=8, deadline=None)
@given(all_steps)
def test_no_window_of_a_budget_ever_holds_more_than_its_limit(steps):
    play_on_both(steps)
