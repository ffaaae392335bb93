"""Estimators against a reference, against the truth, and against their own derivatives."""

from dataclasses import replace

import numpy as np
import pytest

from actors.evaluation.estimators import ESTIMATORS, Tuning
from actors.evaluation.intervals import by_cluster, resampled, standard_error
from actors.evaluation.judging import judge, reliability
from actors.evaluation.log import Unsupported, check
from actors.evaluation.rewards import Given, Ridge, Table, corrected
from tests.unit.evaluation.evaluation_logs import (
    NAMES,
    TRUTH,
    bandit_log,
    needs_obd,
    reference,
    small_log,
)

PAIRS = ["random->uniform", "random->linear", "random->bts", "bts->uniform", "bts->linear"]
AS_REFERENCE = Tuning(clip=5.0, switch=5.0, shrink=10.0)


@needs_obd
@pytest.mark.parametrize("pair", PAIRS)
def test_estimates_on_the_open_bandit_data_are_those_of_the_reference(pair):
    log, wanted = bandit_log(*pair.split("->")), reference()[pair]
    model = Table(log, pull=100.0)

    found = {name: ESTIMATORS[name](log, model, AS_REFERENCE).value for name in ESTIMATORS}

    assert found.keys() == NAMES.keys()
    for name, value in found.items():
        assert value == pytest.approx(wanted[NAMES[name]], rel=1e-9), name


@needs_obd
@pytest.mark.parametrize("pair", PAIRS)
def test_weights_and_errors_on_the_open_bandit_data_are_those_of_the_reference(pair):
    log, wanted = bandit_log(*pair.split("->")), reference()[pair]

    found = reliability(log)
    influence = ESTIMATORS["ips"](log, Given(log.target), Tuning()).influence

    assert found.effective == pytest.approx(wanted["ess"], rel=1e-9)
    assert found.mean_weight == pytest.approx(wanted["w_mean"], rel=1e-9)
    assert found.largest_weight == pytest.approx(wanted["w_max"], rel=1e-9)
    assert standard_error(influence, log.size) == pytest.approx(wanted["ipw_stderr"], rel=1e-9)


@needs_obd
def test_logs_of_few_weighted_clicks_are_warned_of():
    warned = {pair: bool(reliability(bandit_log(*pair.split("->"))).warnings) for pair in PAIRS}

    assert warned == {
        "random->uniform": False,
        "random->linear": False,
        "random->bts": True,
        "bts->uniform": True,
        "bts->linear": True,
    }


def test_estimates_come_to_the_truth():
    found = judge(small_log(20_000), np.random.default_rng(1), resamples=100)

    assert [each.name for each in found.estimates] == list(ESTIMATORS)
    for each in found.estimates:
        assert each.value == pytest.approx(TRUTH, abs=4 * each.se), each.name
        assert each.se < 0.01
        assert not each.warnings
    assert not found.reliability.warnings


@pytest.mark.parametrize("name", ESTIMATORS)
@pytest.mark.parametrize("kind", ["table", "ridge"])
def test_influences_are_derivatives_by_the_weight_of_a_decision(name, kind):
    """Said again, a decision moves the estimate by its influence over n: models are fitted anew.

    That adds to the weight of all decisions too, against that to which tables are pulled: alike for each.
    """
    log = small_log(600)
    tuning = Tuning(clip=1.5, switch=1.5, shrink=5.0)

    def value_of(some):
        columns = np.column_stack([np.ones(some.size), some.cell])
        model = Table(some, pull=60.0) if kind == "table" else Ridge(some, columns, penalty=2.0)
        return ESTIMATORS[name](some, model, tuning)

    found = value_of(log)
    some = [0, 17, 333, 500]
    again = [value_of(log.rows(np.r_[np.arange(log.size), i])).value for i in some]
    moved = (np.array(again) - found.value) * log.size
    wanted = found.influence[some]
    assert moved - moved[0] == pytest.approx(wanted - wanted[0], rel=0.03, abs=0.01)
    assert found.influence.mean() == pytest.approx(0.0, abs=1e-9)


def test_the_doubly_robust_one_is_right_with_wrong_models_and_the_direct_one_is_not():
    log = small_log(10_000)
    wrong = Given(np.full(log.target.shape, 0.9))

    found = {
        each.name: each
        for each in judge(
            log, np.random.default_rng(1), model=wrong, names=["dm", "dr"], resamples=100
        ).estimates
    }

    assert found["dr"].value == pytest.approx(TRUTH, abs=4 * found["dr"].se)
    assert found["dm"].value == pytest.approx(0.9)
    assert "the model alone" in found["dm"].warnings[0]


def test_cutting_weights_is_warned_of_where_it_matters():
    log = small_log(4000)

    def warnings(tuning):
        found = judge(log, np.random.default_rng(1), tuning=tuning, resamples=100)
        return {each.name for each in found.estimates if each.warnings}

    assert warnings(Tuning()) == set()
    assert {"clipped", "switch-dr"} >= warnings(Tuning(clip=1.0, switch=100.0)) == {"clipped"}


def test_models_cross_fitted_do_not_know_the_decision_itself():
    log = small_log(200)
    seen = Table(log, pull=0.0).values
    unseen = Table(log, pull=0.0, folds=200).values
    i, a, c = 7, log.action[7], log.cell[7]
    others = (log.action == a) & (log.cell == c)
    others[i] = False

    assert unseen[i, a] == pytest.approx(log.reward[others].mean())
    assert seen[i, a] == pytest.approx(
        (log.reward[others].sum() + log.reward[i]) / (others.sum() + 1)
    )


def test_corrected_values_average_to_the_doubly_robust_estimate():
    log = small_log(2000)
    model = Table(log)

    worth = corrected(model.values, log.action, log.reward, log.propensity)

    by_hand = (log.target * worth).sum(axis=1).mean()
    assert by_hand == pytest.approx(ESTIMATORS["dr"](log, model, Tuning()).value, rel=1e-12)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"behaviour": np.tile([0.5, 0.5, 0.0], (4000, 1))}, "zero support"),
        ({"target": np.tile([0.5, 0.2, 0.2], (4000, 1))}, "add up"),
        ({"propensity": np.zeros(4000)}, "propensities"),
        ({"reward": np.full(4000, np.nan)}, "reward"),
    ],
)
def test_what_nothing_follows_from_is_refused(changes, said):
    log = replace(small_log(4000), **changes)

    with pytest.raises(Unsupported, match=said):
        check(log)


def test_an_action_that_the_log_never_took_is_refused_where_only_propensities_are_known():
    log = replace(small_log(4000), behaviour=None)
    kept = log.rows(log.action != 2)

    check(log)
    with pytest.raises(Unsupported, match=r"never took, as '2'"):
        check(kept)


def test_wrong_propensities_are_warned_of():
    log = small_log(4000)
    found = judge(
        replace(log, propensity=log.propensity * 0.8), np.random.default_rng(1), resamples=100
    )

    assert any("not 1" in each for each in found.reliability.warnings)


def test_decisions_of_one_customer_count_as_one():
    """Each decision said four times over is no more than said once."""
    once = small_log(1000)
    four = replace(once.rows(np.repeat(np.arange(1000), 4)), cluster=np.repeat(np.arange(1000), 4))

    def judged(log):
        return judge(log, np.random.default_rng(1), names=["ips"], resamples=400).estimates[0]

    assert judged(four).se == pytest.approx(judged(once).se, rel=1e-9)
    assert judged(four).bootstrap == pytest.approx(judged(once).bootstrap, rel=1e-6)
    assert judged(replace(four, cluster=None)).se < 0.6 * judged(once).se


def test_resampled_sums_have_the_spread_of_the_mean():
    sums = by_cluster(np.random.default_rng(2).exponential(size=500) - 1.0, None)[:, None]

    totals, spreads = resampled(sums, 4000, np.random.default_rng(3))

    assert totals[:, 0].std() / 500 == pytest.approx(standard_error(sums[:, 0], 500), rel=0.05)
    assert np.sqrt(spreads[:, 0]).mean() / 500 == pytest.approx(totals[:, 0].std() / 500, rel=0.05)


def test_bootstrap_intervals_lean_to_where_rare_rewards_may_still_come():
    log = small_log(400)
    log = replace(log, reward=np.random.default_rng(6).lognormal(0.0, 1.5, size=400))

    (found,) = judge(log, np.random.default_rng(1), names=["ips"], resamples=400).estimates

    assert found.bootstrap.high - found.value > 1.2 * (found.value - found.bootstrap.low) > 0.0
    assert found.asymptotic.high - found.value == pytest.approx(found.value - found.asymptotic.low)


def test_a_log_judged_twice_gives_the_same_intervals():
    first, second = (judge(small_log(500), np.random.default_rng(9), resamples=100) for _ in "ab")

    assert first == second
