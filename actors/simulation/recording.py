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
        head = (int(customer.people.index[customer.i]), state.seq)
        taken_at = {ranked[place][_PLACEMENT]: place for place, *_ in chosen}
        found = []
        for placement, _, nothing, *_ in draws:
            taken = taken_at.get(placement)
            at = -1
            rows: list[Sequence[Any]] = []
            for place, row in enumerate(ranked):
                if row[_PLACEMENT] == placement and row[-1] > 0.0:
                    if place == taken:
                        at = len(rows)
                    rows.append(row)
            known = [self._offer(row) for row in rows]
            where = occasion if placement else Occasion(now_ms, "", MESSAGE)
            offers = [offer for offer, _ in known]
            truth = customer.appeals(offers, where, places.get(placement, OUTBOUND_PLACE))
            gains = [offer.value_minor for offer in offers]
            costs = [float(row[_COST]) for row in rows]
            worth = [p * gain - cost for p, gain, cost in zip(truth, gains, costs, strict=True)]
            probabilities = [float(row[-1]) for row in rows]
            probabilities.append(float(nothing))
            n = self._effect(record, rows[at], placement) if at >= 0 else -1
            written = (
                *(*head, n, now_ms, placement, given.channel, tier, list(segments), arms),
                [*[name for _, name in known], ""],
                probabilities,
                [*[float(row[_PRIORITY]) for row in rows], 0.0],
                [*[float(row[_PROPENSITY]) for row in rows], 0.0],
                [*truth, 0.0],
                [*gains, 0.0],
                [*costs, 0.0],
                at if at >= 0 else len(rows),
                probabilities[at],
                features,
            )
            found.append(Decided(written, worth[at] if at >= 0 else 0.0, max([*worth, 0.0])))
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
