"""The learner as populations are simulated with it: it learns at barriers, in the order of customers."""

from collections.abc import Sequence

from actors.domain.scores import ScoreRow, Scores
from actors.playbook.model import Playbook
from actors.simulation.learning import Taught
from serve_app.models.learner import Learner


class LearnedModel:
    """All models of a playbook behind `actors.simulation.learning.Model`; lessons count as offsets."""

    def __init__(self, playbook: Playbook) -> None:
        self._rules = {rules.key: rules for rules in playbook.learning.by_action.values()}
        self._learner = Learner()

    def score(self, rows: Sequence[ScoreRow]) -> Scores:
        """See `Model.score`."""
        return self._learner.score(rows)

    def learn(self, taught: Sequence[Taught]) -> None:
        """See `Model.learn`."""
        if not taught:
            return
        told = [
            (self._rules.get(each.row.model) if each.row else None, each.row) for each in taught
        ]
        offset = self._learner.offset + len(taught)
        self._learner.learn_rows(offset, [each.lesson for each in taught], told)

    def dump(self) -> bytes:
        """See `Model.dump`."""
        return self._learner.dump()

    def load(self, data: bytes) -> None:
        """See `Model.load`."""
        self._learner = Learner.load(data)
