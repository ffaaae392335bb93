"""The report of an experiment, as plain values: arms, outcomes, differences, and whether to trust them."""

from collections.abc import Sequence
from math import sqrt
from typing import Any

from actors.experiments.statistics import (
    RATIO_ALPHA,
    Moments,
    anytime,
    difference,
    sample_ratio,
)
from actors.experiments.tally import Cohort, Unit
from actors.playbook.experiment_model import Arm, Experiment, Experiments


def report(
    experiment: Experiment, experiments: Experiments, cohort: Cohort, now_ms: int
) -> dict[str, Any]:
    """Return what is known of an experiment at an instant.

    `reached` counts everybody, and is what the sample ratio is about. Outcomes are of those whose horizon
    has passed (`complete`), so that everybody has had the same time and enters the sequential test once.
    Sums and differences of sums are in the unit of the property that is summed.
    """
    by_arm = {arm.name: [u for u in cohort.units if u.arm == arm.name] for arm in experiment.arms}
    whole = {
        name: [u for u in units if u.reached_at_ms + experiments.horizon_ms <= now_ms]
        for name, units in by_arm.items()
    }
    moments = {
        name: [moments_of(units, i) for i in range(len(experiments.measures))]
        for name, units in whole.items()
    }
    return {
        "name": experiment.name,
        "kind": experiment.kind,
        "description": experiment.description,
        "control": experiment.control,
        "within": experiment.within or None,
        "horizonSeconds": experiments.horizon_ms // 1000,
        "arms": [
            _arm(arm, len(by_arm[arm.name]), moments[arm.name], len(whole[arm.name]), experiments)
            for arm in experiment.arms
        ],
        "differences": [
            row
            for arm in experiment.arms
            if arm.name != experiment.control
            for i, measure in enumerate(experiments.measures)
            if (row := _row(arm.name, experiment.control, measure.name, i, moments)) is not None
        ],
        "sampleRatio": _ratio(experiment.arms, [len(by_arm[a.name]) for a in experiment.arms]),
        "mergedAcrossArms": cohort.mixed,
        "unknownArm": cohort.unknown,
    }


def moments_of(units: Sequence[Unit], measure: int) -> Moments:
    """Return the moments of one measure over some units."""
    values = [unit.values[measure] for unit in units]
    return Moments(len(values), sum(values), sum(value * value for value in values))


def _arm(
    arm: Arm, reached: int, moments: Sequence[Moments], complete: int, experiments: Experiments
) -> dict[str, Any]:
    return {
        "name": arm.name,
        "share": arm.share,
        "reached": reached,
        "complete": complete,
        "outcomes": {
            measure.name: {
                "mean": each.mean,
                "sum": each.total,
                "se": sqrt(each.variance / each.n) if each.n else 0.0,
            }
            for measure, each in zip(experiments.measures, moments, strict=True)
        },
    }


def _row(
    arm: str, control: str, outcome: str, i: int, moments: dict[str, list[Moments]]
) -> dict[str, Any] | None:
    treated, held = moments[arm][i], moments[control][i]
    found = difference(treated, held)
    if found is None:
        return None
    always = anytime(treated, held)
    return {
        "arm": arm,
        "control": control,
        "outcome": outcome,
        "difference": found.value,
        "se": found.se,
        "low": found.low,
        "high": found.high,
        "z": found.z,
        "p": found.p,
        "anytime": None
        if always is None
        else {"low": always.low, "high": always.high, "p": always.p},
    }


def _ratio(arms: Sequence[Arm], counts: list[int]) -> dict[str, Any] | None:
    found = sample_ratio(counts, [arm.share for arm in arms])
    if found is None:
        return None
    return {
        "chi2": found.chi2,
        "degrees": found.degrees,
        "p": found.p,
        "threshold": RATIO_ALPHA,
        "flagged": found.flagged,
    }
