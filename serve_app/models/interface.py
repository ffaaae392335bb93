"""What every model behind the server can do; a further one registers in `kinds.py`."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from actors.domain.scores import Score, ScoreRow

Numbers = npt.NDArray[np.float64]


class Labelled(NamedTuple):
    """What became of one scored row: counts to add, as in a `Lesson`.

    (1, 0) is a yes and (0, 1) a no; (1, -1) a yes whose no was learned before.
    """

    row: ScoreRow
    taken: int
    refused: int
    channel: str = ""
    reward_minor: int = 0

    @property
    def corrects(self) -> bool:
        """Whether it takes back a no."""
        return self.taken > 0 and self.refused < 0


@dataclass(frozen=True, slots=True)
class Setup:
    """What a model is made with.

    `numeric` says for each column of the features whether it is a number, which may have any scale, or
    else 0 or 1. `half_life` is after how many lessons one counts half, 0 for never. `width` is how many
    standard errors a bandit adds to, or draws around, its mean.
    """

    numeric: tuple[bool, ...] = ()
    half_life: float = 0.0
    width: float = 0.5


class Model(Protocol):
    """Propensities of rows, learned from what became of them, in the order given.

    Deterministic: the same lessons in the same order give the same model, and the same `dump`.
    """

    lessons: int

    @property
    def kind(self) -> str:
        """The name of what it is, as in `models.yaml`."""
        ...

    def score(self, rows: Sequence[ScoreRow]) -> tuple[Score, ...]:
        """Return propensities in [0, 1] with what is behind them, in the order of rows."""
        ...

    def learn(self, labelled: Sequence[Labelled]) -> None:
        """Take lessons, one after the other."""
        ...

    def dump(self) -> bytes:
        """Return a checkpoint, from which the kind's `load` rebuilds the model bit for bit."""
        ...


def sorted_rows(numbers: dict[str, int]) -> list[str]:
    """Return names in the order of the numbers that they were given, from 0."""
    return sorted(numbers, key=numbers.__getitem__)


def packed(array: Numbers) -> bytes:
    """Return the bytes of an array of doubles, little-endian, row by row."""
    return np.ascontiguousarray(array, dtype="<f8").tobytes()


def unpacked(data: bytes, *shape: int) -> Numbers:
    """Return the array again, writable."""
    return np.frombuffer(data, dtype="<f8").reshape(shape).astype(np.float64)
