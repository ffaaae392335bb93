"""A state written straight to bytes, as `state` flattens it: for a core that runs as machine code.

`tests/properties/test_native_packing.py` compares the two, byte for byte.
"""

from librt.strings import BytesWriter

from actors.domain.actions import Conversion, OpenEffect
from actors.domain.conversation import CUSTOMER, Conversation, Thread, Utterance
from actors.domain.ids import Identity
from actors.domain.state import CustomerState
from actors.wire.native_journeys import put_journeys
from actors.wire.native_profile import put_action, put_profile
from actors.wire.native_writing import (
    begin_list,
    put_2,
    put_3,
    put_flag,
    put_int,
    put_list,
    put_map,
    put_none,
    put_text,
    sealed,
)

_HERS = 1
"""What stands for `customer`, as in `conversation`."""


def packed(version: int, state: CustomerState) -> bytes:
    """Return what `codec.pack` makes of the flattened state."""
    places: dict[str, int] = {}
    for action in state.profile.responses:
        places[action] = len(places)
    w = BytesWriter()
    rare = _rare(state)
    begin_list(w, 16 + rare)
    put_3(w, state.number, state.partition, state.seq)
    put_int(w, state.generation)
    _put_identities(w, state.identities)
    _put_identities(w, state.linked)
    put_profile(w, state.profile, places)
    _put_conversation(w, state.conversation, places)
    begin_list(w, len(state.effects))
    for effect in state.effects:
        _put_effect(w, effect, places)
    begin_list(w, len(state.timers))
    for t in state.timers:
        begin_list(w, 5)
        put_text(w, t.key)
        put_int(w, t.due_at_ms)
        put_text(w, t.kind)
        put_text(w, t.subject)
        put_map(w, t.data)
    put_map(w, state.attributes)
    put_list(w, state.patterns)
    put_int(w, state.erased_before_ms)
    put_map(w, state.segments)
    begin_list(w, len(state.groups))
    for g in state.groups:
        begin_list(w, 5)
        put_text(w, g.kind)
        put_text(w, g.group_id)
        put_3(w, g.since_ms, g.left_at_ms, g.heard_at_ms)
    put_journeys(w, state.journeys)
    if rare > 0:
        put_map(w, state.arms)
    if rare > 1:
        begin_list(w, len(state.conversions))
        for conversion in state.conversions:
            _put_conversion(w, conversion)
    if rare > 2:
        put_map(w, state.invested)
    return sealed(version, w.getvalue())


def _rare(state: CustomerState) -> int:
    if state.invested:
        return 3
    if state.conversions:
        return 2
    return 1 if state.arms else 0


def _put_identities(w: BytesWriter, identities: list[Identity]) -> None:
    begin_list(w, len(identities))
    for each in identities:
        begin_list(w, 2)
        put_text(w, each.kind)
        put_text(w, each.value)


def _put_effect(w: BytesWriter, e: OpenEffect, places: dict[str, int]) -> None:
    n = 9
    if e.send_at_ms or e.seen_at_ms or e.clicked_at_ms or e.reward_minor:
        n = 16
    elif e.placement:
        n = 12
    elif e.origin or e.purpose:
        n = 11
    begin_list(w, n)
    put_2(w, e.seq, e.n)
    put_action(w, e.action, places)
    put_text(w, e.channel)
    put_text(w, e.segment)
    put_2(w, e.at_ms, e.expires_at_ms)
    put_text(w, e.outcome)
    put_int(w, e.label)
    if n > 9:
        put_int(w, e.origin)
        put_text(w, e.purpose)
    if n > 11:
        put_text(w, e.placement)
    if n > 12:
        put_3(w, e.send_at_ms, e.seen_at_ms, e.clicked_at_ms)
        put_int(w, e.reward_minor)


def _put_conversion(w: BytesWriter, c: Conversion) -> None:
    begin_list(w, 7 if c.seq else 4)
    put_int(w, c.id)
    put_text(w, c.name)
    put_2(w, c.at_ms, c.reward_minor)
    if c.seq:
        put_3(w, c.seq, c.n, c.origin)


def _put_conversation(w: BytesWriter, c: Conversation, places: dict[str, int]) -> None:
    begin_list(w, 9)
    begin_list(w, len(c.turns))
    for u in c.turns:
        _put_utterance(w, u, places)
    put_text(w, c.last_intent)
    put_text(w, c.last_channel)
    put_text(w, c.cart_id)
    put_2(w, c.cart_items, c.cart_minor)
    begin_list(w, len(c.threads))
    for thread in c.threads:
        _put_thread(w, thread)
    put_2(w, c.last_heard_at_ms, c.forgotten_at_ms)


def _put_utterance(w: BytesWriter, u: Utterance, places: dict[str, int]) -> None:
    answer, meaning = u.answer, u.meaning
    n = 9 if u.origin else 8 if meaning is not None else 7 if answer is not None else 6
    plain = n == 6 and u.n < 0
    begin_list(w, 5 if plain else n)
    put_int(w, u.at_ms)
    put_text(w, u.channel)
    if u.who == CUSTOMER:
        put_int(w, _HERS)
    else:
        put_text(w, u.who)
    if plain:
        put_text(w, u.about)
        put_int(w, u.seq)
        return
    put_action(w, u.about, places)
    put_2(w, u.seq, u.n)
    if n > 6:
        if answer is None:
            put_none(w)
        else:
            begin_list(w, 2)
            put_text(w, answer.outcome)
            put_int(w, answer.at_ms)
    if n > 7:
        if meaning is None:
            put_none(w)
        else:
            begin_list(w, 3)
            put_text(w, meaning.intent)
            put_text(w, meaning.topic)
            put_text(w, meaning.sentiment)
    if n > 8:
        put_int(w, u.origin)


def _put_thread(w: BytesWriter, t: Thread) -> None:
    n = 9 if t.items or t.minor else 7 if t.topic else 6 if t.closed else 5
    begin_list(w, n)
    put_text(w, t.kind)
    put_text(w, t.key)
    put_text(w, t.channel)
    put_2(w, t.opened_at_ms, t.last_at_ms)
    if n > 5:
        put_flag(w, t.closed)
    if n > 6:
        put_text(w, t.topic)
    if n > 7:
        put_2(w, t.items, t.minor)
