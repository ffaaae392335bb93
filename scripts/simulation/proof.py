"""Does a comparison of policies find what is there, and only that? The same question asked hundreds of times.

The population is real, the company small: two offers on one page, so that thousands of runs take minutes.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import sqrt
from pathlib import Path
from statistics import NormalDist
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from actors.playbook.loader import bundle_bytes, compile_bundle
from actors.simulation.model import PopulationModel, default_model
from actors.simulation.run import Run
from actors.simulation.spec import Spec
from actors.simulation.worker import setup_bytes
from scripts.simulation.summary import read_customers
from scripts.simulation.workers import Here

_NORMAL = NormalDist()
ALPHA = 0.05
RESAMPLED = 4_000
"""How often customers are drawn anew to work out a power."""


def playbook() -> dict[str, str]:
    """Return a playbook of two offers, for either of two things that people like."""
    book = {
        "name": "two-offers",
        "version": "1.0",
        "currency": {"code": "USD", "minorDigits": 2},
        "channels": {"web": {"placements": ["hero"], "defaultPlacements": ["hero"]}},
    }
    offer = {
        "purpose": "onsite",
        "startingPropensity": 0.2,
        "treatments": {"web": {"placements": ["hero"]}},
    }
    actions = {
        "offers/one/produce": {**offer, "value": 3.0},
        "offers/two/meat": {**offer, "value": 3.0},
    }
    return {
        "playbook.yaml": json.dumps(book),
        "actions.yaml": json.dumps({"actions": actions}),
        "policies.yaml": json.dumps({"consent": {"purposesNotNeedingConsent": ["onsite"]}}),
    }


def people() -> PopulationModel:
    """Return customers who only look at a page; as many like one offer as the other, and as much."""
    return replace(
        default_model(),
        channels={"web": 1.0},
        buys={"web": 0.0},
        visit_rates=[0.3, 1.0],
        action_spread=0.0,
        categories={"PRODUCE": 0.5, "MEAT": 0.5},
        evenness=2.0,
        taste_log_odds=2.0,
        offer_log_odds=-1.5,
        leave=0.0,
    )


def always_first(context: Any, actions: Any) -> list[float]:
    """A policy: the first offer by name, on every visit."""
    return [1.0 if name.startswith("offers/one") else 0.0 for name in actions]


def always_second(context: Any, actions: Any) -> list[float]:
    """Another policy, of the same value: the other offer, on every visit."""
    return [1.0 if name.startswith("offers/two") else 0.0 for name in actions]


def mostly_first(context: Any, actions: Any) -> list[float]:
    """A policy that is worse by a thirtieth: it shows nothing on one visit of thirty."""
    first = 29.0 / 30.0
    return [
        1.0 - first if not name else first if name.startswith("offers/one") else 0.0
        for name in actions
    ]


@dataclass(frozen=True, slots=True)
class Asked:
    """What a comparison of two runs found: the difference a customer, its error and p."""

    difference: float
    error: float
    p: float


def values_of(policy: str, seed: int, population: int, days: int) -> NDArray[np.float64]:
    """Return what the offers brought, a customer, of one run."""
    spec = Spec(population=population, days=days, seed=seed, blocks=1)
    setup = setup_bytes(spec, people(), bundle_bytes(playbook()), policy)
    with TemporaryDirectory() as folder:
        run = Run(spec, compile_bundle(playbook()), Path(folder), setup, days + 1, True)
        outcome = run.go(Here(setup, [0], folder), lambda _: None, lambda: False, resume=False)
        if outcome.failed:
            raise RuntimeError(str(outcome.failed))
        return read_customers(Path(folder)).columns["value_minor"]


def paired(first: NDArray[np.float64], other: NDArray[np.float64]) -> Asked:
    """Compare customer by customer."""
    change = other - first
    error = float(change.std(ddof=1)) / sqrt(len(change))
    return _asked(float(change.mean()), error, len(change) - 1)


def unpaired(first: NDArray[np.float64], other: NDArray[np.float64]) -> Asked:
    """Compare two populations that have nothing in common."""
    error = sqrt(first.var(ddof=1) / len(first) + other.var(ddof=1) / len(other))
    return _asked(float(other.mean() - first.mean()), error, len(first) + len(other) - 2)


def _asked(difference: float, error: float, freedom: int) -> Asked:
    """Return a difference with its p by Student's t; source: Abramowitz & Stegun (1964), 26.7.8."""
    t = difference / error if error else 0.0
    z = t * (1.0 - 1.0 / (4.0 * freedom)) / sqrt(1.0 + t * t / (2.0 * freedom))
    return Asked(difference, error, 2.0 * (1.0 - _NORMAL.cdf(abs(z))))


def power_of(changes: Sequence[NDArray[np.float64]], size: int, times: int = RESAMPLED) -> float:
    """Return how often a paired comparison of `size` customers rejects, when they are drawn from those known.

    A formula with a normal mean and a known error would say too little: when the two policies differ
    in a few takings, all in one direction, mean and error rise and fall together.
    Source: Efron & Tibshirani (1993), "An introduction to the bootstrap", chapter 25 (sample sizes).
    """
    pool = np.concatenate(changes)
    drawn = np.random.default_rng(RESAMPLED).choice(pool, (times, size))
    errors = drawn.std(axis=1, ddof=1) / sqrt(size)
    means = drawn.mean(axis=1).tolist()
    asked = [_asked(m, e, size - 1) for m, e in zip(means, errors.tolist(), strict=True)]
    return sum(each.p < ALPHA for each in asked) / times


def wilson(count: int, of: int) -> tuple[float, float]:
    """Return the 95 % interval of a share; source: Wilson (1927)."""
    z = _NORMAL.inv_cdf(1.0 - ALPHA / 2.0)
    middle = (count + z * z / 2.0) / (of + z * z)
    half = z * sqrt(count * (of - count) / of + z * z / 4.0) / (of + z * z)
    return middle - half, middle + half


def proof(times: int, population: int, days: int, said: Any = None) -> list[dict[str, Any]]:
    """Ask each question so many times, each with another seed; return a line a question.

    The stated power is worked out from the first tenth of the comparisons; how often the difference was found is
    counted in all others.
    """
    here = "scripts.simulation.proof"
    tenth = max(1, times // 10)
    known: list[NDArray[np.float64]] = []
    found: dict[str, list[Asked]] = {"equal": [], "independent": [], "worse": []}
    for seed in range(times):
        first = values_of(f"{here}:always_first", seed, population, days)
        equal = values_of(f"{here}:always_second", seed, population, days)
        worse = values_of(f"{here}:mostly_first", seed, population, days)
        stranger = values_of(f"{here}:always_first", 1_000_000 + seed, population, days)
        found["equal"].append(paired(first, equal))
        found["independent"].append(unpaired(first, stranger))
        found["worse"].append(paired(first, worse))
        if seed < tenth:
            known.append(worse - first)
        if said is not None:
            said(seed + 1)
    power = power_of(known, population)
    return [
        _line("null: two policies of equal value, same seeds, paired", found["equal"]),
        _line("null: one policy, independent seeds, not paired", found["independent"]),
        _line("a policy that is worse by a thirtieth, same seeds", found["worse"][tenth:], power),
    ]


def _line(title: str, asked: list[Asked], power: float | None = None) -> dict[str, Any]:
    rejected = sum(each.p < ALPHA for each in asked)
    low, high = wilson(rejected, len(asked))
    return {
        "question": title,
        "comparisons": len(asked),
        "rejected": rejected,
        "share": rejected / len(asked),
        "low": low,
        "high": high,
        "stated_power": power,
    }


def main(times: int = 200, population: int = 100, days: int = 4) -> None:
    """Print the table of docs/simulation.md; takes minutes."""
    lines = proof(times, population, days, lambda done: print(f"{done} of {times}", end="\r"))
    print("| question | comparisons | rejected | share, 95 % interval | stated power |")
    print("| --- | --- | --- | --- | --- |")
    for line in lines:
        power = "" if line["stated_power"] is None else f"{line['stated_power']:.3f}"
        share = f"{line['share']:.3f} ({line['low']:.3f} to {line['high']:.3f})"
        print(
            f"| {line['question']} | {line['comparisons']} | {line['rejected']} | {share} | {power} |"
        )


if __name__ == "__main__":
    import typer

    typer.run(main)
