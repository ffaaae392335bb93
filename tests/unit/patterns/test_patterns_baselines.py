"""One customer's patterns: what she does is compared with what is usual for her."""

from random import Random

import msgpack
import pytest

from actors import patterns as p
from actors.patterns.baselines import copy

DAY_MS = 86_400_000
HOUR_MS = 3_600_000
MONDAY_MS = 1_780_272_000_000
"""2026-06-01T00:00Z."""


def shops(known, visits, every_days, minor=5000, start_ms=MONDAY_MS, channel="store", seed=1):
    """Let her shop about every so many days for about so much; return (deviations, last instant)."""
    rng, at_ms, found = Random(seed), start_ms, []
    for _ in range(visits):
        at_ms += round(every_days * DAY_MS * rng.uniform(0.7, 1.3))
        spend = round(minor * rng.uniform(0.7, 1.4))
        found += p.observe(known, at_ms, channel, spend, ("bread", "milk"))
    return found, at_ms


def known_customer(**changes):
    known = []
    _, last_ms = shops(known, **{"visits": 40, "every_days": 4.0, **changes})
    return known, last_ms


def test_a_customer_who_does_what_she_always_does_is_not_significant():
    found, _ = shops([], visits=40, every_days=4.0)

    assert found == []


def test_baskets_half_as_large_are_a_drop_in_spend_with_its_evidence():
    known, last_ms = known_customer()

    found, _ = shops(known, visits=15, every_days=4.0, minor=2500, start_ms=last_ms, seed=2)

    assert [deviation.name for deviation in found] == ["spend_drop"]
    assert found[0].strength == pytest.approx(0.5, abs=0.15)
    assert found[0].usual == pytest.approx(5000, rel=0.2)
    assert found[0].now == pytest.approx(2500, rel=0.2)
    assert found[0].surprise > 1
    assert found[0].events > 1


@pytest.mark.parametrize(("days", "name"), [(9.0, "rhythm_slower"), (1.7, "rhythm_faster")])
def test_another_rhythm_is_found_and_told_in_days(days, name):
    known, last_ms = known_customer()

    found, _ = shops(known, visits=15, every_days=days, start_ms=last_ms, seed=2)

    assert found[0].name == name
    assert found[0].usual == pytest.approx(4.0, rel=0.2)
    assert found[0].now == pytest.approx(days, rel=0.3)


def test_the_same_basket_is_a_drop_for_one_and_a_rise_for_another():
    rich, last_ms = known_customer(minor=20_000)
    poor, _ = known_customer(minor=1_000)

    of_rich, _ = shops(rich, visits=15, every_days=4.0, minor=5000, start_ms=last_ms)
    of_poor, _ = shops(poor, visits=15, every_days=4.0, minor=5000, start_ms=last_ms)

    assert {d.name for d in of_rich} == {"spend_drop"}
    assert {d.name for d in of_poor} == {"spend_rise"}


def test_another_channel_is_a_shift_about_it():
    known, last_ms = known_customer()

    found, _ = shops(known, visits=20, every_days=4.0, channel="web", start_ms=last_ms)

    assert [(d.name, d.about, d.strength) for d in found][:1] == [("channel_shift", "web", 1.0)]


def test_what_happens_within_six_hours_is_one_visit():
    once, often = [], []
    for n in range(12):
        at_ms = MONDAY_MS + n * 3 * DAY_MS
        p.observe(once, at_ms + 2 * HOUR_MS, "web")
        for minutes in range(0, 121, 5):
            p.observe(often, at_ms + minutes * 60_000, "web")

    assert p.weekday_visits(often) == p.weekday_visits(once)
    assert p.usual_channels(often) == {"web": 1.0}
    assert p.last_visit_at_ms(often) == p.last_visit_at_ms(once)
    assert p.usual_gap_days(often) == pytest.approx(p.usual_gap_days(once), abs=0.1)


def test_a_change_of_channel_within_a_visit_counts():
    known = []
    for n in range(10):
        p.observe(known, MONDAY_MS + n * DAY_MS, "web")
        p.observe(known, MONDAY_MS + n * DAY_MS + HOUR_MS, "store", 100)

    assert p.usual_channels(known) == {"web": 0.5, "store": 0.5}


def test_nobody_is_absent_of_whom_too_little_is_known():
    known = []
    for n in range(5):
        p.observe(known, MONDAY_MS + n * DAY_MS, "web")

    assert p.absence_due_at_ms(known) == 0
    assert p.absence_due_at_ms([]) == 0
    assert p.absent(known, MONDAY_MS + 9999 * DAY_MS) is None
    assert p.survival([], MONDAY_MS) == 1.0


def test_an_absence_is_due_when_survival_falls_below_the_level():
    known, last_ms = known_customer()

    for level in (0.05, 0.01, 0.001):
        due_ms = p.absence_due_at_ms(known, level)
        assert p.survival(known, due_ms) == pytest.approx(level, rel=1e-3)
        assert p.survival(known, due_ms - HOUR_MS) > level
        assert p.absent(copy(known), due_ms - 1, level) is None
    assert 1.5 * 4 * DAY_MS < p.absence_due_at_ms(known) - last_ms < 8 * 4 * DAY_MS


def test_an_absence_is_reported_once_until_she_comes_back():
    known, _ = known_customer()
    due_ms = p.absence_due_at_ms(known)

    first = p.absent(known, due_ms)
    second = p.absent(known, due_ms + 30 * DAY_MS)
    silent = p.absence_due_at_ms(known)
    p.observe(known, due_ms + 40 * DAY_MS, "store")

    assert first.name == "absence"
    assert 0.3 < first.strength < 1
    assert first.surprise == pytest.approx(4.6, abs=0.1)
    assert first.now > first.usual
    assert second is None
    assert silent == 0
    assert p.absence_due_at_ms(known) > due_ms + 40 * DAY_MS


def test_a_saturday_customer_is_missed_on_a_saturday_and_not_in_the_week():
    saturdays, evenly = [], []
    for n in range(40):
        p.observe(saturdays, MONDAY_MS + (5 + 7 * n) * DAY_MS + 15 * HOUR_MS, "store")
        p.observe(evenly, MONDAY_MS + (5 * n) * DAY_MS, "store")

    due_day = p.absence_due_at_ms(saturdays) // DAY_MS - MONDAY_MS // DAY_MS

    assert p.weekday_visits(saturdays) == [0, 0, 0, 0, 0, 40, 0]
    assert due_day % 7 in (5, 6)
    assert min(p.weekday_visits(evenly)) > 0


def test_days_of_the_week_are_local_ones():
    known = []
    for n in range(8):
        at_ms = MONDAY_MS + 7 * n * DAY_MS + HOUR_MS
        p.observe(known, at_ms, "store", offset_ms=-4 * HOUR_MS)

    assert p.weekday_visits(known) == [0, 0, 0, 0, 0, 0, 8]
    assert p.absence_due_at_ms(known) > at_ms


def test_a_late_event_adds_to_what_is_usual_but_is_no_sign_of_a_change():
    known, last_ms = known_customer()
    due_ms = p.absence_due_at_ms(known)
    spend = p.usual_spend_minor(known)

    found = []
    for n in range(30):
        found += p.observe(known, last_ms - (n + 2) * DAY_MS, "mail", 100, ("wine",))

    assert found == []
    assert p.last_visit_at_ms(known) == last_ms
    assert p.absence_due_at_ms(known) == pytest.approx(due_ms, abs=2 * DAY_MS)
    assert p.usual_spend_minor(known) < spend / 2
    assert p.usual_channels(known)["mail"] > 0.3
    assert p.usual_categories(known)["wine"] > 0.3


@pytest.mark.parametrize("amount", [0, -500])
def test_nothing_is_learned_about_spending_from_what_costs_nothing(amount):
    known = []

    p.observe(known, MONDAY_MS, "store", amount, ("bread",))

    assert p.usual_spend_minor(known) == 0.0
    assert p.usual_categories(known) == {"bread": 1.0}


def test_of_a_stranger_nothing_is_usual():
    assert p.last_visit_at_ms([]) == 0
    assert p.usual_gap_days([]) == p.usual_spend_minor([]) == 0.0
    assert p.usual_channels([]) == p.usual_categories([]) == {}
    assert p.weekday_visits([]) == [0] * 7


def test_patterns_survive_msgpack_as_they_are_and_stay_small():
    known = []
    for n in range(400):
        names = tuple(f"{i:02}" + "long name of a category" for i in range(n % 7, 20, 3))
        p.observe(known, MONDAY_MS + n * DAY_MS * 2, f"channel {n % 11}", 2**61 + n, names)

    packed = msgpack.packb(known)

    assert msgpack.unpackb(packed) == known
    assert known[0] == 1
    assert len(packed) <= 600


def test_patterns_with_usual_names_take_less_than_400_bytes():
    known = []
    names = ("GROCERY", "PRODUCE", "MEAT-PCKGD", "DRUG GM", "DELI", "PASTRY", "MEAT", "NUTRITION")
    for n in range(401):
        at_ms = MONDAY_MS + n * DAY_MS + n * 12_345_678
        p.observe(known, at_ms, ("store", "web", "app", "call_centre")[n % 4], 977 + n, names)

    assert len(msgpack.packb(known)) < 400


def test_merging_joins_what_both_have_done():
    a, a_last_ms = known_customer(visits=20, minor=4000)
    b, b_last_ms = known_customer(visits=30, minor=9000, channel="web", seed=3)

    both = p.merge(a, b)

    assert p.last_visit_at_ms(both) == max(a_last_ms, b_last_ms)
    assert sum(p.weekday_visits(both)) == 50
    assert p.usual_channels(both) == {"store": 0.4, "web": 0.6}
    assert p.usual_spend_minor(a) < p.usual_spend_minor(both) < p.usual_spend_minor(b)


def test_merging_leaves_both_as_they_were():
    a, last_ms = known_customer()
    b, _ = known_customer(channel="web")
    before = msgpack.packb([a, b])

    both, alone = p.merge(a, b), p.merge(a, [])
    shops(both, visits=20, every_days=1.0, start_ms=last_ms)
    shops(alone, visits=20, every_days=1.0, start_ms=last_ms)

    assert msgpack.packb([a, b]) == before


def test_an_absence_that_was_reported_stays_so_unless_the_other_was_seen_since():
    gone, _ = known_customer()
    due_ms = p.absence_due_at_ms(gone)
    p.absent(gone, due_ms)
    earlier, later = [], []
    p.observe(earlier, MONDAY_MS, "web")
    p.observe(later, due_ms, "web")

    assert p.absence_due_at_ms(p.merge(gone, earlier)) == 0
    assert p.absence_due_at_ms(p.merge(later, gone)) > due_ms
