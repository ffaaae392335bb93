"""Online Bayesian logistic regression with forgetting, shared by several actions.

    logit P(taken) = offset(a) + β0 + β_a + Σ β_j·z_j,    β ~ N(m, Σ), Σ a full matrix

One lesson moves the posterior as Laplace's approximation says for one observation x, y, which is a
search along Σx alone (Bishop, Pattern Recognition and Machine Learning, 4.4; with v = xᵀΣx):

    t = xᵀm + v·(y − σ(t)),    s = σ(t)·(1 − σ(t))
    m ← m + Σx·(y − σ(t)),     Σ ← Σ − Σx·xᵀΣ·s / (1 + s·v)

A yes that takes a no back changes the log-likelihood by log σ(t) − log σ(−t) = t, which is linear: m ← m + Σx,
and Σ stays. That is exact for the Gaussian that the posterior is taken for.

Forgetting draws precision and mean towards the prior (stabilised forgetting: Kulhavý and Zarrop,
International Journal of Control 58, 1993), so that what is no longer seen becomes uncertain, and no more
so than it was in the beginning: with λ = ½^(1/half-life), every `EVERY` lessons,

    Σ⁻¹ ← λ^k·Σ⁻¹ + (1 − λ^k)·Σ0⁻¹,    Σ⁻¹m ← λ^k·Σ⁻¹m + (1 − λ^k)·Σ0⁻¹m0

A number is standardised by the mean and standard deviation of the lessons before it, and cut at ±5.
"""

from collections.abc import Sequence
from math import exp, log, pi, sqrt

import msgpack
import numpy as np

from actors.domain.scores import Score, ScoreRow
from serve_app.models.interface import Labelled, Numbers, Setup, packed, sorted_rows, unpacked

VARIANCE = 0.1
"""Prior variance of a feature's coefficient."""
VARIANCE_OF_ACTION = 0.25
"""Prior variance of the intercept, and of each action's own."""
EVERY = 32
"""Lessons between two steps of forgetting: each inverts a matrix."""
MAX_ACTIONS = 200
"""Actions with an intercept of their own; further ones share that of all."""

_CUT = 5.0
_FLAT = 1e-9
_CLOSE = 1e-12
_WIDER = sqrt(1.0 + pi * 2 * VARIANCE_OF_ACTION / 8)
# Gauss-Hermite: the mean and spread of σ over a normal distribution, to about 1e-4.
_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(15)
_WEIGHTS = _WEIGHTS / _WEIGHTS.sum()


class LogisticRegression:
    """The posterior, the scale of the numbers, and counts by action."""

    kind = "logistic"

    def __init__(self, setup: Setup) -> None:
        self.lessons = 0
        self._setup = setup
        self._width = 1 + len(setup.numeric)
        self._numeric = np.array([1 + i for i, each in enumerate(setup.numeric) if each], dtype=int)
        self._actions: dict[str, int] = {}
        self._counts: list[list[float]] = []
        self._seen = 0
        self._mean = np.zeros(len(self._numeric))
        self._squares = np.zeros(len(self._numeric))
        self._scale = np.ones(len(self._numeric))
        self._m = np.zeros(self._width)
        self._prior = np.full(self._width, VARIANCE)
        self._prior[0] = VARIANCE_OF_ACTION
        self._cov = np.diag(self._prior)

    def score(self, rows: Sequence[ScoreRow]) -> tuple[Score, ...]:
        """Return predictive means with the standard deviation of the propensity.

        Raises:
            ValueError: A row has not the features that the model was made for.
        """
        if not rows:
            return ()
        x, offset, unknown = self._matrix(rows)
        mean = x @ self._m + offset
        variance = np.einsum("ij,ij->i", x @ self._cov, x) + VARIANCE_OF_ACTION * unknown
        points = mean[:, None] + np.sqrt(np.maximum(variance, 0.0))[:, None] * _NODES
        chances = 1.0 / (1.0 + np.exp(-np.clip(points, -500.0, 500.0)))
        p = chances @ _WEIGHTS
        sd = np.sqrt(np.maximum(((chances - p[:, None]) ** 2) @ _WEIGHTS, 0.0))
        behind = [self._behind(row.action) for row in rows]
        return tuple(
            Score(chance, counts[0] + counts[1], spread, counts[0])
            for chance, spread, counts in zip(p.tolist(), sd.tolist(), behind, strict=True)
        )

    def learn(self, labelled: Sequence[Labelled]) -> None:
        """Take lessons, one after the other."""
        for each in labelled:
            place = self._place(each.row.action)
            x, offset, _ = self._matrix([each.row])
            self._take(x[0], float(offset[0]), each)
            counts = self._counts[place] if place >= 0 else [0.0, 0.0]
            counts[0] += each.taken
            counts[1] += each.refused
            self._rescale(each)
            self.lessons += 1
            if self._setup.half_life and self.lessons % EVERY == 0:
                self._forget(0.5 ** (EVERY / self._setup.half_life))

    def _take(self, x: Numbers, offset: float, each: Labelled) -> None:
        along = self._cov @ x
        if each.corrects:
            self._m += along
            return
        if (each.taken, each.refused) not in {(1, 0), (0, 1)}:
            return
        y, v, start = float(each.taken), float(x @ along), float(x @ self._m) + offset
        p = _sigmoid(_mode(start, v, y))
        s = p * (1.0 - p)
        self._m += along * (y - p)
        self._cov -= np.outer(along, along * (s / (1.0 + s * v)))

    def _rescale(self, each: Labelled) -> None:
        """Count the numbers of a row, once: a correction brings the same row again."""
        if each.corrects or not len(self._numeric):
            return
        values = np.array(each.row.features)[self._numeric - 1]
        self._seen += 1
        off = values - self._mean
        self._mean += off / self._seen
        self._squares += off * (values - self._mean)
        spread = np.sqrt(self._squares / self._seen)
        self._scale = np.where(spread > _FLAT, spread, 1.0)

    def _forget(self, keep: float) -> None:
        precision = np.linalg.inv(self._cov)
        pull = keep * (precision @ self._m)  # the prior's mean is 0
        precision = keep * precision
        precision[np.diag_indices_from(precision)] += (1.0 - keep) / self._prior
        covariance = np.linalg.inv(precision)
        self._cov = (covariance + covariance.T) / 2.0
        self._m = self._cov @ pull

    def _matrix(self, rows: Sequence[ScoreRow]) -> tuple[Numbers, Numbers, Numbers]:
        """Return the rows as a matrix, their offsets, and which have an action that is not known yet."""
        features = np.array([row.features for row in rows], dtype=np.float64)
        if features.shape != (len(rows), self._width - 1):
            raise ValueError(f"expected {self._width - 1} features in each row")
        x = np.zeros((len(rows), len(self._m)))
        x[:, 0] = 1.0
        x[:, 1 : self._width] = features
        if len(self._numeric):
            x[:, self._numeric] = np.clip(
                (x[:, self._numeric] - self._mean) / self._scale, -_CUT, _CUT
            )
        places = np.array([self._actions.get(row.action, -1) for row in rows])
        known = np.flatnonzero(places >= 0)
        x[known, self._width + places[known]] = 1.0
        # So that one of whom nothing is known gets the prior, for all the spread around it.
        offset = np.array([_WIDER * log(row.prior / (1.0 - row.prior)) for row in rows])
        return x, offset, (places < 0).astype(np.float64)

    def _behind(self, action: str) -> list[float]:
        place = self._actions.get(action)
        return [0.0, 0.0] if place is None else [max(n, 0.0) for n in self._counts[place]]

    def _place(self, action: str) -> int:
        place = self._actions.get(action)
        if place is not None:
            return place
        if len(self._actions) >= MAX_ACTIONS:
            return -1
        place = self._actions[action] = len(self._actions)
        self._counts.append([0.0, 0.0])
        self._m = np.append(self._m, 0.0)
        self._prior = np.append(self._prior, VARIANCE_OF_ACTION)
        size = len(self._m)
        covariance = np.zeros((size, size))
        covariance[:-1, :-1] = self._cov
        covariance[-1, -1] = VARIANCE_OF_ACTION
        self._cov = covariance
        return place

    def dump(self) -> bytes:
        """Return a checkpoint."""
        data: bytes = msgpack.packb(
            [
                1,
                self.lessons,
                sorted_rows(self._actions),
                self._counts,
                self._seen,
                *[packed(each) for each in (self._mean, self._squares, self._scale)],
                packed(self._m),
                packed(self._cov),
            ]
        )
        return data

    @classmethod
    def load(cls, setup: Setup, data: bytes) -> "LogisticRegression":
        """Rebuild a model from its checkpoint."""
        version, lessons, actions, counts, seen, *arrays = msgpack.unpackb(data)
        if version != 1:
            raise ValueError(f"checkpoint version {version!r}, expected 1")
        model = cls(setup)
        model.lessons, model._seen, model._counts = lessons, seen, counts
        model._actions = {action: place for place, action in enumerate(actions)}
        numbers, size = len(model._numeric), model._width + len(actions)
        model._mean, model._squares, model._scale = (unpacked(a, numbers) for a in arrays[:3])
        model._m, model._cov = unpacked(arrays[3], size), unpacked(arrays[4], size, size)
        model._prior = np.append(model._prior, np.full(len(actions), VARIANCE_OF_ACTION))
        return model


def _sigmoid(t: float) -> float:
    return 1.0 / (1.0 + exp(-t)) if t > -500.0 else 0.0


def _mode(start: float, v: float, y: float) -> float:
    """Return the t that solves t = start + v·(y − σ(t)): between start and start + v·(2y − 1)."""
    low, high = sorted((start, start + v * (2.0 * y - 1.0)))
    t = start
    for _ in range(50):
        p = _sigmoid(t)
        excess = t - start - v * (y - p)
        if abs(excess) < _CLOSE:
            break
        low, high = (low, t) if excess > 0.0 else (t, high)
        t -= excess / (1.0 + v * p * (1.0 - p))
        if not low <= t <= high:
            t = (low + high) / 2.0
    return t
