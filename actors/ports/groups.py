"""What crosses the store's port about groups of customers."""

from dataclasses import dataclass

from actors.domain.groups import GroupKey


@dataclass(frozen=True, slots=True)
class StoredGroup:
    """A group's record: `state` are the packed bytes as committed with `seq`."""

    key: GroupKey
    seq: int
    state: bytes


@dataclass(frozen=True, slots=True)
class MemberRow:
    """A customer who belongs to a group since an instant, or belonged to it until `left_at_ms`."""

    number: int
    since_ms: int
    left_at_ms: int = 0


@dataclass(frozen=True, slots=True)
class GroupWrite:
    """A group's new record and its rows of members that change. Written with a customer's change.

    The stored record must have `seq_before`, or not exist when that is 0. An empty `state` removes the
    group with all its rows. The seq that follows is the store's to give: one that no record of this key
    has ever had, so that what was read before a group was removed and made again is known to be old.
    `gone` are customers of whom no row stays.
    """

    key: GroupKey
    seq_before: int
    state: bytes
    members: tuple[MemberRow, ...] = ()
    gone: tuple[int, ...] = ()
