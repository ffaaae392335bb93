"""A policy judged on a log, from what the command was asked to what it prints."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
from rich.console import Console
from rich.table import Table as Printed

from actors.evaluation.estimators import ESTIMATORS, Tuning
from actors.evaluation.intervals import Interval
from actors.evaluation.judging import Estimate, Judgement, judge
from actors.evaluation.log import Log, Unsupported
from actors.evaluation.rewards import RewardModel, Ridge, Table
from scripts.output import Failure
from scripts.research.journal import from_store
from scripts.research.logged import Logged, features
from scripts.research.policies import probabilities
from scripts.research.reading import flat, read_columns, simulated, slots

ESTIMATES = (
    "the mean immediate reward per decision under the states that the log met, not long-run value:"
    " the policy's own actions would lead to other states"
)
_CUSTOMER = "customer"


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked of a log; see `righttime evaluate --help`."""

    log: str
    policy: str
    reward: str = ""
    action: str = ""
    propensity: str = ""
    state: Sequence[str] = ()
    features: Sequence[str] = ()
    cluster: str = ""
    pull: float = 1.0
    folds: int = 1
    tuning: Tuning = field(default_factory=Tuning)
    estimators: Sequence[str] = tuple(ESTIMATORS)
    resamples: int = 1000
    seed: int = 1


def read(question: Question) -> Logged:
    """Read the log: a store's journal, results of `righttime simulate`, or a file.

    Raises:
        Failure: There is no such log, or it lacks a column.
    """
    if "://" in question.log:
        if urlsplit(question.log).password:
            raise Failure(
                "a password on the command line is seen by others: put it into PGPASSWORD"
            )
        logged, _ = asyncio.run(from_store(question.log, question.reward or "taken"))
        return logged
    path = Path(question.log)
    if path.is_dir():
        return simulated(path, question.reward or "taken")
    columns = read_columns(path)
    if {"actions", "probabilities", "chosen"} <= columns.keys() and not question.action:
        if question.reward not in columns:
            raise Failure("--reward: name the column with what each decision brought")
        given = np.array(columns[question.reward], dtype=float)
        columns.setdefault("priorities", [[0.0] * len(each) for each in columns["actions"]])
        return slots(columns, given)
    return flat(
        columns,
        question.action or "action",
        question.reward or "reward",
        question.propensity or "propensity",
    )


def cluster_of(logged: Logged, asked: str) -> str | None:
    """Return the column that says whose decisions they are: `none` for no one's, else by default customers."""
    if asked == "none":
        return None
    return asked or (_CUSTOMER if _CUSTOMER in logged.columns else None)


def answer(question: Question) -> dict[str, Any]:
    """Judge the policy, and return what is printed as JSON.

    Raises:
        Failure: The log cannot be read, the policy is not known, or it has zero support.
    """
    unknown = sorted(set(question.estimators) - set(ESTIMATORS))
    if unknown:
        raise Failure(f"--estimators: no {unknown[0]!r}; there are {', '.join(ESTIMATORS)}")
    logged = read(question)
    states = question.state or _default_state(logged)
    cluster = cluster_of(logged, question.cluster)
    log = logged.log(probabilities(question.policy, logged), states, cluster)
    try:
        found = judge(
            log,
            np.random.default_rng(question.seed),
            model=_model(question, logged, log),
            tuning=question.tuning,
            names=question.estimators,
            resamples=question.resamples,
        )
    except Unsupported as error:
        raise Failure(str(error)) from error
    return {
        "estimates": ESTIMATES,
        "policy": question.policy,
        "log": question.log,
        "actions": len(log.actions),
        "states": list(question.features or states),
        "cluster": cluster,
        **judgement_json(found),
    }


def _default_state(logged: Logged) -> Sequence[str]:
    """Return what tells states apart by default: nothing in others' logs, tier and slot in ours."""
    return [
        name for name in ("tier", "slot") if logged.behaviour is not None and name in logged.columns
    ]


def _model(question: Question, logged: Logged, log: Log) -> RewardModel:
    if question.features:
        return Ridge(log, features(logged, question.features))
    return Table(log, question.pull, question.folds)


def judgement_json(found: Judgement) -> dict[str, Any]:
    """Return a judgement as JSON values."""
    r = found.reliability
    return {
        "decisions": r.size,
        "clusters": r.clusters,
        "weights": {"mean": r.mean_weight, "largest": r.largest_weight},
        "effectiveSampleSize": r.effective,
        "effectiveRewarded": r.rewarded,
        "warnings": list(r.warnings),
        "logged": _estimate_json(found.logged),
        "estimators": [_estimate_json(each) for each in found.estimates],
    }


def _estimate_json(each: Estimate) -> dict[str, Any]:
    return {
        "name": each.name,
        "value": each.value,
        "se": each.se,
        "asymptotic": _interval(each.asymptotic),
        "bootstrap": _interval(each.bootstrap),
        "lift": {"value": each.lift, "se": each.lift_se, **_interval(each.lift_interval)},
        "warnings": list(each.warnings),
    }


def _interval(each: Interval) -> dict[str, float]:
    return {"low": each.low, "high": each.high}


def show(console: Console, found: dict[str, Any]) -> None:
    """Print an answer as a table, and what speaks against it."""
    console.print(f"Estimated is {found['estimates']}.")
    console.print(
        f"{found['decisions']:,} decisions of {found['clusters']:,}, {found['actions']} actions;"
        f" effective sample size {found['effectiveSampleSize']:,.0f}, weights up to"
        f" {found['weights']['largest']:.3g}."
    )
    table = Printed("estimator", "value", "asymptotic 95 %", "bootstrap 95 %", "minus the log's")
    for each in [found["logged"], *found["estimators"]]:
        lift = each["lift"]
        of_policy = each["name"] != "logged"
        table.add_row(
            each["name"] + (" (!)" if each["warnings"] else ""),
            f"{each['value']:.6g}",
            *[_text(each[name]) for name in ("asymptotic", "bootstrap")],
            f"{lift['value']:+.4g} ({_text(lift)})" if of_policy else "",
        )
    console.print(table)
    for warning in found["warnings"]:
        console.print(f"Warning: {warning}.")
    for each in found["estimators"]:
        for warning in each["warnings"]:
            console.print(f"(!) {each['name']}: {warning}.")


def _text(interval: dict[str, float]) -> str:
    return f"{interval['low']:.4g} … {interval['high']:.4g}"
