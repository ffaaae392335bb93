"""Protocols through which the core's shell meets the outside: store, scorer, clock, channel."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol

from actors.domain.ids import Identity
from actors.domain.scores import ScoreRow, Scores


@dataclass(frozen=True, slots=True)
class StoredCustomer:
    """A customer's row: `state` are the packed bytes as committed with `seq`."""

    number: int
    partition: int
    seq: int
    state: bytes


@dataclass(frozen=True, slots=True)
class FirstAnswer:
    """Where the turn that first took a message is journalled."""

    fingerprint: bytes
    number: int
    seq: int


@dataclass(frozen=True, slots=True)
class Lookup:
    """What one group needs to know before its turns begin."""

    identities: tuple[Identity, ...] = ()
    numbers: tuple[int, ...] = ()
    messages: tuple[bytes, ...] = ()
    turns: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Found:
    """The answers to a `Lookup`: only what exists. `owners` is customer number by identity.

    Customers are those asked for by number and those who own an identity asked for; `turns` are
    journal payloads by (number, seq).
    """

    owners: dict[Identity, int] = field(default_factory=dict)
    customers: dict[int, StoredCustomer] = field(default_factory=dict)
    messages: dict[bytes, FirstAnswer] = field(default_factory=dict)
    turns: dict[tuple[int, int], bytes] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class JournalRow:
    """One turn. `kind` is one of the codes in `JournalKind`."""

    seq: int
    at_ms: int
    kind: int
    payload: bytes


class JournalKind:
    """Codes of journal rows. Learners read `OUTCOME` and `WAKE` only."""

    EVENT = 1
    DECIDE = 2
    OUTCOME = 3
    WAKE = 4


@dataclass(frozen=True, slots=True)
class Message:
    """A message id's hash and the fingerprint of its body."""

    hash: bytes
    fingerprint: bytes
    seq: int


@dataclass(frozen=True, slots=True)
class TimerRow:
    """A durable timer; `key` is unique within the customer."""

    key: str
    due_at_ms: int


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """An effect on its way out. `payload` is msgpack: what the channel is to deliver.

    `send_at_ms` and `expires_at_ms` are on the business clock.
    """

    seq: int
    n: int
    channel: str
    send_at_ms: int
    expires_at_ms: int
    payload: bytes


@dataclass(slots=True)
class Change:
    """All that one customer's turns in one group write. `seq_before` is 0 for a new customer.

    `outbox_cancelled` names (seq, n) of effects to withdraw if they are still pending.
    """

    number: int
    partition: int
    epoch: int
    seq_before: int
    seq_after: int
    state: bytes
    journal: list[JournalRow] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)
    identities: list[Identity] = field(default_factory=list)
    timers_set: list[TimerRow] = field(default_factory=list)
    timers_deleted: list[str] = field(default_factory=list)
    outbox: list[OutboxRow] = field(default_factory=list)
    outbox_cancelled: list[tuple[int, int]] = field(default_factory=list)


class Verdict(Enum):
    """What became of one `Change`: only `COMMITTED` wrote anything."""

    COMMITTED = 0
    FENCED = 1
    RACE_LOST = 2


@dataclass(frozen=True, slots=True)
class DueTimer:
    """A timer whose time has come."""

    number: int
    partition: int
    key: str
    due_at_ms: int


@dataclass(frozen=True, slots=True)
class OutboxItem:
    """An outbox row as the dispatcher and the stream see it.

    `state` is one of `OutboxState`. `committed_at_ms` and `next_at_ms` are on the machine clock.
    """

    number: int
    seq: int
    n: int
    partition: int
    channel: str
    state: int
    attempts: int
    committed_at_ms: int
    next_at_ms: int
    expires_at_ms: int
    payload: bytes
    last_error: str = ""


class OutboxState:
    """Life of an outbox row: pending → sending → sent; or back to pending; or an end."""

    PENDING = 0
    SENDING = 1
    SENT = 2
    PARKED = 3
    CANCELLED = 4
    EXPIRED = 5


@dataclass(frozen=True, slots=True)
class OutboxResult:
    """How one attempt ended: the state to store, when to try again, and a word on why."""

    number: int
    seq: int
    n: int
    state: int
    next_at_ms: int = 0
    error: str = ""


@dataclass(frozen=True, slots=True)
class CellRow:
    """A cell as the store knows it. `owner` = `name/incarnation` is what partitions point to."""

    name: str
    incarnation: str
    pid: int
    pid_started: int
    host: str
    beat: int

    @property
    def owner(self) -> str:
        """What the partitions of this incarnation have in their owner column."""
        return f"{self.name}/{self.incarnation}"


@dataclass(frozen=True, slots=True)
class PartitionRow:
    """Who owns a partition, under which epoch. An empty owner is nobody."""

    partition: int
    owner: str
    epoch: int


@dataclass(frozen=True, slots=True)
class TimelineRow:
    """A journal row with its offset, which grows in commit order over the whole store."""

    offset: int
    number: int
    seq: int
    at_ms: int
    kind: int
    payload: bytes


class Store(Protocol):
    """Durable truth. One contract suite (tests/contracts) holds for every implementation.

    Every method may raise `StoreUnavailableError`, which means that the outcome is unknown.
    """

    async def lookup(self, want: Lookup) -> Found:
        """Read what a group needs, at one instant."""
        ...

    async def commit(self, changes: Sequence[Change], now_machine_ms: int) -> list[Verdict]:
        """Write all changes that still may be written, durably, in one transaction.

        For each change, in order: its partition's epoch must equal `epoch` (else FENCED); its row
        must have `seq_before` and that partition, or not exist when `seq_before` is 0; none of its
        message hashes may exist; each of its identities must be unowned or its own (else
        RACE_LOST). Two changes of one call never name the same customer.
        """
        ...

    async def register_cell(self, cell: CellRow) -> None:
        """Insert or replace the row of a cell by name."""
        ...

    async def beat(self, cell: CellRow) -> None:
        """Store `cell.beat` for this incarnation only."""
        ...

    async def remove_cell(self, cell: CellRow) -> None:
        """Delete the row of this incarnation."""
        ...

    async def cells(self) -> list[CellRow]:
        """Return all registered cells, by name."""
        ...

    async def partitions(self) -> list[PartitionRow]:
        """Return all partitions, in order."""
        ...

    async def map_version(self) -> int:
        """Return a number that grows with every change of ownership or registration."""
        ...

    async def claim(self, claims: Sequence[tuple[int, str, int]], owner: str) -> dict[int, int]:
        """Compare-and-set ownership. Each claim is (partition, expected owner, expected epoch).

        Returns:
            The new epoch (expected + 1) of each partition that was won.
        """
        ...

    async def due_timers(self, owner: str, until_ms: int, limit: int) -> list[DueTimer]:
        """Return timers of `owner`'s partitions due at or before `until_ms`, earliest first."""
        ...

    async def next_timer_ms(self) -> int | None:
        """Return the earliest due time of all timers, or None."""
        ...

    async def outbox_due(
        self, owner: str, now_machine_ms: int, limit: int, skip: Sequence[str] = ()
    ) -> list[OutboxItem]:
        """Return pending rows of `owner`'s partitions whose `next_at_ms` has come, oldest first.

        Rows left in `sending` by a dead attempt (claimed more than 60 s ago) come back too. Rows of
        the channels in `skip` are left out, so that one that is slow never hides the others.
        """
        ...

    async def outbox_claim(
        self, items: Sequence[OutboxItem], epochs: dict[int, int], now_machine_ms: int
    ) -> list[bool]:
        """Move rows to `sending` under their partition's epoch, counting the attempt.

        Returns:
            For each item whether this caller may attempt it: its row was in the state and had the
            attempts that `item` says, and the epoch still holds.
        """
        ...

    async def outbox_settle(self, results: Sequence[OutboxResult]) -> None:
        """Store how attempts ended; only rows in `sending` change."""
        ...

    async def outbox_stream(
        self, channel: str, after: tuple[int, int, int, int], limit: int
    ) -> list[OutboxItem]:
        """Return rows of a channel after (committed_at_ms, number, seq, n), in that order.

        Cancelled and expired rows are left out.
        """
        ...

    async def outbox_counts(self) -> dict[str, int]:
        """Return the number of outbox rows by state name."""
        ...

    async def timeline(
        self, number: int, before_seq: int | None, kinds: Sequence[int], limit: int
    ) -> list[TimelineRow]:
        """Return a customer's turns, newest first, below `before_seq`; all kinds when empty."""
        ...

    async def learnable(self, after_offset: int, limit: int) -> list[TimelineRow]:
        """Return OUTCOME and WAKE rows after an offset, in commit order."""
        ...

    async def checkpoint(self, model: str) -> tuple[int, bytes] | None:
        """Return (offset, bytes) of a model's last checkpoint."""
        ...

    async def save_checkpoint(self, model: str, offset: int, data: bytes) -> bool:
        """Store a checkpoint unless one with the same or a higher offset is there."""
        ...

    async def playbook(self, version: str | None = None) -> tuple[str, bytes] | None:
        """Return (version, bundle) of the active playbook, or of a stored version."""
        ...

    async def playbook_versions(self) -> list[tuple[str, int, bool]]:
        """Return (version, stored_at_ms, active), newest first."""
        ...

    async def put_playbook(self, version: str, bundle: bytes, now_machine_ms: int) -> None:
        """Store a bundle under its version if it is new, and make it the active one."""
        ...

    async def setting(self, name: str) -> bytes | None:
        """Return a named small value, such as the virtual clock or the hashing key."""
        ...

    async def put_setting(self, name: str, value: bytes) -> None:
        """Store a named small value."""
        ...

    async def put_setting_if_absent(self, name: str, value: bytes) -> bytes:
        """Store a value unless the name has one; return what is stored now."""
        ...

    async def keys(self) -> list[tuple[bytes, bytes]]:
        """Return all API keys that are not revoked: (hash, msgpack of scopes and channels)."""
        ...

    async def put_key(self, key_hash: bytes, record: bytes) -> None:
        """Add an API key by its hash."""
        ...

    async def revoke_key(self, key_hash: bytes) -> bool:
        """Remove an API key; False when there was none."""
        ...

    async def counts(self) -> dict[str, int]:
        """Return row counts for `status`: customers, turns, timers, outbox."""
        ...

    async def forget_messages(self, before_machine_ms: int) -> int:
        """Delete deduplication rows stored before an instant; return how many."""
        ...

    async def close(self) -> None:
        """Finish what is under way and release files or connections."""
        ...


class Scorer(Protocol):
    """Scores a whole group in one call, never failing: past its deadline it answers `prior`."""

    async def score(self, rows: Sequence[ScoreRow]) -> Scores:
        """Return one score a row."""
        ...


class Clock(Protocol):
    """The two clocks, in milliseconds since 1970."""

    def business_ms(self) -> int:
        """Return the time that event time, timers, caps and expiry live in; may be virtual."""
        ...

    def machine_ms(self) -> int:
        """Return the machine's time: beats, timeouts, delivery retries, retention."""
        ...


class DeliveryStatus(Enum):
    """What a channel says of one attempt."""

    DELIVERED = 0
    RETRY = 1
    THROTTLED = 2
    GONE = 3
    REFUSED = 4


@dataclass(frozen=True, slots=True)
class Delivery:
    """The result of one attempt: `retry_after_s` is what the receiver asked for, if it did."""

    status: DeliveryStatus
    detail: str = ""
    retry_after_s: float | None = None


class Channel(Protocol):
    """Delivers effects, at least once, always under their key."""

    async def deliver(self, effect_key: str, body: bytes, attempt: int) -> Delivery:
        """Attempt once; never raises for what the receiver does. `body` is JSON."""
        ...

    async def close(self) -> None:
        """Release connections and files."""
        ...
