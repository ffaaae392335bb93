"""LinUCB and LinTS: equal to the closed form, exact under corrections, and worth their name."""

import numpy as np
import pytest

from actors.domain.scores import ScoreRow
from serve_app.models.bandit import LinTS, LinUCB
from serve_app.models.interface import Labelled, Setup
from serve_app.models.linear_arms import LinearArms

ARMS, WIDTH = 20, 30


def row(features, action="a", prior=0.1):
    return ScoreRow(action, "gold", prior, "m@1", tuple(map(float, features)))


def played(count, seed=1):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(count, WIDTH)) / np.sqrt(WIDTH)
    return x, rng.integers(0, ARMS, count), (rng.random(count) < 0.1).astype(float)


def learned(x, arms, rewards, half_life=0.0):
    made = LinearArms(x.shape[1], half_life)
    for _ in range(ARMS):
        made.add()
    for each, arm, reward in zip(x, arms.tolist(), rewards.tolist(), strict=True):
        made.learn(arm, each, reward)
    return made


def test_means_and_widths_equal_the_closed_form():
    x, arms, rewards = played(5_000)
    made = learned(x, arms, rewards)
    asked = x[:64]

    means, widths = made.means_and_widths(asked, range(ARMS))

    for arm in range(ARMS):
        mine = arms == arm
        a = np.eye(WIDTH) + x[mine].T @ x[mine]
        inverse = np.linalg.inv(a)
        mean = asked @ (inverse @ (x[mine].T @ rewards[mine]))
        width = np.sqrt(np.einsum("ij,jk,ik->i", asked, inverse, asked))
        assert np.abs(means[:, arm] - mean).max() < 1e-12
        assert np.abs(widths[:, arm] - width).max() < 1e-12


def test_some_arms_are_scored_as_among_all():
    x, arms, rewards = played(500)
    made = learned(x, arms, rewards)
    means, widths = made.means_and_widths(x[:5], range(ARMS))

    some = made.means_and_widths(x[:5], [3, 11])

    assert np.allclose(some[0], means[:, [3, 11]], rtol=0, atol=1e-14)
    assert np.allclose(some[1], widths[:, [3, 11]], rtol=0, atol=1e-14)


def test_a_corrected_outcome_is_as_one_learned_right_at_once():
    x, arms, rewards = played(400)
    wrong = rewards.copy()
    wrong[7] = 1.0 - rewards[7]
    made = learned(x, arms, wrong)
    made.correct(int(arms[7]), x[7], rewards[7] - wrong[7])

    right = learned(x, arms, rewards)

    assert made.b == pytest.approx(right.b, abs=1e-12)
    assert np.array_equal(made.inverse, right.inverse)


def test_forgetting_draws_an_arm_back_to_its_beginning():
    x = np.tile([1.0, 0.0], (400, 1))
    made = LinearArms(2, half_life=50.0)
    made.add()
    for each in x:
        made.learn(0, each, 1.0)
    for _ in range(1000):
        made.learn(0, np.array([0.0, 1.0]), 0.0)

    means, widths = made.means_and_widths(np.eye(2), [0])

    assert widths[0, 0] == pytest.approx(1.0, abs=0.02)
    assert means[0, 0] < 0.02
    assert 0.1 < widths[1, 0] < 0.2


@pytest.mark.parametrize("kind", [LinUCB, LinTS])
def test_an_action_of_which_nothing_is_known_has_its_prior(kind):
    model = kind(Setup((True,), width=0.25))

    known, other = model.score([row([0.5], prior=0.2), row([2.0], action="b", prior=0.4)])

    width = 0.25 * np.sqrt(1.25)
    expected = (0.2 + width, 0.0) if kind is LinUCB else (0.2, width)
    assert (known.propensity, known.sd) == pytest.approx(expected)
    assert known.observations == 0
    assert 0.4 <= other.propensity <= 1.0


def test_the_upper_bound_of_one_is_the_mean_and_spread_of_the_other():
    setup = Setup((True, False), width=0.1)
    rng = np.random.default_rng(3)
    rows = [row(rng.normal(size=2), action="ab"[i % 2]) for i in range(300)]
    lessons = [Labelled(each, int(i % 5 == 0), int(i % 5 != 0)) for i, each in enumerate(rows)]
    upper, sampled = LinUCB(setup), LinTS(setup)
    for model in (upper, sampled):
        model.learn(lessons)

    for bound, drawn in zip(upper.score(rows), sampled.score(rows), strict=True):
        if drawn.propensity > 0 and bound.propensity < 1:
            assert bound.propensity == pytest.approx(drawn.propensity + drawn.sd)
        assert (bound.sd, bound.observations) == (0.0, 150.0)


def test_a_late_yes_is_exact_in_the_models_too():
    setup = Setup((True,))
    late, at_once = LinTS(setup), LinTS(setup)
    other = Labelled(row([-0.3]), 0, 1)
    late.learn([Labelled(row([0.7]), 0, 1), other, Labelled(row([0.7]), 1, -1)])
    at_once.learn([Labelled(row([0.7]), 1, 0), other])

    for one, two in zip(late.score([row([0.2])]), at_once.score([row([0.2])]), strict=True):
        assert tuple(one) == pytest.approx(tuple(two), rel=1e-12)


def test_it_learns_which_action_suits_whom():
    """Action a pays for one sort of customer, action b for the other; uniform choice gets half of it."""
    rng = np.random.default_rng(5)
    model = LinUCB(Setup((False,), width=0.2))
    got = 0
    for _ in range(800):
        sort = float(rng.random() < 0.5)
        rows = [row([sort], action=action) for action in "ab"]
        best = int(np.argmax([score.propensity for score in model.score(rows)]))
        chance = 0.3 if (best == 1) == (sort > 0) else 0.02
        taken = int(rng.random() < chance)
        model.learn([Labelled(rows[best], taken, 1 - taken)])
        got += taken

    assert got > 800 * 0.23


@pytest.mark.parametrize("count", [0, 5, 40])
def test_a_checkpoint_goes_on_bit_for_bit(count):
    setup = Setup((True, True), half_life=30.0)
    rng = np.random.default_rng(7)
    lessons = [
        Labelled(row(rng.normal(size=2), action="abc"[i % 3]), i % 2, 1 - i % 2)
        for i in range(count + 30)
    ]
    model = LinUCB(setup)
    model.learn(lessons[:count])
    rows = [each.row for each in lessons]

    again = LinUCB.load(setup, model.dump())
    for each in (model, again):
        each.score(rows)
        each.learn(lessons[count:])

    assert again.dump() == model.dump()
    assert again.score(rows) == model.score(rows)
