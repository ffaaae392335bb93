"""Propensities, as asked of a model and as answered."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple


class ScoreRow(NamedTuple):
    """One propensity asked for: this action for a customer of this segment (usually the tier).

    `prior` is the mean to start from while the model has seen little, in (0, 1). `model` names the
    playbook's model, empty for the default one; `features` are its inputs, in its schema's order.
    """

    action: str
    segment: str
    prior: float
    model: str = ""
    features: tuple[float, ...] = ()


class Score(NamedTuple):
    """A propensity in [0, 1], the observations behind it, its standard deviation, and the positives.

    `sd` 0 means a value taken as certain; `positives` counts what was taken among the observations.
    """

    propensity: float
    observations: float
    sd: float = 0.0
    positives: float = 0.0


@dataclass(slots=True, init=False)
class Scores:
    """Answers in the order of the rows asked.

    `prior` says that no model answered in time; then `rows` is empty and each row's own prior holds.
    """

    model: str
    version: str
    prior: bool
    rows: tuple[Score, ...]

    def __init__(
        self,
        model: str,
        version: str,
        prior: bool,
        rows: tuple[Score, ...],
    ) -> None:
        self.model = model
        self.version = version
        self.prior = prior
        self.rows = rows

    def of(self, rows: Sequence[ScoreRow], positions: Mapping[ScoreRow, int]) -> "Scores":
        """Return the answers to some of the rows, whose positions here are given."""
        if self.prior:
            return self
        picked = tuple([self.rows[positions[row]] for row in rows])
        return Scores(self.model, self.version, prior=False, rows=picked)


NO_SCORES = Scores("", "", prior=True, rows=())
"""When no model answered, or none was asked: nobody changes it."""
