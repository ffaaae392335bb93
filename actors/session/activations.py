"""Active customers: packed as last committed; the hottest are kept decoded besides."""

from collections.abc import Collection
from dataclasses import dataclass
from itertools import islice

from actors.domain.ids import Identity
from actors.domain.state import CustomerState
from actors.ports import Change
from actors.session.keeping import Kept
from actors.wire.state import READS_FAST

MAX_HOT = 64 if READS_FAST else 2_048
"""Customers kept decoded: about 30 KB each. Where states are read by way of Python, half of what a turn costs is saved."""


@dataclass(slots=True, init=False)
class Activation:
    """One active customer. `identities` are those under which it is found here."""

    number: int
    partition: int
    seq: int
    state: bytes
    used_at_ms: int
    identities: tuple[Identity, ...]

    def __init__(
        self,
        number: int,
        partition: int,
        seq: int,
        state: bytes,
        used_at_ms: int,
        identities: tuple[Identity, ...],
    ) -> None:
        self.number = number
        self.partition = partition
        self.seq = seq
        self.state = state
        self.used_at_ms = used_at_ms
        self.identities = identities


class Activations:
    """A bounded cache of committed states; dropping an entry never loses anything.

    Entries are in order of last use. `limit` bounds their number, `limit_bytes` the sum of their
    packed states, `hot` how many are kept decoded.

    A decoded state is lent to one turn and is gone from here while it is: a turn changes it in place, and
    only what was committed comes back. Whatever goes wrong in between, the packed state is read again.

    With `kept` nothing is packed: states stay there, and bytes are empty.
    """

    def __init__(
        self, limit: int, limit_bytes: int, hot: int = MAX_HOT, kept: Kept | None = None
    ) -> None:
        self.kept = kept
        self._limit = limit
        self._limit_bytes = limit_bytes
        self._max_hot = hot
        self._bytes = 0
        self._hot: dict[int, tuple[bytes, CustomerState]] = {}
        self._by_number: dict[int, Activation] = {}
        self._by_identity: dict[Identity, int] = {}

    def __len__(self) -> int:
        return len(self._by_number)

    @property
    def packed_bytes(self) -> int:
        """Sum of the packed states held."""
        return self._bytes

    def get(self, number: int) -> Activation | None:
        """Return an activation without marking it as used."""
        return self._by_number.get(number)

    def latest(self, most: int) -> list[Activation]:
        """Return those used last, the latest first, without marking them as used."""
        return list(islice(reversed(self._by_number.values()), most))

    def number_of(self, identity: Identity) -> int | None:
        """Return whom an identity belongs to, if that customer is active here."""
        return self._by_identity.get(identity)

    def decoded(self, activation: Activation) -> CustomerState | None:
        """Lend the decoded state of an activation; None when there is none, or only of other bytes."""
        if self.kept is not None:
            return self.kept.lend(activation.number)
        lent = self._hot.pop(activation.number, None)
        return lent[1] if lent is not None and lent[0] is activation.state else None

    def put(self, activation: Activation, decoded: CustomerState | None = None) -> None:
        """Insert or replace, as the most recently used; the least recently used make room.

        `decoded` equals what is packed, and is nobody else's from here on.
        """
        self.drop(activation.number)
        if decoded is not None and self._max_hot:
            if len(self._hot) >= self._max_hot:
                del self._hot[next(iter(self._hot))]
            self._hot[activation.number] = (activation.state, decoded)
        self._by_number[activation.number] = activation
        self._bytes += len(activation.state)
        for identity in activation.identities:
            self._by_identity[identity] = activation.number
        while len(self._by_number) > self._limit or (
            self._bytes > self._limit_bytes and len(self._by_number) > 1
        ):
            self.drop(next(iter(self._by_number)))

    def renew(self, change: Change, state: CustomerState, now_ms: int) -> None:
        """Do as `put` does with what a commit has written; `now_ms` is of the machine's clock."""
        number, known = change.number, self._by_number.get(change.number)
        if self.kept is not None:
            self.kept.keep(number, state)
            if known is not None and _same(known.identities, state.identities):
                known.seq, known.used_at_ms = change.seq_after, now_ms
                self._by_number[number] = self._by_number.pop(number)
                return
        identities = tuple(state.identities)
        self.put(
            Activation(
                number, change.partition, change.seq_after, change.state, now_ms, identities
            ),
            state if self.kept is None else None,
        )

    def undo(self, number: int) -> None:
        """Let nothing be left of turns that will not be committed.

        Raises:
            UnkeptError: What was there before is not known any more.
        """
        if self.kept is not None:
            self.kept.undo(number)

    def drop(self, number: int) -> None:
        """Forget one customer; the next turn reads it from the store."""
        gone = self._by_number.pop(number, None)
        if gone is None:
            return
        self._hot.pop(number, None)
        self._bytes -= len(gone.state)
        for identity in gone.identities:
            if self._by_identity.get(identity) == number:
                del self._by_identity[identity]

    def drop_partitions(self, partitions: Collection[int]) -> None:
        """Forget the customers of partitions that were handed over or lost."""
        for number in [n for n, a in self._by_number.items() if a.partition in partitions]:
            self.drop(number)

    def passivate(self, idle_before_ms: int) -> int:
        """Forget customers last used before an instant of the machine clock; return how many."""
        count = 0
        while self._by_number:
            oldest = next(iter(self._by_number.values()))
            if oldest.used_at_ms >= idle_before_ms:
                break
            self.drop(oldest.number)
            count += 1
        return count

    def clear(self) -> None:
        """Forget everybody."""
        self._by_number.clear()
        self._by_identity.clear()
        self._hot.clear()
        self._bytes = 0


def _same(some: tuple[Identity, ...], others: list[Identity]) -> bool:
    """Return whether these are the very same objects: then nothing has to be found in another way than before."""
    if len(some) != len(others):
        return False
    for one, other in zip(some, others, strict=True):  # noqa: SIM110 - a generator in machine code costs more
        if one is not other:
            return False
    return True
