"""A customer's state as bytes: positional lists, so that the field names cost nothing."""

from typing import Any

from actors.domain.actions import OpenEffect
from actors.domain.conversation import Conversation, Utterance
from actors.domain.ids import Identity
from actors.domain.profile import (
    ChannelUse,
    ConsentState,
    Contact,
    Profile,
    Purchases,
    ResponseHistory,
)
from actors.domain.state import CustomerState, Timer
from actors.wire.codec import Upcast, pack, unpack

VERSION = 1
UPCASTS: dict[int, Upcast] = {}


def _purchases(p: Purchases) -> list[int]:
    return [p.orders, p.refunds, p.items, p.spend_minor, p.first_at_ms, p.last_at_ms]


def _profile(p: Profile) -> list[Any]:
    return [
        p.traits,
        p.timezone,
        p.locale,
        _purchases(p.purchases),
        {name: _purchases(d) for name, d in p.departments.items()},
        {name: (c.events, c.last_seen_at_ms) for name, c in p.channels.items()},
        {
            name: (
                r.offered,
                r.seen,
                r.taken,
                r.refused,
                r.last_offered_at_ms,
                r.last_refused_at_ms,
            )
            for name, r in p.responses.items()
        },
        [(c.at_ms, c.channel, c.action, c.purpose) for c in p.contacts],
        {name: (c.status, c.at_ms, c.source) for name, c in p.consents.items()},
        p.views,
        p.coupons_used,
        p.redemptions,
        p.first_seen_at_ms,
        p.last_seen_at_ms,
        p.late_events,
    ]


def _profile_from(v: list[Any]) -> Profile:
    return Profile(
        v[0],
        v[1],
        v[2],
        Purchases(*v[3]),
        {name: Purchases(*d) for name, d in v[4].items()},
        {name: ChannelUse(*c) for name, c in v[5].items()},
        {name: ResponseHistory(*r) for name, r in v[6].items()},
        [Contact(*c) for c in v[7]],
        {name: ConsentState(*c) for name, c in v[8].items()},
        *v[9:],
    )


def pack_state(state: CustomerState) -> bytes:
    """Pack a state; `unpack_state` gives an equal one back."""
    c = state.conversation
    return pack(
        VERSION,
        [
            state.number,
            state.partition,
            state.seq,
            state.generation,
            [(i.kind, i.value) for i in state.identities],
            [(i.kind, i.value) for i in state.linked],
            _profile(state.profile),
            [
                [(u.at_ms, u.channel, u.who, u.about, u.seq) for u in c.turns],
                c.last_intent,
                c.last_channel,
                c.cart_id,
                c.cart_items,
                c.cart_minor,
            ],
            [
                (
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
                for e in state.effects
            ],
            [(t.key, t.due_at_ms, t.kind, t.subject, t.data) for t in state.timers],
        ],
    )


def unpack_state(data: bytes) -> CustomerState:
    """Read a state back, from this or any earlier version.

    Raises:
        CodecError: The bytes are damaged or from a newer version.
    """
    v = unpack(data, VERSION, UPCASTS, "customer state")
    turns = v[7]
    return CustomerState(
        v[0],
        v[1],
        v[2],
        v[3],
        [Identity(*i) for i in v[4]],
        [Identity(*i) for i in v[5]],
        _profile_from(v[6]),
        Conversation([Utterance(*u) for u in turns[0]], *turns[1:]),
        [OpenEffect(*e) for e in v[8]],
        [Timer(*t) for t in v[9]],
    )
