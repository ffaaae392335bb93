"""Online logistic regression: what it converges to, forgets, corrects, and keeps."""

from math import exp, log

import numpy as np
import pytest

from actors.domain.scores import ScoreRow
from serve_app.models.interface import Labelled, Setup
from serve_app.models.logistic import VARIANCE, VARIANCE_OF_ACTION, LogisticRegression

FLAGS = Setup((False,))
NUMBERS = Setup((True, True, False))


def row(*features, action="a", prior=0.1):
    return ScoreRow(action, "gold", prior, "m@1", tuple(map(float, features)))


def lesson(taken, *features, action="a"):
    return Labelled(row(*features, action=action), taken, 1 - taken)


def propensity(model, *features, action="a", prior=0.1):
    (score,) = model.score([row(*features, action=action, prior=prior)])
    return score.propensity


def drawn(count, seed=1):
    """Draw lessons of a logistic model whose coefficients are known, with labels as it says."""
    rng = np.random.default_rng(seed)
    x = np.column_stack(
        [rng.normal(50, 10, count), rng.normal(0, 1, count), rng.random(count) < 0.5]
    )
    p = 1 / (1 + np.exp(-(-1.5 + 1.0 * (x[:, 0] - 50) / 10 - 0.7 * x[:, 1] + 0.8 * x[:, 2])))
    taken = (rng.random(count) < p).astype(int)
    return [lesson(int(y), *each) for y, each in zip(taken, x.tolist(), strict=True)], x, p


def test_without_lessons_the_answer_is_near_the_prior_and_uncertain():
    (score,) = LogisticRegression(FLAGS).score([row(0, prior=0.07)])

    assert score.propensity == pytest.approx(0.07, abs=0.003)
    assert 0.02 < score.sd < 0.1
    assert (score.observations, score.positives) == (0, 0)


def test_it_finds_the_chances_that_labels_were_drawn_from():
    given, x, p = drawn(3000)
    model = LogisticRegression(NUMBERS)
    model.learn(given)

    said = np.array([s.propensity for s in model.score([row(*each) for each in x[-500:].tolist()])])

    assert np.abs(said - p[-500:]).mean() < 0.025
    assert model.score([given[0].row])[0].sd < 0.03


def test_one_lesson_moves_the_posterior_to_laplaces_approximation():
    """Found by a search over all weights, which knows nothing of the direction that the model searches."""
    model = LogisticRegression(FLAGS)
    model.learn([lesson(1, 1)])
    prior = np.array([VARIANCE_OF_ACTION, VARIANCE, VARIANCE_OF_ACTION])
    offset = model._matrix([row(1)])[1][0]
    m = np.zeros(3)
    for _ in range(100):
        q = 1 / (1 + exp(-(m.sum() + offset)))
        hessian = np.diag(1 / prior) + q * (1 - q) * np.ones((3, 3))
        m -= np.linalg.solve(hessian, m / prior + (q - 1))

    assert model._m == pytest.approx(m, abs=1e-9)
    assert model._cov == pytest.approx(np.linalg.inv(hessian), abs=1e-9)


def test_a_yes_that_takes_a_no_back_adds_the_difference_of_the_two_likelihoods():
    model, z = LogisticRegression(FLAGS), np.array([1.0, 1.0, 1.0])
    model.learn([lesson(1, 0), lesson(0, 1)])
    m, cov = model._m.copy(), model._cov.copy()

    model.learn([Labelled(row(1), 1, -1)])

    def gradient(w):  # of log σ(t) − log σ(−t), by differences
        def gain(v):
            t = float(v @ z)
            return log(1 / (1 + exp(-t))) - log(1 / (1 + exp(t)))

        return np.array([(gain(w + h) - gain(w - h)) / 2e-5 for h in np.eye(3) * 1e-5])

    assert model._m == pytest.approx(m + cov @ gradient(m), abs=1e-8)
    assert np.array_equal(model._cov, cov)
    (score,) = model.score([row(1)])
    assert (score.observations, score.positives) == (2, 2)


def test_an_action_learns_beside_what_all_share():
    model = LogisticRegression(FLAGS)
    model.learn([lesson(i % 2, 0, action="often") for i in range(400)])
    model.learn([lesson(0, 0, action="never") for i in range(400)])

    assert propensity(model, 0, action="often") == pytest.approx(0.5, abs=0.08)
    assert propensity(model, 0, action="never") < 0.03


def test_what_is_no_longer_seen_becomes_as_uncertain_as_in_the_beginning_and_no_more():
    model = LogisticRegression(Setup((False,), half_life=50.0))
    model.learn([lesson(i % 2, 1) for i in range(320)])
    seen = model._cov[1, 1]
    model.learn([lesson(i % 2, 0) for i in range(3200)])

    assert seen < 0.9 * VARIANCE
    assert model._cov[1, 1] == pytest.approx(VARIANCE, rel=0.02)
    assert np.linalg.eigvalsh(model._cov).min() > 0


def test_with_forgetting_it_follows_a_change_that_it_misses_without():
    before = [lesson(0, 1) for _ in range(2000)]
    after = [lesson(i % 2, 1) for i in range(300)]
    quick, slow = LogisticRegression(Setup((False,), half_life=100.0)), LogisticRegression(FLAGS)
    for model in (quick, slow):
        model.learn(before + after)

    assert propensity(quick, 1) == pytest.approx(0.45, abs=0.12)
    assert propensity(slow, 1) < 0.3


def test_numbers_are_standardised_by_the_lessons_before_alone():
    model, blind = LogisticRegression(NUMBERS), LogisticRegression(NUMBERS)
    given, _, _ = drawn(300)
    model.learn(given)
    blind.learn(given)
    (before,) = model.score([row(1e9, -1e9, 1)])
    blind.score([row(-5, 17, 0)] * 50)  # to be asked teaches nothing

    assert blind.dump() == model.dump()
    assert 0.0 < before.propensity < 1.0


def test_the_scale_of_a_number_does_not_matter():
    given, x, _ = drawn(500)
    model, scaled = LogisticRegression(NUMBERS), LogisticRegression(NUMBERS)
    model.learn(given)
    scaled.learn(
        [
            Labelled(row(f[0] * 1000 - 7, f[1] / 50, f[2]), each.taken, each.refused)
            for each in given
            for f in [each.row.features]
        ]
    )

    there = scaled.score([row(x[9, 0] * 1000 - 7, x[9, 1] / 50, x[9, 2])])
    assert there[0].propensity == pytest.approx(
        model.score([row(*x[9])])[0].propensity, rel=5e-3
    )  # the first lesson has no scale yet


def test_rows_are_scored_alike_in_one_call_and_in_many():
    given, _, _ = drawn(200)
    model = LogisticRegression(NUMBERS)
    model.learn(given)
    rows = [each.row for each in given[:20]] + [row(50, 0, 1, action="new", prior=0.3)]

    alone = [model.score([each])[0] for each in rows]

    for one, together in zip(alone, model.score(rows), strict=True):
        assert tuple(one) == pytest.approx(tuple(together), rel=1e-12)
    assert model.score([]) == ()


@pytest.mark.parametrize("count", [0, 1, 31, 32, 33, 100])
def test_a_checkpoint_goes_on_bit_for_bit(count):
    setup = Setup((True, True, False), half_life=100.0)
    given, _, _ = drawn(count + 60)
    model = LogisticRegression(setup)
    model.learn(given[:count])

    again = LogisticRegression.load(setup, model.dump())
    for each in (model, again):
        each.learn(given[count:])

    assert again.dump() == model.dump()
    assert again.lessons == count + 60


def test_rows_of_another_length_are_refused():
    with pytest.raises(ValueError, match="expected 3 features"):
        LogisticRegression(NUMBERS).score([row(1, 2)])


def test_a_checkpoint_of_another_version_is_refused():
    with pytest.raises(ValueError, match="checkpoint version 9, expected 1"):
        LogisticRegression.load(FLAGS, b"\x95\x09\x00\x90\x90\x00")
