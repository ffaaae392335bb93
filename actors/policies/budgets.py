"""What a message takes of budgets, what they may still give, and at which price."""

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from math import ceil
from typing import NamedTuple
from zoneinfo import ZoneInfo

from actors.domain.budgets import FOR_EVER_MS, MILLI, Window
from actors.playbook.budget_model import (
    DATES,
    DAY,
    MONEY,
    MONTH,
    ROLLING,
    TOTAL,
    WEEK,
    Budget,
    Period,
    Share,
)
from actors.playbook.model import Action, Playbook

OF_CUSTOMER = "@customer"
"""What the key of a customer's own share ends with, among funds and prices."""

_DIGITS = 6
"""Of amounts while they are floats: the ledger has three, and sums of floats must not drift past it."""
_HOUR_MS = 3_600_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Uses = Sequence[tuple[str, float]]
"""Pairs of a key of funds and what is taken of it: money in minor units, a contact as 1.0."""


class Use(NamedTuple):
    """What one message takes of a budget.

    Only if its customer is in one of `segments` and one of `campaigns` proposed it; None lets any be.
    """

    key: str
    amount: float
    segments: frozenset[str] | None
    campaigns: frozenset[str] | None


def uses_of(playbook: Playbook, action: Action, channel: str) -> tuple[Use, ...]:
    """Return what an action on a channel may take of budgets; see `uses_now` for whether it does.

    Of money that is what sending costs, and what the offer costs if it is taken: all might be.
    """
    cost_minor = action.treatments[channel].cost_minor + action.offer_cost_minor
    uses = []
    for budget in playbook.budgets.all:
        if not budget.covers(action.key, action.group, channel, action.purpose):
            continue
        amount = cost_minor if budget.unit == MONEY else 1.0
        if amount <= 0.0:
            continue
        if budget.limit is not None:
            uses.append(Use(budget.name, amount, budget.segments, budget.campaigns))
        if budget.share is not None:
            key = budget.name + OF_CUSTOMER
            uses.append(Use(key, amount, budget.segments, budget.campaigns))
    return tuple(uses)


def uses_now(uses: Sequence[Use], segments: Collection[str], cause: str) -> Uses:
    """Return what is taken for a customer in `segments`.

    `cause` is who proposed it: a trigger, `scenario:step:instance`, or empty for a placement.
    """
    if not uses:
        return ()
    return [
        (use.key, use.amount)
        for use in uses
        if (use.segments is None or not use.segments.isdisjoint(segments))
        and (use.campaigns is None or cause.partition(":")[0] in use.campaigns)
    ]


def short_of(uses: Uses, left: Mapping[str, float]) -> str:
    """Return the first key of which too little is left, or nothing when all uses fit.

    A budget that `left` does not name could not be read: it gives nothing.
    """
    for key, amount in uses:
        have = left.get(key)
        if have is None or round(have - amount, _DIGITS) < 0.0:
            return key
    return ""


def take(uses: Uses, left: dict[str, float]) -> None:
    """Take the uses from what is left, in place."""
    for key, amount in uses:
        left[key] = round(left.get(key, 0.0) - amount, _DIGITS)


def charge(uses: Uses, prices: Mapping[str, float]) -> float:
    """Return what the uses cost in shadow prices, in minor units."""
    return sum(prices.get(key, 0.0) * amount for key, amount in uses)


def to_ledger(amount: float) -> int:
    """Return an amount of minor units or contacts in the ledger's thousandths, rounded up."""
    return ceil(round(amount * MILLI, _DIGITS - 3))


def from_ledger(amount: int) -> float:
    """Undo `to_ledger`."""
    return amount / MILLI


def window_of(budget: Budget, zone: str, now_ms: int) -> Window:
    """Return what a budget may take at an instant, as paced; a limit of 0 when it is not its time."""
    limit = budget.limit or 0
    bucket_ms, since_ms, until_ms = span_of(budget.period, zone, now_ms)
    if budget.period.kind == DATES and not budget.period.from_ms <= now_ms < until_ms:
        limit = 0
    elif budget.slack is not None:
        share = (now_ms - since_ms) / (until_ms - since_ms) + budget.slack
        limit = min(limit, int(limit * share))
    last_ms = FOR_EVER_MS if budget.period.kind == ROLLING else bucket_ms
    return Window(budget.name, bucket_ms, since_ms, last_ms, limit)


def span_of(period: Period, zone: str, now_ms: int) -> tuple[int, int, int]:
    """Return (the bucket of an instant, the first bucket of its period, when the period is over).

    A rolling window begins with the bucket in which its first instant lies, so all of it is counted. What
    never ends is over at `FOR_EVER_MS`.
    """
    if period.kind == TOTAL:
        return 0, 0, FOR_EVER_MS
    if period.kind == DATES:
        return period.from_ms, period.from_ms, period.until_ms
    if period.kind == ROLLING:
        size = period.bucket_ms
        first = (now_ms - period.window_ms) // size * size
        return now_ms // size * size, first, now_ms // size * size + size
    first_ms, end_ms = _calendar(period.kind, zone, now_ms // _HOUR_MS)
    if not first_ms <= now_ms < end_ms:  # a zone that moves within the hour
        first_ms, end_ms = _bounds(period.kind, zone, now_ms)
    return first_ms, first_ms, end_ms


@lru_cache(maxsize=1024)
def _calendar(kind: str, zone: str, hour: int) -> tuple[int, int]:
    return _bounds(kind, zone, hour * _HOUR_MS)


def _bounds(kind: str, zone: str, now_ms: int) -> tuple[int, int]:
    """Return when the day, week (from Monday) or month of an instant begins and ends in a zone."""
    tz = ZoneInfo(zone)
    local = (_EPOCH + timedelta(milliseconds=now_ms)).astimezone(tz)
    first = local.replace(hour=0, minute=0, second=0, microsecond=0, fold=0, tzinfo=None)
    if kind == DAY:
        end = first + timedelta(days=1)
    elif kind == WEEK:
        first -= timedelta(days=first.weekday())
        end = first + timedelta(days=7)
    elif kind == MONTH:
        first = first.replace(day=1)
        end = (first + timedelta(days=32)).replace(day=1)
    else:
        raise ValueError(f"no calendar has a {kind!r}")
    return _instant(first, tz), _instant(end, tz)


def _instant(local: datetime, tz: ZoneInfo) -> int:
    """Return the first instant at which a wall clock shows this, or what it jumps to."""
    return round(local.replace(tzinfo=tz).timestamp() * MILLI)


def share_limit(share: Share, value_minor: float) -> int:
    """Return what one customer of a predicted value may be worth, in the ledger's thousandths."""
    limit = max(share.at_least, int(max(0.0, value_minor) * share.of_value * MILLI))
    return limit if share.at_most is None else min(limit, share.at_most)
