"""Bank marketing in file order: predict a call's outcome, then learn it, with the server's logistic model.

The data set is `bank-full.csv` of the UCI repository (Moro, Cortez and Rita, Decision Support Systems 62, 2014), with `;`
between fields, in order of time. `duration` is left out: it is known only when the call is over.
"""

import csv
import gzip
from collections.abc import Iterator
from dataclasses import dataclass
from math import log1p
from pathlib import Path
from typing import Any

import numpy as np

from actors.domain.scores import ScoreRow
from serve_app.models.interface import Labelled, Model, Numbers, Setup
from serve_app.models.kinds import new_model
from serve_app.models.measures import auc, log_loss

HALF_LIFE = 1000.0
RATE_HALF_LIFE = 34.0
BLOCKS = 20
_NUMBERS = ("age", "balance", "day", "campaign", "pdays", "previous")
_LOGS = frozenset({"balance", "campaign", "pdays", "previous"})
_CATEGORIES = {
    "job": "admin. blue-collar entrepreneur housemaid management retired self-employed services"
    " student technician unemployed unknown",
    "marital": "divorced married single",
    "education": "primary secondary tertiary unknown",
    "default": "no yes",
    "housing": "no yes",
    "loan": "no yes",
    "contact": "cellular telephone unknown",
    "month": "jan feb mar apr may jun jul aug sep oct nov dec",
    "poutcome": "failure other success unknown",
}
_BARS = {"meanAuc": 0.63, "logLoss": 0.285, "pooledAuc": 0.80}
_PRIOR = 0.1
_BEFORE = 20.0


@dataclass(frozen=True, slots=True)
class Call:
    """One call: its features, and whether the customer took the deposit."""

    features: tuple[float, ...]
    taken: bool


def setup() -> Setup:
    """Return what the model is made with: the schema's columns."""
    width = sum(len(values.split()) for values in _CATEGORIES.values())
    return Setup((True,) * len(_NUMBERS) + (False,) * width, HALF_LIFE)


def calls(path: Path) -> Iterator[Call]:
    """Yield the calls of a CSV file, which may be packed with gzip.

    Raises:
        ValueError: The file is another one.
        OSError: It cannot be read.
    """
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rt", encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file, delimiter=";")
        missing = {*_NUMBERS, *_CATEGORIES, "y"} - set(reader.fieldnames or ())
        if missing:
            raise ValueError(f"{path.name} has no column {min(missing)!r}")
        for row in reader:
            yield Call(_features(row), row["y"] == "yes")


def _features(row: dict[str, str]) -> tuple[float, ...]:
    numbers = [_log(float(row[n])) if n in _LOGS else float(row[n]) for n in _NUMBERS]
    flags = [
        float(row[name] == value)
        for name, values in _CATEGORIES.items()
        for value in values.split()
    ]
    return (*numbers, *flags)


def _log(value: float) -> float:
    return log1p(value) if value >= 0 else -log1p(-value)


def predictions(model: Model, given: list[Call]) -> Numbers:
    """Return what the model said of each call before it learned it, exactly as the server does it."""
    said = np.empty(len(given))
    for i, call in enumerate(given):
        row = ScoreRow("bank/deposit/term", "", _PRIOR, "bank", call.features)
        said[i] = model.score([row])[0].propensity
        model.learn([Labelled(row, int(call.taken), int(not call.taken))])
    return said


def running_rate(taken: Numbers, half_life: float = RATE_HALF_LIFE) -> Numbers:
    """Return the rate of the labels before each: what somebody says who looks at nothing else.

    Of those labels one counts half after `half_life` more.
    """
    keep, yes, all_ = 0.5 ** (1.0 / half_life), _BEFORE * _PRIOR, _BEFORE
    rate = np.empty(len(taken))
    for i, label in enumerate(taken.tolist()):
        rate[i] = yes / all_
        yes, all_ = keep * yes + label, keep * all_ + 1.0
    return rate


def judged(taken: Numbers, said: Numbers) -> dict[str, float]:
    """Return mean AUC over `BLOCKS` equal blocks in order, log-loss in nats, and the AUC of all."""
    blocks = np.array_split(np.arange(len(taken)), BLOCKS)
    return {
        "meanAuc": float(np.mean([auc(taken[block], said[block]) for block in blocks])),
        "logLoss": log_loss(taken, said),
        "pooledAuc": auc(taken, said),
    }


def evaluate(path: Path) -> dict[str, Any]:
    """Return the figures of the model, of running label rates, and the bars.

    Raises:
        ValueError: The file is another one.
        OSError: It cannot be read.
    """
    given = list(calls(path))
    taken = np.array([float(call.taken) for call in given])
    model = judged(taken, predictions(new_model("logistic", setup()), given))
    met = {
        name: model[name] <= bar if name == "logLoss" else model[name] >= bar
        for name, bar in _BARS.items()
    }
    return {
        "calls": len(given),
        "rate": float(taken.mean()),
        "model": model,
        "runningRate": judged(taken, running_rate(taken)),
        "bars": [{"name": name, "bar": bar, "met": met[name]} for name, bar in _BARS.items()],
    }
