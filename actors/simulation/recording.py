"""From a turn of the runtime to rows: what was decided, with which probabilities, and what it was truly worth."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from actors.decisioning.journal import TurnRecord
from actors.domain.state import CustomerState
from actors.playbook.model import Playbook
from actors.simulation.behaviour import MESSAGE, ORDER, VISIT, Occasion, Offer
from actors.simulation.customer import Customer
from actors.simulation.ledger import TOTALS_COLUMNS
from actors.simulation.people import Floats, People
from actors.simulation.touchpoints import ORDER_COMPLETED

_ACTION, _CHANNEL, _PLACEMENT, _PROPENSITY, _COST, _PRIORITY = 0, 1, 2, 4, 9, 10
"""Places in a row of what was ranked, as `Ranked` has them; the probability is the last."""
_SLOT, _NOTHING = 0, 2
"""Places in what was drawn for a slot, as `Draw` has them."""
_DAY_MS = 86_400_000
_HOUR_MS = 3_600_000
OUTBOUND_PLACE = 0


class Decided(NamedTuple):
    """One slot of a decision: the row of the table, and what it was worth, in minor units.

    `expected` is what was chosen brings in the mean, `best` the best of the survivors or nothing.
    """

    row: tuple[Any, ...]
    expected: float
    best: float


def arms_text(state: CustomerState) -> str:
    """Return the arms that somebody is in, as `experiment=arm;…` in order of names."""
    arms = state.arms
    return ";".join([f"{name}={arms[name][0]}" for name in sorted(arms)]) if arms else ""


def features_of_state(state: CustomerState, at_ms: int) -> list[float]:
    """Return `ledger.FEATURES` of a customer, as the company knows her after a turn."""
    profile = state.profile
    bought = profile.purchases
    since = at_ms - bought.last_at_ms if bought.last_at_ms else 365 * _DAY_MS
    tenure = at_ms - bought.first_at_ms if bought.first_at_ms else 0
    return [
        float(bought.orders),
        float(bought.spend_minor),
        since / _DAY_MS,
        tenure / _DAY_MS,
        float(len(profile.contacts)),
        float(sum(history.taken for history in profile.responses.values())),
        float(at_ms // _HOUR_MS % 24),
        float((at_ms // _DAY_MS + 3) % 7),
    ]


class _Survivors:
    """Whoever competed for a slot, as columns of the table; `offers` are those as customers see them."""

    __slots__ = ("costs", "gains", "names", "offers", "priorities", "probabilities", "scores")

    def __init__(self) -> None:
        self.offers: list[Offer] = []
        self.names: list[str] = []
        self.probabilities: list[float] = []
        self.priorities: list[float] = []
        self.scores: list[float] = []
        self.gains: list[float] = []
        self.costs: list[float] = []

    def add(self, row: Sequence[Any], known: tuple[Offer, str]) -> None:
        """Add one, given what was ranked."""
        offer, name = known
        self.offers.append(offer)
        self.names.append(name)
        self.probabilities.append(float(row[-1]))
        self.priorities.append(float(row[_PRIORITY]))
        self.scores.append(float(row[_PROPENSITY]))
        self.gains.append(offer.value_minor)
        self.costs.append(float(row[_COST]))

    def worth(self, truth: Sequence[float], at: int) -> tuple[float, float]:
        """Return what the one at a place is worth, 0 for none, and the best of all or nothing."""
        expected = best = 0.0
        for place, probability in enumerate(truth):
            worth = probability * self.gains[place] - self.costs[place]
            if place == at:
                expected = worth
            best = max(best, worth)
        return expected, best

    def add_nothing(self, probability: float, truth: list[float]) -> None:
        """Add as the last that nothing is chosen; also to `truth`, the column that others work out."""
        self.names.append("")
        self.probabilities.append(probability)
        for column in (self.priorities, self.scores, truth, self.gains, self.costs):
            column.append(0.0)


class Recorder:
    """Makes rows of decisions; what holds of a candidate for everybody is worked out once."""

    def __init__(self, playbook: Playbook) -> None:
        self._playbook = playbook
        self._known: dict[tuple[int, str, str], tuple[Offer, str]] = {}

    def decided(
        self,
        record: TurnRecord,
        state: CustomerState,
        customer: Customer,
        occasion: Occasion,
        arms: str,
    ) -> list[Decided]:
        """Return each slot of a turn's decision; `occasion` is the visit or order that asked, if one did."""
        decision = record.decision
        if decision is None:
            return []
        tier, segments, _, ranked, chosen, draws = decision.outcome
        given, now_ms = decision.given, record.received_at_ms
        places = {name: place for place, name in enumerate(given.placements)}
        features = features_of_state(state, now_ms)
        index: int = customer.people.index.item(customer.i)
        taken_at = {ranked[each[0]][_PLACEMENT]: each[0] for each in chosen}
        found = []
        for draw in draws:
            placement: str = draw[_SLOT]
            taken: int = taken_at.get(placement, -1)
            at, n = -1, -1
            slot = _Survivors()
            for place, row in enumerate(ranked):
                if row[_PLACEMENT] != placement or not row[-1] > 0.0:
                    continue
                if place == taken:
                    at = len(slot.names)
                    n = self._effect(record, row, placement)
                slot.add(row, self._offer(row))
            where = occasion if placement else Occasion(now_ms, "", MESSAGE)
            truth = customer.appeals(slot.offers, where, places.get(placement, OUTBOUND_PLACE))
            expected, best = slot.worth(truth, at)
            chosen_at = at if at >= 0 else len(truth)
            slot.add_nothing(float(draw[_NOTHING]), truth)
            written = (
                index,
                state.seq,
                n,
                now_ms,
                placement,
                given.channel,
                tier,
                list(segments),
                arms,
                slot.names,
                slot.probabilities,
                slot.priorities,
                slot.scores,
                truth,
                slot.gains,
                slot.costs,
                chosen_at,
                slot.probabilities[chosen_at],
                features,
            )
            found.append(Decided(written, expected, best))
        return found

    def _offer(self, row: Sequence[Any]) -> tuple[Offer, str]:
        """Return a candidate as customers see it, and its name in the table."""
        key = (row[_ACTION], row[_CHANNEL], row[_PLACEMENT])
        found = self._known.get(key)
        if found is None:
            action = self._playbook.actions[row[_ACTION]]
            offer = Offer(action.key, action.group, action.value_minor, key[1], key[2])
            found = self._known[key] = (offer, f"{offer.action}|{offer.channel}")
        return found

    def _effect(self, record: TurnRecord, row: Sequence[Any], placement: str) -> int:
        """Return the n of the effect that came of a candidate, -1 when none did: it was shown before."""
        name = self._playbook.actions[row[_ACTION]].key
        for effect in reversed(record.effects):
            said = (effect.action, effect.channel, effect.placement)
            if said == (name, row[_CHANNEL], placement):
                return effect.n
        return -1


def occasion_of(record: TurnRecord) -> Occasion:
    """Return the occasion on which the offers of a turn are met."""
    event = record.event
    if event is None:
        return Occasion(record.received_at_ms, "", VISIT)
    kind = ORDER if event.name == ORDER_COMPLETED else VISIT
    return Occasion(
        record.received_at_ms, event.channel, kind, str(event.properties.get("category", ""))
    )


def rows_of_customers(
    people: People, tiers: Sequence[str], arms: Sequence[str], totals: Mapping[str, Floats]
) -> list[tuple[Any, ...]]:
    """Return the rows of the table of customers, in order."""
    return [
        (
            int(people.index[row]),
            tiers[row],
            arms[row],
            *[float(totals[name][row]) for name in TOTALS_COLUMNS],
            bool(people.active[row]),
            float(people.satisfaction[row]),
            float(people.fatigue[row]),
        )
        for row in range(len(people))
    ]
