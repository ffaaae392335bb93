"""Hypothesis strategies for what customers do and for all that a state can hold."""

from hypothesis import strategies as st

from actors.domain.actions import Effect, OpenEffect
from actors.domain.conversation import Conversation, Utterance
from actors.domain.events import Event, Response
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
from tests.builders import DAY, NOW

int64 = st.integers(-(2**63), 2**63 - 1)
small = st.integers(0, 10**12)
texts = st.text(st.characters(exclude_categories=("Cs",)), max_size=20)
floats = st.floats(allow_nan=False)
scalars = st.none() | st.booleans() | int64 | floats | texts
values = st.recursive(
    scalars, lambda v: st.lists(v, max_size=3) | st.dictionaries(texts, v, max_size=3), max_leaves=6
)
mappings = st.dictionaries(texts, values, max_size=4)
identities = st.builds(Identity, st.sampled_from(["user", "anon", "email"]), texts)

events = st.builds(
    Event,
    message_id=texts,
    type=st.sampled_from(["track", "identify", "decide", "page"]),
    name=texts,
    identities=st.lists(identities, min_size=1, max_size=3).map(tuple),
    channel=texts,
    properties=mappings,
    traits=mappings,
    context=mappings,
    placements=st.lists(texts, max_size=3).map(tuple),
    max_actions=st.integers(0, 5),
    at_ms=st.none() | int64,
    sent_at_ms=st.none() | int64,
    original_at_ms=st.none() | int64,
)
responses = st.builds(
    Response,
    message_id=texts,
    effect_key=texts,
    outcome=texts,
    value_minor=st.none() | int64,
    at_ms=st.none() | int64,
)
effects = st.builds(
    Effect,
    seq=small,
    n=small,
    action=texts,
    channel=texts,
    placement=texts,
    mode=texts,
    purpose=texts,
    segment=texts,
    at_ms=small,
    expires_at_ms=small,
    rank=small,
    propensity=floats,
    priority_minor=floats,
    chosen_with=floats,
    content=mappings,
)

_purchases = st.builds(Purchases, small, small, small, int64, small, small)
_hours = st.binary(min_size=24, max_size=24).map(list)
_profiles = st.builds(
    Profile,
    mappings,
    texts,
    texts,
    _purchases,
    st.dictionaries(texts, _purchases, max_size=3),
    st.dictionaries(texts, st.builds(ChannelUse, small, small, small, _hours), max_size=3),
    st.dictionaries(
        texts, st.builds(ResponseHistory, small, small, small, small, small, small), max_size=3
    ),
    st.lists(st.builds(Contact, small, texts, texts, texts), max_size=3),
    st.dictionaries(texts, st.builds(ConsentState, texts, small, texts), max_size=3),
    st.dictionaries(texts, small, max_size=3),
    small,
    small,
    small,
    small,
    small,
)
_conversations = st.builds(
    Conversation,
    st.lists(st.builds(Utterance, small, texts, texts, texts, small), max_size=3),
    texts,
    texts,
    texts,
    small,
    small,
)
_open_effects = st.builds(
    OpenEffect, small, small, texts, texts, texts, small, small, texts, st.integers(-1, 1)
)
states = st.builds(
    CustomerState,
    small,
    small,
    small,
    small,
    st.lists(identities, max_size=3),
    st.lists(identities, max_size=3),
    _profiles,
    _conversations,
    st.lists(_open_effects, max_size=3),
    st.lists(st.builds(Timer, texts, small, texts, texts, mappings), max_size=3),
)

_times = st.integers(NOW - 400 * DAY, NOW)
_departments = st.sampled_from(["FRUIT", "MEAT", "DELI"])
_cents = st.integers(0, 10**6)
_products = st.lists(
    st.fixed_dictionaries(
        {"category": _departments, "price": _cents.map(lambda c: c / 100)},
        optional={"quantity": st.integers(1, 9)},
    ),
    max_size=4,
)
_by_department = st.dictionaries(
    _departments,
    st.fixed_dictionaries({"total": _cents.map(lambda c: c / 100), "items": st.integers(0, 9)}),
    max_size=3,
)


def _bought(at_ms, cents, parts, channel, coupons):
    properties = {"total": cents / 100, "coupons_used": coupons} | parts
    return ("Order Completed", at_ms, channel, properties)


_channels = st.sampled_from(["web", "store", "app"])
commerce = st.one_of(
    st.builds(
        _bought,
        _times,
        _cents,
        st.one_of(st.builds(dict, departments=_by_department), st.builds(dict, products=_products)),
        _channels,
        st.integers(0, 3),
    ),
    st.builds(
        lambda at, c, ch: ("Order Refunded", at, ch, {"total": c / 100}), _times, _cents, _channels
    ),
    st.builds(
        lambda at, d, ch: ("Product Viewed", at, ch, {"category": d}),
        _times,
        _departments,
        _channels,
    ),
)
"""(name, time, channel, properties) of events whose effect on sums must not depend on order."""
