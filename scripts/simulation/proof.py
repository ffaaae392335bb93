"""Does a comparison of policies find what is there, and only that? The same question asked hundreds of times.

The population is real, the company small: two offers on one page, so that thousands of runs take minutes.
"""

import json
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
    """A policy that is worse by a tenth: it shows nothing on one visit of ten."""
    return [0.1 if not name else 0.9 if name.startswith("offers/one") else 0.0 for name in actions]


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


def power_of(difference: float, error: float) -> float:
    """Return how often a difference is found at 5 %, given the error of one comparison."""
    if not error:
        return 1.0 if difference else 0.0
    z = abs(difference) / error
    reach = _NORMAL.inv_cdf(1.0 - ALPHA / 2.0)
    return _NORMAL.cdf(z - reach) + _NORMAL.cdf(-z - reach)


def proof(times: int, population: int, days: int, said: Any = None) -> list[dict[str, Any]]:
    """Ask each question so many times, each with another seed; return a line a question.

    The stated power is worked out from the first tenth of the comparisons; how often the difference was found is
    counted in all others.
    """
    here = "scripts.simulation.proof"
    found: dict[str, list[Asked]] = {"equal": [], "independent": [], "worse": []}
    for seed in range(times):
        first = values_of(f"{here}:always_first", seed, population, days)
        equal = values_of(f"{here}:always_second", seed, population, days)
        worse = values_of(f"{here}:mostly_first", seed, population, days)
        stranger = values_of(f"{here}:always_first", 1_000_000 + seed, population, days)
        found["equal"].append(paired(first, equal))
        found["independent"].append(unpaired(first, stranger))
        found["worse"].append(paired(first, worse))
        if said is not None:
            said(seed + 1)
    titles = {
        "equal": "null: two policies of equal value, same seeds, paired",
        "independent": "null: one policy, independent seeds, not paired",
        "worse": "a policy that is worse by a tenth, same seeds, paired",
    }
    return [_line(titles[name], name, each) for name, each in found.items()]


def _line(title: str, name: str, asked: list[Asked]) -> dict[str, Any]:
    tenth = max(1, len(asked) // 10)
    known = [each.difference for each in asked[:tenth]]
    stated = power_of(float(np.mean(known)), float(np.mean([each.error for each in asked[:tenth]])))
    rest = asked[tenth:] if name == "worse" else asked
    return {
        "question": title,
        "comparisons": len(rest),
        "rejected": sum(each.p < ALPHA for each in rest),
        "stated_power": round(stated, 3) if name == "worse" else None,
        "difference_minor": round(float(np.mean([each.difference for each in asked])), 4),
        "error_minor": round(float(np.mean([each.error for each in asked])), 4),
    }


def main(times: int = 200, population: int = 100, days: int = 4) -> None:
    """Print the table of docs/simulation.md; takes minutes."""
    lines = proof(times, population, days, lambda done: print(f"{done} of {times}", end="\r"))
    print("| question | comparisons | rejected at 5 % | stated power | difference, error (minor) |")
    print("| --- | --- | --- | --- | --- |")
    for line in lines:
        power = "" if line["stated_power"] is None else line["stated_power"]
        print(
            f"| {line['question']} | {line['comparisons']} | {line['rejected']} | {power} |"
            f" {line['difference_minor']}, {line['error_minor']} |"
        )


if __name__ == "__main__":
    import typer

    typer.run(main)
