"""Budgets as the ledger sees them: what is spent in which window, in thousandths.

All amounts here are integers: thousandths of a minor unit for money, because an e-mail costs a fraction
of a cent, and thousandths of one for counts. So sums are exact, in whatever order they are made.
"""

from typing import NamedTuple

MILLI = 1000
"""How many of the ledger's units a minor unit has, or one contact."""
FOR_EVER_MS = 1 << 62
"""The end of a window that has none."""


class Window(NamedTuple):
    """What a budget may still take at one instant.

    What is spent now is written to the bucket that begins at `bucket_ms`. It fits while all buckets that
    begin from `since_ms` to `until_ms`, both included, hold at most `limit` together with it.
    """

    budget: str
    bucket_ms: int
    since_ms: int
    until_ms: int
    limit: int


Span = tuple[str, int, int]
"""A budget, and the first and the last bucket of a window."""


def span_of(window: Window) -> Span:
    """Return what must be summed up for a window."""
    return window.budget, window.since_ms, window.until_ms


class Spend(NamedTuple):
    """What the n-th effect of a turn takes of a budget."""

    window: Window
    amount: int
    n: int
