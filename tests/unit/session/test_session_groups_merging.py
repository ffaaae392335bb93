"""Members of groups who merge, part, or are erased."""

import asyncio
from functools import partial

import pytest

from actors.domain.events import Command
from actors.ports import Lookup
from actors.wire.messages import Routed
from tests.builders import NOW, anon, make_event, number_of
from tests.group_books import (
    ANN,
    BOB,
    FIRM,
    HOME,
    KEYS,
    OTHER_HOME,
    OtherCell,
    a_home,
    joins,
    keys_of,
    leaves,
    members,
    sound_groups,
    stored_group,
)


def command(kind, number, id="c", **arguments):  # noqa: A002
    return Routed(Command(message_id=id, kind=kind, arguments=arguments), number)


@pytest.mark.parametrize("both", [False, True])
def test_a_merge_unites_memberships_and_an_unmerge_gives_them_back(home, both):
    home.reply(joins(HOME, anon("a"), id="1", at=NOW - 9))
    home.reply(joins(FIRM, anon("a"), id="2", at=NOW - 8))
    home.reply(joins(HOME if both else OTHER_HOME, "ann", id="3"))
    home.reply(joins(HOME, "bob", id="4"))
    a = number_of(anon("a"))

    home.reply(make_event("", "ann", anon("a"), type="identify", id="login"))

    assert sorted(members(home.truth)) == sorted([ANN, BOB])
    assert members(home.truth, FIRM) == [ANN]
    assert set(keys_of(home.customer())) == {HOME, FIRM, HOME if both else OTHER_HOME}
    assert home.customer().groups[0].since_ms == NOW - 9
    sound_groups(home.truth, *KEYS)

    home.reply(command("unmerge", ANN, other=a))

    assert sorted(members(home.truth)) == sorted([a, BOB, *([ANN] if both else [])])
    assert members(home.truth, FIRM) == [a]
    assert members(home.truth, OTHER_HOME) == ([] if both else [ANN])
    assert set(keys_of(home.state(a))) == {HOME, FIRM}
    assert keys_of(home.customer()) == [HOME if both else OTHER_HOME]


def test_what_was_joined_while_two_were_one_goes_to_who_joined(home):
    home.reply(make_event("Page Seen", anon("a"), id="1"))
    home.reply(make_event("Page Seen", "ann", id="2"))
    home.reply(make_event("", "ann", anon("a"), type="identify", id="login"))
    home.reply(joins(FIRM, anon("a"), id="3", plan="gold"))
    home.reply(joins(HOME, "ann", id="4"))
    a = number_of(anon("a"))

    home.reply(command("unmerge", ANN, other=a))

    assert (members(home.truth, FIRM), members(home.truth)) == ([a], [ANN])
    assert stored_group(home.truth, FIRM).traits["plan"].by == a


def test_an_erased_customer_leaves_nothing_in_any_group(home):
    home.reply(joins(HOME, "bob", id="1", city="Rome"))
    home.reply(joins(HOME, "ann", id="2", size=2, contact="ann@example.org"))
    home.reply(joins(HOME, "bob", id="3", at=NOW + 1, size=3))
    home.reply(joins(FIRM, "ann", id="4", boss="ann"))
    home.reply(joins(FIRM, "bob", id="5"))
    home.reply(leaves(FIRM, "ann", id="6", at=NOW + 5))
    home.reply(joins(FIRM._replace(group_id="own"), "ann", id="7"))

    home.reply(command("erase", ANN))

    group = stored_group(home.truth)
    assert group.known_traits() == {"city": "Rome", "size": 3}
    assert group.changes == []
    assert members(home.truth) == [BOB]
    assert stored_group(home.truth, FIRM).known_traits() == {}
    assert stored_group(home.truth, FIRM._replace(group_id="own")) is None
    assert asyncio.run(home.truth.lookup(Lookup(grouped=(ANN, BOB)))).memberships == {
        BOB: (FIRM, HOME)
    }


def test_somebody_erased_after_a_merge_leaves_nothing_that_either_said(home):
    home.reply(joins(HOME, "bob", id="1"))
    home.reply(joins(HOME, anon("a"), id="2", size=2))
    home.reply(make_event("", "ann", anon("a"), type="identify", id="login"))

    home.reply(command("erase", ANN))

    assert stored_group(home.truth).known_traits() == {}
    assert members(home.truth) == [BOB]
    assert (
        asyncio.run(home.truth.lookup(Lookup(grouped=(ANN, number_of(anon("a")))))).memberships
        == {}
    )


def test_an_erasure_that_races_with_a_member_takes_out_what_is_there_then(home):
    a_home(home, "ann", "bob")
    other = OtherCell(home)

    home.store.before("commit", partial(other.run, joins(HOME, "bob", id="x", size=4)))
    home.reply(command("erase", ANN))

    assert stored_group(home.truth).known_traits() == {"size": 4}
    assert members(home.truth) == [BOB]
