from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.domain.ids import PARTITIONS
from cluster.placement import best_of, placement, reweighed


def cells(count):
    return tuple(f"cell-{i}" for i in range(count))


def test_without_cells_nobody_owns_anything():
    assert placement(()) == ()


def test_a_single_cell_owns_everything():
    assert set(placement(("only",))) == {"only"}
    assert len(placement(("only",))) == PARTITIONS


@pytest.mark.parametrize("count", [2, 3, 8])
def test_partitions_are_shared_evenly(count):
    # Each share is binomial: four standard deviations of it.
    shares = Counter(placement(cells(count)))
    share = 1 / count
    deviation = (PARTITIONS * share * (1 - share)) ** 0.5

    assert set(shares) == set(cells(count))
    assert all(abs(n - PARTITIONS * share) < 4 * deviation for n in shares.values())


@pytest.mark.parametrize("count", [1, 2, 7])
def test_a_new_cell_takes_its_share_and_nothing_else_moves(count):
    before, after = placement(cells(count)), placement(cells(count + 1))

    moved = [(old, new) for old, new in zip(before, after, strict=True) if old != new]

    assert {new for _, new in moved} == {f"cell-{count}"}
    assert len(moved) == Counter(after)[f"cell-{count}"]


def test_what_a_lost_cell_had_is_spread_and_nothing_else_moves():
    before, after = placement(cells(5)), placement(cells(5)[1:])

    for old, new in zip(before, after, strict=True):
        assert new == old or old == "cell-0"
    heirs = Counter(new for old, new in zip(before, after, strict=True) if old == "cell-0")
    assert set(heirs) == set(cells(5)[1:])


@settings(max_examples=30)
@given(st.permutations(cells(6)), st.integers(0, PARTITIONS - 1))
def test_the_order_of_the_names_does_not_matter(names, partition):
    assert best_of(partition, names) == best_of(partition, cells(6))


def test_placement_is_for_ever():
    assert [best_of(p, cells(3)) for p in range(6)] == [
        "cell-0",
        "cell-2",
        "cell-1",
        "cell-2",
        "cell-0",
        "cell-2",
    ]


def test_even_weights_are_no_weights():
    names = cells(3)

    assert placement(names, tuple((name, 2.0) for name in names)) == placement(names)


def test_a_share_is_proportional_to_its_weight():
    weights = (("cell-0", 2.0), ("cell-1", 1.0), ("cell-2", 0.5))

    shares = Counter(placement(cells(3), weights))

    for name, weight in weights:
        share = weight / 3.5
        deviation = (PARTITIONS * share * (1 - share)) ** 0.5
        assert abs(shares[name] - PARTITIONS * share) < 4 * deviation


@pytest.mark.parametrize("weight", [0.5, 1.5])
def test_a_cell_that_changes_its_weight_moves_only_what_it_wins_or_loses(weight):
    before, after = placement(cells(4)), placement(cells(4), (("cell-1", weight),))

    moved = [(old, new) for old, new in zip(before, after, strict=True) if old != new]

    assert moved
    assert {way[weight > 1] for way in moved} == {"cell-1"}


def test_loads_that_differ_little_or_are_small_move_nothing():
    assert reweighed((), {"a": 12_000, "b": 10_000}) == ()
    assert reweighed((), {"a": 600, "b": 10}) == ()
    assert reweighed((), {"a": 100_000}) == ()
    held = (("a", 0.75), ("b", 1.25))
    assert reweighed(held, {"a": 10_000, "b": 10_000}) == held


def test_who_had_too_much_gets_less_and_who_had_little_gets_more():
    weights = dict(reweighed((), {"a": 30_000, "b": 10_000, "c": 20_000}))

    assert weights == {"a": 0.875, "b": 1.375, "c": 1.0}


def test_weights_stay_within_a_half_and_two():
    weights = ()
    for _ in range(8):
        weights = reweighed(weights, {"a": 1_000_000, "b": 1})

    assert dict(weights) == {"a": 0.5, "b": 2.0}


def test_with_a_load_that_follows_the_partitions_weights_settle():
    # The keys of cell-0 are three times as busy: the loads come within the bound, and stay there.
    busy = {p: 3 if name == "cell-0" else 1 for p, name in enumerate(placement(cells(2)))}
    weights = ()
    for _ in range(6):
        turns = Counter()
        for p, name in enumerate(placement(cells(2), weights)):
            turns[name] += busy[p]
        last, weights = weights, reweighed(weights, turns)

    assert weights == last != ()
    assert max(turns.values()) / (sum(turns.values()) / 2) <= 1.25
