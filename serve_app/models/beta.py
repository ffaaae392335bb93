"""Beta-Bernoulli propensities per action and segment, pooled towards the action, then the prior.

    p(a)    = (n0·prior + taken(a))    / (n0 + taken(a) + refused(a))
    p(a, s) = (n0·p(a)  + taken(a, s)) / (n0 + taken(a, s) + refused(a, s))

The first line is the mean of a Beta distribution with prior strength n0 (Gelman et al., Bayesian Data
Analysis, 2.4); the second uses it as the prior of each segment, so that a segment with few
observations is near its action and one with many stands for itself. The standard deviation is that of the
second line's Beta distribution: sqrt(p·(1 − p) / (n0 + n + 1)).
"""

from collections.abc import Sequence

import msgpack
import numpy as np
import numpy.typing as npt

from actors.domain.scores import Score, ScoreRow
from serve_app.models.interface import Labelled, Setup

STRENGTH = 20.0
"""n0: the prior counts as much as this many observations."""

MOST_KEPT = 16_384
"""Answers kept: far more than a playbook has actions and tiers, and no more if somebody asks about all kinds."""

Counts = npt.NDArray[np.float64]


class BetaBernoulli:
    """Counts of (taken, refused) by action and by action and segment.

    Deterministic: the same lessons in any order give the same counts.
    """

    kind = "beta"

    def __init__(self, setup: Setup | None = None) -> None:
        self._rows: dict[tuple[str, str], int] = {}
        self._counts: Counts = np.zeros((64, 2))
        self.lessons = 0
        self._answers: dict[tuple[str | float, ...], Score] = {}

    def _row(self, action: str, segment: str) -> int:
        key = (action, segment)
        row = self._rows.get(key)
        if row is None:
            row = self._rows[key] = len(self._rows)
            if row >= len(self._counts):
                self._counts = np.concatenate([self._counts, np.zeros_like(self._counts)])
        return row

    def learn(self, labelled: Sequence[Labelled]) -> None:
        """Add lessons. A correction takes a refusal back, even one that is still to come."""
        self._answers.clear()
        for row, taken, refused, *_ in labelled:
            for segment in ("", row.segment):
                place = self._row(row.action, segment)  # may make room, so first
                self._counts[place] += (taken, refused)
        self.lessons += len(labelled)

    def score(self, rows: Sequence[ScoreRow]) -> tuple[Score, ...]:
        """Return propensities in (0, 1), in the order of rows; what is behind them is the segment's.

        Answers are kept until the next lessons: many customers ask about few actions and segments.
        """
        kept = self._answers
        asked = [row[:3] for row in rows]  # all that an answer depends on
        unknown = [row for row, key in zip(rows, asked, strict=True) if key not in kept]
        if unknown:
            if len(kept) + len(unknown) > MOST_KEPT:
                kept = self._answers = {}
                unknown = list(rows)
            for row, score in zip(unknown, self._worked_out(unknown), strict=True):
                kept[row[:3]] = score
        return tuple([kept[key] for key in asked])

    def _worked_out(self, rows: Sequence[ScoreRow]) -> tuple[Score, ...]:
        known = self._rows
        none = len(self._counts) - 1 if len(known) < len(self._counts) else -1
        counts = self._counts if none >= 0 else np.concatenate([self._counts, np.zeros((1, 2))])
        counts = np.maximum(counts, 0.0)
        action = counts[[known.get((row.action, ""), none) for row in rows]]
        both = counts[[known.get((row.action, row.segment), none) for row in rows]]
        prior = np.array([row.prior for row in rows])
        pooled = (STRENGTH * prior + action[:, 0]) / (STRENGTH + action.sum(axis=1))
        observed = both.sum(axis=1)
        mean = (STRENGTH * pooled + both[:, 0]) / (STRENGTH + observed)
        spread = np.sqrt(mean * (1.0 - mean) / (STRENGTH + observed + 1.0))
        columns = (mean, observed, spread, both[:, 0])
        return tuple(map(Score._make, zip(*[each.tolist() for each in columns], strict=True)))

    def dump(self) -> bytes:
        """Return a checkpoint."""
        rows = [
            (action, segment, *self._counts[row].tolist())
            for (action, segment), row in sorted(self._rows.items())
        ]
        packed: bytes = msgpack.packb([1, self.lessons, rows])
        return packed

    @classmethod
    def load(cls, setup: Setup, data: bytes) -> "BetaBernoulli":
        """Rebuild a model from its checkpoint."""
        version, lessons, rows = msgpack.unpackb(data)
        if version != 1:
            raise ValueError(f"checkpoint version {version!r}, expected 1")
        model = cls()
        for action, segment, taken, refused in rows:
            row = model._row(action, segment)
            model._counts[row] = (taken, refused)
        model.lessons = lessons
        return model
