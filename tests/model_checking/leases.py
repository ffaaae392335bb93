"""The rule by which a store leases a budget out: all of it in the transaction of the turn that spends."""

from tests.model_checking.world import Lease

LEASE_TICKS = 1
AHEAD = 1
"""How much more than it needs an owner is granted, so that its next spending asks nobody."""


def with_spent(
    leases: tuple[Lease, ...], owner: int, limit: int, clock: int, *, by_time: bool
) -> tuple[Lease, ...] | None:
    """Return the leases after an owner has spent one more, or None when the budget has not got it.

    Out of what it was granted, if there is something left; else out of what nobody was granted; else
    every other lease is written to have been granted what it has spent, and what that frees decides. With
    the bug `by_time` a lease that is over by the spender's clock counts as returned, and nobody writes it.
    """
    mine = next((each for each in leases if each.owner == owner), Lease(owner))
    others = tuple(each for each in leases if each.owner != owner)
    if mine.spent < mine.granted:
        return _sorted(others, mine._replace(spent=mine.spent + 1))
    out = sum(_out(each, clock, by_time) for each in others) + mine.granted
    if out + 1 > limit and not by_time:
        others = tuple(each._replace(granted=each.spent) for each in others)
        out = sum(each.spent for each in others) + mine.spent
    if out + 1 > limit:
        return None
    more = min(1 + AHEAD, limit - out)
    after = Lease(owner, mine.spent + more, mine.spent + 1, clock + LEASE_TICKS)
    return _sorted(others, after)


def _out(lease: Lease, clock: int, by_time: bool) -> int:
    return lease.spent if by_time and lease.until < clock else lease.granted


def _sorted(others: tuple[Lease, ...], mine: Lease) -> tuple[Lease, ...]:
    return tuple(sorted((*others, mine)))
