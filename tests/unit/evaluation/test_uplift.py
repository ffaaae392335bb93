"""Uplift measures against those of scikit-uplift 0.5.1, and by hand."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from actors.evaluation.uplift import auuc, qini, qini_curve, uplift_at, uplift_curve
from scripts.cli.app import app
from tests.unit.evaluation.evaluation_logs import HILLSTROM, needs_hillstrom

OUTCOME = np.array([1.0, 0, 1, 0, 1, 0, 0, 1, 0, 0])
SCORE = np.array([0.9, 0.8, 0.8, 0.7, 0.6, 0.5, 0.4, 0.4, 0.2, 0.1])
TREATED = np.array([1, 0, 1, 0, 1, 1, 0, 0, 1, 0])


@needs_hillstrom
def test_the_command_has_the_figures_of_scikit_uplift_on_hillstrom():
    found = CliRunner().invoke(
        app,
        [
            *("uplift", str(HILLSTROM), "--score", "womens", "--outcome", "visit"),
            *("--treatment", "segment", "--treated", "Womens E-Mail", "--control", "No E-Mail"),
            "--json",
        ],
    )

    assert found.exit_code == 0, found.output
    result = json.loads(found.stdout.splitlines()[-1])
    (row,) = result["scores"]
    assert row["qini"] == pytest.approx(0.06401550847534, abs=1e-13)
    assert row["auuc"] == pytest.approx(0.02943116111810, abs=1e-13)
    assert result["uplift"] == pytest.approx(0.0452, abs=5e-5)


def test_measures_are_those_of_scikit_uplift():
    """Worked out by scikit-uplift 0.5.1 for these ten customers; equal scores stay together."""
    assert qini(OUTCOME, SCORE, TREATED) == pytest.approx(0.65, rel=1e-12)
    assert auuc(OUTCOME, SCORE, TREATED) == pytest.approx(43 / 72, rel=1e-12)
    assert uplift_at(OUTCOME, SCORE, TREATED, 0.7) == pytest.approx(5 / 12, rel=1e-12)
    assert uplift_at(OUTCOME, SCORE, TREATED, 0.8, by_group=True) == pytest.approx(0.5)


def test_curves_end_at_the_effect_on_everybody():
    gained, without = OUTCOME[TREATED == 1], OUTCOME[TREATED == 0]
    effect = gained.mean() - without.mean()

    assert uplift_curve(OUTCOME, SCORE, TREATED).gain[-1] == pytest.approx(effect * 10)
    assert qini_curve(OUTCOME, SCORE, TREATED).gain[-1] == pytest.approx(effect * 5)


def test_the_best_order_has_one_and_chance_has_nothing():
    rng = np.random.default_rng(1)
    treated = rng.integers(2, size=20_000)
    outcome = (rng.random(20_000) < 0.2 + 0.2 * treated).astype(float)
    best = outcome * treated - outcome * (1 - treated)

    assert qini(outcome, best, treated) == pytest.approx(1.0)
    assert qini(outcome, rng.random(20_000), treated) == pytest.approx(0.0, abs=0.02)
    assert auuc(outcome, rng.random(20_000), treated) == pytest.approx(0.0, abs=0.02)


@pytest.mark.parametrize(
    ("outcome", "treated", "said"),
    [
        (OUTCOME * 2, TREATED, "outcomes are 0 or 1"),
        (OUTCOME, TREATED * 3, "treatments are 0 or 1"),
        (OUTCOME, TREATED * 0, "both"),
        (OUTCOME[:5], TREATED, "differ in number"),
    ],
)
def test_other_values_are_refused(outcome, treated, said):
    with pytest.raises(ValueError, match=said):
        qini(outcome, SCORE, treated)


def test_a_column_that_is_not_there_is_named(tmp_path):
    path = tmp_path / "scored.csv"
    path.write_text("treatment,outcome,model\n1,1,0.5\n0,0,0.1\n")

    found = CliRunner().invoke(app, ["uplift", str(path), "--score", "modle"])

    assert found.exit_code == 1
    assert "no column 'modle'" in found.output
