"""From tables to figures: means a customer with intervals, policies side by side, days with bands."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from pathlib import Path
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from actors.simulation.ledger import MEASURES, TOTALS_COLUMNS
from scripts.simulation.simulate import Result

Floats = NDArray[np.float64]

_NORMAL = NormalDist()
_PLACE = {name: 3 + place for place, name in enumerate(MEASURES)}
MONEY = frozenset({"revenue_minor", "value_minor", "cost_minor", "net_minor"})


def t_quantile(probability: float, freedom: int) -> float:
    """Return a quantile of Student's t, by three terms of its expansion in 1/ν.

    Source: Abramowitz & Stegun (1964), 26.7.5; three digits from 8 degrees of freedom on.
    """
    z = _NORMAL.inv_cdf(probability)
    first = (z**3 + z) / 4
    second = (5 * z**5 + 16 * z**3 + 3 * z) / 96
    third = (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384
    return z + first / freedom + second / freedom**2 + third / freedom**3


@dataclass(frozen=True, slots=True)
class Mean:
    """A mean with its standard error over independent customers."""

    mean: float
    error: float

    def to_fields(self) -> dict[str, float]:
        """Return it with its 95 % interval."""
        low, high = self.mean - 1.96 * self.error, self.mean + 1.96 * self.error
        return {"mean": self.mean, "low": low, "high": high}


def mean_of(values: Floats) -> Mean:
    """Return the mean of values of customers, who are independent between two barriers."""
    size = len(values)
    error = float(values.std(ddof=1)) / sqrt(size) if size > 1 else 0.0
    return Mean(float(values.mean()) if size else 0.0, error)


@dataclass(slots=True)
class Customers:
    """The table of customers of one policy, in order of customer."""

    tiers: list[str]
    arms: list[str]
    columns: dict[str, Floats]


def read_customers(folder: Path) -> Customers:
    """Read the table of customers, which is in order of parts, and so of customers."""
    import pyarrow.parquet as pq

    files = sorted((folder / "customers").glob("*.parquet"), key=lambda path: path.name[5:9])
    tables = [pq.read_table(path) for path in files]
    tiers = [tier for table in tables for tier in table["tier"].to_pylist()]
    arms = [arm for table in tables for arm in table["arms"].to_pylist()]
    names = [*TOTALS_COLUMNS, "active", "satisfaction", "fatigue"]
    columns = {
        name: np.concatenate([np.array(table[name].to_pylist(), dtype=float) for table in tables])
        for name in names
    }
    columns["net_minor"] = columns["value_minor"] - columns["cost_minor"]
    return Customers(tiers, arms, columns)


SHOWN = ("revenue_minor", "net_minor", "value_minor", "cost_minor", "contacts", "orders", "taken")


def means_of(customers: Customers, rows: Sequence[int] | None = None) -> dict[str, Any]:
    """Return the figures of some customers, or of all, a head."""
    chosen = slice(None) if rows is None else np.array(rows, dtype=np.int64)
    names = (*SHOWN, "active", "satisfaction")
    return {
        "customers": len(customers.tiers) if rows is None else len(rows),
        **{name: mean_of(customers.columns[name][chosen]).to_fields() for name in names},
    }


def groups_of(labels: Sequence[str]) -> dict[str, list[int]]:
    """Return the rows of each label, in order of labels; of arms, `a=x;b=y`, of each of them."""
    found: dict[str, list[int]] = defaultdict(list)
    for row, label in enumerate(labels):
        for each in label.split(";"):
            found[each].append(row)
    return dict(sorted(found.items()))


def regret_of(parts: Sequence[dict[str, Any]], at: int | None = None) -> dict[str, Any]:
    """Return regret a decision in minor units, with an interval over the parts of the population.

    Of each label at position `at` of the sums' keys (1: tier, 2: arms), or of all.
    """
    found: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for part in parts:
        sums: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0])
        for row in part["sums"]:
            for label in ["all"] if at is None else row[at].split(";"):
                sums[label][0] += row[_PLACE["best_minor"]] - row[_PLACE["expected_minor"]]
                sums[label][1] += row[_PLACE["decisions"]]
        for label, (lost, count) in sums.items():
            found[label].append((lost, count))
    return {label: _ratio(rows) for label, rows in sorted(found.items())}


def _ratio(rows: Sequence[tuple[float, float]]) -> dict[str, float]:
    """Return a ratio of sums with an interval by the delta method over independent parts."""
    pairs = np.array(rows)
    total = float(pairs[:, 1].sum())
    if not total:
        return {"mean": 0.0, "low": 0.0, "high": 0.0}
    ratio = float(pairs[:, 0].sum()) / total
    count = len(pairs)
    if count < 2:
        return {"mean": ratio, "low": ratio, "high": ratio}
    residual = pairs[:, 0] - ratio * pairs[:, 1]
    error = sqrt(float((residual**2).sum()) * count / (count - 1)) / total
    reach = t_quantile(0.975, count - 1) * error
    return {"mean": ratio, "low": ratio - reach, "high": ratio + reach}


def compared(first: Customers, other: Customers) -> dict[str, Any]:
    """Compare two policies customer by customer, who had the same chances under both.

    `detectable` is the difference that a test at 5 % finds with a power of 80 %.
    """
    found: dict[str, Any] = {}
    for name in (*SHOWN, "active", "satisfaction"):
        change = mean_of(other.columns[name] - first.columns[name])
        z = change.mean / change.error if change.error else 0.0
        alone = sqrt(
            mean_of(first.columns[name]).error ** 2 + mean_of(other.columns[name]).error ** 2
        )
        found[name] = {
            **change.to_fields(),
            "p": 2.0 * (1.0 - _NORMAL.cdf(abs(z))),
            "detectable": 2.8016 * change.error,
            "variance_saved": 1.0 - (change.error / alone) ** 2 if alone else 0.0,
        }
    return found


@dataclass(slots=True)
class Days:
    """A measure a day: means over parts of the population, and half the width of a 95 % band."""

    days: list[int]
    mean: Floats
    reach: Floats


def days_of(parts: Sequence[dict[str, Any]], measure: str, per: str = "customers") -> Days:
    """Return a measure by day, divided by another one, with a band over parts, which are independent."""
    days = sorted({row[0] for part in parts for row in part["sums"]})
    days = [day for day in days if any(_sum(part, day, "customers") for part in parts[:1])]
    ratios = []
    for part in parts:
        by_day: dict[int, list[float]] = defaultdict(lambda: [0.0, 0.0])
        for row in part["sums"]:
            if measure == "regret":
                by_day[row[0]][0] += row[_PLACE["best_minor"]] - row[_PLACE["expected_minor"]]
            else:
                by_day[row[0]][0] += row[_PLACE[measure]]
            by_day[row[0]][1] += row[_PLACE[per]]
        ratios.append([_safe(*by_day[day]) for day in days])
    table = np.array(ratios)
    count = len(table)
    reach = np.zeros(len(days))
    if count > 1:
        reach = t_quantile(0.975, count - 1) * table.std(axis=0, ddof=1) / sqrt(count)
    return Days(days, table.mean(axis=0), reach)


def _safe(amount: float, count: float) -> float:
    return amount / count if count else 0.0


def _sum(part: dict[str, Any], day: int, measure: str) -> float:
    return sum(float(row[_PLACE[measure]]) for row in part["sums"] if row[0] == day)


def summarised(results: Sequence[Result], spec: dict[str, Any]) -> dict[str, Any]:
    """Return `summary.json`: all policies, and each after the first compared with the first."""
    tables = [read_customers(result.folder) for result in results]
    found: dict[str, Any] = {"spec": spec, "policies": {}, "compared": {}}
    for result, customers in zip(results, tables, strict=True):
        outcome = result.outcome
        found["policies"][result.label] = {
            "policy": result.policy,
            "playbook": result.version,
            "turns": outcome.turns,
            "decisions": outcome.decisions,
            "seconds": round(result.seconds, 3),
            "decisions_a_second": round(outcome.decisions / max(result.seconds, 1e-9), 1),
            "bytes_a_customer": round(outcome.bytes_a_customer, 1),
            "failed": outcome.failed,
            "digest": outcome.digest,
            "all": means_of(customers),
            "regret_minor": regret_of(outcome.parts)["all"] if outcome.decisions else None,
            "by_tier": {
                tier: means_of(customers, rows) for tier, rows in groups_of(customers.tiers).items()
            },
            "by_arm": {
                arm: means_of(customers, rows) for arm, rows in groups_of(customers.arms).items()
            },
            "regret_by_tier": regret_of(outcome.parts, 1),
            "regret_by_arm": regret_of(outcome.parts, 2),
        }
    for result, customers in zip(results[1:], tables[1:], strict=True):
        found["compared"][result.label] = {
            "with": results[0].label,
            "differences": compared(tables[0], customers),
        }
    return found
