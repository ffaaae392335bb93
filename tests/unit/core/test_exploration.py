import os
import subprocess
import sys
from collections import Counter
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.decisioning.exploration import (
    FARTHEST,
    LEAST,
    QUANTILES,
    choose,
    draw,
    posterior,
    seed_of,
    shares,
)
from actors.wire.records import pack_turn
from tests.builders import NOW, make_state, order, question, take

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("votes", [[64, 0, 0], [40, 20, 0, 4], [0, 0, 64], [1, 2, 3, 4, 54]])
def test_recorded_probabilities_are_the_frequencies_with_which_each_is_chosen(votes):
    # 20,000 draws: the standard error of a share p is √(p(1−p)/20,000) ≤ 0.0036; four of them.
    draws, probabilities = 20_000, shares(votes, 0.05)
    seen = Counter(choose(seed_of(1, seq), "slot", probabilities) for seq in range(draws))

    for index, probability in enumerate(probabilities):
        error = (probability * (1 - probability) / draws) ** 0.5
        assert abs(seen[index] / draws - probability) <= 4 * error


@given(
    votes=st.lists(st.integers(0, 64), min_size=2, max_size=60).filter(any),
    epsilon=st.floats(0.001, 1),
)
def test_probabilities_sum_to_one_and_no_survivor_has_none(votes, epsilon):
    probabilities = shares(votes, epsilon)

    assert sum(probabilities) == pytest.approx(1.0, abs=1e-12)
    assert all(probability >= epsilon / len(votes) for probability in probabilities[:-1])
    assert probabilities[-1] == (1 - epsilon) * (votes[-1] / sum(votes))


def test_what_has_no_probability_is_never_chosen():
    assert {choose(seed_of(3, seq), "slot", [0.0, 1.0, 0.0]) for seq in range(100)} == {1}


def test_the_table_of_normal_quantiles_is_the_same_on_every_machine():
    # 7 digits after the 9th would be needed to tell two libraries of C apart; the digest pins it.
    assert sha256(QUANTILES.tobytes()).hexdigest()[:16] == "8ad028a162924990"
    assert abs(QUANTILES.mean()) < 1e-12
    assert QUANTILES.std() == pytest.approx(1.0, abs=0.001)
    assert pytest.approx(3.67, abs=0.01) == FARTHEST


def test_posterior_vectors_have_their_mean_and_deviation_and_stay_between_0_and_1():
    # 256 vectors: the standard error of a mean is sd / 16.
    drawn = posterior(7, [0.1, 0.5, 0.99, 0.3], [0.02, 0.1, 0.2, 0.0], 256, range(4))

    assert drawn.min() >= LEAST
    assert drawn.max() == 1.0
    assert abs(drawn[0].mean() - 0.1) < 4 * 0.02 / 16
    assert abs(drawn[1].mean() - 0.5) < 4 * 0.1 / 16
    assert set(drawn[3]) == {0.3}
    assert abs(np.corrcoef(drawn[0], drawn[1])[0, 1]) < 0.25


def test_draws_are_uniform_and_streams_independent():
    # 10,000 uniform draws: the mean has a standard error of 0.0029, the correlation one of 0.01.
    pairs = [(draw(seed_of(4, i), "a"), draw(seed_of(4, i), "b")) for i in range(10_000)]
    means = [sum(p[k] for p in pairs) / len(pairs) for k in (0, 1)]
    covariance = sum((a - means[0]) * (b - means[1]) for a, b in pairs) / len(pairs)

    assert all(0 <= x < 1 for pair in pairs for x in pair)
    assert all(abs(mean - 0.5) < 0.012 for mean in means)
    assert abs(covariance * 12) < 0.05


def test_seeds_fit_64_bits_and_differ_by_customer_and_turn():
    seeds = {seed_of(number, seq) for number in range(50) for seq in range(50)}

    assert len(seeds) == 2500
    assert all(0 <= seed < 2**63 for seed in seeds)


def test_draws_and_whole_decisions_are_the_same_under_every_hash_seed():
    # This process has a hash seed of its own, drawn when it began unless somebody set one.
    seed = "4242" if os.environ.get("PYTHONHASHSEED") != "4242" else "1"
    code = "from tests.unit.core.test_exploration import fingerprint; print(fingerprint())"

    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )

    assert done.stdout.strip() == fingerprint()


def fingerprint():
    """A digest of some decisions as they are stored."""
    state = make_state()
    slots = ("hero", "basket")
    turns = [take(state, question(placements=slots), NOW + i) for i in range(40)]
    turns += [take(state, order(i), NOW + i) for i in range(3)]
    rows = b"".join(pack_turn(turn.record) for turn in turns)
    return sha256(rows).hexdigest()
