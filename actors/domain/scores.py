"""Propensities, as asked of a model and as answered."""

from dataclasses import dataclass
from typing import NamedTuple


class ScoreRow(NamedTuple):
    """One propensity asked for: this action for a customer of this segment (usually the tier).

    `prior` is the mean to start from while the model has seen little, in (0, 1).
    """

    action: str
    segment: str
    prior: float


class Score(NamedTuple):
    """A propensity in [0, 1] and the number of observations behind it."""

    propensity: float
    observations: float


@dataclass(frozen=True, slots=True)
class Scores:
    """Answers in the order of the rows asked.

    `prior` says that no model answered in time; then `rows` is empty and each row's own prior holds.
    """

    model: str
    version: str
    prior: bool
    rows: tuple[Score, ...]
