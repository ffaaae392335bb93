"""Shadow prices: what a unit of a budget is worth to whoever would get it next.

With a price p on each budget, a message is worth its net value − Σ p × use; whoever is not worth the price
leaves the money to somebody who is. Prices come from a linear program over candidates seen (`serve_app.pricing`);
here is what needs no solver: the candidates, what may be spent on them, and the rule by which cells choose.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from actors.domain.budgets import FOR_EVER_MS
from actors.playbook.budget_model import CALENDAR, DATES, ROLLING, Budget
from actors.policies.budgets import Uses, charge, from_ledger, short_of, span_of


class Offer(NamedTuple):
    """A message that could go: its net value in minor units before prices, and what it takes of budgets."""

    value_minor: float
    uses: Uses


Opportunity = Sequence[Offer]
"""Messages of which one at most can go: those of one slot of one decision."""


def best_offer(
    opportunity: Opportunity, prices: Mapping[str, float], left: Mapping[str, float]
) -> int | None:
    """Return the position of the offer that is worth most after prices and fits what is left.

    None when none is worth more than nothing; of two that are worth the same the first.
    """
    best, position = 0.0, None
    for i, offer in enumerate(opportunity):
        worth = offer.value_minor - charge(offer.uses, prices)
        if worth > best and not short_of(offer.uses, left):
            best, position = worth, i
    return position


def allowance(budget: Budget, zone: str, spent: int, now_ms: int, seen_ms: int) -> float | None:
    """Return what of a budget belongs to as much time as the candidates were seen in.

    Candidates seen in `seen_ms` stand for those to come: what is left, spread over the time that is left,
    is theirs. Money is in minor units. None when the budget has no end, so that no time is too long for it.

    Args:
        budget: One with a limit.
        zone: That of the playbook.
        spent: What stands in its window, in the ledger's thousandths.
        now_ms: The instant, on the business clock.
        seen_ms: How long the candidates were gathered, in milliseconds; above 0.
    """
    limit = budget.limit or 0
    period = budget.period
    if period.kind == ROLLING:
        return from_ledger(limit) * seen_ms / period.window_ms
    if period.kind in CALENDAR or period.kind == DATES:
        end_ms = span_of(period, zone, now_ms)[2]
        if end_ms <= now_ms or end_ms >= FOR_EVER_MS:
            return None
        return from_ledger(max(0, limit - spent)) * seen_ms / (end_ms - now_ms)
    return None
