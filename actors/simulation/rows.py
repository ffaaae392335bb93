"""What a population's store holds, customer by customer: states as packed bytes or objects, timers, what waits.

Journal rows, message ids and effects that were sent go to whoever reads them at once, and are not kept: a
population of a million has no room for them. Budgets are spent from what this part of the population was granted.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from heapq import heappop, heappush
from typing import Any

from actors.domain.budgets import Spend, Window
from actors.domain.ids import Identity
from actors.ports import Change, OutboxRow, Verdict
from actors.session.keeping import Kept

Place = tuple[int, int, int]
"""(number, seq, n) of an effect."""


@dataclass(slots=True)
class Grant:
    """What may be spent of a budget until the next barrier, in the ledger's thousandths."""

    bucket_ms: int
    left: int


@dataclass(slots=True)
class Written:
    """What the last commits wrote that others have to see: messages to send, and whose turns are done."""

    sent: list[tuple[int, OutboxRow]] = field(default_factory=list)
    turns: list[tuple[int, int]] = field(default_factory=list)


class Rows:
    """All that concerns customers one by one, for one writer who does not wait."""

    def __init__(self, row_of: dict[int, int], kept: Kept | None) -> None:
        """`row_of` has the place of each customer by number, and is not copied.

        `kept` has the states of those whose changes came without bytes.
        """
        self._row_of = row_of
        self._kept = kept
        self._states: list[bytes] = [b""] * len(row_of)
        self._seqs: list[int] = [0] * len(row_of)
        self.owner_of: dict[Identity, int] = {}
        self._due: dict[tuple[int, str], int] = {}
        self._by_due: list[tuple[int, int, str]] = []
        self.waiting: dict[Place, OutboxRow] = {}
        self.grants: dict[str, Grant] = {}
        self.used: Counter[tuple[str, int]] = Counter()
        self.written = Written()

    def seq(self, number: int) -> int:
        """Return how many turns somebody has had; 0 for whom nothing is known."""
        row = self._row_of.get(number)
        return 0 if row is None else self._seqs[row]

    def state(self, number: int) -> bytes:
        """Return a customer's packed state, empty when there is none yet.

        Raises:
            UnkeptError: It cannot be packed.
        """
        row = self._row_of[number]
        if not self._states[row] and self._kept is not None:
            self._states[row] = self._kept.packed(number)
        return self._states[row]

    def states(self) -> list[bytes]:
        """Return all packed states, in the order of the numbers given.

        Raises:
            UnkeptError: One cannot be packed.
        """
        if self._kept is not None:
            for number in self._row_of:
                self.state(number)
        return self._states

    def left(self, window: Window) -> int:
        """Return what may be spent in a window until the next barrier, in thousandths."""
        grant = self.grants.get(window.budget)
        if grant is None or grant.bucket_ms != window.bucket_ms:
            return 0  # a period that has begun since the barrier: nothing is granted of it yet
        return max(0, min(grant.left, window.limit))

    def commit(self, change: Change) -> Verdict:
        """Write one customer's change, if it may be.

        Raises:
            ValueError: It writes what populations do not have.
        """
        number = change.number
        row = self._row_of.get(number)
        if row is None or self._seqs[row] != change.seq_before:
            return Verdict.RACE_LOST
        if change.groups or change.tied_to or change.erasure is not None:
            raise ValueError("a population has no groups, no merges and no erasures")
        if change.spends and not self._spend(change.spends):
            return Verdict.OVERSPENT
        self._states[row] = bytes(change.state)
        self._seqs[row] = change.seq_after
        for identity in change.identities:
            self.owner_of[identity] = number
        self.written.turns += [(number, each.seq) for each in change.journal]
        for key in change.timers_deleted:
            self._due.pop((number, key), None)
        for timer in change.timers_set:
            self._due[number, timer.key] = timer.due_at_ms
            heappush(self._by_due, (timer.due_at_ms, number, timer.key))
        if (
            change.outbox
            or change.outbox_cancelled
            or change.outbox_dropped
            or change.outbox_released
            or change.outbox_postponed
        ):
            self._write_effects(change)
        return Verdict.COMMITTED

    def _spend(self, spends: Sequence[Spend]) -> bool:
        wanted: Counter[Window] = Counter()
        for spend in spends:
            wanted[spend.window] += spend.amount
        if any(amount > self.left(window) for window, amount in wanted.items()):
            return False
        for window, amount in wanted.items():
            self.grants[window.budget].left -= amount
            self.used[window.budget, window.bucket_ms] += amount
        return True

    def _write_effects(self, change: Change) -> None:
        number = change.number
        for row in change.outbox:
            if row.held:
                self.waiting[number, row.seq, row.n] = row
            else:
                self.written.sent.append((number, row))
        for owner, seq, n, at_ms in change.outbox_released:
            held = self.waiting.pop((owner, seq, n), None)
            if held is not None:
                released = replace(held, held=False, send_at_ms=at_ms)
                self.written.sent.append((owner, released))
        for owner, seq, n, at_ms in change.outbox_postponed:
            held = self.waiting.get((owner, seq, n))
            if held is not None:
                self.waiting[owner, seq, n] = replace(held, held=True, send_at_ms=at_ms)
        ended = [*change.outbox_cancelled, *[each[:3] for each in change.outbox_dropped]]
        for place in ended:
            held = self.waiting.pop(place, None)
            for budget, bucket_ms, amount in held.spends if held is not None else ():
                # It serves others from the next barrier on, when what is left is granted anew.
                self.used[budget, bucket_ms] -= amount

    def wait_again(self, number: int, row: OutboxRow) -> None:
        """Take back a message that was held back by the check before it is sent."""
        self.waiting[number, row.seq, row.n] = row

    def take_due(self, until_ms: int, limit: int = 1 << 62) -> list[tuple[int, int, str]]:
        """Return (instant, number, key) of at most `limit` timers that are due, in that order; each is returned once."""
        found: list[tuple[int, int, str]] = []
        waiting, due = self._by_due, self._due
        while waiting and waiting[0][0] <= until_ms and len(found) < limit:
            timer = heappop(waiting)
            if due.get(timer[1:]) == timer[0]:
                found.append(timer)
        return found

    def next_due_ms(self) -> int | None:
        """Return when the next timer is due, if there is one."""
        while self._by_due:
            timer = self._by_due[0]
            if self._due.get(timer[1:]) == timer[0]:
                return timer[0]
            heappop(self._by_due)
        return None

    def to_fields(self) -> list[Any]:
        """Flatten everything, for a checkpoint between two barriers."""
        waiting = [
            [
                *place,
                *(row.channel, row.send_at_ms, row.expires_at_ms, row.payload),
                [list(each) for each in row.spends],
            ]
            for place, row in sorted(self.waiting.items())
        ]
        due = [[number, key, due_ms] for (number, key), due_ms in sorted(self._due.items())]
        owners = [[one.kind, one.value, n] for one, n in sorted(self.owner_of.items())]
        return [self.states(), self._seqs, owners, due, waiting]

    def take_fields(self, fields: list[Any]) -> None:
        """Go on from `to_fields`."""
        states, seqs, owners, due, waiting = fields
        self._states, self._seqs = list(states), list(seqs)
        self.owner_of = {Identity(kind, value): number for kind, value, number in owners}
        self._due = {(number, key): due_ms for number, key, due_ms in due}
        self._by_due = sorted((due_ms, number, key) for number, key, due_ms in due)
        self.waiting = {
            (number, seq, n): OutboxRow(
                seq,
                n,
                channel,
                send_ms,
                expires_ms,
                payload,
                held=True,
                spends=tuple([(name, bucket_ms, amount) for name, bucket_ms, amount in spends]),
            )
            for number, seq, n, channel, send_ms, expires_ms, payload, spends in waiting
        }
