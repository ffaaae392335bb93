"""What a commit writes for one customer."""

from dataclasses import dataclass, field

from actors.domain.budgets import Spend
from actors.domain.ids import Identity
from actors.ports.budgets import Reserved
from actors.ports.groups import GroupWrite


@dataclass(slots=True, init=False)
class OutboxRow:
    """An effect on its way out. `payload` is msgpack: what the channel is to deliver.

    `send_at_ms`, when it is planned to go, and `expires_at_ms` are on the business clock. `held` rows
    begin in that state. `spends` is what it has taken of budgets, to be given back if no attempt begins.
    """

    seq: int
    n: int
    channel: str
    send_at_ms: int
    expires_at_ms: int
    payload: bytes
    held: bool = False
    spends: tuple[Reserved, ...] = ()

    def __init__(  # noqa: PLR0913 - one a field
        self,
        seq: int,
        n: int,
        channel: str,
        send_at_ms: int,
        expires_at_ms: int,
        payload: bytes,
        held: bool = False,
        spends: tuple[Reserved, ...] = (),
    ) -> None:
        self.seq = seq
        self.n = n
        self.channel = channel
        self.send_at_ms = send_at_ms
        self.expires_at_ms = expires_at_ms
        self.payload = payload
        self.held = held
        self.spends = spends


@dataclass(slots=True, init=False)
class JournalRow:
    """One turn. `kind` is one of the codes in `JournalKind`."""

    seq: int
    at_ms: int
    kind: int
    payload: bytes

    def __init__(
        self,
        seq: int,
        at_ms: int,
        kind: int,
        payload: bytes,
    ) -> None:
        self.seq = seq
        self.at_ms = at_ms
        self.kind = kind
        self.payload = payload


@dataclass(slots=True, init=False)
class Message:
    """A message id's hash and the fingerprint of its body."""

    hash: bytes
    fingerprint: bytes
    seq: int

    def __init__(
        self,
        hash: bytes,  # noqa: A002
        fingerprint: bytes,
        seq: int,
    ) -> None:
        self.hash = hash
        self.fingerprint = fingerprint
        self.seq = seq


@dataclass(slots=True, init=False)
class TimerRow:
    """A durable timer; `key` is unique within the customer."""

    key: str
    due_at_ms: int

    def __init__(
        self,
        key: str,
        due_at_ms: int,
    ) -> None:
        self.key = key
        self.due_at_ms = due_at_ms


@dataclass(slots=True, init=False)
class Erasure:
    """What is wiped out with a change: everything about `numbers` but their rows' places.

    Journal payloads are emptied (offsets stay), effects cancelled and emptied, identities and timers
    deleted, all before the change writes its own rows. `tombstones` are keyed hashes of the identities, kept with the instant `at_ms`.
    `rewritten` are (number, seq, payload) of turns of others, in which something was kept too.
    """

    numbers: tuple[int, ...]
    tombstones: tuple[bytes, ...]
    at_ms: int
    rewritten: tuple[tuple[int, int, bytes], ...] = ()

    def __init__(
        self,
        numbers: tuple[int, ...],
        tombstones: tuple[bytes, ...],
        at_ms: int,
        rewritten: tuple[tuple[int, int, bytes], ...] = (),
    ) -> None:
        self.numbers = numbers
        self.tombstones = tombstones
        self.at_ms = at_ms
        self.rewritten = rewritten


@dataclass(slots=True, init=False)
class Change:
    """All that one customer's turns in one group write. `seq_before` is 0 for a new customer.

    `seq_after` is greater, or equal when nothing but timer rows of a known customer changes.
    `epoch` None is for the other side of a merge, which may live elsewhere: its row's seq is the
    proof, and whoever owns it loses the race from then on. `tied_to` names the customer of this call
    with whose change this one is written, or neither is. `identities_from` are the customers
    from whom `identities` may be taken. `outbox_cancelled` names (number, seq, n) of effects to withdraw
    if they are still pending or held; `outbox_dropped` those of which it is said into which end and why:
    (number, seq, n, state, error). `outbox_released` names (number, seq, n, when) of held or pending effects that may go
    from that instant of the business clock on, `outbox_postponed` of those which are held until then. `segments_left` are (name, when) on the business clock, `segments_entered`
    (name, since when), written after those. `groups` are records that it shares with other members: two
    changes of one call never write the same. `scenario_counts` are what to add to a `ScenarioCount`. `spends` are
    what is taken of budgets; `outbox` rows say which of that is theirs.
    """

    number: int
    partition: int
    epoch: int | None
    seq_before: int
    seq_after: int
    state: bytes
    journal: list[JournalRow] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)
    identities: list[Identity] = field(default_factory=list)
    timers_set: list[TimerRow] = field(default_factory=list)
    timers_deleted: list[str] = field(default_factory=list)
    outbox: list[OutboxRow] = field(default_factory=list)
    outbox_cancelled: list[tuple[int, int, int]] = field(default_factory=list)
    outbox_dropped: list[tuple[int, int, int, int, str]] = field(default_factory=list)
    outbox_released: list[tuple[int, int, int, int]] = field(default_factory=list)
    outbox_postponed: list[tuple[int, int, int, int]] = field(default_factory=list)
    tied_to: int = 0
    identities_from: tuple[int, ...] = ()
    erasure: Erasure | None = None
    segments_entered: list[tuple[str, int]] = field(default_factory=list)
    segments_left: list[tuple[str, int]] = field(default_factory=list)
    groups: list[GroupWrite] = field(default_factory=list)
    scenario_counts: list[tuple[str, str, str, int, int, int]] = field(default_factory=list)
    spends: list[Spend] = field(default_factory=list)

    def __init__(  # noqa: PLR0913 - one a field
        self,
        number: int,
        partition: int,
        epoch: int | None,
        seq_before: int,
        seq_after: int,
        state: bytes,
        journal: list[JournalRow] | None = None,
        messages: list[Message] | None = None,
        identities: list[Identity] | None = None,
        timers_set: list[TimerRow] | None = None,
        timers_deleted: list[str] | None = None,
        outbox: list[OutboxRow] | None = None,
        outbox_cancelled: list[tuple[int, int, int]] | None = None,
        outbox_dropped: list[tuple[int, int, int, int, str]] | None = None,
        outbox_released: list[tuple[int, int, int, int]] | None = None,
        outbox_postponed: list[tuple[int, int, int, int]] | None = None,
        tied_to: int = 0,
        identities_from: tuple[int, ...] = (),
        erasure: Erasure | None = None,
        segments_entered: list[tuple[str, int]] | None = None,
        segments_left: list[tuple[str, int]] | None = None,
        groups: list[GroupWrite] | None = None,
        scenario_counts: list[tuple[str, str, str, int, int, int]] | None = None,
        spends: list[Spend] | None = None,
    ) -> None:
        self.number = number
        self.partition = partition
        self.epoch = epoch
        self.seq_before = seq_before
        self.seq_after = seq_after
        self.state = state
        self.journal = [] if journal is None else journal
        self.messages = [] if messages is None else messages
        self.identities = [] if identities is None else identities
        self.timers_set = [] if timers_set is None else timers_set
        self.timers_deleted = [] if timers_deleted is None else timers_deleted
        self.outbox = [] if outbox is None else outbox
        self.outbox_cancelled = [] if outbox_cancelled is None else outbox_cancelled
        self.outbox_dropped = [] if outbox_dropped is None else outbox_dropped
        self.outbox_released = [] if outbox_released is None else outbox_released
        self.outbox_postponed = [] if outbox_postponed is None else outbox_postponed
        self.tied_to = tied_to
        self.identities_from = identities_from
        self.erasure = erasure
        self.segments_entered = [] if segments_entered is None else segments_entered
        self.segments_left = [] if segments_left is None else segments_left
        self.groups = [] if groups is None else groups
        self.scenario_counts = [] if scenario_counts is None else scenario_counts
        self.spends = [] if spends is None else spends
