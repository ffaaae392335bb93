"""Made-up campaigns with budgets, whose best outcome a linear program tells, and a run through them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from actors.policies.budgets import charge, take
from actors.policies.pricing import Offer, Opportunity, best_offer
from serve_app.pricing import Solution, solve

RESOLVES = 20
MEMORY = 0.3
"""The share of a run, up to now, whose candidates prices are learned from: the job reads the latest too."""
"""How often prices are learned anew in a run, beside the two early times."""
EARLY = (0.01, 0.02)
_SLACK = 0.01


@dataclass(frozen=True, slots=True)
class Instance:
    """Opportunities in random order, and what each budget has in all. Money is in minor units."""

    opportunities: list[Opportunity]
    budgets: dict[str, float]


@dataclass(frozen=True, slots=True)
class Run:
    """What a run has brought, what it has taken of each budget, and how many messages went."""

    value_minor: float
    taken: dict[str, float]
    contacts: int


def instance_of(seed: int, contacts: int, *, scarcity: float = 8.0, channels: int = 3) -> Instance:
    """Make an instance whose budgets fund about `contacts` messages each, of many times as many chances.

    Each opportunity has an offer on one to `channels` channels, which differ in cost and of which the dearest
    is the best. Two budgets bind: money over all channels, and a count on the dearest one.
    """
    rng = np.random.default_rng(seed)
    many = round(contacts * scarcity)
    costs = [2.0 * 2.0**i for i in range(channels)]
    found: list[Opportunity] = []
    for _ in range(many):
        interest = rng.lognormal(0.0, 1.0)
        offers = []
        for channel in range(int(rng.integers(1, channels + 1))):
            is_dearest = channel == channels - 1
            value = interest * costs[channel] * rng.lognormal(1.6 if is_dearest else 1.0, 0.6)
            uses = [("money", costs[channel])]
            if is_dearest:
                uses.append(("agents", 1.0))
            offers.append(Offer(float(value), uses))
        found.append(offers)
    return Instance(found, {"money": 2 * contacts * costs[-1], "agents": float(contacts)})


def with_prices(instance: Instance, prices: dict[str, float], order: Sequence[int]) -> Run:
    """Go through an instance in an order, at prices that stay."""
    return _run(instance, order, lambda _seen, _left: prices, ())


def learning(instance: Instance, order: Sequence[int]) -> Run:
    """Go through an instance in an order, learning prices from what was seen so far, as the job does."""
    many = len(order)
    times = sorted({round(many * share) for share in EARLY} | {
        round(many * i / RESOLVES) for i in range(1, RESOLVES)
    })  # fmt: skip

    def learned(seen: Sequence[Opportunity], left: dict[str, float]) -> dict[str, float]:
        latest = seen[-round(many * MEMORY) :]
        ahead = len(latest) / (many - len(seen))
        return solve(latest, {name: n * ahead for name, n in left.items()}).prices

    return _run(instance, order, learned, times)


def best(instance: Instance) -> Solution:
    """Return the optimum of the linear program, which no choice can beat, and its prices."""
    return solve(instance.opportunities, instance.budgets)


def orders(instance: Instance, seed: int) -> dict[str, list[int]]:
    """Return orders of arrival: random, the best last and the best first, by value per charge."""
    prices = best(instance).prices

    def yields(i: int) -> float:
        offers = instance.opportunities[i]
        return max(o.value_minor / (charge(o.uses, prices) or 1e-9) for o in offers)

    many = range(len(instance.opportunities))
    worst_first = sorted(many, key=yields)
    shuffled = np.random.default_rng(seed).permutation(len(instance.opportunities)).tolist()
    return {"random": shuffled, "best last": worst_first, "best first": worst_first[::-1]}


def _run(
    instance: Instance,
    order: Sequence[int],
    price: Callable[[Sequence[Opportunity], dict[str, float]], dict[str, float]],
    times: Sequence[int],
) -> Run:
    left, seen = dict(instance.budgets), list[Opportunity]()
    prices = price(seen, left) if not times else {}
    value, contacts = 0.0, 0
    for position, i in enumerate(order):
        if position in times:
            prices = price(seen, left)
        opportunity = instance.opportunities[i]
        seen.append(opportunity)
        at_hand = left if prices else _paced(instance, left, (position + 1) / len(order))
        chosen = best_offer(opportunity, prices, at_hand)
        if chosen is not None:
            take(opportunity[chosen].uses, left)
            value += opportunity[chosen].value_minor
            contacts += 1
    taken = {name: instance.budgets[name] - n for name, n in left.items()}
    return Run(value, taken, contacts)


def _paced(instance: Instance, left: dict[str, float], share: float) -> dict[str, float]:
    """Return what an even pace leaves before there is a price."""
    return {
        name: left[name] - whole * max(0.0, 1.0 - share - _SLACK)
        for name, whole in instance.budgets.items()
    }
