"""The page on evaluation: what it says of numbers and names is what the code has."""

import re
from pathlib import Path

from typer.testing import CliRunner

from actors.evaluation.estimators import ESTIMATORS
from actors.evaluation.judging import LEAST_REWARDED, LEAST_SHARE
from scripts.cli.app import app
from scripts.research.coverage import range_of
from scripts.research.reading import REWARDS

PAGE = (Path(__file__).parents[3] / "docs" / "evaluation.md").read_text()


def test_every_estimator_and_reward_is_described():
    for name in (*ESTIMATORS, *REWARDS):
        assert f"`{name}`" in PAGE


def test_every_option_of_the_page_is_one_of_the_command():
    help_text = "".join(
        CliRunner().invoke(app, [*command, "--help"], terminal_width=200).output
        for command in (("evaluate", "log"), ("evaluate", "coverage"), ("uplift",))
    )

    for option in set(re.findall(r"--[a-z]+", PAGE)):
        assert option in help_text, option


def test_the_limits_on_the_page_are_those_of_the_code():
    assert f"< {LEAST_REWARDED:g} |" in PAGE
    assert f"below {LEAST_SHARE:.0%}".replace("%", " %") in PAGE
    assert range_of(200) == (181, 197)
