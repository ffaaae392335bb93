"""Hypothesis strategies for customers to merge: small worlds, in which times and names collide often."""

import dataclasses
import typing

from hypothesis import strategies as st

from actors import attributes, patterns
from actors.domain.actions import Conversion, OpenEffect
from actors.domain.conversation import Conversation, Thread, Utterance
from actors.domain.histories import Ledger
from actors.domain.ids import Identity
from actors.domain.profile import ConsentState, Profile, Purchases
from actors.domain.state import CustomerState, Timer
from actors.merging import Parts
from actors.scenarios.progress import CLOSE, TRIGGER

times = st.integers(1, 40)
words = st.sampled_from(["a", "b", "c", "d"])
scalars = st.booleans() | st.integers(-3, 3) | words
values = scalars | st.lists(scalars, max_size=3)

PARTS = Parts(
    attributes=lambda a, b: {
        key: [sum(a.get(key, [])) + sum(b.get(key, []))] for key in a.keys() | b.keys()
    },
    patterns=lambda a, b: sorted([*a, *b]),
)
"""Stand-ins whose joins add up, for made-up states: what they hold is not what is tested here."""

REAL_PARTS = Parts(attributes=attributes.merge, patterns=patterns.merge)
"""For states that turns have made."""


def unique(kind, *names):
    """A list of a dataclass in which the named fields tell the entries apart."""
    return st.lists(
        of(kind), max_size=3, unique_by=lambda each: tuple(getattr(each, name) for name in names)
    )


def of(kind):
    """A strategy for a type as a field's annotation gives it, so that no field can be forgotten."""
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if kind in _SPECIAL:
        return _SPECIAL[kind]()
    if origin is list:
        names = (
            [f.name for f in dataclasses.fields(inner[0]) if f.name.endswith("_id")]
            if (dataclasses.is_dataclass(inner[0]))
            else []
        )
        return unique(inner[0], *names) if names else st.lists(of(inner[0]), max_size=3)
    if origin is dict:
        return st.dictionaries(words, of(inner[1]), max_size=3)
    if dataclasses.is_dataclass(kind):
        hints = typing.get_type_hints(kind)
        return st.builds(kind, **{f.name: of(hints[f.name]) for f in dataclasses.fields(kind)})
    hints = typing.get_type_hints(kind)  # a named tuple
    return st.builds(kind, **{name: of(hints[name]) for name in kind._fields})


def _bought(orders):
    """Purchases and their ledger, as orders of (time, amount) make them."""
    at = sorted(time for time, _ in orders)
    book = Purchases(orders=len(orders), spend_minor=sum(minor for _, minor in orders))
    ledger = Ledger()
    if at:
        book.first_at_ms, book.last_at_ms = at[0], at[-1]
        ledger.first_order_minor = sum(minor for time, minor in orders if time == at[0])
    if len(at) > 1:
        ledger.previous_order_at_ms = at[-2]
    return {"purchases": book, "ledger": ledger}


orders = st.lists(st.tuples(times, st.integers(1, 99)), max_size=4)


def _profile():
    hints = typing.get_type_hints(Profile)
    hints = {n: k for n, k in hints.items() if n not in {"purchases", "ledger", "timezone"}}
    hints.pop("locale"), hints.pop("traits"), hints.pop("trait_origins")
    plain = st.builds(
        Profile,
        timezone=words,  # always known: see `profiles` for what holds otherwise
        locale=words,
        **{name: of(kind) for name, kind in hints.items()},
    )
    said = st.dictionaries(words, st.tuples(st.none() | values, of(_origin_type())), max_size=4)
    return st.builds(_with, plain, orders.map(_bought), said)


def _origin_type():
    return typing.get_args(typing.get_type_hints(Profile)["trait_origins"])[1]


def _with(profile, bought, said):
    profile = dataclasses.replace(profile, **bought)
    profile.traits = {name: value for name, (value, _) in said.items() if value is not None}
    profile.trait_origins = {name: origin for name, (_, origin) in said.items()}
    return profile


_SPECIAL = {
    int: lambda: st.integers(0, 40),
    str: lambda: words,
    bool: st.booleans,
    typing.Any: lambda: values,
    Profile: _profile,
    ConsentState: lambda: st.builds(
        ConsentState, st.sampled_from(["granted", "denied"]), times, words
    ),
}
profiles = _profile()

effects = st.lists(
    st.builds(
        OpenEffect,
        seq=st.integers(1, 9),
        n=st.integers(0, 1),
        action=words,
        channel=words,
        segment=st.just("standard"),
        at_ms=times,
        expires_at_ms=times,
        outcome=st.sampled_from(["", "click"]),
        label=st.integers(-1, 2),
        purpose=st.sampled_from(["", "a"]),
        placement=st.sampled_from(["", "hero"]),
        send_at_ms=st.just(0) | times,
        seen_at_ms=times,
        clicked_at_ms=times,
        reward_minor=st.integers(0, 3),
    ),
    max_size=4,
    unique_by=lambda e: (e.seq, e.n),
)
conversions = st.lists(
    st.builds(
        Conversion,
        id=st.integers(0, 3),
        name=st.just("order"),
        at_ms=times,
        reward_minor=st.integers(0, 3),
        seq=st.integers(1, 9),
        n=st.integers(0, 1),
    )
    | st.builds(
        Conversion, st.integers(0, 3), st.just("order"), times, reward_minor=st.integers(0, 3)
    ),
    max_size=4,
    unique_by=lambda c: c.id,
)
timers = st.lists(
    st.builds(
        lambda kind, name, due, data: Timer(
            CLOSE if kind == CLOSE else f"{kind}/{name}", due, kind, "", {"x": data}
        ),
        st.sampled_from([CLOSE, TRIGGER, "absence"]),
        words,
        times,
        words,
    ),
    max_size=4,
    unique_by=lambda t: t.key,
)
accounts = st.dictionaries(times, st.integers(1, 9), max_size=3).map(lambda by: sorted(by.items()))
"""What was spent of a share, by bucket."""
identities = st.lists(
    st.builds(Identity, st.sampled_from(["anon", "email", "user"]), words), max_size=4, unique=True
)


@st.composite
def conversations(draw, side):
    """A conversation whose threads were never touched at the same instant as another side's."""
    turns = draw(
        st.lists(st.builds(Utterance, times, words, st.just("customer"), words, st.integers(1, 9)))
    )
    keys = draw(
        st.lists(st.tuples(st.sampled_from(["cart", "case"]), words), max_size=3, unique=True)
    )
    threads = []
    for kind, key in keys:
        opened = draw(times)
        last = 4 * (opened + draw(st.integers(0, 9))) + side
        threads.append(
            Thread(kind, key, draw(words), opened, last, draw(st.booleans()), draw(words))
        )
    talk = Conversation(
        turns=sorted(turns, key=lambda u: u.at_ms)[-6:],
        last_intent=draw(words),
        last_channel=draw(words),
        threads=threads,
        last_heard_at_ms=draw(times),
    )
    talk.show_cart()
    return talk


@st.composite
def customers(draw, number):
    """A customer with everything that a state holds."""
    profile = draw(profiles)
    for campaign in profile.campaigns.values():
        if campaign.origin == number:
            campaign.origin = 0  # nobody names their own turns by their number
    for contact in profile.contacts:
        if contact.origin == number or not contact.seq:
            contact.origin = 0
    return CustomerState(
        number,
        number % 7,
        seq=draw(st.integers(9, 20)),
        identities=draw(identities),
        linked=draw(identities),
        profile=profile,
        conversation=draw(conversations(number % 4)),
        effects=sorted(draw(effects), key=lambda e: e.at_ms),
        conversions=sorted(draw(conversions), key=lambda c: (c.at_ms, c.id)),
        timers=draw(timers),
        arms=draw(
            st.dictionaries(words, st.tuples(st.sampled_from(["", "a", "b"]), times), max_size=3)
        ),
        invested=draw(st.dictionaries(words, accounts, max_size=2)),
        attributes=draw(st.dictionaries(words, st.tuples(times).map(list), max_size=2)),
        patterns=sorted(draw(st.lists(times, max_size=3))),
        erased_before_ms=draw(times),
    )


def known_of(state):
    """All that is known of a customer, in a form that does not tell who survived a merge."""
    values = dataclasses.asdict(state)
    number = values.pop("number")
    for name in ("partition", "seq", "generation"):
        values.pop(name)
    for name in ("identities", "linked"):
        values[name] = {(i["kind"], i["value"]) for i in values[name]}
    for each in (*values["effects"], *values["conversation"]["turns"]):
        each["origin"] = each["origin"] or number
    for name in ("turns", "threads"):
        values["conversation"][name].sort(key=repr)
    values["effects"].sort(key=repr)
    for each in values["conversions"]:
        each["origin"] = each["seq"] and (each["origin"] or number)
    values["timers"].sort(key=repr)
    for contact in values["profile"]["contacts"]:
        contact["origin"] = contact["seq"] and (contact["origin"] or number)
    for campaign in values["profile"]["campaigns"].values():
        campaign["origin"] = campaign["seq"] and (campaign["origin"] or number)
    profile = values["profile"]
    for each in (profile["service"]["cases"], *profile.values()):
        if isinstance(each, list):
            each.sort(key=repr)
    return values
