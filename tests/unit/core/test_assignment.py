from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.decisioning.assignment import best_assignment

WORTHS = st.one_of(st.floats(0.01, 100), st.integers(1, 5).map(float))


@st.composite
def slots(draw):
    """Up to four slots of offers that share groups, a cap and a budget; and what is left of those."""
    found = []
    for _ in range(draw(st.integers(1, 4))):
        offers = []
        for _ in range(draw(st.integers(0, 5))):
            needs = []
            if draw(st.booleans()):
                needs.append((("group", draw(st.sampled_from("abc")), 0), 1.0))
            if draw(st.booleans()):
                needs.append((("cap", "0", 0), 1.0))
            if draw(st.booleans()):
                needs.append((("budget", "b", 0), draw(st.sampled_from([0.5, 1.0, 2.5]))))
            offers.append((draw(WORTHS), tuple(needs), tuple(needs)))
        found.append(sorted(offers, key=lambda offer: -offer[0]))
    left = {("group", name, 0): 1.0 for name in "abc"}
    left["cap", "0", 0] = draw(st.sampled_from([0.0, 1.0, 2.0, 9.0]))
    left["budget", "b", 0] = draw(st.sampled_from([0.0, 1.0, 3.0]))
    return found, left


def worth_of(chosen, given_slots, left):
    """What an assignment is worth; None when it needs more than is left."""
    rest, total = dict(left), 0.0
    for place, offers in zip(chosen, given_slots, strict=True):
        if place >= 0:
            worth, checks, takes = offers[place]
            if any(rest[key] < amount for key, amount in checks):
                return None
            for key, amount in takes:
                rest[key] -= amount
            total += worth
    return total


def by_brute_force(given_slots, left):
    places = [range(-1, len(offers)) for offers in given_slots]
    worths = [worth_of(chosen, given_slots, left) for chosen in product(*places)]
    return max(worth for worth in worths if worth is not None)


@given(slots())
@settings(max_examples=settings().max_examples * 12, deadline=None)
def test_the_assignment_is_worth_what_the_best_of_all_is_worth(drawn):
    given_slots, left = drawn
    before = dict(left)

    chosen = best_assignment(given_slots, left)

    assert left == before
    found = worth_of(chosen, given_slots, left)
    assert found == pytest.approx(by_brute_force(given_slots, left), rel=1e-8)


def test_the_best_for_one_slot_is_left_to_another_that_has_nothing_else():
    only = ((("group", "a", 0), 1.0),)
    other = ((("group", "b", 0), 1.0),)
    first = [(10.0, only, only), (9.0, other, other)]
    second = [(10.0, only, only)]

    assert best_assignment([first, second], dict.fromkeys([only[0][0], other[0][0]], 1.0)) == [1, 0]


def test_of_assignments_worth_the_same_the_better_offer_comes_first():
    groups = [((("group", name, 0), 1.0),) for name in "abcd"]
    offers = [(worth, need, need) for worth, need in zip((9.1, 7.3, 5.5, 3.7), groups, strict=True)]
    left = {need[0][0]: 1.0 for need in groups}

    assert best_assignment([offers, offers, offers], left) == [0, 1, 2]


def test_many_slots_with_the_same_offers_take_no_more_than_a_moment():
    groups = [((("group", str(i), 0), 1.0),) for i in range(40)]
    offers = [(10.0 - i / 1000, need, need) for i, need in enumerate(groups)]
    left = {need[0][0]: 1.0 for need in groups}

    assert best_assignment([offers] * 8, left) == list(range(8))
