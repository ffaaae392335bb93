"""A customer's state as bytes: positional lists, so that the field names cost nothing."""

from types import FunctionType
from typing import Any

from actors.domain.actions import Conversion, OpenEffect
from actors.domain.groups import Membership
from actors.domain.ids import Identity
from actors.domain.state import CustomerState, Timer
from actors.wire.codec import Upcast, fitting, pack, unpack
from actors.wire.conversation import conversation_fields, conversation_from_fields
from actors.wire.journeys import journeys_fields, journeys_from_fields
from actors.wire.profile import places_of, profile_fields, profile_from_fields

try:
    from actors.wire import native_state, native_state_reading
except ImportError:  # what they write and read bytes with comes with the compiler
    _native: Any = None
    _reading: Any = None
else:
    _plain = isinstance(native_state.packed, FunctionType)
    _native = None if _plain else native_state
    _reading = None if _plain else native_state_reading

VERSION = 3
READS_FAST = _reading is not None
"""Whether to read a state back costs no more than to touch one that has been kept for a while."""


def _from_1(fields: Any) -> Any:
    return [*fields, {}, []]


def _from_2(fields: Any) -> Any:
    """Add what is new, after whatever a row of version 2 lacks itself."""
    return [*fields, *_MISSING[len(fields) - _WITHOUT_ERASURE :], [], 0]


_PLAIN = 16
"""How many fields a customer has who is in no experiment, and has bought nothing that is remembered."""
_WITHOUT_ERASURE = 12
_MISSING: tuple[Any, ...] = (0, {})
UPCASTS: dict[int, Upcast] = {1: _from_1, 2: _from_2}


def _effect(e: OpenEffect, places: dict[str, int]) -> tuple[Any, ...]:
    fields = (
        e.seq,
        e.n,
        places.get(e.action, e.action),
        e.channel,
        e.segment,
        e.at_ms,
        e.expires_at_ms,
        e.outcome,
        e.label,
    )
    if e.send_at_ms or e.seen_at_ms or e.clicked_at_ms or e.reward_minor:
        last = (e.send_at_ms, e.seen_at_ms, e.clicked_at_ms, e.reward_minor)
        return (*fields, e.origin, e.purpose, e.placement, *last)
    if e.placement:
        return (*fields, e.origin, e.purpose, e.placement)
    return (*fields, e.origin, e.purpose) if e.origin or e.purpose else fields


def _rarely(state: CustomerState) -> tuple[Any, ...]:
    if not state.conversions and not state.invested:
        return (state.arms,) if state.arms else ()
    bought = [
        (c.id, c.name, c.at_ms, c.reward_minor, *((c.seq, c.n, c.origin) if c.seq else ()))
        for c in state.conversions
    ]
    return (state.arms, bought, state.invested) if state.invested else (state.arms, bought)


def pack_state(state: CustomerState) -> bytes:
    """Pack a state; `unpack_state` gives an equal one back.

    The keys of actions are long and come again and again: they are written once, in the responses.
    """
    if _native is not None:
        data: bytes = _native.packed(VERSION, state)
        return data
    return pack(VERSION, state_fields(state))


def state_fields(state: CustomerState) -> list[Any]:
    """Flatten a state, in the order of its fields."""
    places = places_of(state.profile)
    return [
        state.number,
        state.partition,
        state.seq,
        state.generation,
        [(i.kind, i.value) for i in state.identities],
        [(i.kind, i.value) for i in state.linked],
        profile_fields(state.profile, places),
        conversation_fields(state.conversation, places),
        [_effect(e, places) for e in state.effects],
        [(t.key, t.due_at_ms, t.kind, t.subject, t.data) for t in state.timers],
        state.attributes,
        state.patterns,
        state.erased_before_ms,
        state.segments,
        [(g.kind, g.group_id, g.since_ms, g.left_at_ms, g.heard_at_ms) for g in state.groups],
        journeys_fields(state.journeys),
        *_rarely(state),
    ]


@fitting("customer state")
def identities_in(data: bytes) -> tuple[Identity, ...]:
    """Return the identities of a packed state alone, which costs a fraction of reading all of it.

    Raises:
        CodecError: The bytes are damaged or from a newer version.
    """
    if _reading is not None:
        found: tuple[Identity, ...] | None = _reading.identities(VERSION, data)
        if found is not None:
            return found
    return tuple([Identity(*i) for i in unpack(data, VERSION, UPCASTS, "customer state")[4]])


@fitting("customer state")
def unpack_state(data: bytes) -> CustomerState:
    """Read a state back, from this or any earlier version.

    Raises:
        CodecError: The bytes are damaged or from a newer version.
    """
    if _reading is not None:
        state: CustomerState | None = _reading.unpacked(VERSION, data)
        if state is not None:
            return state
    return state_from_values(data)


def state_from_values(data: bytes) -> CustomerState:
    """Read a state back by way of the values that msgpack makes of the bytes."""
    v = unpack(data, VERSION, UPCASTS, "customer state")
    profile = profile_from_fields(v[6])
    actions = list(profile.responses)
    for effect in v[8]:
        if type(effect[2]) is int:
            effect[2] = actions[effect[2]]
    return CustomerState(
        v[0],
        v[1],
        v[2],
        v[3],
        [Identity(*i) for i in v[4]],
        [Identity(*i) for i in v[5]],
        profile,
        conversation_from_fields(v[7], actions),
        [OpenEffect(*e) for e in v[8]],
        [Timer(*t) for t in v[9]],
        v[10],
        v[11],
        v[12],
        v[13],
        [Membership(*g) for g in v[14]],
        journeys_from_fields(v[15]),
        {name: (arm, at_ms) for name, (arm, at_ms) in v[16].items()} if len(v) > _PLAIN else {},
        [Conversion(*c) for c in v[17]] if len(v) > _PLAIN + 1 else [],
        {name: [(at_ms, n) for at_ms, n in rows] for name, rows in v[18].items()}
        if len(v) > _PLAIN + 2
        else {},
    )
