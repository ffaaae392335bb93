"""What crosses the store's port: rows, changes and verdicts."""

from dataclasses import dataclass, field
from enum import Enum

from actors.domain.budgets import Spend, Window
from actors.domain.groups import GroupKey
from actors.domain.ids import Identity
from actors.ports.groups import GroupWrite, StoredGroup
from actors.ports.outbox import OutboxRow


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
    """What one group needs to know before its turns begin.

    `tombstones` are keyed hashes of identities that may have been erased; `owned_by` are customers
    of whom all identities are asked for, `grouped` those whose groups are, also those that they left;
    `budgets` windows, one of a budget.
    """

    identities: tuple[Identity, ...] = ()
    numbers: tuple[int, ...] = ()
    messages: tuple[bytes, ...] = ()
    turns: tuple[tuple[int, int], ...] = ()
    tombstones: tuple[bytes, ...] = ()
    owned_by: tuple[int, ...] = ()
    groups: tuple[GroupKey, ...] = ()
    grouped: tuple[int, ...] = ()
    budgets: tuple[Window, ...] = ()


@dataclass(frozen=True, slots=True)
class Found:
    """The answers to a `Lookup`: only what exists. `owners` is customer number by identity.

    Customers are those asked for by number and those who own an identity asked for; `turns` are
    journal payloads by (number, seq); `tombstones` the instants of erasure; `identities` all that a
    customer owns, in order of kind and value; `memberships` the keys of groups, in that order too; `spent`
    what stands in each window asked for, 0 when nothing does. A store that leases budgets out counts as
    spent what the asking process could not spend.
    """

    owners: dict[Identity, int] = field(default_factory=dict)
    customers: dict[int, StoredCustomer] = field(default_factory=dict)
    messages: dict[bytes, FirstAnswer] = field(default_factory=dict)
    turns: dict[tuple[int, int], bytes] = field(default_factory=dict)
    tombstones: dict[bytes, int] = field(default_factory=dict)
    identities: dict[int, tuple[Identity, ...]] = field(default_factory=dict)
    groups: dict[GroupKey, StoredGroup] = field(default_factory=dict)
    memberships: dict[int, tuple[GroupKey, ...]] = field(default_factory=dict)
    spent: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class JournalRow:
    """One turn. `kind` is one of the codes in `JournalKind`."""

    seq: int
    at_ms: int
    kind: int
    payload: bytes


class JournalKind:
    """Codes of journal rows.

    `MERGE`, `UNMERGE` and `ERASURE`, which holds the receipt, are never forgotten by age.
    """

    EVENT = 1
    DECIDE = 2
    OUTCOME = 3
    WAKE = 4
    MERGE = 5
    UNMERGE = 6
    COMMAND = 7
    ERASURE = 8


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


@dataclass(slots=True)
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


class Verdict(Enum):
    """What became of one `Change`: only `COMMITTED` wrote anything."""

    COMMITTED = 0
    FENCED = 1
    RACE_LOST = 2
    OVERSPENT = 3


@dataclass(frozen=True, slots=True)
class DueTimer:
    """A timer whose time has come."""

    number: int
    partition: int
    key: str
    due_at_ms: int


@dataclass(frozen=True, slots=True)
class Member:
    """A customer in a segment, by the index, since an instant of the business clock."""

    number: int
    since_ms: int


@dataclass(frozen=True, slots=True)
class SegmentFlow:
    """How many entered and left a segment on one day, which begins at `day_ms` in UTC."""

    day_ms: int
    entered: int
    left: int


@dataclass(frozen=True, slots=True)
class ScenarioCount:
    """How many are at a step of one version of a scenario, have gone on from it, and were lost there.

    Step `""` stands for the instances: under way, started, over. `end` is where those ended whose last step
    had no `end` of its own. Counts are of ways: with forks, or several instances, a customer has more than one.
    """

    scenario: str
    digest: str
    step: str
    waiting: int
    passed: int
    left: int


class LaunchState:
    """Life of a launch: running → stopped → running …, and at the end done."""

    RUNNING = "running"
    STOPPED = "stopped"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class Launch:
    """An operator's order to let everybody in a segment enter a scenario.

    `per_second` is the pace of the whole system. `state` is one of `LaunchState`; `data` is msgpack: what
    the instances begin with.
    """

    id: str
    scenario: str
    segment: str
    per_second: float
    state: str
    created_at_ms: int
    data: bytes


@dataclass(frozen=True, slots=True)
class LaunchPart:
    """How far one cell, as an owner of partitions, has come with a launch: in order of number.

    `seen` are its customers whom it has come to, `entered` those who entered then; `done` says that
    it has reached the end.
    """

    launch: str
    owner: str
    after_number: int
    seen: int
    entered: int
    done: bool


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
