"""How well a model predicts what it has not seen yet: each lesson is predicted first, then learned (prequential).

Figures are kept by channel and tier, for the whole life of the model and for windows of the last lessons. A late yes takes
its no back: both are counted at the propensity of the moment at which it came.
"""

from dataclasses import dataclass, field
from math import log, sqrt
from typing import Any

import numpy as np

from serve_app.models.interface import Labelled
from serve_app.models.measures import auc_of_bins, loss_of

WINDOW = 500
"""Lessons in a window."""
KEPT = 8
"""Windows that are remembered: the recent figures are of the last 4,000 lessons, and at least 3,500."""
MAX_PLACES = 64
"""Channels and tiers with figures of their own."""
DRIFT = 4.0
"""Standard errors by which the recent log-loss departs from the one before when drift is told."""
BINS = 100
_SPAN = 6.0
_LEAST_BEFORE = 2 * WINDOW


@dataclass(slots=True)
class Tally:
    """Labels by bin of what was predicted, equally wide in log-odds, and the sums for means."""

    yes: list[float] = field(default_factory=lambda: [0.0] * BINS)
    no: list[float] = field(default_factory=lambda: [0.0] * BINS)
    predicted: list[float] = field(default_factory=lambda: [0.0] * BINS)
    loss: float = 0.0
    squares: float = 0.0

    def add(self, p: float, taken: float, refused: float) -> None:
        """Count labels that were predicted with p."""
        place = _bin(p)
        self.yes[place] += taken
        self.no[place] += refused
        self.predicted[place] += p * (taken + refused)
        for count, is_taken in ((taken, True), (refused, False)):
            if count:
                loss = loss_of(p, taken=is_taken)
                self.loss += count * loss
                self.squares += count * loss * loss

    def plus(self, other: "Tally") -> "Tally":
        """Return the sum of two."""
        return Tally(
            [a + b for a, b in zip(self.yes, other.yes, strict=True)],
            [a + b for a, b in zip(self.no, other.no, strict=True)],
            [a + b for a, b in zip(self.predicted, other.predicted, strict=True)],
            self.loss + other.loss,
            self.squares + other.squares,
        )

    @property
    def count(self) -> float:
        """Labels."""
        return max(sum(self.yes) + sum(self.no), 0.0)

    def figures(self) -> dict[str, Any]:
        """Return what is shown of it; reliability has a row for each bin that holds labels."""
        n = self.count
        yes, no = np.maximum(self.yes, 0.0), np.maximum(self.no, 0.0)
        rows = [
            {"predicted": predicted / (y + m), "taken": y / (y + m), "labels": round(y + m)}
            for predicted, y, m in zip(self.predicted, yes.tolist(), no.tolist(), strict=True)
            if y + m > 0
        ]
        return {
            "labels": round(n),
            "rate": float(yes.sum()) / n if n else 0.0,
            "auc": auc_of_bins(yes, no),
            "logLoss": self.loss / n if n else 0.0,
            "reliability": rows,
        }


class Monitor:
    """The figures of one model."""

    def __init__(self) -> None:
        self._before = Tally()  # what has left the windows
        self._windows: list[Tally] = [Tally()]
        self._filled = 0
        self._places: dict[tuple[str, str], Tally] = {}

    def watch(self, labelled: Labelled, p: float) -> None:
        """Count a lesson that was predicted with p, before it is learned."""
        taken, refused = float(labelled.taken), float(labelled.refused)
        if not taken and not refused:
            return
        if self._filled >= WINDOW:
            self._windows.append(Tally())
            self._filled = 0
            if len(self._windows) > KEPT:
                self._before = self._before.plus(self._windows.pop(0))
        self._filled += 1
        self._windows[-1].add(p, taken, refused)
        place = (labelled.channel, labelled.row.segment)
        tally = self._places.get(place)
        if tally is None and len(self._places) < MAX_PLACES:
            tally = self._places[place] = Tally()
        if tally is not None:
            tally.add(p, taken, refused)

    def figures(self) -> dict[str, Any]:
        """Return the figures of all lessons, of the recent ones, by place, and whether there is drift."""
        recent = self._recent()
        places = [
            {"channel": channel, "tier": tier, **tally.figures()}
            for (channel, tier), tally in sorted(self._places.items())
        ]
        return {
            "all": self._before.plus(recent).figures(),
            "recent": recent.figures(),
            "byPlace": places,
            "drift": self.drift(),
        }

    def drift(self) -> dict[str, Any]:
        """Compare the log-loss of the recent windows with that of everything before them.

        z = (recent − before) / sqrt(variance of one loss before · (1/n_recent + 1/n_before)); drift is told from
        |z| ≥ `DRIFT` on, once there are 1,000 lessons before. Under no change |z| ≥ 4 has a chance of about 6e-5.
        """
        recent, before = self._recent(), self._before
        n, m = recent.count, before.count
        if m < _LEAST_BEFORE or not n:
            return {"told": False, "z": 0.0}
        mean = before.loss / m
        variance = max(before.squares / m - mean * mean, 1e-12)
        z = (recent.loss / n - mean) / sqrt(variance * (1.0 / n + 1.0 / m))
        return {"told": abs(z) >= DRIFT, "z": z}

    def _recent(self) -> Tally:
        total = Tally()
        for window in self._windows:
            total = total.plus(window)
        return total

    def to_fields(self) -> list[Any]:
        """Flatten it for a checkpoint."""
        return [
            _fields(self._before),
            [_fields(window) for window in self._windows],
            self._filled,
            [[*place, _fields(tally)] for place, tally in self._places.items()],
        ]

    @classmethod
    def from_fields(cls, fields: list[Any]) -> "Monitor":
        """Rebuild it from `to_fields`."""
        made = cls()
        before, windows, made._filled, places = fields
        made._before = Tally(*before)
        made._windows = [Tally(*window) for window in windows]
        made._places = {(channel, tier): Tally(*tally) for channel, tier, tally in places}
        return made


def _fields(tally: Tally) -> list[Any]:
    return [tally.yes, tally.no, tally.predicted, tally.loss, tally.squares]


def _bin(p: float) -> int:
    odds = log(p / (1.0 - p)) if 0.0 < p < 1.0 else (-_SPAN if p <= 0.0 else _SPAN)
    return min(max(int((odds + _SPAN) / (2 * _SPAN) * BINS), 0), BINS - 1)
