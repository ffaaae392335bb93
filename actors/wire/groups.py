"""A group's record as bytes: positional lists under a version and a checksum."""

from typing import Any

from actors.domain.groups import GroupState, GroupTrait, GroupTraitChange
from actors.domain.profile import Contact
from actors.wire.codec import Upcast, pack, unpack

VERSION = 1
UPCASTS: dict[int, Upcast] = {}


def pack_group(group: GroupState) -> bytes:
    """Pack a record; `unpack_group` gives an equal one back."""
    return pack(
        VERSION,
        [
            group.kind,
            group.group_id,
            group.members,
            group.first_seen_at_ms,
            group.changed_at_ms,
            {name: (t.value, t.at_ms, t.source, t.by) for name, t in group.traits.items()},
            [(c.name, c.at_ms, c.source, c.old, c.by) for c in group.changes],
            [_contact(c) for c in group.contacts],
        ],
    )


def _contact(c: Contact) -> tuple[Any, ...]:
    said = (c.at_ms, c.channel, c.action, c.purpose)
    return (*said, c.seq, c.n, c.origin) if c.seq else said


def unpack_group(data: bytes) -> GroupState:
    """Read a record back, from this or any earlier version.

    Raises:
        CodecError: The bytes are damaged or from a newer version.
    """
    v: Any = unpack(data, VERSION, UPCASTS, "group")
    return GroupState(
        v[0],
        v[1],
        v[2],
        v[3],
        v[4],
        {name: GroupTrait(*t) for name, t in v[5].items()},
        [GroupTraitChange(*c) for c in v[6]],
        [Contact(*c) for c in v[7]],
    )
