"""False alarms and detection of the patterns, on households whose truth is known because it was made.

False alarms are counted on shuffled households. For detection a change is put into the second half of
a shuffled household; what is found before her baskets end counts, and the rest was missed, also
when only ten baskets were left.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

from actors.patterns import absence_due_at_ms, absent, merge, observe
from scripts.patterns.baskets import (
    Basket,
    Change,
    Household,
    favourite_lost,
    gaps_times,
    mean_gap_ms,
    months,
    other_store,
    shuffled,
    spend_times,
)

VISIT_MS = 6 * 3_600_000
LEVELS = (0.05, 0.02, 0.01, 0.005, 0.002, 0.001)
SOON = 15

CHANGES: dict[str, tuple[str, Change]] = {
    "spend halved": ("spend_drop", spend_times(0.5)),
    "spend doubled": ("spend_rise", spend_times(2.0)),
    "gaps doubled": ("rhythm_slower", gaps_times(2.0)),
    "gaps halved": ("rhythm_faster", gaps_times(0.5)),
    "most used store replaced": ("channel_shift", other_store),
    "most usual department dropped": ("category_shift", favourite_lost),
}


@dataclass(slots=True)
class Detection:
    """After how many baskets each household's change was found; None: missed.

    `unchanged` is the same without any change: what would have been found by chance.
    """

    name: str
    after: list[int | None] = field(default_factory=list)
    unchanged: list[int | None] = field(default_factory=list)

    def quantile(self, share: float) -> float | None:
        """Return the number of baskets within which this share was found, None if fewer were."""
        ranked = sorted(n for n in self.after if n is not None)
        place = int(share * len(self.after))
        return ranked[place] if place < len(ranked) else None

    @property
    def missed(self) -> float:
        """The share of households in which it was not found before their baskets ended."""
        return self.after.count(None) / len(self.after)

    @property
    def quiet_unchanged(self) -> float:
        """The share of households that had no such deviation when nothing changed."""
        return self.unchanged.count(None) / len(self.unchanged)

    @property
    def soon(self) -> float:
        """The share found within `SOON` baskets."""
        return _soon(self.after)

    @property
    def soon_by_chance(self) -> float:
        """The share with such a deviation within `SOON` baskets although nothing changed."""
        return _soon(self.unchanged)


def _soon(after: list[int | None]) -> float:
    return sum(n is not None and n <= SOON for n in after) / len(after)


@dataclass(slots=True)
class Evaluation:
    """Everything measured. Counters are by name of deviation; `stops` in mean gaps, in order."""

    households: int = 0
    baskets: int = 0
    months: float = 0.0
    false_alarms: Counter[str] = field(default_factory=Counter)
    in_life: Counter[str] = field(default_factory=Counter)
    plain: int = 0
    gaps: int = 0
    longer: Counter[float] = field(default_factory=Counter)
    stops: list[float] = field(default_factory=list)
    unknown_stops: int = 0
    changes: dict[str, Detection] = field(default_factory=dict)
    in_order: Detection = field(default_factory=lambda: Detection("spend_drop"))

    def monthly(self, counted: Counter[str], name: str) -> float:
        """Return how many of these there were per customer-month."""
        return counted[name] / self.months

    def stop_quantile(self, share: float) -> float:
        """Return within how many mean gaps this share of the stops was found."""
        return self.stops[min(len(self.stops) - 1, int(share * len(self.stops)))]


def evaluate(households: Sequence[Household], seed: int) -> Evaluation:
    """Measure all of it, on at least one household; `seed` is that of the shuffles."""
    found = Evaluation(changes={what: Detection(name) for what, (name, _) in CHANGES.items()})
    for n, household in enumerate(households):
        rng = Random(seed * 1_000_003 + n)  # noqa: S311 - a seeded shuffle, no secret
        found.households += 1
        found.baskets += len(household)
        found.months += months(household)
        found.in_life.update(_play(household))
        null = shuffled(household, rng)
        found.false_alarms.update(_play(null))
        _stop(null, found)
        _changes(null, found)
        middle = len(household) // 2
        halved = spend_times(0.5)(household[:middle], household[middle:])
        known = _learned(household[:middle])
        found.in_order.after.append(_first(known, halved).get("spend_drop"))
        found.in_order.unchanged.append(_first(known, household[middle:]).get("spend_drop"))
    found.stops.sort()
    return found


def _see(patterns: list[Any], basket: Basket) -> list[str]:
    at_ms, store, minor, departments = basket
    return [d.name for d in observe(patterns, at_ms, store, minor, departments)]


def _play(household: Household) -> list[str]:
    """Return the names of all deviations, absences among them."""
    patterns: list[Any] = []
    names: list[str] = []
    for basket in household:
        gone = absent(patterns, basket.at_ms - 1)
        if gone is not None:
            names.append(gone.name)
        names += _see(patterns, basket)
    return names


def _learned(household: Household) -> list[Any]:
    patterns: list[Any] = []
    for basket in household:
        _see(patterns, basket)
    return patterns


def _stop(null: Household, found: Evaluation) -> None:
    """Count gaps longer than her survival says, and time the alarm after the last basket."""
    patterns: list[Any] = []
    gaps, total_ms, last_ms = 0, 0, 0
    for basket in null:
        gap_ms = basket.at_ms - last_ms
        due = absence_due_at_ms(patterns)
        if due:
            found.plain += gap_ms > 2 * total_ms / gaps
        if due and gap_ms >= VISIT_MS:
            found.gaps += 1
            for level in LEVELS:
                found.longer[level] += basket.at_ms > absence_due_at_ms(patterns, level)
        if last_ms:
            gaps, total_ms = gaps + 1, total_ms + gap_ms
        last_ms = basket.at_ms
        _see(patterns, basket)
    due = absence_due_at_ms(patterns)
    if due:
        found.stops.append((due - last_ms) / mean_gap_ms(null))
    else:
        found.unknown_stops += 1


def _changes(null: Household, found: Evaluation) -> None:
    middle = len(null) // 2
    before, after = null[:middle], null[middle:]
    known = _learned(before)
    unchanged = _first(known, after)
    for what, (name, change) in CHANGES.items():
        detection = found.changes[what]
        detection.after.append(_first(known, change(before, after), name).get(name))
        detection.unchanged.append(unchanged.get(name))


def _first(known: list[Any], after: Household, until: str = "") -> dict[str, int]:
    """Return after how many baskets each deviation was first found, up to the one asked for."""
    patterns = merge(known, [])
    first: dict[str, int] = {}
    for n, basket in enumerate(after, 1):
        for name in _see(patterns, basket):
            first.setdefault(name, n)
        if until in first:
            break
    return first
