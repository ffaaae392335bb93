"""Hypothesis strategies for states in which every field holds something, of every size."""

from hypothesis import strategies as st

from actors.domain.actions import Conversion, OpenEffect
from actors.domain.conversation import CUSTOMER, Answer, Conversation, Meaning, Thread, Utterance
from actors.domain.groups import Membership
from actors.domain.histories import (
    Campaign,
    Case,
    Credit,
    Interest,
    Lead,
    Ledger,
    Outreach,
    Service,
    TraitChange,
    TraitOrigin,
    Voice,
)
from actors.domain.journeys import Instance, Journeys, Recent, Scope, Token
from actors.domain.profile import (
    ChannelUse,
    ConsentState,
    Contact,
    Profile,
    Purchases,
    ResponseHistory,
)
from actors.domain.state import CustomerState, Timer
from tests.strategies import identities, texts, values

EDGES = [
    edge + step
    for power in (0, 5, 7, 8, 15, 16, 31, 32, 62, 63)
    for edge in (2**power, -(2**power))
    for step in (-1, 0, 1)
    if edge + step >= -(2**63)
]
ints = st.one_of(st.just(0), st.just(0), st.sampled_from(EDGES), st.integers(-(2**63), 2**64 - 1))
flags = st.booleans()
names = st.sampled_from(["", "", "web", "ä", "x" * 31, "x" * 32, "ö" * 130]) | texts
actions = st.sampled_from(["message/a", "message/b", "offer/c", ""])
bags = st.dictionaries(texts, values, max_size=2)
counts = st.dictionaries(names, ints, max_size=2)


def some(strategy):
    return st.lists(strategy, max_size=2)


def named(strategy, keys=names):
    return st.dictionaries(keys, strategy, max_size=2)


def built(kind, *fields, **more):
    return st.builds(kind, *fields, **more)


purchases = built(Purchases, *[ints] * 6)
histories = {
    "trait_origins": named(built(TraitOrigin, ints, names)),
    "trait_changes": some(built(TraitChange, names, ints, names, values)),
    "ledger": built(Ledger) | built(Ledger, *[ints] * 6),
    "interests": named(built(Interest, *[ints] * 3)),
    "outreach": named(built(Outreach, *[ints] * 6)),
    "campaigns": named(built(Campaign, names, *[ints] * 6)),
    "service": built(Service)
    | built(Service, *[ints] * 6, some(built(Case, *[names] * 5, *[ints] * 5))),
    "credit": built(Credit) | built(Credit, *[ints] * 9),
    "voice": built(Voice) | built(Voice, *[ints] * 6),
    "leads": some(built(Lead, *[names] * 4, ints, ints)),
    "answers": counts,
    "dead": counts,
}
profiles = built(
    Profile,
    bags,
    names,
    names,
    purchases,
    named(purchases),
    named(built(ChannelUse, ints, ints, ints, st.lists(ints, max_size=24), ints, ints, ints)),
    named(built(ResponseHistory, *[ints] * 6), actions),
    some(built(Contact, ints, names, actions, names, ints, ints, ints)),
    named(built(ConsentState, names, ints, names, ints, names)),
    counts,
    *[ints] * 5,
    **histories,
)
utterances = built(
    Utterance,
    ints,
    names,
    st.sampled_from([CUSTOMER, "us", "?"]),
    actions,
    ints,
    st.sampled_from([-1, -1, 0, 300]),
    st.none() | built(Answer, names, ints),
    st.none() | built(Meaning, names, names, names),
    ints,
)
threads = built(Thread, names, names, names, ints, ints, flags, names, ints, ints)
conversations = built(
    Conversation, some(utterances), names, names, names, ints, ints, some(threads), ints, ints
)
effects = built(
    OpenEffect,
    ints,
    ints,
    actions,
    names,
    names,
    ints,
    ints,
    names,
    st.integers(-1, 2),
    ints,
    names,
    names,
    *[ints] * 4,
)
moments = st.one_of(st.just(0), st.integers(-(2**40), 2**40))
calls = st.just((0, 0, 0)) | st.tuples(ints, ints, ints)
tokens = built(
    Token,
    ints,
    names,
    *[ints, *[moments] * 4, ints],
    st.dictionaries(st.integers(0, 3), some(ints), max_size=2),
    calls,
)
instances = built(
    Instance,
    ints,
    names,
    names,
    names,
    moments,
    ints,
    bags,
    some(tokens),
    some(built(Scope, ints, names, ints, ints, moments)),
    some(st.tuples(ints, ints, ints)),
    counts,
    some(names),
    ints,
    ints,
)
journeys = built(
    Journeys,
    st.sampled_from([1, 1, 2, 300]),
    some(instances),
    named(ints, st.tuples(names, names)),
    some(st.tuples(names, names, ints, bags)),
    named(some(ints), st.tuples(names, names, names)),
    some(built(Recent, names, ints, ints, bags)),
)
whole_states = built(
    CustomerState,
    *[ints] * 4,
    some(identities),
    some(identities),
    profiles,
    conversations,
    some(effects),
    some(built(Timer, names, ints, names, names, bags)),
    named(st.lists(values | st.tuples(ints, names), max_size=3)),
    some(values),
    ints,
    counts,
    some(built(Membership, names, names, ints, ints, ints)),
    built(Journeys) | journeys,
    named(st.tuples(names, ints)),
    some(built(Conversion, ints, names, ints, ints, ints, ints, ints)),
    named(some(st.tuples(ints, ints))),
)
