"""How far a customer has come: recency, frequency and value, and the rung of the loyalty ladder."""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

from actors.domain.profile import Profile

PROSPECT = "prospect"
FIRST_TIME_BUYER = "first_time_buyer"
REPEAT_BUYER = "repeat_buyer"
CLIENT = "client"
SUPPORTER = "supporter"
ADVOCATE = "advocate"
STAGES = (PROSPECT, FIRST_TIME_BUYER, REPEAT_BUYER, CLIENT, SUPPORTER, ADVOCATE)
"""The rungs, lowest first."""

CLIENT_ORDERS = 5
LAPSED_GAPS = 3
LAPSED_AFTER_MS = 30 * 86_400_000
"""Nobody has lapsed before this, however close together her orders were."""

_GOOD = 4
_BAD = 2


@dataclass(frozen=True, slots=True)
class Rfm:
    """Raw recency, frequency and value of orders. Times are 0 where there is nothing to measure.

    `gap_ms` lies between the last two orders, `mean_gap_ms` between orders on average.
    `mean_repeat_minor` is the mean of the orders after the first, before refunds.
    """

    orders: int
    since_last_ms: int
    gap_ms: int
    mean_gap_ms: float
    spend_minor: int
    mean_order_minor: float
    mean_repeat_minor: float


def gap_ms(profile: Profile) -> int:
    """Return the time between the last two orders, 0 before the second."""
    previous_ms = profile.ledger.previous_order_at_ms
    return profile.purchases.last_at_ms - previous_ms if previous_ms else 0


def mean_gap_ms(profile: Profile) -> float:
    """Return the customer's own rhythm: the mean time between orders, 0.0 before the second."""
    book = profile.purchases
    return (book.last_at_ms - book.first_at_ms) / (book.orders - 1) if book.orders > 1 else 0.0


def rfm(profile: Profile, now_ms: int) -> Rfm:
    """Return recency, frequency and value at an instant."""
    book, ledger = profile.purchases, profile.ledger
    gross_minor = book.spend_minor + ledger.refunded_minor
    repeats = book.orders - 1
    return Rfm(
        orders=book.orders,
        since_last_ms=max(0, now_ms - book.last_at_ms) if book.orders else 0,
        gap_ms=gap_ms(profile),
        mean_gap_ms=mean_gap_ms(profile),
        spend_minor=book.spend_minor,
        mean_order_minor=gross_minor / book.orders if book.orders else 0.0,
        mean_repeat_minor=(
            (gross_minor - ledger.first_order_minor) / repeats if repeats > 0 else 0.0
        ),
    )


def quantile_score(
    value: float, breakpoints: Sequence[float], *, less_is_more: bool = False
) -> int:
    """Return 1 for the lowest part of a population, one more for every breakpoint passed.

    `breakpoints` ascend and belong to the part below them: four quintiles make scores of 1 to 5.
    `less_is_more` turns the score round, as recency needs.
    """
    passed = bisect_left(breakpoints, value)
    return len(breakpoints) - passed + 1 if less_is_more else passed + 1


def has_lapsed(profile: Profile, now_ms: int) -> bool:
    """Return whether a buyer has been away for more than `LAPSED_GAPS` of her own mean gaps."""
    allowed_ms = max(LAPSED_AFTER_MS, LAPSED_GAPS * mean_gap_ms(profile))
    return now_ms - profile.purchases.last_at_ms > allowed_ms


def loyalty_stage(profile: Profile, now_ms: int) -> str:
    """Return the rung of the loyalty ladder, one of `STAGES`.

    | rung | who |
    | --- | --- |
    | prospect | has not bought |
    | first-time buyer | has bought once |
    | repeat buyer | has bought twice or more |
    | client | has bought five times or more, and has not lapsed by her own rhythm |
    | supporter | a client who praised us in a review or in her last rating of a service case |
    | advocate | a client who recommended us to others |

    A client whose last rating was bad is neither supporter nor advocate: she has something to say to
    us first.
    """
    orders = profile.purchases.orders
    if orders == 0:
        return PROSPECT
    if orders == 1:
        return FIRST_TIME_BUYER
    if orders < CLIENT_ORDERS or has_lapsed(profile, now_ms):
        return REPEAT_BUYER
    voice, rating = profile.voice, profile.service.last_rating
    if 0 < rating <= _BAD:
        return CLIENT
    if voice.referrals or voice.referrals_converted:
        return ADVOCATE
    return SUPPORTER if voice.praises or rating >= _GOOD else CLIENT
