"""The checker: judges a store and what was seen from outside against each guarantee. Pure.

Each check returns what is wrong, and nothing when all is well. None of them trusts the part that it
judges: what clients were told is compared with the journal, the journal with states, outbox and
receivers.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from scripts.chaos.books import Books, Turn
from scripts.chaos.checking_effects import check_budgets, check_caps, check_effects, check_timers
from scripts.chaos.checking_history import check_histories
from scripts.chaos.findings import Finding, Limits
from scripts.chaos.history import NEVER_MS, ORDER, History, Write


def check_all(books: Books, history: History, limits: Limits) -> list[Finding]:
    """Run every check on a finished, quiet run."""
    checks: tuple[Callable[[], Iterable[Finding]], ...] = (
        lambda: check_messages(history.writes, books),
        lambda: check_seqs(books),
        lambda: check_histories(history, books),
        lambda: check_effects(books, history.deliveries),
        lambda: check_timers(books, limits),
        lambda: check_caps(books, limits),
        lambda: check_budgets(books, limits),
        lambda: check_balances(books),
    )
    return [finding for check in checks for finding in check()]


def check_messages(writes: Sequence[Write], books: Books) -> list[Finding]:
    """Every acknowledged message is one turn, the one that was named; what is there was sent.

    A message that nobody acknowledged may be there once or not at all. The same message answered again,
    by a retry or much later, names the same turn.
    """
    turns: dict[str, list[Turn]] = defaultdict(list)
    for turn in books.turns:
        if turn.message:
            turns[turn.message].append(turn)
    found = []
    for message, rows in turns.items():
        if len(rows) > 1:
            at = ", ".join(f"{row.number}/{row.seq}" for row in rows)
            found.append(Finding("duplicate", f"{message} is {len(rows)} turns: {at}", message))
    for write in writes:
        found += _answered(write, turns.get(write.message, []))
    sent = {write.message for write in writes}
    found += [
        Finding("invented", f"{message} is a turn, and nobody sent it", message)
        for message in turns
        if message not in sent
    ]
    if books.messages < len(turns):
        text = f"{len(turns)} messages have turns, {books.messages} are known as taken"
        found.append(Finding("duplicate", text))
    return found


def _answered(write: Write, rows: Sequence[Turn]) -> list[Finding]:
    message = write.message
    if write.problem:
        return [Finding("refused", f"{message}: {write.problem}", message)]
    if write.ended_ms == NEVER_MS:
        return []
    if not rows:
        return [Finding("lost", f"{message} was acknowledged and is no turn", message)]
    if write.seq not in {row.seq for row in rows}:
        text = f"{message} was answered with turn {write.seq} and is turn {rows[0].seq}"
        return [Finding("answer", text, message)]
    return []


def check_seqs(books: Books) -> list[Finding]:
    """The turns of a customer are numbered 1, 2, 3 … up to the number in its row."""
    seqs: dict[int, list[int]] = defaultdict(list)
    for turn in books.turns:
        seqs[turn.number].append(turn.seq)
    known = {customer.number: customer.seq for customer in books.customers}
    found = []
    for number in sorted(seqs.keys() | known.keys()):
        have, last = sorted(seqs.get(number, [])), known.get(number, 0)
        if have != list(range(1, last + 1)):
            missing = sorted(set(range(1, last + 1)) - set(have))[:5]
            text = f"customer {number} is at {last} with {len(have)} turns, missing {missing}"
            found.append(Finding("gap", text))
    return found


def check_balances(books: Books) -> list[Finding]:
    """What a customer's state says was bought is the sum over its journal."""
    orders: Counter[int] = Counter()
    spend: Counter[int] = Counter()
    for turn in books.turns:
        if turn.name == ORDER:
            orders[turn.number] += 1
            spend[turn.number] += turn.minor
    return [
        Finding(
            "balance",
            f"customer {each.number} has {each.orders} orders of {each.spend_minor} in all, its journal "
            f"{orders[each.number]} of {spend[each.number]}",
        )
        for each in books.customers
        if (each.orders, each.spend_minor) != (orders[each.number], spend[each.number])
    ]


@dataclass(slots=True)
class EpochWatch:
    """Looks at the partition map again and again: an epoch never falls, and has one owner for good."""

    _seen: dict[int, tuple[str, int]]
    looks: int = 0
    takeovers: int = 0

    def look(self, rows: Iterable[tuple[int, str, int]]) -> list[Finding]:
        """Compare one snapshot, rows of (partition, owner, epoch), with the one before."""
        self.looks += 1
        found = []
        for partition, owner, epoch in rows:
            before_owner, before = self._seen.get(partition, ("", -1))
            if epoch < before:
                text = f"the epoch of partition {partition} fell from {before} to {epoch}"
                found.append(Finding("epoch", text))
            elif epoch == before and owner != before_owner:
                text = f"partition {partition} went to {owner} without a new epoch"
                found.append(Finding("epoch", text))
            self.takeovers += epoch > before >= 0
            self._seen[partition] = (owner, epoch)
        return found
