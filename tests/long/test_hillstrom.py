"""Hillstrom's campaign through turns, commits, journal and report: what is known of it comes out."""

import json
from pathlib import Path

import pytest

from scripts.experiments.hillstrom_run import run

DATA = Path(__file__).parents[3] / "shared" / "data"
CAMPAIGN = DATA / "hillstrom" / "hillstrom.csv.gz"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.skipif(
        not CAMPAIGN.is_file(), reason="the Hillstrom data set is not at ../shared/data/hillstrom"
    ),
]


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    return run(CAMPAIGN, tmp_path_factory.mktemp("campaign"), print)


def test_the_report_has_the_differences_of_the_reference(found):
    reference = json.loads((DATA / "reference" / "hillstrom.json").read_text())["ATE"]
    rows = {(row["arm"], row["outcome"]): row for row in found["report"]["differences"]}

    assert len(rows) == 6
    for (arm, outcome), row in rows.items():
        wanted = reference[f"{arm} - No E-Mail"][outcome]
        assert row["difference"] == pytest.approx(wanted["diff"], rel=1e-9)
        assert row["se"] == pytest.approx(wanted["se"], rel=1e-9)
        assert (row["low"], row["high"]) == pytest.approx(tuple(wanted["ci95"]), rel=1e-9)
        assert row["p"] == pytest.approx(wanted["p_two_sided"], rel=1e-6)
    assert rows["Mens E-Mail", "visit"]["difference"] == pytest.approx(0.0766, abs=5e-5)
    assert rows["Mens E-Mail", "visit"]["se"] == pytest.approx(0.0034, abs=5e-5)
    assert rows["Mens E-Mail", "spend"]["difference"] == pytest.approx(0.770, abs=5e-4)
    assert rows["Mens E-Mail", "spend"]["se"] == pytest.approx(0.145, abs=5e-4)
    assert rows["Womens E-Mail", "visit"]["difference"] == pytest.approx(0.0452, abs=5e-5)


def test_everybody_is_in_the_arm_that_was_logged_and_the_sizes_are_right(found):
    report = found["report"]

    assert [each["reached"] for each in report["arms"]] == [21_306, 21_307, 21_387]
    assert report["sampleRatio"]["p"] == pytest.approx(0.904, abs=0.0005)
    assert not report["sampleRatio"]["flagged"]
    assert found["withMensLost"]["flagged"]


def test_a_learned_policy_beats_uniform_assignment_and_not_the_best_single_arm(found):
    policy = found["policy"]

    assert policy["againstUniform"]["difference"] == pytest.approx(0.035, abs=0.003)
    assert policy["againstUniform"]["low"] > 0
    assert policy["againstBestArm"]["verdict"] == "not distinguishable"
