"""The evaluation of the patterns: shuffles, changes on purpose, what the report says."""

import json
from random import Random

import pytest

from scripts.patterns.baskets import (
    NEW_STORE,
    Basket,
    favourite_lost,
    gaps_times,
    mean_gap_ms,
    months,
    other_store,
    shuffled,
    spend_times,
)
from scripts.patterns.evaluation import Detection, evaluate
from scripts.patterns.report import BEGIN, END, as_json, bars, markdown, replace_block

DAY_MS = 86_400_000


def household(seed, count=80):
    rng, at_ms, baskets = Random(seed), 0, []
    for _ in range(count):
        at_ms += round(rng.gammavariate(2.0, 2.0) * DAY_MS) + DAY_MS // 2
        names = tuple(
            name for name, share in (("bread", 0.8), ("wine", 0.3)) if rng.random() < share
        )
        store = "north" if rng.random() < 0.7 else "south"
        baskets.append(Basket(at_ms, store, round(4000 * rng.lognormvariate(0, 0.6)), names))
    return baskets


@pytest.fixture(scope="module")
def found():
    return evaluate([household(seed) for seed in range(6)], seed=1)


def test_a_shuffle_keeps_how_often_each_value_occurs_and_how_long_it_all_took():
    real = household(1)

    null = shuffled(real, Random(2))

    assert null != real
    assert sorted(b.minor for b in null) == sorted(b.minor for b in real)
    assert sorted(b.departments for b in null) == sorted(b.departments for b in real)
    assert sorted(b.store for b in null) == sorted(b.store for b in real)
    assert (null[0].at_ms, null[-1].at_ms) == (real[0].at_ms, real[-1].at_ms)
    assert months(null) == months(real)
    assert mean_gap_ms(null) == mean_gap_ms(real)


def test_changes_change_what_they_say():
    before, after = household(3)[:40], household(3)[40:]

    assert [b.minor for b in spend_times(2.0)(before, after)] == [2 * b.minor for b in after]
    assert {b.store for b in other_store(before, after)} == {NEW_STORE, "south"}
    assert all("bread" not in b.departments for b in favourite_lost(before, after))
    slower = gaps_times(2.0)(before, after)
    assert slower[-1].at_ms - before[-1].at_ms == 2 * (after[-1].at_ms - before[-1].at_ms)


def test_a_detection_counts_who_was_missed():
    detection = Detection("spend_drop", after=[3, 20, None, 9], unchanged=[None, None, 2, None])

    assert detection.missed == 0.25
    assert detection.soon == 0.5
    assert detection.soon_by_chance == 0.25
    assert detection.quiet_unchanged == 0.75
    assert detection.quantile(0.5) == 20
    assert detection.quantile(0.99) is None


def test_the_evaluation_finds_changes_and_few_false_alarms(found):
    assert found.households == 6
    assert found.changes["spend halved"].missed == 0
    assert found.changes["gaps doubled"].missed == 0
    assert sum(found.false_alarms.values()) < 0.3 * found.months
    assert len(found.stops) + found.unknown_stops == 6
    assert 1 < found.stop_quantile(0.5) < 8


def test_the_same_seed_gives_the_same_figures(found):
    again = evaluate([household(seed) for seed in range(6)], seed=1)

    assert as_json(again) == as_json(found)


def test_the_report_has_every_bar_and_is_json(found):
    assert len(bars(found)) == 10
    assert json.loads(json.dumps(as_json(found)))["households"] == 6
    assert "| spend halved | spend_drop |" in markdown(found)


def test_a_bar_that_is_missed_says_so(found):
    found_bars = {bar["name"]: bar["met"] for bar in bars(found)}
    silent = Detection("spend_drop", after=[None] * 6, unchanged=[None] * 6)

    found.changes["spend halved"], kept = silent, found.changes["spend halved"]
    missed = {bar["name"] for bar in bars(found) if not bar["met"]}
    found.changes["spend halved"] = kept

    assert found_bars["spend halved, share missed"]
    assert {"spend halved, share missed", "spend halved, baskets until found, median"} <= missed


def test_tables_go_between_the_markers():
    assert replace_block(f"a {BEGIN} old {END} z", "new") == f"a {BEGIN}\nnew\n{END} z"
    with pytest.raises(ValueError, match="substring"):
        replace_block("no markers", "new")
