"""What a part of a population leaves behind: rows of tables, and sums by day, tier and arm."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

EVENTS, DECISIONS, OUTCOMES, CUSTOMERS = "events", "decisions", "outcomes", "customers"

COLUMNS: dict[str, tuple[str, ...]] = {
    EVENTS: ("customer", "seq", "at_ms", "kind", "name", "channel", "value_minor"),
    DECISIONS: (
        *("customer", "seq", "n", "at_ms", "slot", "channel", "tier", "segments", "arms"),
        *("actions", "probabilities", "priorities", "scores", "truth", "gains", "costs"),
        *("chosen", "propensity", "features"),
    ),
    OUTCOMES: (
        *("customer", "seq", "n", "at_ms", "action", "channel"),
        *("outcome", "taken", "reward_minor"),
    ),
    CUSTOMERS: (
        *("customer", "tier", "arms", "revenue_minor", "value_minor", "cost_minor"),
        *("contacts", "decisions", "orders", "taken", "active", "satisfaction", "fatigue"),
    ),
}
"""Columns of the tables, in order; docs/simulation.md says what they hold."""

FEATURES = (
    *("orders", "spend", "recency_days", "tenure_days", "contacts", "redemptions"),
    *("hour", "weekday"),
)
"""What `features` of a decision holds: customers as the company knows them; spend in minor units."""

MEASURES = (
    *("events", "decisions", "placed", "messages", "taken", "value_minor", "cost_minor"),
    *("revenue_minor", "orders", "expected_minor", "best_minor", "unsubscribed", "complaints"),
    *("left", "returned", "active", "fatigue", "customers"),
)
"""Sums by day, tier and arm. `expected_minor` is what chosen actions are truly worth in the mean, `best_minor`
what the best of the survivors were; the difference is regret. `active`, `fatigue` and `customers` are of the
day's end."""

PLACE = {name: place for place, name in enumerate(MEASURES)}
"""Where a measure is among the sums of a day, tier and arm."""


@dataclass(slots=True)
class Tables:
    """Rows that wait to be written, by table, each in the order of its table's columns."""

    rows: dict[str, list[tuple[Any, ...]]] = field(
        default_factory=lambda: {name: [] for name in COLUMNS}
    )

    def take(self, table: str) -> list[tuple[Any, ...]]:
        """Return the rows of a table, and forget them."""
        found = self.rows[table]
        self.rows[table] = []
        return found


class Sums:
    """Measures by (day, tier, arms)."""

    def __init__(self) -> None:
        self._sums: defaultdict[tuple[int, str, str], list[float]] = defaultdict(
            lambda: [0.0] * len(MEASURES)
        )

    def of(self, day: int, tier: str, arms: str) -> list[float]:
        """Return the sums of a day, tier and arms, to be added to, in the order of `MEASURES`."""
        return self._sums[day, tier, arms]

    def add(self, day: int, tier: str, arms: str, measures: Mapping[str, float]) -> None:
        """Add to the measures that are named."""
        sums = self._sums[day, tier, arms]
        for name, amount in measures.items():
            sums[PLACE[name]] += amount

    def to_fields(self) -> list[Any]:
        """Flatten, in order of day, tier and arms."""
        return [[*key, *sums] for key, sums in sorted(self._sums.items())]

    def take_fields(self, rows: Sequence[Sequence[Any]]) -> None:
        """Go on from `to_fields`."""
        for day, tier, arms, *sums in rows:
            self._sums[day, tier, arms] = list(sums)


TOTALS_COLUMNS = (
    *("revenue_minor", "value_minor", "cost_minor", "contacts", "decisions", "orders", "taken"),
)
"""Sums by customer, in the order of the table's columns."""
