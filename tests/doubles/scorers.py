"""Scorers whose answers a test knows."""

from actors.domain.scores import Score, Scores


class FixedScorer:
    """Gives every action the same propensity unless told otherwise; remembers what was asked."""

    def __init__(self, propensity=0.5, **by_action):
        self.propensity = propensity
        self.by_action = by_action
        self.down = False
        self.asked = []

    async def score(self, rows):
        self.asked.append([row.action for row in rows])
        if self.down:
            return Scores("fixed", "", prior=True, rows=())
        found = (self.by_action.get(row.action, self.propensity) for row in rows)
        return Scores("fixed", "1", prior=False, rows=tuple(Score(p, 7.0) for p in found))
