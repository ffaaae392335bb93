"""Intervals of policies judged on logs: 95 % of them contain the truth where nothing is warned of."""

import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from actors.evaluation.estimators import ESTIMATORS
from scripts.cli.app import app
from scripts.research.coverage import BEGIN, END, range_of

PAGE = Path(__file__).parents[2] / "docs" / "evaluation.md"

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1500)]


@pytest.fixture(scope="module")
def counted(tmp_path_factory):
    page = tmp_path_factory.mktemp("page") / "evaluation.md"
    shutil.copy(PAGE, page)
    found = CliRunner().invoke(
        app, ["evaluate", "coverage", "--seeds", "200", "--json", "--write", str(page)]
    )
    assert found.exit_code == 0, found.output
    return json.loads(found.stdout.splitlines()[-1]), page


def test_intervals_without_a_warning_contain_the_truth_181_to_197_times_of_200(counted):
    rows = counted[0]["rows"]

    assert [row["name"] for row in rows] == list(ESTIMATORS)
    assert range_of(200) == (181, 197)
    for row in rows:
        for world in counted[0]["plain"]:
            cell = row["columns"][world]
            low, high = range_of(cell["cases"])
            assert cell["cases"] >= 190, (row["name"], world)
            for kind in ("asymptotic", "bootstrap", "lift"):
                assert low <= cell[kind] <= high, (row["name"], world, kind, cell)


def test_warned_and_adaptive_cases_stand_apart(counted):
    for row in counted[0]["rows"]:
        assert row["columns"]["warned"]["cases"] >= 200
        assert row["columns"]["adaptive"]["cases"] == 200
    ips = counted[0]["rows"][0]["columns"]["warned"]
    assert ips["asymptotic"] < range_of(ips["cases"])[0]  # the warning is not for nothing


def test_the_table_in_the_docs_is_the_one_that_the_command_writes(counted):
    made, shown = (
        page.read_text().partition(BEGIN)[2].partition(END)[0] for page in (counted[1], PAGE)
    )

    assert made == shown
    assert len(made.splitlines()) == len(ESTIMATORS) + 3
