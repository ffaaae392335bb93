"""Whether what clients saw of each customer could have come from one copy that takes one thing at a time."""

from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

from scripts.chaos.books import Books
from scripts.chaos.findings import Finding
from scripts.chaos.history import NEVER_MS, ORDER, History


class Step(NamedTuple):
    """One operation at its place in the customer's order: (`seq`, reads after the write)."""

    seq: int
    reads: bool
    began_ms: int
    ended_ms: int
    what: str


def check_histories(history: History, books: Books) -> list[Finding]:
    """Check that the history of each customer is linearizable.

    The journal's `seq` is the order that the store claims. So nothing has to be searched for: the history
    is linearizable in that order if (1) each read returns what the turns up to its `seq` add up to, and
    (2) no operation that was answered before another one began stands behind it. Both are looked at in one
    sweep, O(n log n). A write that nobody acknowledged has no end, but must not have begun after a read
    that saw it had ended: (2) covers that too, because it stands before that read. Checking per customer
    is enough: linearizability is local (Herlihy and Wing, 1990).
    """
    places = {turn.message: (turn.number, turn.seq) for turn in books.turns if turn.message}
    numbers = {customer.user: customer.number for customer in books.customers}
    sums = _sums(books)
    steps: dict[str, list[Step]] = defaultdict(list)
    found = []
    for write in history.writes:
        place = places.get(write.message)
        if place is None or write.how == "again":  # long answered: its first copy is the operation
            continue
        if place[0] != numbers.get(write.user):
            found.append(
                Finding("history", f"{write.message} is a turn of somebody else", write.message)
            )
            continue
        steps[write.user].append(
            Step(place[1], False, write.began_ms, write.ended_ms, write.message)
        )
    for read in history.reads:
        wanted = sums.get((numbers.get(read.user, 0), read.seq), (0, 0) if not read.seq else None)
        if wanted != (read.orders, read.spend_minor):
            text = (
                f"a read of {read.user} at turn {read.seq} saw {read.orders} orders of "
                f"{read.spend_minor}; its journal has {wanted}"
            )
            found.append(Finding("history", text))
        steps[read.user].append(
            Step(read.seq, True, read.began_ms, read.ended_ms, f"a read at turn {read.seq}")
        )
    for user, each in steps.items():
        found += _sweep(user, each)
    return found


def _sums(books: Books) -> dict[tuple[int, int], tuple[int, int]]:
    """Return (orders, spend) as of each turn; turns come in order of customer and seq."""
    sums: dict[tuple[int, int], tuple[int, int]] = {}
    for turn in sorted(books.turns, key=lambda turn: (turn.number, turn.seq)):
        orders, spend = sums.get((turn.number, turn.seq - 1), (0, 0))
        if turn.name == ORDER:
            orders, spend = orders + 1, spend + turn.minor
        sums[turn.number, turn.seq] = (orders, spend)
    return sums


def _sweep(user: str, steps: Iterable[Step]) -> list[Finding]:
    found = []
    latest: Step | None = None
    for step in sorted(steps):
        if latest is not None and step.ended_ms < latest.began_ms:
            text = (
                f"{user}: {step.what} was answered at {step.ended_ms} ms, before {latest.what} began "
                f"at {latest.began_ms} ms, and stands behind it"
            )
            found.append(Finding("history", text, step.what))
        if latest is None or step.began_ms > latest.began_ms:
            latest = step
    return found


def unanswered(history: History) -> int:
    """Return how many messages nobody ever acknowledged."""
    return sum(write.ended_ms == NEVER_MS for write in history.writes)
