"""The sequential test against simulated streams: point 7 of what has to hold."""

from scripts.experiments.looking import ever_rejected, simulate


def test_looking_fifty_times_rejects_few_streams_without_a_difference_and_most_with_one():
    found = simulate()

    assert found["same"]["sequential"] <= 0.065
    assert 0.25 <= found["same"]["naivePeeking"] <= 0.40
    assert 0.03 <= found["same"]["lastLookOnly"] <= 0.07
    assert found["different"]["sequential"] >= 0.75


def test_looking_a_thousand_times_rejects_few_streams_of_a_rare_event_too():
    how = {"streams": 1_000, "looks": 1_000, "per_arm": 50_000, "seed": 5}

    assert ever_rejected((0.05, 0.05), **how)["sequential"] <= 0.065
