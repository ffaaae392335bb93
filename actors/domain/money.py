"""Money at the edge of the core: decimals in, integer minor units inside."""

from decimal import Decimal
from typing import Any

LIMIT_MINOR = 10**15
"""Amounts beyond ten trillion currency units are taken for mistakes."""


_MAX_EXPONENT = 20


def minor_of(value: Any, digits: int) -> int | None:
    """Return an amount in minor units, or None when it is not an amount.

    Accepts a number, a decimal string, or `{"amount": …}`. Halves round to even, after the shortest
    decimal that gives the float: 0.285 is 28.5 cents, not 28.499….
    """
    if isinstance(value, dict):
        value = value.get("amount")
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, int):
        amount = value * 10**digits
        return amount if abs(amount) <= LIMIT_MINOR else None
    if isinstance(value, float):
        scaled = value * 10.0**digits
        if not -LIMIT_MINOR <= scaled <= LIMIT_MINOR:
            return None
        nearest = round(scaled)
        # Far from a half, binary noise cannot change the rounding: skip the slow exact way.
        if abs(abs(scaled - nearest) - 0.5) > 1e-3:
            return nearest
        value = repr(value)
    if not isinstance(value, str):
        return None
    try:
        exact = Decimal(value)
        # Read the exponent first: writing out the digits of 1e999999 would take for ever.
        if not exact.is_finite() or exact.adjusted() > _MAX_EXPONENT:
            return None
        amount = int(exact.scaleb(digits).to_integral_value())
    except (ArithmeticError, ValueError):
        return None
    return amount if abs(amount) <= LIMIT_MINOR else None
