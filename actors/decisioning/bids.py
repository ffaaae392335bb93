"""What candidates are worth, in minor units, and which of them are worth nothing.

Bids stand in columns: a decision may have hundreds, and an object for each would cost more than
its price.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import compress, groupby, repeat
from typing import Any

from actors.decisioning.inputs import (
    ARBITRATION,
    BUDGET,
    PROPENSITY,
    Candidate,
    DecisionInput,
    Prepared,
    Removal,
)
from actors.decisioning.parts import Need, Option, Part, Run
from actors.decisioning.plan import Plan, plan_of
from actors.domain.scores import Score
from actors.experiments.standing import policy_of
from actors.playbook.direct import Predicates
from actors.playbook.experiment_model import ARBITRATED, NO_LEVERS, RANDOM
from actors.playbook.experiment_model import PROPENSITY as PROPENSITY_ONLY
from actors.playbook.model import Playbook
from actors.policies.budgets import Uses, charge, short_of, uses_now

_Row = tuple[Any, ...]
_WORTH = 15
"""Where a row has what its bid is worth."""


class Slot:
    """The bids for one placement, or, without one, for the message: in columns, best first.

    worth = propensity × gain − price; gain = weight × value × lever and price = cost + attention + shadow,
    with the same `attention` for all. `uses` is what a bid takes of budgets, `again` the (seq, n) of the
    effect that stands there already. `checks` must be left for a bid, and `takes` is what it leaves
    less of: empty where slots do not compete. `start` is where the bids begin among those of all slots.
    """

    __slots__ = (
        "actions",
        "again",
        "attention",
        "channels",
        "checks",
        "costs",
        "gains",
        "levers",
        "means",
        "observations",
        "options",
        "placement",
        "positives",
        "prices",
        "probabilities",
        "sds",
        "shadows",
        "size",
        "start",
        "takes",
        "triggers",
        "uses",
        "values",
        "weights",
        "worths",
    )

    def __init__(self, placement: str, rows: list[_Row], attention: float) -> None:
        """Take rows as `Bidding` makes them, in any order."""
        if len(rows) > 1:
            rows.sort()  # no two have the same place, so nothing after it is compared
        self.actions: Sequence[int]
        self.channels: Sequence[str]
        self.options: Sequence[Option]
        (
            _,
            self.actions,
            self.channels,
            _,
            self.options,
            self.triggers,
            self.means,
            self.observations,
            self.sds,
            self.positives,
            self.weights,
            self.values,
            self.levers,
            self.costs,
            self.shadows,
            self.worths,
            self.gains,
            self.prices,
            self.uses,
            self.again,
        ) = zip(*rows, strict=True)
        self.placement, self.attention = placement, attention
        self.size = len(rows)
        self.start = 0
        self.probabilities = [0.0] * len(rows)
        self.checks: list[tuple[Need, ...]] = []
        self.takes: list[tuple[Need, ...]] = []

    def rows(self) -> Iterator[_Row]:
        """Yield what is recorded of each bid: the fields of `Ranked`."""
        return zip(
            self.actions,
            self.channels,
            repeat(self.placement),
            self.triggers,
            self.means,
            self.observations,
            self.weights,
            self.values,
            self.levers,
            self.costs,
            self.worths,
            self.sds,
            self.positives,
            repeat(self.attention),
            self.shadows,
            self.probabilities,
            strict=False,  # repeats have no end
        )


class Bidding:
    """Prices the candidates of one decision."""

    def __init__(
        self,
        prepared: Prepared,
        given: DecisionInput,
        scores: Mapping[int, Score],
        playbook: Playbook,
        removed: list[Removal],
    ) -> None:
        self.policy = policy_of(given.arms, playbook.experiments) if given.arms else ARBITRATED
        self._plan: Plan = plan_of(playbook)
        self._prepared, self._given, self._scores = prepared, given, scores
        self._least = playbook.arbitration.least_propensity
        plain = self.policy == PROPENSITY_ONLY
        self._attention = 0.0 if plain else playbook.arbitration.attention_minor * given.recent
        self._removed = removed

    def by_slot(self) -> dict[str, Slot]:
        """Return the bids by placement, the outbound ones under the empty name, best first.

        Ties go to the action's key, then to the channel.
        """
        rows: dict[str, list[_Row]] = {}
        first = 0
        for placement, trigger, part in self._prepared.runs or self._runs():
            bids = self._bids(placement, trigger, part, first)
            rows.setdefault(placement, []).extend(bids)
            first += len(part.options)
        return {
            placement: Slot(placement, each, 0.0 if placement else self._attention)
            for placement, each in rows.items()
            if each
        }

    def _runs(self) -> Iterator[Run]:
        """Yield the runs of candidates that did not come out of the funnel."""
        options = self._plan.options
        for (placement, trigger), run in groupby(self._prepared.candidates, _place):
            part = Part([options[each.action][each.channel] for each in run])
            yield placement, trigger, part

    def _bids(self, placement: str, trigger: str, part: Part, first: int) -> list[_Row]:
        """Return a row a bid of a run; the others are removed. `first` is the place of its first."""
        answers = [self._scores[index] for index in part.actions]
        means, observations, sds, positives = zip(*answers, strict=True)
        uses: Sequence[Uses] | repeat[Uses] = repeat(())
        shadows: Sequence[float] = part.zeros
        short: dict[int, str] = {}
        again: list[tuple[int, int] | None] | repeat[None] = repeat(None)
        if part.accounts is not None:
            uses, shadows, short = self._charged(part, part.accounts, trigger)
        if self._given.standing:
            again = self._again(placement, part)
            stand = [each is not None for each in again]
            uses = [() if s else u for u, s in zip(uses, stand, strict=False)]
            shadows = [0.0 if s else p for p, s in zip(shadows, stand, strict=True)]
        priced = self._priced(placement, part, means, shadows)
        count = len(answers)
        rows = list(
            zip(
                [-worth for worth in priced[5]],
                part.actions,
                part.channels,
                range(first, first + count),
                part.options,
                repeat(trigger),
                means,
                observations,
                sds,
                positives,
                *priced,
                uses,
                again,
                strict=False,  # repeats have no end
            )
        )
        kept = self._kept(part, rows, short)
        return rows if kept is None else list(compress(rows, kept))

    def _priced(
        self, placement: str, part: Part, means: Sequence[float], shadows: Sequence[float]
    ) -> tuple[Sequence[float], ...]:
        """Return columns: weights, values, levers, costs, shadow prices, worths, gains, prices."""
        if self.policy == PROPENSITY_ONLY:  # such decisions look at nothing else
            ones, zeros = part.ones, part.zeros
            return ones, ones, ones, zeros, zeros, means, ones, zeros
        values, levers, costs = part.terms
        known = self._prepared.weights
        weights: Sequence[float] = [known[index] for index in part.actions]
        if self.policy == NO_LEVERS:
            weights = levers = part.ones
        attention = 0.0 if placement else self._attention
        gains = [w * v * lever for w, v, lever in zip(weights, values, levers, strict=True)]
        prices = [cost + attention + shadow for cost, shadow in zip(costs, shadows, strict=True)]
        worths = [
            mean * gain - price for mean, gain, price in zip(means, gains, prices, strict=True)
        ]
        return weights, values, levers, costs, shadows, worths, gains, prices

    def _kept(self, part: Part, rows: Sequence[_Row], short: Mapping[int, str]) -> Any:
        """Note why bids are removed; return which are kept, None for all."""
        worth = [row[_WORTH] > 0.0 for row in rows]
        anything = self.policy == RANDOM
        unfit: Mapping[Predicates, bool] = {}
        if part.fits:
            asked = self._given.context, self._prepared.segments, self._prepared.tier
            unfit = {fits: True for fits in part.fits if not fits(*asked)[0]}
        if not (unfit or short or self._least) and (anything or False not in worth):
            return None
        kept = []
        for row, is_worth in zip(rows, worth, strict=True):
            option: Option = row[4]
            why = None
            if self._least and not row[6] >= self._least:
                why = PROPENSITY, "less than the least propensity"
            elif option.fits is not None and option.fits in unfit:
                why = option.unfit.stage, option.unfit.rule
            elif not (is_worth or anything):
                why = ARBITRATION, "worth less than nothing"
            elif row[18] and option.account in short:
                why = BUDGET, short[option.account]
            kept.append(why is None)
            if why is not None:
                self._removed.append(Removal(option.index, option.channel, *why))
        return kept

    def _charged(
        self, part: Part, accounts: Sequence[int], trigger: str
    ) -> tuple[list[Uses], list[float], dict[int, str]]:
        """Return what options take of budgets, what that costs, and which accounts have too little left."""
        given, segments = self._given, self._prepared.segments
        taken: dict[int, Uses] = {}
        prices: dict[int, float] = {}
        short: dict[int, str] = {}
        for account in set(accounts):  # few differ; each is looked at by itself, in whatever order
            uses = uses_now(self._plan.accounts[account], segments, trigger)
            taken[account], prices[account] = uses, charge(uses, given.prices) if account else 0.0
            lacking = short_of(uses, given.funds) if uses else ""
            if lacking:
                short[account] = lacking
        return [taken[a] for a in accounts], [prices[a] for a in accounts], short

    def _again(self, placement: str, part: Part) -> list[tuple[int, int] | None]:
        """Return for each option the effect of it that stands in a placement, or None."""
        for stands in reversed(self._given.standing):
            if stands.placement == placement:
                shown, index = (stands.seq, stands.n), stands.action
                return [shown if action == index else None for action in part.actions]
        return [None] * len(part.actions)


def _place(candidate: Candidate) -> tuple[str, str]:
    return candidate.placement, candidate.trigger
