"""The short way for most decisions: one slot, few candidates, and nothing that speaks against any.

It gives what the long way gives, to the last bit (tested against each other); whatever it does not know
it leaves to that.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from actors.decisioning import exploration
from actors.decisioning.inputs import Choice, Chosen, DecisionInput, Draw, Prepared, Ranked
from actors.decisioning.parts import Part
from actors.decisioning.polling import POLLS
from actors.decisioning.voting import worth_at
from actors.domain.scores import Score
from actors.experiments.standing import policy_of
from actors.playbook.arbitration_model import Arbitration
from actors.playbook.experiment_model import ARBITRATED, NO_LEVERS, PROPENSITY, RANDOM
from actors.playbook.model import Playbook

OUTBOUND = "outbound"
"""The stream of the draw for the outbound message; a turn starts at most one."""

_FEW = 8
"""Beyond this many, columns cost less than a candidate at a time."""
_PLACE, _WORTH, _SD, _POSITIVES, _ATTENTION = 2, 10, 11, 12, 13
"""Where a row, the fields of a `Ranked`, has them."""

_Row = list[Any]


def choose_single(
    prepared: Prepared, given: DecisionInput, scores: Mapping[int, Score], playbook: Playbook
) -> Choice | None:
    """Fill the only slot that has candidates, None where that takes the long way."""
    if len(prepared.runs) != 1 or given.standing:
        return None
    placement, trigger, part = prepared.runs[0]
    book = playbook.arbitration
    if part.accounts is not None or part.fits or len(part.options) > _FEW or book.least_propensity:
        return None
    if placement and placement not in given.placements[: given.max_actions]:
        return None
    policy = policy_of(given.arms, playbook.experiments) if given.arms else ARBITRATED
    if policy == PROPENSITY:
        return None
    plain, anything = policy == NO_LEVERS, policy == RANDOM
    attention = 0.0 if placement else book.attention_minor * given.recent
    rows = _priced(placement, trigger, part, scores, None if plain else prepared.weights, attention)
    if not anything:
        for row in rows:
            if not row[_WORTH] > 0.0:  # it is to be removed
                return None
    if len(rows) > 1:
        rows.sort(key=_rank)
    vectors = _vectors(rows, book)
    if vectors is None:
        vectors, votes = book.vectors, _votes(given.seed, rows, book)
    else:
        # None for nothing: what is worth less than that is here under ε = 1 alone.
        votes = [1] + [0] * len(rows)
    return _filled(prepared, given, rows, votes, vectors, 1.0 if anything else book.epsilon)


def _rank(row: _Row) -> tuple[float, int, str]:
    """Order rows: the best first; ties go to the action's key, then to the channel."""
    return -row[_WORTH], row[0], row[1]


def _priced(
    placement: str,
    trigger: str,
    part: Part,
    scores: Mapping[int, Score],
    weights: Mapping[int, float] | None,
    attention: float,
) -> list[_Row]:
    """Return the rows of the candidates, without weights and levers for None; `bids.Slot` has the formula."""
    rows: list[_Row] = []
    for i, index in enumerate(part.actions):
        mean, observations, sd, positives = scores[index]
        value, lever, cost = part.options[i].terms
        weight = 1.0
        if weights is None:
            lever = 1.0
        else:
            weight = weights[index]
        worth = mean * (weight * value * lever) - (cost + attention)
        rows.append(
            [
                index,
                part.channels[i],
                placement,
                trigger,
                mean,
                observations,
                weight,
                value,
                lever,
                cost,
                worth,
                sd,
                positives,
                attention,
                0.0,
                0.0,
            ]
        )
    return rows


def _vectors(rows: Sequence[_Row], book: Arbitration) -> int | None:
    """Return how many posterior vectors vote, all for the first row: 0 where no draw could change that.

    None says that others may get votes, which are to be counted.
    """
    if len(rows) > 1:
        positives = [row[_POSITIVES] for row in rows]
        least = min(positives)
        if least < book.mature_positives and max(positives) > least:
            return None
        if not any(row[_SD] > 0.0 for row in rows):
            return 0
    elif not rows[0][_SD] > 0.0:
        return 0
    first, *others = map(_drawn_of, rows)
    worst = worth_at(-exploration.FARTHEST, *first)
    if worst > 0.0 and all(worth_at(exploration.FARTHEST, *each) <= worst for each in others):
        return 0
    return None if others else book.vectors


def _drawn_of(row: _Row) -> tuple[float, float, float, float]:
    """Return what a draw for a row depends on, as `voting.worth_at` takes it."""
    *_, mean, _, weight, value, lever, cost = row[:_WORTH]
    return mean, max(0.0, row[_SD]), weight * value * lever, cost + row[_ATTENTION]


def _votes(seed: int, rows: Sequence[_Row], book: Arbitration) -> list[int]:
    """Return the votes of the posterior vectors, as `voting.Electorate` counts them for one slot."""
    ranks = {index: rank for rank, index in enumerate(sorted({row[0] for row in rows}))}
    drawn_as = [ranks[row[0]] for row in rows]
    columns = tuple(zip(*map(_drawn_of, rows), strict=True))
    positives = [row[_POSITIVES] for row in rows]
    votes = [0] * (len(rows) + 1)
    for place in POLLS.wishes_of(seed, drawn_as, columns, positives, book):
        votes[place] += 1
    return votes


def _filled(
    prepared: Prepared,
    given: DecisionInput,
    rows: list[_Row],
    votes: Sequence[int],
    vectors: int,
    epsilon: float,
) -> Choice:
    """Give the rows their probabilities, and draw one of them: none is for nothing."""
    placement, count = rows[0][_PLACE], len(rows)
    found = exploration.shares(votes, epsilon)
    for row, probability in zip(rows, found, strict=False):
        row[-1] = probability
    picked = 0
    if count > 1:
        picked = exploration.choose(given.seed, f"slot/{placement or OUTBOUND}", found)
    draws = (Draw(placement, count, found[-1], vectors, epsilon),)
    chosen = Chosen(Ranked(*rows[picked]), 1, found[picked])
    return Choice(list(map(tuple, rows)), (chosen,), prepared.removed, draws, (picked,))
