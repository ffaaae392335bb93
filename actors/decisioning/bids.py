"""What candidates are worth, in minor units, and which of them are worth nothing.

Bids stand in columns: a decision may have hundreds, and an object for each would cost more than
its price.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain, groupby, repeat
from operator import itemgetter
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

_Columns = tuple[Any, ...]
"""Of bids in any order, as `Slot` takes them."""


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

    def __init__(
        self, placement: str, columns: _Columns, order: Sequence[int], attention: float
    ) -> None:
        """Take columns as `Bidding` makes them, and the places in them of the bids, best first."""
        if len(order) > 1:
            pick: Callable[[Any], Any] = itemgetter(*order)
        else:
            pick = itemgetter(slice(order[0], order[0] + 1))
        found = [pick(column) for column in columns]
        self.actions: tuple[int, ...] = tuple(found[0])
        self.channels: tuple[str, ...] = tuple(found[1])
        self.options: tuple[Option, ...] = tuple(found[2])
        self.triggers: Sequence[str] = found[3]
        self.means: tuple[float, ...] = tuple(found[4])
        self.observations: Sequence[float] = found[5]
        self.sds: tuple[float, ...] = tuple(found[6])
        self.positives: tuple[float, ...] = tuple(found[7])
        self.weights: Sequence[float] = found[8]
        self.values: Sequence[float] = found[9]
        self.levers: Sequence[float] = found[10]
        self.costs: Sequence[float] = found[11]
        self.shadows: Sequence[float] = found[12]
        self.worths: tuple[float, ...] = tuple(found[13])
        self.gains: tuple[float, ...] = tuple(found[14])
        self.prices: tuple[float, ...] = tuple(found[15])
        self.uses: Sequence[Uses] = found[16]
        self.again: Sequence[tuple[int, int] | None] = found[17]
        self.placement, self.attention = placement, attention
        self.size = len(order)
        self.start = 0
        self.probabilities = [0.0] * self.size
        self.checks: list[tuple[Need, ...]] = []
        self.takes: list[tuple[Need, ...]] = []

    def rows(self) -> Iterator[tuple[Any, ...]]:
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
        runs: Sequence[Run] = self._prepared.runs or list(self._runs())
        if len({run[0] for run in runs}) == len(runs):
            found = [(run[0], *self._bids(run)) for run in runs]
        else:
            placements = list(dict.fromkeys([run[0] for run in runs]))
            found = [(p, *self._together([run for run in runs if run[0] == p])) for p in placements]
        return {
            placement: Slot(placement, columns, order, 0.0 if placement else self._attention)
            for placement, columns, order in found
            if order
        }

    def _runs(self) -> Iterator[Run]:
        """Yield the runs of candidates that did not come out of the funnel."""
        options = self._plan.options
        for (placement, trigger), run in groupby(self._prepared.candidates, _place):
            part = Part([options[each.action][each.channel] for each in run])
            yield placement, trigger, part

    def _together(self, runs: Sequence[Run]) -> tuple[_Columns, list[int]]:
        """Return the bids of several runs for one slot, as `_bids` does those of one."""
        begun, kept = 0, []
        parts: list[_Columns] = []
        for run in runs:
            columns, order = self._bids(run)
            parts.append(columns)
            kept += [begun + i for i in order]
            begun += len(columns[0])
        whole = tuple([list(chain.from_iterable(each)) for each in zip(*parts, strict=True)])
        actions, channels, worths = whole[0], whole[1], whole[13]
        kept.sort(key=lambda i: (-worths[i], actions[i], channels[i], i))
        return whole, kept

    def _bids(self, run: Run) -> tuple[_Columns, list[int]]:
        """Return columns of a run's bids, and the places of those that are kept, best first."""
        placement, trigger, part = run
        known, given = self._scores, self._given
        means: tuple[float, ...]
        means, observations, sds, positives = zip(*[known[i] for i in part.actions], strict=True)
        count = len(means)
        uses: Sequence[Uses] = part.nothing
        shadows: tuple[float, ...] = part.zeros
        again: Sequence[tuple[int, int] | None] = part.nobody
        short: dict[int, str] = {}
        if part.accounts is not None:
            uses, shadows, short = self._charged(part, part.accounts, trigger)
        if given.standing:
            again = self._again(placement, part)
            stand = [each is not None for each in again]
            uses = [() if s else u for u, s in zip(uses, stand, strict=False)]
            shadows = tuple([0.0 if s else p for p, s in zip(shadows, stand, strict=True)])
        priced = self._priced(placement, part, means, shadows)
        worths: Sequence[float] = priced[5]
        order = sorted(part.by_key, key=worths.__getitem__, reverse=True)  # equal ones stay
        self._keep(part, order, means, worths, uses, short)
        columns = (
            part.actions,
            part.channels,
            part.options,
            (trigger,) * count,
            means,
            observations,
            sds,
            positives,
            *priced,
            uses,
            again,
        )
        return columns, order

    def _priced(
        self, placement: str, part: Part, means: tuple[float, ...], shadows: tuple[float, ...]
    ) -> tuple[Sequence[float], ...]:
        """Return columns: weights, values, levers, costs, shadow prices, worths, gains, prices."""
        if self.policy == PROPENSITY_ONLY:  # such decisions look at nothing else
            ones, zeros = part.ones, part.zeros
            return ones, ones, ones, zeros, zeros, means, ones, zeros
        values, levers, costs = part.terms
        known = self._prepared.weights
        weights: tuple[float, ...] = tuple([known[index] for index in part.actions])
        if self.policy == NO_LEVERS:
            weights = levers = part.ones
        attention = 0.0 if placement else self._attention
        gains: list[float] = []
        prices: list[float] = []
        worths: list[float] = []
        for i in range(len(means)):
            gain = weights[i] * values[i] * levers[i]
            price = costs[i] + attention + shadows[i]
            gains.append(gain)
            prices.append(price)
            worths.append(means[i] * gain - price)
        return weights, values, levers, costs, shadows, worths, gains, prices

    def _keep(
        self,
        part: Part,
        order: list[int],
        means: Sequence[float],
        worths: Sequence[float],
        uses: Sequence[Uses],
        short: Mapping[int, str],
    ) -> None:
        """Take out of an order what is not kept, and note why."""
        anything = self.policy == RANDOM
        unfit: Mapping[Predicates, bool] = {}
        if part.fits:
            asked = self._given.context, self._prepared.segments, self._prepared.tier
            unfit = {fits: True for fits in part.fits if not fits(*asked)[0]}
        if not (unfit or short or self._least) and (anything or worths[order[-1]] > 0.0):
            return
        gone: set[int] = set()
        for i, option in enumerate(part.options):
            why: tuple[str, str] | None = None
            if self._least and not means[i] >= self._least:
                why = PROPENSITY, "less than the least propensity"
            elif option.fits is not None and option.fits in unfit:
                why = option.unfit.stage, option.unfit.rule
            elif not (worths[i] > 0.0 or anything):
                why = ARBITRATION, "worth less than nothing"
            elif uses[i] and option.account in short:
                why = BUDGET, short[option.account]
            if why is not None:
                gone.add(i)
                self._removed.append(Removal(option.index, option.channel, *why))
        order[:] = [i for i in order if i not in gone]

    def _charged(
        self, part: Part, accounts: Sequence[int], trigger: str
    ) -> tuple[list[Uses], tuple[float, ...], dict[int, str]]:
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
        return [taken[a] for a in accounts], tuple([prices[a] for a in accounts]), short

    def _again(self, placement: str, part: Part) -> list[tuple[int, int] | None]:
        """Return for each option the effect of it that stands in a placement, or None."""
        for stands in reversed(self._given.standing):
            if stands.placement == placement:
                shown, index = (stands.seq, stands.n), stands.action
                return [shown if action == index else None for action in part.actions]
        return [None] * len(part.actions)


def _place(candidate: Candidate) -> tuple[str, str]:
    return candidate.placement, candidate.trigger
