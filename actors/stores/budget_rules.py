"""Whether what is spent fits its budgets: the same sums for every store."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from actors.domain.budgets import FOR_EVER_MS, Span, Spend, span_of

Run = Counter[tuple[str, int]]
"""What earlier changes of the same call spend, by budget and bucket."""


def spans_of(spends: Iterable[Spend]) -> list[Span]:
    """Return the distinct spans, in order."""
    return list(dict.fromkeys(span_of(spend.window) for spend in spends))


def fits(spends: Sequence[Spend], spent: Mapping[Span, int], run: Run) -> bool:
    """Return whether all spends of one change fit together, on top of what stands and of the run."""
    if not spends:
        return True
    both = Counter(run)
    note(spends, both)
    for window in dict.fromkeys(spend.window for spend in spends):
        more = sum(
            amount
            for (budget, bucket_ms), amount in both.items()
            if budget == window.budget and window.since_ms <= bucket_ms <= window.until_ms
        )
        if spent.get(span_of(window), 0) + more > window.limit:
            return False
    return True


def note(spends: Iterable[Spend], run: Run) -> None:
    """Add spends to a run."""
    for window, amount, _ in spends:
        run[window.budget, window.bucket_ms] += amount


def outdated(spends: Iterable[Spend]) -> dict[str, int]:
    """Return, by budget whose window rolls, the bucket before which none is needed any more.

    A whole window is kept beyond the one in force: clocks of two processes differ a little.
    """
    return {
        window.budget: 2 * window.since_ms - window.bucket_ms
        for window, _, _ in spends
        if window.until_ms == FOR_EVER_MS and window.since_ms < window.bucket_ms
    }
