"""A mix: when a customer's channels or categories have shifted."""

from itertools import cycle, islice
from math import comb, log

import pytest

from actors.patterns.mix import BEFORE, BLOCK, MAX_NAMES, NAMES, merge_mixes, new_mix, observe_names

WEEKLY = 7.0


def observe_all(mix, events, gap_days=WEEKLY):
    shifts = [observe_names(mix, names, gap_days) for names in events]
    return [shift for shift in shifts if shift is not None]


def usual(count):
    return list(islice(cycle([("bread", "milk"), ("bread",), ("milk", "wine")]), count))


def test_the_same_mix_for_ever_is_no_shift():
    mix = new_mix()

    assert observe_all(mix, usual(600)) == []


def test_a_category_that_is_bought_no_more_is_a_shift_about_it():
    mix = new_mix()
    observe_all(mix, usual(60))

    (shift, *_) = observe_all(mix, [tuple(n for n in e if n != "bread") for e in usual(BLOCK)])

    assert shift.name == "bread"
    assert shift.usual == pytest.approx(2 / 3)
    assert shift.now == 0.0
    assert shift.events == BLOCK


def test_a_channel_never_used_before_is_a_shift_about_it():
    mix = new_mix()
    observe_all(mix, [("web",), ("store",)] * 20)

    (shift,) = observe_all(mix, [("call_centre",)] * BLOCK)

    assert (shift.name, shift.usual, shift.now) == ("call_centre", 0.0, 1.0)


def test_a_lasting_shift_is_reported_once():
    mix = new_mix()
    observe_all(mix, [("web",), ("web",), ("store",)] * 20)

    found = observe_all(mix, [("store",)] * 200)

    assert len(found) == 1


def test_the_surprise_follows_from_the_hypergeometric_distribution():
    mix = new_mix()
    observe_all(mix, [("web",), ("store",)] * 15)
    before, both = 30, 15 + BLOCK

    (shift,) = observe_all(mix, [("web",)] * BLOCK)

    ways = [comb(both, k) * comb(before + BLOCK - both, BLOCK - k) for k in range(BLOCK + 1)]
    mean = sum(k * w for k, w in enumerate(ways)) / sum(ways)
    variance = sum((k - mean) ** 2 * w for k, w in enumerate(ways)) / sum(ways)
    z = (BLOCK - mean - 0.5) / variance**0.5
    assert shift.surprise == pytest.approx(z * z / 2 - log(2))


def test_who_comes_often_needs_more_evidence():
    rare, frequent = new_mix(), new_mix()
    before, after = [("web",), ("store",)] * 15, [("web",)] * 10
    for mix, gap_days in ((rare, 30.0), (frequent, 0.01)):
        observe_all(mix, before, gap_days)

    assert observe_all(rare, after, 30.0) != []
    assert observe_all(frequent, after, 0.01) == []


def test_nothing_is_a_shift_before_twenty_events_are_known():
    mix = new_mix()

    assert observe_all(mix, [("web",)] * BLOCK + [("store",)] * BLOCK) == []


def test_a_late_event_adds_to_what_is_usual_and_to_nothing_else():
    mix = new_mix()
    observe_all(mix, usual(5))

    observe_names(mix, ("bread",), WEEKLY, late=True)

    assert mix == [1, 5, {"bread": [1, 4], "milk": [0, 3], "wine": [0, 1]}]


def test_only_the_most_usual_names_are_kept_and_long_ones_are_cut():
    mix = new_mix()
    events = [(f"{n:02}" + "x" * 100, "bread", "milk") for n in range(100)]

    observe_all(mix, events)

    assert len(mix[NAMES]) <= MAX_NAMES
    assert {"bread", "milk"} <= set(mix[NAMES])
    assert max(map(len, mix[NAMES])) <= 24


def test_counts_stay_bounded_and_never_exceed_the_events():
    mix = new_mix()

    observe_all(mix, usual(3000))

    assert mix[BEFORE] <= 210
    assert all(occurrences <= mix[BEFORE] for occurrences, _ in mix[NAMES].values())


def test_merging_adds_counts_up():
    a, b = new_mix(), new_mix()
    observe_all(a, usual(12))
    observe_all(b, [("milk",)] * 11)

    assert merge_mixes(a, b) == [20, 3, {"bread": [7, 1], "milk": [17, 2], "wine": [3, 1]}]
