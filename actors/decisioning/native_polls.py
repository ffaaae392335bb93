"""What each posterior vector wishes, in loops over single numbers: for a core that runs as machine code.

As Python these loops are ten times slower than the columns of `polls`; as machine code they cost a
quarter of them. The arithmetic is the same, operation by operation, so they agree to the last bit.
"""

from collections.abc import Sequence
from typing import Final

from librt.strings import read_f64_le, read_i16_le
from mypy_extensions import i64

from actors.decisioning.bids import Slot
from actors.decisioning.exploration import (
    DOUBTFUL,
    FARTHEST,
    LEAST,
    LOTS,
    MATURITY,
    POSTERIOR,
    QUANTILES,
    stream,
)
from actors.playbook.arbitration_model import Arbitration

_QUANTILES: bytes = QUANTILES.astype("<f8").tobytes()
_STEP: Final = 4095
_Column = tuple[float, ...]


class Poll:
    """The posterior vectors of one decision, as `polls.Poll` draws them."""

    def __init__(self, seed: int, slots: Sequence[Slot], book: Arbitration) -> None:
        self._seed, self._vectors = seed, book.vectors
        self._full, self._start = float(book.mature_positives), float(book.maturity_from)
        actions: set[int] = set()
        for slot in slots:
            actions.update(slot.actions)
        self._row_of: dict[int, int] = {index: row for row, index in enumerate(sorted(actions))}
        self._words = b""
        self._lots = b""

    def wishes(self, slot: Slot, places: Sequence[int]) -> list[int]:
        """Return for each vector which of some bids of a slot is worth most: where it stands among them."""
        rows, last = self._drawn(slot, places)
        tally = _Tally(self._words, self._lots, self._vectors)
        for at, place in enumerate(places):
            terms = slot.means[place], slot.sds[place], slot.gains[place], slot.prices[place]
            tally.hold(at, rows[at], terms, last[at])
        return tally.found

    def worths(
        self, slot: Slot, places: Sequence[int], vectors: Sequence[int]
    ) -> list[list[float]]:
        """Return what those bids are worth under some vectors; nothing where one is left out."""
        rows, last = self._drawn(slot, places)
        found: list[list[float]] = []
        for vector in vectors:
            worths: list[float] = []
            for at, place in enumerate(places):
                tally = _Tally(self._words, self._lots, vector + 1)
                terms = slot.means[place], slot.sds[place], slot.gains[place], slot.prices[place]
                tally.hold(at, rows[at], terms, last[at], self._vectors, vector)
                worths.append(tally.best[vector])
            found.append(worths)
        return found

    def _drawn(self, slot: Slot, places: Sequence[int]) -> tuple[list[int], list[int]]:
        """Return the rows of the draws for some bids, and the last lots with which they take part."""
        row_of, size = self._row_of, 2 * self._vectors * len(self._row_of)
        if not self._words:
            self._words = stream(self._seed, POSTERIOR, size)
        last = _last_lots([slot.positives[place] for place in places], self._full, self._start)
        if not self._lots and min(last) < LOTS - 1:
            self._lots = stream(self._seed, MATURITY, size)
        return [row_of[slot.actions[place]] for place in places], last


def wishes_of(
    seed: int,
    rows: Sequence[int],
    columns: tuple[_Column, _Column, _Column, _Column],
    positives: Sequence[float],
    book: Arbitration,
) -> list[int]:
    """Return what `polls.wishes_of` does."""
    means, sds, gains, prices = columns
    size = 2 * book.vectors * (max(rows) + 1)
    last = _last_lots(list(positives), float(book.mature_positives), float(book.maturity_from))
    words = stream(seed, POSTERIOR, size)
    lots = stream(seed, MATURITY, size) if min(last) < LOTS - 1 else b""
    tally = _Tally(words, lots, book.vectors)
    for i, row in enumerate(rows):
        tally.hold(i, row, (means[i], sds[i], gains[i], prices[i]), last[i])
    return tally.found


def _last_lots(positives: list[float], full: float, start: float) -> list[int]:
    """Return for each bid the last lot with which it takes part: all do with the most mature one."""
    ramps = [min(each, full) / full * (1.0 - start) + start for each in positives]
    most = max(ramps)
    found: list[int] = []
    for ramp in ramps:
        exact = ramp / most * LOTS
        whole = int(exact)
        found.append((whole + 1 if whole < exact else whole) - 1)
    return found


def _worth(propensity: float, gain: float, price: float) -> float:
    """Return what a bid is worth to a vector: more than nothing, as it is expected to be."""
    if propensity < LEAST:
        propensity = LEAST
    if propensity > 1.0:
        propensity = 1.0
    worth = propensity * gain - price
    return worth if worth > 0.0 else DOUBTFUL / (1.0 - worth)


class _Tally:
    """The best bid so far under each vector, and what it is worth there."""

    def __init__(self, words: bytes, lots: bytes, vectors: int) -> None:
        self._words, self._lots = words, lots
        self.best = [0.0] * vectors
        self.found = [0] * vectors

    def hold(
        self,
        at: int,
        row: int,
        terms: tuple[float, float, float, float],
        last: int,
        vectors: int = 0,
        first: int = 0,
    ) -> None:
        """Hold the bid at `at` against them, from a first vector on; the first of equal ones stays.

        `terms` are its mean, deviation, gain and price. It is worth nothing to a vector whose lot is beyond its
        last. `vectors` are those in a row of the draws, where that is more than are tallied.
        """
        words, lots, quantiles = self._words, self._lots, _QUANTILES
        best, found = self.best, self.found
        mean, sd, gain, price = terms
        if not sd > 0.0:
            sd = 0.0
        lot: i64 = i64(last)
        always = lot >= i64(LOTS) - 1
        until: i64 = i64(len(best))
        if not vectors and self._beats_nobody(_worth(mean + sd * FARTHEST, gain, price)):
            return
        m: i64 = i64(first)
        place: i64 = (i64(row) * i64(vectors or len(best)) + m) * 2
        while m < until:
            if always or (i64(read_i16_le(lots, place)) & 0xFFFF) <= lot:
                step = i64(read_i16_le(words, place)) & _STEP
                worth = _worth(read_f64_le(quantiles, step * 8) * sd + mean, gain, price)
                if worth > best[m]:
                    best[m] = worth
                    found[m] = at
            place += 2
            m += 1

    def _beats_nobody(self, most: float) -> bool:
        """Return whether the best of every vector is worth as much as a bid could be under any draw."""
        return all(worth >= most for worth in self.best)
