"""Beta-Bernoulli propensities per action and segment, pooled towards the action, then the prior.

    p(a)    = (n0·prior + taken(a))    / (n0 + taken(a) + refused(a))
    p(a, s) = (n0·p(a)  + taken(a, s)) / (n0 + taken(a, s) + refused(a, s))

The first line is the mean of a Beta distribution with prior strength n0 (Gelman et al., Bayesian Data
Analysis, 2.4); the second uses it as the prior of each segment, so that a segment with few
observations is near its action and one with many stands for itself.
"""

from collections.abc import Sequence

import msgpack
import numpy as np
import numpy.typing as npt

from actors.decisioning.journal import Lesson
from actors.domain.scores import Score, ScoreRow

STRENGTH = 20.0
"""n0: the prior counts as much as this many observations."""

Counts = npt.NDArray[np.float64]


class BetaBernoulli:
    """Counts of (taken, refused) by action and by action and segment.

    Deterministic: the same lessons in any order give the same counts.
    """

    name = "beta-bernoulli"

    def __init__(self) -> None:
        self._rows: dict[tuple[str, str], int] = {}
        self._counts: Counts = np.zeros((64, 2))
        self.lessons = 0

    def _row(self, action: str, segment: str) -> int:
        key = (action, segment)
        row = self._rows.get(key)
        if row is None:
            row = self._rows[key] = len(self._rows)
            if row >= len(self._counts):
                self._counts = np.concatenate([self._counts, np.zeros_like(self._counts)])
        return row

    def learn(self, lessons: Sequence[Lesson]) -> None:
        """Add lessons. A correction takes a refusal back, even one that is still to come."""
        for lesson in lessons:
            change = (lesson.taken, lesson.refused)
            for segment in ("", lesson.segment):
                row = self._row(lesson.action, segment)
                self._counts[row] += change
        self.lessons += len(lessons)

    def score(self, rows: Sequence[ScoreRow]) -> tuple[Score, ...]:
        """Return propensities in (0, 1) with the observations behind them, in the order of rows."""
        if not rows:
            return ()
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
        return tuple(Score(p, n) for p, n in zip(mean.tolist(), observed.tolist(), strict=True))

    def dump(self) -> bytes:
        """Return a checkpoint."""
        rows = [
            (action, segment, *self._counts[row].tolist())
            for (action, segment), row in sorted(self._rows.items())
        ]
        packed: bytes = msgpack.packb([1, self.lessons, rows])
        return packed

    @classmethod
    def load(cls, data: bytes) -> "BetaBernoulli":
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
