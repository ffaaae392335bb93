"""What each posterior vector wishes, in columns of numpy: for a core that runs as Python.

`native_polls` has the same in loops, for a core that runs as machine code; they agree to the last bit
(tested against each other).
"""

from collections.abc import Sequence
from itertools import chain
from math import ceil

import numpy as np
from numpy.typing import NDArray

from actors.decisioning.bids import Slot
from actors.decisioning.exploration import DOUBTFUL, LOTS, Array, lots, posterior
from actors.playbook.arbitration_model import Arbitration


class Poll:
    """The posterior vectors of one decision: drawn when they are first needed, and then the same.

    A vector holds a propensity for every action, the same in whatever slot.
    """

    def __init__(self, seed: int, slots: Sequence[Slot], book: Arbitration) -> None:
        self._seed, self._book = seed, book
        self._slots = slots
        self._drawn: Array | None = None
        self._ramps: Array = np.zeros(0)
        self._lots: NDArray[np.uint16] | None = None
        self._rows: list[int] = []
        self._begins: dict[str, int] = {}
        self._among: dict[tuple[str, float], Array] = {}

    def wishes(self, slot: Slot, places: Sequence[int]) -> list[int]:
        """Return for each vector which of the bids at some places of a slot is worth most: where it stands among them."""
        best: list[int] = self._worths_of(slot, places).argmax(axis=0).tolist()
        return best

    def worths(
        self, slot: Slot, places: Sequence[int], vectors: Sequence[int]
    ) -> list[list[float]]:
        """Return what those bids are worth under some vectors; nothing where one is left out."""
        found: list[list[float]] = self._worths_of(slot, places)[:, vectors].T.tolist()
        return found

    def _worths_of(self, slot: Slot, places: Sequence[int]) -> Array:
        """Return what bids of a slot are worth under each vector; nothing where one is left out.

        The most mature of them takes part under all vectors.
        """
        drawn = self._draw() if self._drawn is None else self._drawn
        start = self._begins[slot.placement]
        ramps = self._ramps[start : start + slot.size]
        all_live = len(places) == slot.size
        most = float((ramps if all_live else ramps.take(places)).max())
        among = self._among.get((slot.placement, most))
        if among is None:
            worths = drawn[start : start + slot.size]
            among = worths if ramps.min() >= most else self._taking_part(start, worths, most)
            self._among[slot.placement, most] = among
        return among if all_live else among.take(places, axis=0)

    def _taking_part(self, start: int, worths: Array, most: float) -> Array:
        """Return what bids from one on are worth where the most mature competitor is so mature."""
        if self._lots is None:
            self._lots = lots(self._seed, self._rows, self._book.vectors)
        here = slice(start, start + len(worths))
        ramps = self._ramps[here]
        last = np.ceil(ramps / most * LOTS) - 1.0  # lots up to this one take part
        last = last.astype(np.int32 if last.min() < 0.0 else np.uint16)
        part: Array = worths * (self._lots[here] <= last[:, None])
        return part

    def _draw(self) -> Array:
        """Draw the vectors, and work out with which probability each action takes part."""
        slots, reached = self._slots, 0
        for slot in slots:
            self._begins[slot.placement] = reached
            reached += slot.size
        actions = list(chain.from_iterable([slot.actions for slot in slots]))
        row_of = {index: row for row, index in enumerate(sorted(set(actions)))}
        self._rows = [row_of[index] for index in actions]
        means = list(chain.from_iterable([slot.means for slot in slots]))
        sds = list(chain.from_iterable([slot.sds for slot in slots]))
        worths = posterior(self._seed, means, sds, self._book.vectors, self._rows)
        worths *= _stacked([slot.gains for slot in slots])[:, None]
        worths -= _stacked([slot.prices for slot in slots])[:, None]
        _raise_doubtful(worths)
        start, full = self._book.maturity_from, self._book.mature_positives
        ramps = _stacked([slot.positives for slot in slots])
        np.minimum(ramps, full, out=ramps)
        ramps /= full
        ramps *= 1.0 - start
        ramps += start
        self._drawn, self._ramps = worths, ramps
        return worths


def wishes_of(
    seed: int,
    rows: Sequence[int],
    columns: tuple[Sequence[float], Sequence[float], Sequence[float], Sequence[float]],
    positives: Sequence[float],
    book: Arbitration,
) -> list[int]:
    """Return for each vector which of some bids for the only slot is worth most.

    `rows` says with which row of the draws each goes; `columns` are means, deviations, gains and prices.
    """
    means, sds, gains, prices = columns
    worths = posterior(seed, means, sds, book.vectors, rows)
    worths *= np.array(gains, dtype=np.float64)[:, None]
    worths -= np.array(prices, dtype=np.float64)[:, None]
    _raise_doubtful(worths)
    full, start = book.mature_positives, book.maturity_from
    ramps = [min(each, full) / full * (1.0 - start) + start for each in positives]
    most = max(ramps)
    if min(ramps) < most:
        drawn = lots(seed, rows, book.vectors)
        last = [ceil(ramp / most * LOTS) - 1 for ramp in ramps]
        worths *= drawn <= np.array(last)[:, None]
    best: list[int] = worths.argmax(axis=0).tolist()
    return best


def _raise_doubtful(worths: Array) -> None:
    """Make all worth more than nothing, as they are expected to be.

    A vector that doubts it still votes for the best of them, and the order among those in doubt stays.
    """
    if worths.min() <= 0.0:
        low = worths <= 0.0
        worths[low] = DOUBTFUL / (1.0 - worths[low])


def _stacked(columns: Sequence[Sequence[float]]) -> Array:
    return np.array(list(chain.from_iterable(columns)), dtype=np.float64)
