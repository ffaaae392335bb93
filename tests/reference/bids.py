"""What candidates are worth, in minor units, and which of them are worth nothing."""

from collections.abc import Mapping

from actors.decisioning.inputs import (
    ARBITRATION,
    BUDGET,
    PROPENSITY,
    Candidate,
    DecisionInput,
    Prepared,
    Ranked,
    Removal,
)
from actors.decisioning.parts import Need, Option
from actors.decisioning.plan import Plan, plan_of
from actors.domain.scores import Score
from actors.experiments.standing import policy_of
from actors.playbook.direct import Predicates
from actors.playbook.experiment_model import ARBITRATED, NO_LEVERS, RANDOM
from actors.playbook.experiment_model import PROPENSITY as PROPENSITY_ONLY
from actors.playbook.model import Playbook
from actors.policies.budgets import Use, Uses, charge, short_of, uses_now

Terms = tuple[float, float, float, float, float, float]

_PLAIN: Terms = (1.0, 1.0, 1.0, 0.0, 0.0, 0.0)
_new = tuple.__new__
"""Makes a named tuple of a tuple: what its own constructor does, without handing over each field."""


class Bid:
    """A candidate with its price: worth = propensity × gain − price.

    `terms` are weight, value, lever, cost, attention and shadow price; gain = weight × value × lever and
    price = cost + attention + shadow. `again` is the effect that stands there already. `checks` must be
    left for it, and `takes` is what it leaves less of: filled in where slots compete. `place` is its
    row among the posterior vectors.
    """

    __slots__ = (
        "again",
        "candidate",
        "checks",
        "gain",
        "option",
        "place",
        "price",
        "probability",
        "score",
        "takes",
        "terms",
        "uses",
        "worth",
    )

    def __init__(
        self,
        candidate: Candidate,
        option: Option,
        score: Score,
        terms: Terms,
        gain: float,
        price: float,
        worth: float,
        uses: Uses = (),
        again: tuple[int, int] | None = None,
    ) -> None:
        self.candidate = candidate
        self.option = option
        self.score = score
        self.terms = terms
        self.gain = gain
        self.price = price
        self.worth = worth
        self.uses = uses
        self.again = again
        self.probability = 0.0
        self.place = 0
        self.checks: tuple[Need, ...] = ()
        self.takes: tuple[Need, ...] = ()

    def ranked(self) -> Ranked:
        """Return what is recorded of it."""
        propensity, observations, sd, positives = self.score
        weight, value_minor, lever, cost_minor, attention_minor, shadow_minor = self.terms
        fields = (
            *self.candidate,
            propensity,
            observations,
            weight,
            value_minor,
            lever,
            cost_minor,
            self.worth,
            sd,
            positives,
            attention_minor,
            shadow_minor,
            self.probability,
        )
        return _new(Ranked, fields)


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
        self._attention_minor = playbook.arbitration.attention_minor * given.recent
        self._removed = removed
        self._charges: dict[tuple[tuple[Use, ...], str], tuple[Uses, float]] = {}
        self._lacking: dict[tuple[tuple[Use, ...], str], str] = {}
        self._fits: dict[Predicates, bool] = {}
        self._stands = {each.placement: each for each in given.standing}

    def by_slot(self) -> dict[str, list[Bid]]:
        """Return the bids by placement, the outbound ones under the empty name, best first.

        Ties go to the action's key, then to the channel.
        """
        slots: dict[str, list[Bid]] = {}
        options, scores, least = self._plan.options, self._scores, self._least
        price = self._likely if self.policy == PROPENSITY_ONLY else self._priced
        anything = self.policy == RANDOM
        for candidate in self._prepared.candidates:
            index, channel, placement, _ = candidate
            option, score = options[index][channel], scores[index]
            if least or option.fits is not None:
                removal = self._unfit(option, score)
                if removal is not None:
                    self._removed.append(removal)
                    continue
            bid = price(candidate, option, score)
            if not (bid.worth > 0.0 or anything):
                removal = Removal(index, channel, ARBITRATION, "worth less than nothing")
            elif bid.uses and (key := self._short_of(bid)):
                removal = Removal(index, channel, BUDGET, key)
            else:
                if placement not in slots:
                    slots[placement] = []
                slots[placement].append(bid)
                continue
            self._removed.append(removal)
        for bids in slots.values():
            if len(bids) > 1:
                bids.sort(key=_order)
        return slots

    def _unfit(self, option: Option, score: Score) -> Removal | None:
        """Return why a candidate is too unlikely, or its treatment is not to be used."""
        if self._least and not score.propensity >= self._least:
            why = "less than the least propensity"
            return Removal(option.index, option.channel, PROPENSITY, why)
        if option.fits is not None:
            fits = self._fits.get(option.fits)
            if fits is None:
                fits = self._fits[option.fits] = self._ask(option.fits)
            if not fits:
                return option.unfit
        return None

    def _charged(self, option: Option, trigger: str) -> tuple[Uses, float]:
        """Return what an option takes of budgets now, and what that costs in shadow prices."""
        known = self._charges.get((option.uses, trigger))
        if known is None:
            uses = uses_now(option.uses, self._prepared.segments, trigger)
            known = self._charges[option.uses, trigger] = uses, charge(uses, self._given.prices)
        return known

    def _short_of(self, bid: Bid) -> str:
        """Return the first budget that has too little left for a bid, or nothing."""
        asked = bid.option.uses, bid.candidate.trigger
        if asked not in self._lacking:
            self._lacking[asked] = short_of(bid.uses, self._given.funds)
        return self._lacking[asked]

    def _ask(self, fits: Predicates) -> bool:
        prepared = self._prepared
        return fits(self._given.context, prepared.segments, prepared.tier)[0]

    def _priced(self, candidate: Candidate, option: Option, score: Score) -> Bid:
        index, _, placement, trigger = candidate
        again = self._again(placement, index) if self._stands else None
        uses: Uses = ()
        shadow_minor = 0.0
        if option.uses and again is None:
            uses, shadow_minor = self._charged(option, trigger)
        weight = self._prepared.weights[index]
        value_minor, lever, cost_minor = option.terms
        if self.policy == NO_LEVERS:
            weight = lever = 1.0
        attention_minor = 0.0 if placement else self._attention_minor
        gain = weight * value_minor * lever
        price = cost_minor + attention_minor + shadow_minor
        terms = (weight, value_minor, lever, cost_minor, attention_minor, shadow_minor)
        worth = score[0] * gain - price
        return Bid(candidate, option, score, terms, gain, price, worth, uses, again)

    def _likely(self, candidate: Candidate, option: Option, score: Score) -> Bid:
        """Price a candidate for those whose decisions look at nothing but the propensity."""
        bid = self._priced(candidate, option, score)
        bid.terms, bid.gain, bid.price = _PLAIN, 1.0, 0.0
        bid.worth = score.propensity
        return bid

    def _again(self, placement: str, index: int) -> tuple[int, int] | None:
        """Return the effect of this action that stands in a placement, or None."""
        stands = self._stands.get(placement)
        return None if stands is None or stands.action != index else (stands.seq, stands.n)


def _order(bid: Bid) -> tuple[float, int, str]:
    candidate = bid.candidate
    return -bid.worth, candidate[0], candidate[1]
