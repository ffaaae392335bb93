from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.domain.ids import PARTITIONS
from cluster.placement import best_of, placement


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
