"""The models on real data: a phone campaign in its order, and AUCs that another system has stored."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from scripts.cli.app import app
from serve_app.models.measures import performance_of_bins

pytestmark = pytest.mark.slow

DATA = Path(__file__).parents[3] / "shared" / "data"
BANK = DATA / "bank" / "bank-full.csv.gz"
BINS = DATA / "pega" / "adm_predictor_bins.parquet"


def result_of(*arguments):
    found = CliRunner().invoke(app, [*map(str, arguments), "--json", "--check"])
    assert found.exit_code == 0, found.output
    return json.loads(found.stdout.splitlines()[-1])


@pytest.mark.skipif(not BANK.is_file(), reason="the bank data set is not at ../shared/data/bank")
def test_the_calls_of_a_bank_are_predicted_before_they_are_learned():
    found = result_of("models", "evaluate", "bank", BANK)

    model, rate = found["model"], found["runningRate"]
    assert found["calls"] == 45_211
    assert model["meanAuc"] >= 0.63
    assert model["logLoss"] <= 0.285
    assert model["pooledAuc"] >= 0.80
    assert rate["meanAuc"] == pytest.approx(0.587, abs=0.001)
    assert rate["logLoss"] == pytest.approx(0.289, abs=0.001)
    assert rate["pooledAuc"] == pytest.approx(0.789, abs=0.001)


@pytest.mark.skipif(
    not BINS.is_file(), reason="the predictors' bins are not at ../shared/data/pega"
)
def test_aucs_from_bins_are_those_that_were_stored():
    polars = pytest.importorskip("polars")
    snapshots = (
        polars.read_parquet(BINS)
        .filter(polars.col("EntryType") != "Classifier")
        .group_by(["ModelID", "PredictorName", "SnapshotTime"])
        .agg("BinPositives", "BinNegatives", polars.col("Performance").first())
    )

    off = [
        abs(performance_of_bins(row["BinPositives"], row["BinNegatives"]) - row["Performance"])
        for row in snapshots.iter_rows(named=True)
    ]

    assert len(off) == 32_037
    assert (snapshots["Performance"] != 0.5).sum() == 16_755
    assert max(off) < 1e-6


def test_the_bandits_are_as_fast_and_as_exact_as_is_promised():
    found = result_of("bench", "models")

    assert found["choiceUs"] <= 15
    assert found["learnS"] < 60
    assert found["largestDifference"] < 1e-12
