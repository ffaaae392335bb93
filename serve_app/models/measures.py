"""How good propensities are: AUC with ties, also from bins, and log-loss.

The AUC is the Mann-Whitney statistic: the share of (positive, negative) pairs in which the positive has
the higher score, a tie counting one half (Hanley and McNeil, Radiology 143, 1982).
"""

from collections.abc import Sequence
from math import log

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.float64]

_LEAST = 1e-12


def auc(labels: Sequence[float] | Numbers, scores: Sequence[float] | Numbers) -> float:
    """Return the AUC of scores for labels 0 and 1, in [0, 1]; .5 when there is one class only.

    Scores that are equal are tied, whatever their order.
    """
    given = np.asarray(scores, dtype=np.float64)
    if not len(given):
        return 0.5
    _, bins = np.unique(given, return_inverse=True)
    taken = np.asarray(labels, dtype=np.float64)
    return auc_of_bins(
        np.bincount(bins, weights=taken).astype(np.float64),
        np.bincount(bins, weights=1.0 - taken).astype(np.float64),
    )


def auc_of_bins(
    positives: Sequence[float] | Numbers, negatives: Sequence[float] | Numbers
) -> float:
    """Return the AUC of bins, given in ascending order of score; within a bin all are tied.

    It is .5 when either class is empty.
    """
    yes = np.asarray(positives, dtype=np.float64)
    no = np.asarray(negatives, dtype=np.float64)
    pairs = float(yes.sum() * no.sum())
    if pairs <= 0.0:
        return 0.5
    below = np.cumsum(no) - no
    return float((yes * (below + no / 2)).sum() / pairs)


def performance_of_bins(
    positives: Sequence[float] | Numbers, negatives: Sequence[float] | Numbers
) -> float:
    """Return the AUC of a predictor whose score in each bin is the rate of positives seen there.

    So bins may come in any order, the AUC is never below .5, and bins of one rate are tied.
    """
    yes = np.asarray(positives, dtype=np.float64)
    no = np.asarray(negatives, dtype=np.float64)
    total = yes + no
    seen = total > 0
    rate = yes[seen] / total[seen]
    order = np.argsort(rate, kind="stable")
    return auc_of_bins(yes[seen][order], no[seen][order])


def log_loss(labels: Sequence[float] | Numbers, scores: Sequence[float] | Numbers) -> float:
    """Return the mean of −ln p(label) in nats; a score is taken as at least 1e-12 off 0 and 1."""
    p = np.clip(np.asarray(scores, dtype=np.float64), _LEAST, 1.0 - _LEAST)
    taken = np.asarray(labels, dtype=np.float64)
    return float(-np.mean(np.where(taken > 0, np.log(p), np.log1p(-p)))) if len(p) else 0.0


def loss_of(score: float, *, taken: bool) -> float:
    """Return −ln p(label) of one label, in nats."""
    p = min(max(score, _LEAST), 1.0 - _LEAST)
    return -log(p if taken else 1.0 - p)
