"""The models of a population's company: what they answer between two barriers, and what they learn at one."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from actors.decisioning.features import features_of
from actors.decisioning.journal import Lesson, TurnRecord
from actors.domain.scores import NO_SCORES, ScoreRow, Scores
from actors.playbook.model import Playbook


class Taught(NamedTuple):
    """A lesson, the customer that it is about, and the row of the playbook's model, if it has one.

    Lessons are learned in the order of (customer, seq, n): who worked them out has no part in it.
    """

    customer: int
    seq: int
    n: int
    lesson: Lesson
    row: ScoreRow | None


class Model(Protocol):
    """What scores candidates, and learns at barriers. Deterministic."""

    def score(self, rows: Sequence[ScoreRow]) -> Scores:
        """Return propensities in the order of rows."""
        ...

    def learn(self, taught: Sequence[Taught]) -> None:
        """Take the lessons since the last barrier, in order."""
        ...

    def dump(self) -> bytes:
        """Return a checkpoint."""
        ...

    def load(self, data: bytes) -> None:
        """Go on from a checkpoint."""
        ...


class Frozen:
    """The playbook's starting propensities, as long as the simulation lasts."""

    def score(self, rows: Sequence[ScoreRow]) -> Scores:
        """See `Model.score`: there is no answer, so that the priors hold."""
        return NO_SCORES

    def learn(self, taught: Sequence[Taught]) -> None:
        """See `Model.learn`: nothing is learned."""

    def dump(self) -> bytes:
        """See `Model.dump`."""
        return b""

    def load(self, data: bytes) -> None:
        """See `Model.load`."""


@dataclass(slots=True)
class AsScorer:
    """A model as the runtime's `Scorer`."""

    model: Model

    async def score(self, rows: Sequence[ScoreRow]) -> Scores:
        """See `Scorer.score`."""
        return self.model.score(rows)


def told_rows(record: TurnRecord, playbook: Playbook) -> dict[int, ScoreRow]:
    """Return for the effects of a turn, by n, the rows that a model of the playbook scored them with.

    Effects of actions that no model is declared for, which is most, are left out.
    """
    features = features_of(playbook)
    if features is None or record.decision is None:
        return {}
    found: dict[int, ScoreRow] = {}
    for effect in record.effects:
        index = playbook.action_index.get(effect.action)
        rules = None if index is None else playbook.learning.by_action.get(index)
        if rules is None or index is None or index not in record.decision.scores:
            continue
        tier, segments = record.decision.outcome[0], record.decision.outcome[1]
        row = features.row(rules, record.decision.given.context, segments, tier)
        prior = playbook.actions[index].starting_propensity
        found[effect.n] = ScoreRow(effect.action, tier, prior, rules.key, row)
    return found
