import os
import subprocess
import sys
from collections import Counter
from hashlib import sha256
from pathlib import Path

import pytest

from actors.decisioning.exploration import EPSILON, choose_index, draw, seed_of
from actors.wire.records import pack_turn
from tests.builders import NOW, make_state, order, question, take

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("count", [2, 3, 7])
def test_recorded_probabilities_are_the_frequencies_with_which_each_is_chosen(count):
    # 20,000 draws: the standard error of a share p is √(p(1−p)/20,000) ≤ 0.0016; four of them.
    draws = 20_000
    seen = Counter(choose_index(seed_of(1, seq), "slot", count) for seq in range(draws))

    assert {index for index, _ in seen} == set(range(count))
    for (_, probability), times in seen.items():
        error = (probability * (1 - probability) / draws) ** 0.5
        assert abs(times / draws - probability) < 4 * error


@pytest.mark.parametrize("count", [2, 3, 7, 100])
def test_the_probabilities_of_a_slot_sum_to_one(count):
    found = {}
    for seq in range(20_000):
        index, probability = choose_index(seed_of(2, seq), "slot", count)
        assert found.setdefault(index, probability) == probability
        assert probability > 0

    best, other = found[0], EPSILON / count
    assert best + (count - 1) * other == pytest.approx(1.0)
    assert all(p == pytest.approx(other) for index, p in found.items() if index)


def test_a_single_candidate_is_certain():
    assert {choose_index(seed_of(3, seq), "slot", 1) for seq in range(100)} == {(0, 1.0)}


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
