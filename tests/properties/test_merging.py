"""Merging does not depend on who survives, nor on which of several merges comes first."""

from copy import deepcopy
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from actors.domain.fold import fold
from actors.domain.state import CustomerState
from actors.merging import merge
from actors.playbook.identity_model import STRATEGIES, IdentityRules
from tests.builders import make_event
from tests.merging_states import PARTS, customers, known_of, words
from tests.strategies import commerce

FEW = settings(max_examples=settings().max_examples // 4)
"""Whole customers are large: there is much to find in each."""

A, B, C = customers(1), customers(2), customers(3)
rules = st.builds(
    lambda strategies: IdentityRules(strategies=strategies),
    st.dictionaries(words, st.sampled_from(STRATEGIES)),
)


def merged(one, other, declared):
    one, other = deepcopy(one), deepcopy(other)
    merge(one, other, declared, PARTS)
    return one


@FEW
@given(A, B, rules)
def test_it_does_not_matter_who_survives(a, b, declared):
    assert known_of(merged(a, b, declared)) == known_of(merged(b, a, declared))


@FEW
@given(A, B, C, rules)
def test_it_does_not_matter_which_merge_comes_first(a, b, c, declared):
    left = merged(merged(a, b, declared), c, declared)
    right = merged(a, merged(b, c, declared), declared)
    across = merged(merged(c, a, declared), b, declared)

    assert known_of(left) == known_of(right) == known_of(across)


@FEW
@given(A)
def test_a_customer_of_whom_nothing_is_known_adds_nothing(a):
    again = merged(a, CustomerState(9, 0), IdentityRules())

    before = known_of(a)
    before["linked"] -= before["identities"]
    assert known_of(again) == before


@given(st.lists(st.tuples(st.booleans(), commerce), max_size=12))
def test_purchases_are_as_if_one_customer_had_made_them_all(events):
    one, other, both = CustomerState(1, 0), CustomerState(2, 0), CustomerState(3, 0)
    for mine, (name, at_ms, channel, properties) in events:
        event = make_event(name, channel=channel, properties=properties)
        for state in (one if mine else other, both):
            fold(state, event, at_ms, at_ms, 2)

    merge(one, other, IdentityRules(), PARTS)

    exact = ("purchases", "departments", "ledger", "views", "coupons_used", "first_seen_at_ms")
    for name in (*exact, "last_seen_at_ms", "interests"):
        assert getattr(one.profile, name) == getattr(both.profile, name), name
    without_visits = [
        {name: replace(use, visits=0) for name, use in state.profile.channels.items()}
        for state in (one, both)
    ]
    assert without_visits[0] == without_visits[1]
