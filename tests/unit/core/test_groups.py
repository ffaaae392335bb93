"""Memberships, what members say of their group, and the record's bytes."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.domain.groups import (
    MAX_CHANGES,
    MAX_CHANGES_OF_ONE,
    MAX_FORMER,
    MAX_GROUP_TRAITS,
    GroupKey,
    GroupState,
    GroupTrait,
    GroupTraitChange,
    Membership,
    current,
    enter,
    forget_sayings,
    leave,
    pass_on_sayings,
    take_group_traits,
    united,
)
from actors.domain.profile import Contact
from actors.wire.codec import pack
from actors.wire.groups import pack_group, unpack_group
from actors.wire.state import VERSION, pack_state, unpack_state
from tests.builders import NOW, make_event, make_state, take
from tests.group_books import FIRM, HOME, HOMES, OTHER_HOME, joins

memberships = st.lists(
    st.builds(
        Membership,
        st.sampled_from(["household", "account"]),
        st.sampled_from(["a", "b", "c"]),
        st.integers(1, 9),
        st.sampled_from([0, 0, 10, 11]),
        st.integers(1, 11),
    ),
    max_size=5,
    unique_by=lambda each: each.key,
)


def said(at_ms=NOW, by=1, source="web"):
    return GroupTrait(None, at_ms, source, by)


def takes(group, at_ms=NOW, by=1, **traits):
    return take_group_traits(group, traits, said(at_ms, by))


@given(memberships, memberships, memberships)
def test_memberships_unite_the_same_whoever_is_first(a, b, c):
    assert united(a, b) == united(b, a)
    assert united(united(a, b), c) == united(a, united(b, c))
    assert united(a, a) == united(a, [])


@given(memberships, memberships)
def test_a_membership_that_lasts_for_either_lasts(a, b):
    lasting = {each.key for each in (*current(a), *current(b))}

    assert {each.key for each in current(united(a, b))} == lasting


@given(st.lists(st.tuples(st.integers(1, 9), st.booleans()), min_size=1, unique_by=lambda c: c[0]))
def test_the_last_word_in_time_decides_who_belongs_whatever_arrives_first(calls):
    found = []
    for at_ms, joining in calls:
        (enter if joining else leave)(found, HOME, at_ms)

    assert bool(current(found)) == max(calls)[1]


def test_the_last_groups_that_were_left_are_remembered():
    found = []
    for i in range(MAX_FORMER + 3):
        enter(found, GroupKey("household", str(i)), i + 1)
        leave(found, GroupKey("household", str(i)), i + 1)
    enter(found, HOME, 99)

    assert [each.group_id for each in found] == [*map(str, range(3, MAX_FORMER + 3)), "h-1"]


def test_what_is_said_again_changes_nothing_and_what_is_older_does_not_either():
    group = GroupState(*HOME)
    takes(group, size=2)

    assert takes(group, NOW + 5, size=2) == (False, [])
    assert takes(group, NOW - 1, size=9) == (False, [])
    assert takes(group, NOW + 5, size=2.0) == (True, [])
    assert group.known_traits() == {"size": 2.0}


def test_a_trait_that_was_taken_away_does_not_come_back_late():
    group = GroupState(*HOME)
    takes(group, NOW, size=2)
    takes(group, NOW + 5, size=None)

    assert takes(group, NOW + 3, size=4) == (False, [])
    assert group.known_traits() == {}
    assert [(c.old, c.at_ms) for c in group.changes] == [(2, NOW + 5)]


def test_traits_of_a_group_are_bounded():
    group = GroupState(*HOME)
    takes(group, **{f"t{i}": i for i in range(MAX_GROUP_TRAITS)})

    assert takes(group, more=1)[1] == ["too_many_group_traits"]
    assert takes(group, t0="x" * 1025)[1] == ["group_trait_too_large"]
    for i in range(1, MAX_CHANGES_OF_ONE + 3):
        takes(group, NOW + i, t0=100 + i)
    assert [c.old for c in group.changes] == [102, 103, 104, 105]
    for i in range(1, MAX_GROUP_TRAITS):
        takes(group, NOW + 9, **{f"t{i}": -1})
    assert len(group.changes) == MAX_CHANGES
    assert len(group.traits) == MAX_GROUP_TRAITS


def test_what_some_members_said_is_forgotten_now_and_before_and_nothing_else():
    group = GroupState(*HOME)
    takes(group, NOW, 1, a=1, b=1)
    takes(group, NOW + 1, 2, a=2, c=2)
    takes(group, NOW + 2, 1, c=1)

    assert forget_sayings(group, {1})
    assert group.known_traits() == {"a": 2}
    assert [(c.name, c.old, c.by) for c in group.changes] == [("c", 2, 2)]
    assert not forget_sayings(group, {1})


def test_what_one_said_may_count_as_said_by_another():
    group = GroupState(*HOME)
    takes(group, NOW, 1, a=1)
    takes(group, NOW + 1, 2, a=2)

    pass_on_sayings(group, 1, 3)

    assert (group.changes[0].by, group.traits["a"].by) == (3, 2)


values = st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=5)
texts = st.text(st.characters(exclude_categories=("Cs",)), max_size=8)
groups = st.builds(
    GroupState,
    texts,
    texts,
    st.integers(0, 9),
    st.integers(0, 10**13),
    st.integers(0, 10**13),
    st.dictionaries(texts, st.builds(GroupTrait, values, st.integers(0, 9), texts, st.integers(0))),
    st.lists(
        st.builds(GroupTraitChange, texts, st.integers(0, 9), texts, values, st.integers(0, 9))
    ),
    st.lists(st.builds(Contact, st.integers(0, 9), texts, texts, texts)),
)


@given(groups.filter(lambda g: all(t.by < 2**63 for t in g.traits.values())))
def test_a_record_is_read_as_it_was_written(group):
    try:
        packed = pack_group(group)
    except UnicodeEncodeError:
        return
    assert unpack_group(packed) == group


@given(memberships)
def test_memberships_are_kept_in_the_state(some):
    state = make_state()
    state.groups = some

    assert unpack_state(pack_state(state)) == state


@pytest.mark.parametrize("fields", [12, 13, 14])
def test_states_of_version_2_stay_readable(fields):
    from actors.wire.codec import unpack

    state = make_state()
    rows = unpack(pack_state(state), VERSION, {}, "state")

    assert unpack_state(pack(2, rows[:fields])) == state


def test_without_the_record_a_group_call_changes_the_customer_alone():
    state = make_state()

    turn = take(state, joins(HOME, size=2), playbook=HOMES)

    assert [each.key for each in state.groups] == [HOME]
    assert turn.touched == set()


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_of_households_the_one_joined_last_in_time_is_the_customers(order):
    state = make_state()
    calls = [(HOME, NOW), (OTHER_HOME, NOW + 2), (HOME._replace(group_id="h-3"), NOW + 4)]
    for i in order:
        take(state, joins(calls[i][0], at=calls[i][1]), NOW + 9, HOMES)

    assert [each.group_id for each in current(state.groups)] == ["h-3"]


def test_kinds_are_named_by_a_trait_or_by_the_context():
    state = make_state()
    in_context = make_event(
        "", type="group", properties={"groupId": "acme"}, context={"groupType": "account"}
    )

    take(state, in_context, playbook=HOMES)
    take(state, joins(FIRM._replace(group_id="two")), playbook=HOMES)

    assert [each.key for each in state.groups] == [FIRM, FIRM._replace(group_id="two")]
