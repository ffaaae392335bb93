"""The model server as a cell sees it, with a model server of our own making."""

import asyncio

from actors.domain.scores import NO_SCORES, Score, ScoreRow, Scores
from actors.runtime.scorer import MOST_AGAIN, RemoteScorer
from actors.wire.scoring import pack_scores, unpack_rows
from tests.doubles.clocks import ManualClock

A = ScoreRow("a/a/a", "gold", 0.1)
B = ScoreRow("b/b/b", "gold", 0.2)


class Models:
    """Answers 0.5 for every row, under a version that can be changed, or does what it is told."""

    def __init__(self):
        self.asked = []
        self.version = "1"
        self.answer = None
        self.hang = False

    async def __call__(self, request):
        rows = unpack_rows(request)
        self.asked.append(rows)
        if self.hang:
            await asyncio.Event().wait()
        if isinstance(self.answer, Exception):
            raise self.answer
        given = self.answer or tuple(Score(0.5, 3.0) for _ in rows)
        return pack_scores(Scores("m", self.version, prior=False, rows=given))


def make(**settings):
    models, clock = Models(), ManualClock(1_000_000)
    return models, clock, RemoteScorer(models, clock, **settings)


def score(scorer, *rows):
    return asyncio.run(scorer.score(rows))


def test_rows_are_answered_in_their_order_with_the_models_name_and_version():
    models, _, scorer = make()
    models.answer = (Score(0.1, 1.0), Score(0.9, 2.0))

    scores = score(scorer, B, A)

    assert scores == Scores("m", "1", prior=False, rows=models.answer)
    assert score(scorer, A).rows == (Score(0.9, 2.0),)


def test_what_was_answered_a_moment_ago_is_not_asked_again():
    models, clock, scorer = make(fresh_s=0.5)

    score(scorer, A, B)
    clock.advance(499)
    score(scorer, B)
    clock.advance(1)
    score(scorer, B)

    assert models.asked == [[A, B], [B, A]]


def test_whoever_asks_anew_asks_for_what_was_needed_meanwhile_too_and_for_nothing_older():
    models, clock, scorer = make(fresh_s=0.5)
    models.answer = (Score(0.1, 1.0), Score(0.2, 1.0))
    score(scorer, A, B)
    models.answer = None
    clock.advance(500)
    score(scorer, B)
    clock.advance(500)

    assert score(scorer, B).rows == (Score(0.5, 3.0),)
    models.answer = (Score(0.3, 1.0), Score(0.4, 1.0))
    clock.advance(500)
    assert score(scorer, A).rows == (Score(0.3, 1.0),)
    assert score(scorer, B).rows == (Score(0.4, 1.0),)

    assert models.asked == [[A, B], [B, A], [B], [A, B]]


def test_what_is_asked_for_again_is_bounded():
    models, clock, scorer = make(fresh_s=0.5)
    many = [ScoreRow(f"{i}/{i}/{i}", "gold", 0.1) for i in range(2 * MOST_AGAIN)]
    score(scorer, *many)
    clock.advance(500)

    score(scorer, A)

    assert len(models.asked[-1]) == 1 + MOST_AGAIN


def test_a_row_that_is_not_known_has_the_whole_group_asked_for():
    models, _, scorer = make()

    score(scorer, A)
    score(scorer, A, B)

    assert models.asked == [[A], [A, B]]


def test_a_group_with_features_is_asked_for_in_one_call_and_not_remembered():
    models, _, scorer = make()
    told = [ScoreRow("c/c/c", "gold", 0.1, "m@1", (float(i), 0.5)) for i in range(50)]

    score(scorer, A)
    for _ in range(2):
        score(scorer, A, *told)
    score(scorer, A)

    assert models.asked == [[A], [A, *told], [A, *told]]
    assert len(scorer._known) == 1


def test_remembered_scores_are_never_of_two_versions():
    models, _, scorer = make()
    score(scorer, A)
    models.version = "2"
    score(scorer, B)

    scores = score(scorer, A)

    assert scores.version == "2"
    assert models.asked == [[A], [B], [A]]


def test_a_clock_that_is_set_back_does_not_keep_scores_for_ever():
    models, clock, scorer = make()
    score(scorer, A)
    clock.advance(-3_600_000)

    score(scorer, A)

    assert len(models.asked) == 2


def test_a_late_answer_is_not_waited_for():
    models, _, scorer = make(deadline_s=0.01)
    models.hang = True

    assert score(scorer, A) == NO_SCORES
    assert scorer.late == 1


def test_an_answer_that_makes_no_sense_is_no_answer():
    for nonsense in ((), (Score(1.5, 1.0),), (Score(float("nan"), 1.0),)):
        models, _, scorer = make()
        models.answer = nonsense or (Score(0.1, 1.0), Score(0.1, 1.0))

        assert score(scorer, A) == NO_SCORES


def test_after_three_failures_the_models_are_left_alone_for_a_while():
    models, clock, scorer = make(failures=3, open_s=1.0)
    models.answer = RuntimeError("dead")
    for _ in range(5):
        assert score(scorer, A) == NO_SCORES
    assert len(models.asked) == 3

    clock.advance(1_000)
    models.answer = None

    assert score(scorer, A).prior is False
    assert scorer.late == 5
