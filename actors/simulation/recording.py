"""From a turn of the runtime to rows: what was decided, with which probabilities, and what it was truly worth."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from actors.decisioning.journal import TurnRecord
from actors.domain.state import CustomerState
from actors.playbook.model import Playbook
from actors.simulation.behaviour import MESSAGE, ORDER, VISIT, Occasion, Offer
from actors.simulation.customer import Customer
from actors.simulation.ledger import TOTALS_COLUMNS
from actors.simulation.people import Floats, People
from actors.simulation.touchpoints import ORDER_COMPLETED

_ACTION, _CHANNEL, _PLACEMENT = 0, 1, 2
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


def decided_in(
    record: TurnRecord,
    state: CustomerState,
    customer: Customer,
    playbook: Playbook,
    occasion: Occasion,
) -> Iterator[Decided]:
    """Yield each slot of a turn's decision; `occasion` is the visit or order that asked, if one did."""
    decision = record.decision
    if decision is None:
        return
    tier, segments, _, ranked, chosen, draws = decision.outcome
    effect_of = {(e.action, e.channel, e.placement): e for e in record.effects}
    places = {name: place for place, name in enumerate(decision.given.placements)}
    arms = arms_text(state)
    features = features_of_state(state, record.received_at_ms)
    index = int(customer.people.index[customer.i])
    taken_at = {ranked[place][_PLACEMENT]: place for place, *_ in chosen}
    for placement, _, nothing, *_ in draws:
        here = [
            place
            for place, row in enumerate(ranked)
            if row[_PLACEMENT] == placement and row[-1] > 0.0
        ]
        rows = [ranked[place] for place in here]
        where = occasion if placement else Occasion(record.received_at_ms, "", MESSAGE)
        offers = [_offer(row, playbook) for row in rows]
        truth = customer.appeals(offers, where, places.get(placement, OUTBOUND_PLACE))
        gains = [offer.value_minor for offer in offers]
        costs = [float(row[9]) for row in rows]
        worth = [p * gain - cost for p, gain, cost in zip(truth, gains, costs, strict=True)]
        place = taken_at.get(placement)
        at = here.index(place) if place is not None and place in here else -1
        effect = None
        if at >= 0:
            name = playbook.actions[rows[at][_ACTION]].key
            effect = effect_of.get((name, rows[at][_CHANNEL], placement))
        probabilities = [*[float(row[-1]) for row in rows], float(nothing)]
        yield Decided(
            (
                index,
                state.seq,
                -1 if effect is None else effect.n,
                record.received_at_ms,
                placement,
                decision.given.channel,
                tier,
                list(segments),
                arms,
                [f"{o.action}|{o.channel}" for o in offers] + [""],
                probabilities,
                [*[float(row[10]) for row in rows], 0.0],
                [*[float(row[4]) for row in rows], 0.0],
                [*truth, 0.0],
                [*gains, 0.0],
                [*costs, 0.0],
                at if at >= 0 else len(rows),
                probabilities[at],
                features,
            ),
            worth[at] if at >= 0 else 0.0,
            max([*worth, 0.0]),
        )


def _offer(row: Sequence[Any], playbook: Playbook) -> Offer:
    action = playbook.actions[row[_ACTION]]
    return Offer(action.key, action.group, action.value_minor, row[_CHANNEL], row[_PLACEMENT])


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
