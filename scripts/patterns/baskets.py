"""Households as lists of baskets: what patterns are learned from, shuffled and changed on purpose."""

from collections.abc import Callable, Sequence
from itertools import pairwise
from random import Random
from typing import Any, NamedTuple

MIN_GAPS = 20
DAY_MS = 86_400_000
NEW_STORE = "*new*"


class Basket(NamedTuple):
    """One purchase. The store stands in for a channel: all baskets of the data are from stores."""

    at_ms: int
    store: str
    minor: int
    departments: tuple[str, ...]


Household = Sequence[Basket]
Change = Callable[[Household, Household], list[Basket]]
"""Takes what was before and what comes after; returns what comes after, changed."""


def read_households(limit: int | None = None) -> list[list[Basket]]:
    """Read the real households with at least 20 gaps between baskets, in order of time.

    Raises:
        ModuleNotFoundError: The extra `demo` is not installed.
    """
    from scripts.demo.households import build, read_wheel

    found: dict[int, list[Basket]] = {}
    for call in build(read_wheel(), households=limit).calls:
        if call.kind == "basket":
            found.setdefault(call.household, []).append(
                _basket(call.at_ms, call.body["properties"])
            )
    return [baskets for _, baskets in sorted(found.items()) if len(baskets) > MIN_GAPS]


def _basket(at_ms: int, properties: dict[str, Any]) -> Basket:
    minor = round(properties["total"] * 100)
    return Basket(at_ms, properties["store_id"], minor, tuple(properties["departments"]))


def months(household: Household) -> float:
    """Return the time from the first basket to the last in months of 30.4375 days."""
    return (household[-1].at_ms - household[0].at_ms) / DAY_MS / 30.4375


def mean_gap_ms(household: Household) -> float:
    """Return the mean time between baskets, however close to each other they are."""
    return (household[-1].at_ms - household[0].at_ms) / (len(household) - 1)


def shuffled(household: Household, rng: Random) -> list[Basket]:
    """Return the same gaps, stores, amounts and departments, each in an order of its own.

    Whatever pattern changed in time is gone, and how the four go together as well; how often each
    value occurs is what it was. So every deviation found in it is a false alarm.
    """
    gaps = [b.at_ms - a.at_ms for a, b in pairwise(household)]
    stores = [basket.store for basket in household]
    amounts = [basket.minor for basket in household]
    departments = [basket.departments for basket in household]
    for values in (gaps, stores, amounts, departments):
        rng.shuffle(values)
    at_ms = household[0].at_ms
    times = [at_ms]
    for gap in gaps:
        at_ms += gap
        times.append(at_ms)
    return [Basket(*b) for b in zip(times, stores, amounts, departments, strict=True)]


def spend_times(factor: float) -> Change:
    """Return a change of every amount."""
    return lambda _before, after: [b._replace(minor=round(b.minor * factor)) for b in after]


def gaps_times(factor: float) -> Change:
    """Return a change of every gap since the last basket before."""

    def change(before: Household, after: Household) -> list[Basket]:
        start = before[-1].at_ms
        return [b._replace(at_ms=start + round((b.at_ms - start) * factor)) for b in after]

    return change


def other_store(before: Household, after: Household) -> list[Basket]:
    """Her most used store is replaced by one she has never been to."""
    stores = [b.store for b in before]
    most = max(sorted(set(stores)), key=stores.count)
    return [b._replace(store=NEW_STORE) if b.store == most else b for b in after]


def favourite_lost(before: Household, after: Household) -> list[Basket]:
    """She buys nothing any more in the department that is in most of her baskets."""
    names = [name for b in before for name in b.departments]
    most = max(sorted(set(names)), key=names.count)
    return [b._replace(departments=tuple(d for d in b.departments if d != most)) for b in after]
