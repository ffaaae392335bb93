"""Customers who join and leave households and accounts, through the session and the store."""

import asyncio

import pytest

from actors.decisioning.record import replay
from actors.ports import Lookup
from tests.builders import NOW, make_event, number_of, user
from tests.group_books import (
    ANN,
    BOB,
    CARL,
    FIRM,
    HOME,
    OTHER_HOME,
    a_home,
    group_book,
    joins,
    keys_of,
    leaves,
    members,
    stored_group,
    wants,
)


def notes(world, number):
    return world.turns(number)[-1][2].notes


def test_a_group_call_makes_a_member_and_says_something_of_the_group(home):
    home.reply(joins(HOME, "ann", name="Smith", size=3))

    group = stored_group(home.truth)
    assert members(home.truth) == [ANN]
    assert group.known_traits() == {"name": "Smith", "size": 3}
    assert (group.members, group.first_seen_at_ms, group.changed_at_ms) == (1, NOW, NOW)
    assert keys_of(home.customer()) == [HOME]
    assert home.customer().profile.traits == {}
    assert notes(home, ANN) == ["group_joined: household"]


def test_traits_of_a_group_keep_what_was_said_before_and_when(home):
    a_home(home, "ann", "bob")
    home.reply(joins(HOME, "ann", id="1", at=NOW - 5, size=2))
    home.reply(joins(HOME, "bob", id="2", at=NOW - 3, size=3))
    home.reply(joins(HOME, "ann", id="3", at=NOW - 4, size=9))

    group = stored_group(home.truth)
    assert (group.traits["size"].value, group.traits["size"].at_ms) == (3, NOW - 3)
    assert [(c.name, c.old, c.at_ms) for c in group.changes] == [("size", 2, NOW - 3)]


def test_what_changes_nothing_about_the_group_does_not_write_it(home):
    a_home(home, "ann")
    home.reply(joins(HOME, "ann", id="size", size=2))
    before = asyncio.run(home.truth.lookup(Lookup(groups=(HOME,)))).groups[HOME].seq

    home.reply(joins(HOME, "ann", id="again", at=NOW + 1, size=2))
    home.reply(make_event("Page Seen", "ann", id="page"))
    home.reply(wants("ann", id="note", name="Note Wanted"))

    assert asyncio.run(home.truth.lookup(Lookup(groups=(HOME,)))).groups[HOME].seq == before
    assert [row.number for row in home.outbox()] == [ANN]


def test_a_household_is_founded_by_one_batch(home):
    codes = home.codes(*(joins(HOME, who, id=who) for who in ("ann", "bob", "carl")))

    assert codes == ["ACCEPTED"] * 3
    assert sorted(members(home.truth)) == sorted([ANN, BOB, CARL])


def test_a_household_takes_no_more_than_its_kind_allows(home):
    a_home(home, "ann", "bob", "carl")

    home.reply(joins(HOME, "a", size=9))

    assert stored_group(home.truth).members == 3
    assert keys_of(home.customer("a")) == []
    assert notes(home, number_of(user("a"))) == ["group_full: household"]
    assert stored_group(home.truth).known_traits() == {}


def test_who_joins_another_household_leaves_the_first(home):
    a_home(home, "ann", "bob")

    home.reply(joins(OTHER_HOME, "ann", id="move", at=NOW + 5))

    assert (members(home.truth), members(home.truth, OTHER_HOME)) == ([BOB], [ANN])
    assert keys_of(home.customer()) == [OTHER_HOME]
    assert notes(home, ANN) == ["group_joined: household", "group_left: household"]


def test_a_customer_may_belong_to_as_many_accounts_as_the_kind_says(home):
    firms = [FIRM._replace(group_id=name) for name in ("one", "two", "three")]
    for i, firm in enumerate(firms):
        home.reply(joins(firm, "ann", id=firm.group_id, at=NOW + i))

    assert keys_of(home.customer()) == firms[1:]
    assert [members(home.truth, firm) for firm in firms] == [[], [ANN], [ANN]]
    assert stored_group(home.truth, firms[0]) is None


def test_who_leaves_is_no_member_and_the_last_to_leave_ends_the_group(home):
    a_home(home, "ann", "bob")

    home.reply(leaves(HOME, "ann", id="1", at=NOW + 1))
    assert members(home.truth) == [BOB]
    home.reply(leaves(HOME, "bob", id="2", at=NOW + 1))

    assert stored_group(home.truth) is None
    assert home.customer("bob").groups[0].left_at_ms == NOW + 1


def test_calls_that_arrive_late_do_not_bring_back_who_has_left(home):
    a_home(home, "ann", "bob")
    home.reply(leaves(HOME, "ann", id="1", at=NOW + 9))

    home.reply(joins(HOME, "ann", id="2", at=NOW + 5))
    assert members(home.truth) == [BOB]
    home.reply(joins(HOME, "ann", id="3", at=NOW + 10))
    assert sorted(members(home.truth)) == sorted([ANN, BOB])
    home.reply(leaves(HOME, "ann", id="4", at=NOW + 6))

    assert sorted(members(home.truth)) == sorted([ANN, BOB])


@pytest.mark.parametrize(
    "call",
    [
        joins(HOME._replace(group_id="undefined")),
        joins(HOME._replace(group_id="x" * 300)),
        joins(HOME._replace(kind="planet")),
        make_event("", type="group", properties={"groupId": 7}),
    ],
    ids=["blocked", "long", "unknown kind", "not text"],
)
def test_what_names_no_group_makes_no_member(home, call):
    home.reply(call)

    assert home.customer().groups == []
    assert notes(home, ANN) == ["not_a_group"]


def test_a_playbook_without_kinds_takes_group_calls_as_events(world):
    world.reply(joins(HOME, "ann", name="Smith"))

    assert (world.customer().groups, world.customer().profile.traits) == ([], {})
    assert notes(world, ANN) == []


def test_a_group_call_never_claims_what_its_traits_name(home):
    home.reply(joins(HOME, "ann", email="info@acme.example"))

    assert home.customer().identities == [user("ann")]


def test_rules_may_ask_for_the_group(world):
    world.playbook = group_book(
        caps={},
        eligible="group.members['household'] >= 2 && group.traits.household.plan == 'gold'",
        when="profile.groups['household'] == 'h-1'",
    )
    world.reply(joins(HOME, "ann", id="1", plan="gold"))
    world.reply(wants("ann", id="2"))
    world.reply(joins(HOME, "bob", id="3"))
    world.reply(wants("ann", id="4"))
    world.reply(wants("carl", id="5"))

    assert [row.seq for row in world.outbox()] == [3]
    assert all(
        replay(turn.decision, world.playbook).identical
        for _, _, turn in world.turns(ANN)
        if turn.decision
    )
