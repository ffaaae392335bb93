import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.domain.scores import ScoreRow
from serve_app.models import beta
from serve_app.models.beta import STRENGTH, BetaBernoulli
from serve_app.models.interface import Labelled, Setup


def lesson(taken, refused=None, action="a", segment="gold"):
    refused = 1 - taken if refused is None else refused
    return Labelled(ScoreRow(action, segment, 0.1), taken, refused)


def propensity(model, action="a", segment="gold", prior=0.1):
    (score,) = model.score([ScoreRow(action, segment, prior)])
    return score.propensity


def taught(*lessons):
    model = BetaBernoulli()
    model.learn(lessons)
    return model


lessons = st.lists(
    st.builds(
        lesson, st.integers(0, 1), action=st.sampled_from("abc"), segment=st.sampled_from("xy")
    ),
    max_size=30,
)


def test_without_lessons_the_prior_is_the_answer():
    (score,) = BetaBernoulli().score([ScoreRow("a", "gold", 0.07)])

    assert score.propensity == pytest.approx(0.07)
    assert score.observations == 0
    assert BetaBernoulli().score([]) == ()


def test_propensities_are_those_of_the_stated_formula():
    model = taught(*[lesson(1)] * 3, *[lesson(0)] * 7, *[lesson(1, segment="iron")] * 5)

    pooled = (STRENGTH * 0.1 + 8) / (STRENGTH + 15)
    assert propensity(model) == pytest.approx((STRENGTH * pooled + 3) / (STRENGTH + 10))
    assert propensity(model, segment="new") == pytest.approx(pooled)
    assert propensity(model, action="other") == pytest.approx(0.1)


def test_the_spread_is_that_of_the_posterior_and_narrows():
    (before,) = BetaBernoulli().score([ScoreRow("a", "gold", 0.1)])
    (after,) = taught(*[lesson(1)] * 10, *[lesson(0)] * 90).score([ScoreRow("a", "gold", 0.1)])

    assert before.sd == pytest.approx((0.1 * 0.9 / (STRENGTH + 1)) ** 0.5)
    assert after.sd == pytest.approx((0.1 * 0.9 / (STRENGTH + 101)) ** 0.5)
    assert (after.observations, after.positives) == (100, 10)


def test_much_experience_outweighs_prior_and_pool():
    model = taught(*[lesson(1, segment="warm")] * 900, *[lesson(0, segment="warm")] * 100)
    model.learn([lesson(0, segment="cold")] * 1000)

    assert propensity(model, segment="warm") == pytest.approx(0.9, abs=0.02)
    assert propensity(model, segment="cold") == pytest.approx(0.0, abs=0.02)


def test_a_late_yes_takes_its_no_back():
    assert propensity(taught(lesson(0), lesson(1, -1))) == propensity(taught(lesson(1)))


def test_counts_never_fall_below_zero():
    model = taught(lesson(1, -1), lesson(0, -5))

    assert 0 < propensity(model) < 1


@given(lessons, st.data())
def test_the_same_lessons_in_any_order_and_any_parts_give_the_same_model(given_lessons, data):
    shuffled = data.draw(st.permutations(given_lessons))
    cut = data.draw(st.integers(0, len(shuffled)))
    parts = taught(*shuffled[:cut])
    parts.learn(shuffled[cut:])

    assert parts.dump() == taught(*given_lessons).dump()


@given(lessons, st.lists(st.floats(0.001, 0.999), min_size=1, max_size=5))
def test_answers_are_propensities_in_the_order_of_the_rows(given_lessons, priors):
    model = taught(*given_lessons)
    rows = [ScoreRow("abcdef"[i], "x", prior) for i, prior in enumerate(priors)]

    scores = model.score(rows)

    assert all(0 < score.propensity < 1 for score in scores)
    assert scores == tuple(model.score([row])[0] for row in rows)


@pytest.mark.parametrize("actions", [0, 1, 31, 32, 33, 64, 100])
def test_a_checkpoint_gives_the_same_model_back_at_every_size(actions):
    model = taught(*[lesson(i % 2, action=f"a{i}") for i in range(actions)])
    rows = [ScoreRow(f"a{i}", "gold", 0.3) for i in range(actions + 1)]

    again = BetaBernoulli.load(Setup(), model.dump())

    assert again.score(rows) == model.score(rows)
    assert (again.dump(), again.lessons) == (model.dump(), actions)
    again.learn([lesson(1, action="new")])
    assert propensity(again, "new") > 0.1


def test_a_checkpoint_of_another_version_is_refused():
    with pytest.raises(ValueError, match="checkpoint version 9, expected 1"):
        BetaBernoulli.load(Setup(), b"\x93\x09\x00\x90")


@given(lessons, lessons)
def test_answers_that_were_kept_are_those_of_a_model_that_was_never_asked(first, second):
    rows = [ScoreRow(a, s, p) for a in "abcd" for s in "xyz" for p in (0.1, 0.3)]
    asked = taught(*first)
    asked.score(rows[::2])
    asked.score(rows)
    asked.learn(second)

    fresh = taught(*first, *second)
    assert asked.score(rows) == tuple([fresh.score([row])[0] for row in rows])


def test_no_more_answers_are_kept_than_fit_and_all_are_right(monkeypatch):
    monkeypatch.setattr(beta, "MOST_KEPT", 6)
    model = taught(lesson(1, segment="x"), lesson(0, action="b", segment="y"))
    rows = [ScoreRow(a, s, 0.2) for a in "abc" for s in "xyz"]

    for some in (rows[:4], rows[3:7], rows[::2], rows[1::2], rows[5:8]):
        fresh = BetaBernoulli.load(Setup(), model.dump())
        assert model.score(some) == fresh.score(some)

        assert len(model._answers) <= 6
