"""Who was not found to be one, or not whole, elsewhere: the second half of the known bugs of merges."""

import asyncio
from dataclasses import replace

import pytest

from actors.domain.ids import customer_text
from actors.playbook.identity_model import DEFAULT_RULES
from tests.builders import IDS, NOW, anon, number_of, order, user
from tests.unit.session.test_session_known_merge_bugs import cents
from tests.unit.session.test_session_merging import command, login, spend

ANN, A = number_of(user("ann")), number_of(anon("a"))


def test_of_several_companies_on_either_side_none_is_lost(world):
    """Mautic #4641: two contacts with two companies each, and after the merge there are three."""
    rules = replace(DEFAULT_RULES, strategies={"companies": "union"})
    world.playbook = replace(world.playbook, identities=rules)
    world.reply(login("ann", traits={"companies": ["c1", "c2"]}, id="m1"))
    world.reply(login(anon("a"), traits={"companies": ["c3", "c4"]}, id="m2"))

    world.reply(login("ann", anon("a"), id="m3"))

    assert sorted(world.customer("ann").profile.traits["companies"]) == ["c1", "c2", "c3", "c4"]


def test_who_still_uses_the_old_id_is_the_one_who_remains(world):
    """Mautic #6079: the cookie and the page of the merged contact go on as somebody of their own."""
    world.reply(order(1, anon("a"), id="m1"))
    world.reply(login("ann", anon("a"), id="m2"))
    world.restart()

    by_cookie = world.reply(order(2, anon("a"), id="m3"))
    by_number = world.reply(command("consent", A, channel="email", purpose="service",
                                    status="granted", id="m4"))  # fmt: skip

    assert by_cookie["customerId"] == by_number["customerId"] == customer_text(ANN)


@pytest.mark.parametrize(
    "traits", [{"email": "ann@example.org"}, {"phone": "+49 30 901820"}], ids=["email", "phone"]
)
def test_who_only_tells_an_address_that_is_known_is_merged_with_all_visits(world, traits):
    """Mautic #11527: told by e-mail, but the visits stay behind. Tracardi #850: told by phone, in one batch."""
    codes = world.codes(
        login("ann", traits=traits, id="m1"),
        order(1, anon("a"), id="m2"),
        login(anon("a"), traits=traits, id="m3"),
        order(2, anon("a"), id="m4"),
    )

    assert set(codes) == {"ACCEPTED"}
    assert spend(world, "ann") == cents(3)
    assert world.customer(anon("a")).number == ANN


def test_what_comes_before_and_after_a_first_login_is_one_customers(world):
    """PostHog #23690: events before and after `identify` are those of two profiles."""
    codes = world.codes(
        order(1, anon("a"), id="m1"),
        login("ann", anon("a"), id="m2"),
        order(2, "ann", anon("a"), id="m3"),
        order(4, anon("a"), id="m4"),
    )

    assert set(codes) == {"ACCEPTED"}
    assert spend(world, "ann") == spend(world, anon("a")) == cents(7)


def test_what_the_login_itself_says_stands_beside_what_both_had(world):
    """PostHog #10337: merging and setting in one event races, and properties are lost."""
    world.reply(login("ann", traits={"city": "Oslo", "plan": "free"}, id="m1"))
    world.reply(login(anon("a"), traits={"size": "M"}, id="m2"))

    world.reply(login("ann", anon("a"), traits={"plan": "gold"}, id="m3", at=NOW + 1))

    assert world.customer("ann").profile.traits == {"city": "Oslo", "plan": "gold", "size": "M"}


def test_somebody_of_thousands_of_names_can_be_taken_apart_again(world):
    """PostHog PR 5898: people with 2,500 ids by mistake. Here each merge can be taken back by itself."""
    names = [anon(f"v{i}") for i in range(60)]
    partitions = {IDS.partition_of(name) for name in names} - world.epochs.keys()
    claims = [(partition, "", 0) for partition in sorted(partitions)]
    world.epochs.update(asyncio.run(world.truth.claim(claims, "cell-0/one")))
    world.codes(*(order(1, name, id=f"order-{i}") for i, name in enumerate(names)))
    for i, name in enumerate(names):
        world.reply(login("ann", name, id=f"login-{i}"))

    for i in (0, 30, 59):  # of whom the state has forgotten some
        world.reply(command("unmerge", ANN, other=number_of(names[i]), id=f"out-{i}"))

    assert spend(world, "ann") == cents(57)
    assert [spend(world, names[i]) for i in (0, 30, 59)] == [cents(1)] * 3
    assert world.customer(names[29]).number == ANN
