"""A customer's state as bytes: positional lists, so that the field names cost nothing."""

from typing import Any

from actors.domain.actions import OpenEffect
from actors.domain.ids import Identity
from actors.domain.state import CustomerState, Timer
from actors.wire.codec import Upcast, pack, unpack
from actors.wire.conversation import conversation_fields, conversation_from_fields
from actors.wire.profile import profile_fields, profile_from_fields

VERSION = 2


def _from_1(fields: Any) -> Any:
    return [*fields, {}, []]


UPCASTS: dict[int, Upcast] = {1: _from_1}


def _effect(e: OpenEffect) -> tuple[Any, ...]:
    fields = (
        e.seq,
        e.n,
        e.action,
        e.channel,
        e.segment,
        e.at_ms,
        e.expires_at_ms,
        e.outcome,
        e.label,
    )
    return (*fields, e.origin, e.purpose) if e.origin or e.purpose else fields


def pack_state(state: CustomerState) -> bytes:
    """Pack a state; `unpack_state` gives an equal one back."""
    return pack(
        VERSION,
        [
            state.number,
            state.partition,
            state.seq,
            state.generation,
            [(i.kind, i.value) for i in state.identities],
            [(i.kind, i.value) for i in state.linked],
            profile_fields(state.profile),
            conversation_fields(state.conversation),
            [_effect(e) for e in state.effects],
            [(t.key, t.due_at_ms, t.kind, t.subject, t.data) for t in state.timers],
            state.attributes,
            state.patterns,
            state.erased_before_ms,
            state.segments,
        ],
    )


def unpack_state(data: bytes) -> CustomerState:
    """Read a state back, from this or any earlier version.

    Raises:
        CodecError: The bytes are damaged or from a newer version.
    """
    v = unpack(data, VERSION, UPCASTS, "customer state")
    return CustomerState(
        v[0],
        v[1],
        v[2],
        v[3],
        [Identity(*i) for i in v[4]],
        [Identity(*i) for i in v[5]],
        profile_from_fields(v[6]),
        conversation_from_fields(v[7]),
        [OpenEffect(*e) for e in v[8]],
        [Timer(*t) for t in v[9]],
        v[10],
        *v[11:],
    )
