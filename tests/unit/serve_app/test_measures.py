"""AUC with ties and from bins, log-loss, and the figures of a model over time."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.domain.scores import ScoreRow
from serve_app.models.interface import Labelled
from serve_app.models.measures import auc, auc_of_bins, log_loss, performance_of_bins
from serve_app.models.monitor import KEPT, WINDOW, Monitor

labelled = st.lists(
    st.tuples(st.integers(0, 1), st.sampled_from([0.1, 0.2, 0.5, 0.9])), max_size=30
)
bins = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=8)


def by_pairs(pairs):
    """The definition: the share of pairs in order, half for a tie."""
    yes = [p for y, p in pairs if y]
    no = [p for y, p in pairs if not y]
    if not yes or not no:
        return 0.5
    return sum((a > b) + (a == b) / 2 for a in yes for b in no) / (len(yes) * len(no))


@given(labelled)
def test_the_auc_is_the_share_of_pairs_in_order(pairs):
    assert auc([y for y, _ in pairs], [p for _, p in pairs]) == pytest.approx(by_pairs(pairs))


@given(bins)
def test_the_auc_of_bins_is_that_of_labels_tied_in_their_bin(counts):
    pairs = [
        (label, float(place))
        for place, (yes, no) in enumerate(counts)
        for label, count in ((1, yes), (0, no))
        for _ in range(count)
    ]

    assert auc_of_bins(*zip(*counts, strict=True)) == pytest.approx(by_pairs(pairs))


@given(bins, st.randoms())
def test_the_performance_of_a_predictor_does_not_depend_on_the_order_of_its_bins(counts, random):
    shuffled = list(counts)
    random.shuffle(shuffled)

    found = performance_of_bins(*zip(*counts, strict=True))

    assert found == pytest.approx(performance_of_bins(*zip(*shuffled, strict=True)))
    assert found >= 0.5 - 1e-12


def test_log_loss_is_finite_for_certain_mistakes():
    assert log_loss([1, 0], [0.8, 0.4]) == pytest.approx(-(np.log(0.8) + np.log(0.6)) / 2)
    assert log_loss([1, 0], [0.0, 1.0]) == pytest.approx(-np.log(1e-12), rel=1e-3)
    assert log_loss([], []) == 0.0


def watched(chances, seed=1, said=None):
    rng = np.random.default_rng(seed)
    monitor = Monitor()
    for p in chances:
        taken = int(rng.random() < p)
        row = ScoreRow("a", "gold", 0.1)
        monitor.watch(Labelled(row, taken, 1 - taken, "email"), p if said is None else said)
    return monitor


def test_no_drift_is_told_of_a_model_that_stays_as_good_as_it_was():
    steady = watched([0.1, 0.3] * 6000)

    assert steady.drift()["told"] is False
    assert steady.figures()["recent"]["labels"] <= KEPT * WINDOW


def test_drift_is_told_when_the_world_changes_and_the_model_does_not():
    changed = watched([0.1] * 6000 + [0.3] * 4000, said=0.1)

    drift = changed.drift()

    assert drift["told"] is True
    assert drift["z"] > 4


def test_reliability_shows_predicted_beside_taken_by_channel_and_tier():
    figures = watched([0.05] * 3000 + [0.6] * 3000).figures()

    low, high = figures["all"]["reliability"]
    assert low["predicted"] == pytest.approx(0.05)
    assert low["taken"] == pytest.approx(0.05, abs=0.02)
    assert high["taken"] == pytest.approx(0.6, abs=0.04)
    (place,) = figures["byPlace"]
    assert (place["channel"], place["tier"], place["labels"]) == ("email", "gold", 6000)
    assert figures["all"]["auc"] == pytest.approx(place["auc"])


def test_a_late_yes_takes_its_no_out_of_the_figures():
    monitor = watched([0.1] * 50)
    before = monitor.figures()["all"]
    row = ScoreRow("a", "gold", 0.1)
    monitor.watch(Labelled(row, 0, 1, "email"), 0.1)
    monitor.watch(Labelled(row, 1, -1, "email"), 0.1)

    after = monitor.figures()["all"]

    assert after["labels"] == before["labels"] + 1
    assert after["rate"] == pytest.approx((before["rate"] * 50 + 1) / 51)


def test_figures_survive_a_checkpoint():
    monitor = watched([0.1, 0.3] * 3000)

    assert Monitor.from_fields(monitor.to_fields()).figures() == monitor.figures()
