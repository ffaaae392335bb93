"""What a group asks a store before its turns, and what the store answers."""

from dataclasses import dataclass, field

from actors.domain.budgets import Window
from actors.domain.groups import GroupKey
from actors.domain.ids import Identity
from actors.ports.groups import StoredGroup


@dataclass(slots=True, init=False)
class StoredCustomer:
    """A customer's row: `state` are the packed bytes as committed with `seq`."""

    number: int
    partition: int
    seq: int
    state: bytes

    def __init__(
        self,
        number: int,
        partition: int,
        seq: int,
        state: bytes,
    ) -> None:
        self.number = number
        self.partition = partition
        self.seq = seq
        self.state = state


@dataclass(slots=True, init=False)
class FirstAnswer:
    """Where the turn that first took a message is journalled."""

    fingerprint: bytes
    number: int
    seq: int

    def __init__(
        self,
        fingerprint: bytes,
        number: int,
        seq: int,
    ) -> None:
        self.fingerprint = fingerprint
        self.number = number
        self.seq = seq


@dataclass(slots=True, init=False)
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

    def __init__(  # noqa: PLR0913 - one a field
        self,
        identities: tuple[Identity, ...] = (),
        numbers: tuple[int, ...] = (),
        messages: tuple[bytes, ...] = (),
        turns: tuple[tuple[int, int], ...] = (),
        tombstones: tuple[bytes, ...] = (),
        owned_by: tuple[int, ...] = (),
        groups: tuple[GroupKey, ...] = (),
        grouped: tuple[int, ...] = (),
        budgets: tuple[Window, ...] = (),
    ) -> None:
        self.identities = identities
        self.numbers = numbers
        self.messages = messages
        self.turns = turns
        self.tombstones = tombstones
        self.owned_by = owned_by
        self.groups = groups
        self.grouped = grouped
        self.budgets = budgets


@dataclass(slots=True, init=False)
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

    def __init__(  # noqa: PLR0913 - one a field
        self,
        owners: dict[Identity, int] | None = None,
        customers: dict[int, StoredCustomer] | None = None,
        messages: dict[bytes, FirstAnswer] | None = None,
        turns: dict[tuple[int, int], bytes] | None = None,
        tombstones: dict[bytes, int] | None = None,
        identities: dict[int, tuple[Identity, ...]] | None = None,
        groups: dict[GroupKey, StoredGroup] | None = None,
        memberships: dict[int, tuple[GroupKey, ...]] | None = None,
        spent: dict[str, int] | None = None,
    ) -> None:
        self.owners = {} if owners is None else owners
        self.customers = {} if customers is None else customers
        self.messages = {} if messages is None else messages
        self.turns = {} if turns is None else turns
        self.tombstones = {} if tombstones is None else tombstones
        self.identities = {} if identities is None else identities
        self.groups = {} if groups is None else groups
        self.memberships = {} if memberships is None else memberships
        self.spent = {} if spent is None else spent
