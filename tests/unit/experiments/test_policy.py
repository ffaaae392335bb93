"""Learning who should get what from a randomised campaign, and judging it honestly."""

from pathlib import Path

import numpy as np
import pytest

from actors.experiments.report import report
from actors.experiments.tally import Tally
from scripts.experiments.campaign import (
    NAME,
    NUMBERS,
    WORDS,
    playbook_of,
    read_rows,
)
from scripts.experiments.policy import (
    Logged,
    columns_of,
    compare,
    doubly_robust,
    fit,
    learn_and_judge,
)
from tests.builders import NOW

CAMPAIGN = Path(__file__).parents[4] / "shared" / "data" / "hillstrom" / "hillstrom.csv.gz"
needs_campaign = pytest.mark.skipif(
    not CAMPAIGN.is_file(), reason="the Hillstrom data set is not at ../shared/data/hillstrom"
)


def world(n=20_000, seed=3):
    """Two arms, drawn 1 : 3; the first is worth 1 more where x > 0, and 1 less elsewhere."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n)
    arm = (rng.random(n) < 0.75).astype(int)
    outcome = np.where(arm == 0, np.sign(x), 0.0) + rng.normal(size=n)
    columns = np.column_stack([np.ones(n), x])
    return Logged(columns, arm, np.array([0.25, 0.75]), outcome)


def test_a_policy_that_suits_the_customer_is_found_and_valued_at_what_it_is_worth():
    found = learn_and_judge(world(), ["first", "second"])

    assert found["value"] == pytest.approx(0.5, abs=0.05)  # 1 for half of them
    assert found["againstBestArm"].verdict == "better"
    assert found["assigns"]["first"] == pytest.approx(0.5, abs=0.1)


def test_the_estimate_is_right_even_where_the_models_are_not():
    logged = world()
    nonsense = np.full((2, 2), 0.7)

    values = doubly_robust(logged, nonsense).mean(axis=0)

    assert values == pytest.approx([0.0, 0.0], abs=0.06)


def test_models_make_the_estimate_more_precise():
    logged = world()

    with_models = compare(doubly_robust(logged, fit(logged))[:, 0])
    without = compare(doubly_robust(logged, np.zeros((2, 2)))[:, 0])

    assert with_models.se < without.se


@needs_campaign
def test_on_hillstrom_a_policy_beats_uniform_assignment_but_not_the_best_single_arm():
    rows = read_rows(CAMPAIGN)
    arms = ["No E-Mail", "Mens E-Mail", "Womens E-Mail"]
    logged = Logged(
        columns_of(rows, NUMBERS, WORDS),
        np.array([arms.index(row["segment"]) for row in rows]),
        np.full(3, 1 / 3),
        np.array([row["visit"] for row in rows]),
    )

    found = learn_and_judge(logged, arms)

    assert found["againstUniform"].difference == pytest.approx(0.035, abs=0.003)
    assert found["againstUniform"].verdict == "better"
    assert found["bestArm"] == "Mens E-Mail"
    assert found["againstBestArm"].verdict == "not distinguishable"


@needs_campaign
def test_losing_some_of_the_mens_arm_is_flagged_in_the_report():
    book, rows = playbook_of(), read_rows(CAMPAIGN)
    experiment = book.experiments.by_name[NAME]
    mens = [i for i, row in enumerate(rows) if row["segment"] == "Mens E-Mail"]
    lost = set(np.random.default_rng(1).permutation(mens)[: round(0.03 * len(mens))].tolist())

    def ratio(without=frozenset()):
        tally = Tally(book.experiments)
        for number, row in enumerate(rows):
            if number not in without:
                tally.reach(number, 1, NAME, row["segment"], NOW)
        cohort = tally.cohort(experiment, book.experiments)
        return report(experiment, book.experiments, cohort, NOW)["sampleRatio"]

    intact, short = ratio(), ratio(lost)
    assert intact["p"] == pytest.approx(0.904, abs=0.0005)
    assert not intact["flagged"]
    assert short["flagged"]
