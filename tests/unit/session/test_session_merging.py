"""Customers who become one, live, and two again."""

import json

import pytest

from actors.domain.events import Command
from actors.domain.ids import customer_text, effect_text, home_partition
from actors.wire.markers import Redirect, read_marker
from actors.wire.messages import Routed
from actors.wire.state import pack_state
from tests.builders import (
    IDS,
    NOW,
    added,
    anon,
    consent,
    make_event,
    number_of,
    order,
    response,
    user,
)

ANN, BOB, A, B = (number_of(i) for i in (user("ann"), user("bob"), anon("a"), anon("b")))
DAY = 86_400_000


def login(*who, id="login", type="identify", **fields):  # noqa: A002
    return make_event("", *who, type=type, id=id, **fields)


def command(kind, number, id="c", **arguments):  # noqa: A002
    return Routed(Command(message_id=id, kind=kind, arguments=arguments), number)


def marker(world, number):
    return read_marker(world.row(number).state)


def spend(world, who):
    return world.customer(who).profile.purchases.spend_minor


def sound(world, *numbers):
    """Nobody's seq has a gap, and timer rows are those of the state, merged or not."""
    for number in numbers:
        rows = world.turns(number)
        assert [seq for seq, _, _ in rows] == list(range(1, world.row(number).seq + 1))


@pytest.mark.parametrize("kind", ["identify", "alias"])
@pytest.mark.parametrize("known", [False, True])
def test_a_visitor_who_logs_in_becomes_one_with_the_user(world, kind, known):
    if known:
        world.reply(order(1, "ann", id="m1"))
    world.reply(order(2, anon("a"), id="m2"))

    reply = world.reply(login("ann", anon("a"), type=kind))

    assert reply["customerId"] == customer_text(ANN)
    assert spend(world, anon("a")) == 200 + 100 * known
    assert world.customer(anon("a")).number == world.customer("ann").number == ANN
    assert marker(world, A) == Redirect(ANN)
    assert set(world.state(ANN).identities) == {user("ann"), anon("a")}
    sound(world, ANN, A)


@pytest.mark.parametrize("restart", [False, True])
def test_events_under_the_old_id_reach_the_one_who_remains(world, restart):
    world.reply(order(1, anon("a"), id="m1"))
    world.reply(login("ann", anon("a")))
    if restart:
        world.restart()

    reply = world.reply(order(2, anon("a"), id="m2"))

    assert (reply["customerId"], spend(world, "ann")) == (customer_text(ANN), 300)


def test_a_batch_keeps_its_order_around_a_login(world):
    codes = world.codes(
        order(1, anon("a"), id="m1"),
        order(2, "ann", id="m2"),
        login("ann", anon("a"), id="m3"),
        order(4, anon("a"), id="m4"),
        order(8, "ann", id="m5"),
        login("ann", anon("b"), id="m6"),
        order(16, anon("b"), id="m7"),
    )

    assert set(codes) == {"ACCEPTED"}
    assert spend(world, "ann") == 3100
    assert world.customer(anon("b")).number == ANN
    sound(world, ANN, A)


def test_the_survivor_is_the_one_with_a_user_id_whoever_asks(world):
    world.reply(make_event("x", "ann", id="m0"))
    world.reply(login("ann", traits={"email": "Ann@Example.org"}, id="m1"))
    world.reply(order(2, anon("a"), id="m2"))

    reply = world.reply(login(anon("a"), traits={"email": "ann@example.org"}, id="m3"))

    assert reply["customerId"] == customer_text(ANN)
    assert spend(world, "ann") == 200
    assert marker(world, A) == Redirect(ANN)


def test_who_survives_elsewhere_is_named_so_that_the_event_goes_there(world):
    world.reply(login("ann", traits={"email": "ann@example.org"}, id="m1"))
    world.reply(order(2, anon("a"), id="m2"))
    del world.epochs[home_partition(ANN)]
    world.restart()

    (job,) = world.jobs(login(anon("a"), traits={"email": "ann@example.org"}, id="m3"))

    assert (job.answer.code.name, job.answer.number) == ("NOT_MINE", ANN)


def test_the_loser_may_live_in_a_partition_of_somebody_else(world):
    world.reply(order(2, anon("a"), id="m2"))
    del world.epochs[IDS.partition_of(anon("a"))]
    world.restart()

    world.reply(login("ann", anon("a")))

    assert spend(world, "ann") == 200
    assert marker(world, A) == Redirect(ANN)


@pytest.mark.parametrize("restart", [False, True])
def test_two_users_are_never_made_one_by_something_they_share(world, restart):
    for name in ("ann", "bob"):
        world.reply(make_event("x", name, id=f"m-{name}"))
    world.reply(login("ann", traits={"email": "us@example.org"}, id="m1"))
    if restart:
        world.restart()

    reply = world.reply(login("bob", traits={"email": "us@example.org"}, id="m2"))

    assert reply["customerId"] == customer_text(BOB)
    notes = world.turns(BOB)[-1][2].notes
    assert "identity_of_another: email" in notes
    assert any(note.startswith("not_merged: too_many_of_a_kind user") for note in notes)
    assert marker(world, ANN) is marker(world, BOB) is None


def test_a_shared_device_makes_nobody_one(world):
    context = {"device": {"id": "tablet-1"}}
    world.reply(login("ann", context=context, id="m1"))
    world.reply(login(anon("a"), context=context, id="m2"))

    assert world.customer("ann").number == ANN
    assert world.customer(anon("a")).number == A


@pytest.mark.parametrize("value", ["null", "undefined", "0000", "-1"])
def test_a_blocked_value_joins_nobody(world, value):
    world.reply(order(1, anon("a"), id="m1"))
    world.reply(login(anon("a"), traits={"email": value}, id="m2"))
    world.reply(login("ann", traits={"loyaltyCard": value}, id="m3"))

    assert world.customer(anon("a")).number == A
    assert world.customer("ann").number == ANN


def test_timers_move_and_fire_once_under_the_one_who_remains(world):
    world.reply(consent(anon("a"), id="m0"))
    world.reply(added("c1", anon("a"), id="m1"))
    world.reply(login("ann", anon("a")))

    assert {number for number, _ in world.timers()} == {ANN}
    keys = {key for number, key in world.timers()}
    assert {t.key for t in world.state(ANN).timers} == keys


def test_a_denial_on_either_side_holds_afterwards(world):
    world.reply(consent("ann", id="m1"))
    world.reply(consent(anon("a"), granted=False, id="m2", at=NOW - DAY))

    world.reply(login("ann", anon("a")))

    assert world.customer("ann").profile.consents["email|marketing"].status == "denied"


def test_outcomes_of_effects_from_before_are_credited_to_the_one_who_remains(world):
    world.reply(consent(anon("a"), id="m1"))
    shown = world.reply(make_event("", anon("a"), type="decide", id="d", placements=("hero",),
                                   channel="web", max_actions=1))  # fmt: skip
    key = shown["actions"][0]["effectKey"]
    world.reply(login("ann", anon("a")))

    reply = world.reply(response(key, "click"))

    assert reply["customerId"] == customer_text(ANN)
    action = shown["actions"][0]["action"]
    assert world.customer("ann").profile.responses[action].taken == 1
    assert key.startswith(effect_text(A, 2, 0)[:10])


def test_the_first_answer_is_given_again_to_a_message_from_before_the_merge(world):
    first = world.reply(order(1, anon("a"), id="m1"))
    world.reply(login("ann", anon("a")))

    again = world.reply(order(1, anon("a"), id="m1"))

    assert again == first | {"status": "duplicate"}
    assert spend(world, "ann") == 100


def test_a_login_again_changes_nothing_more(world):
    world.reply(order(1, anon("a"), id="m1"))
    world.reply(login("ann", anon("a"), id="m2"))
    before = len(world.turns(ANN))

    world.reply(login("ann", anon("a"), id="m2"))
    world.reply(login("ann", anon("a"), id="m3"))

    assert len(world.turns(ANN)) == before + 1
    assert spend(world, "ann") == 100


def test_a_merge_by_hand_follows_the_same_rules(world):
    world.reply(order(1, anon("a"), id="m1"))
    world.reply(order(2, anon("b"), id="m2"))
    low, high = sorted((A, B))

    (job,) = world.jobs(command("merge", high, other=low))

    assert job.answer.code.name == "ACCEPTED"
    assert json.loads(job.answer.body)["merged"] == customer_text(high)
    assert world.state(low).profile.purchases.spend_minor == 300
    assert world.codes(command("merge", low, other=high, id="c2")) == ["ACCEPTED"]


def test_a_merge_by_hand_of_two_users_is_refused_with_a_reason(world):
    world.reply(order(1, "ann", id="m1"))
    world.reply(order(2, "bob", id="m2"))

    (job,) = world.jobs(command("merge", ANN, other=BOB))

    assert job.answer.code.name == "REFUSED"
    assert "user" in job.answer.detail


def merged(world):
    """Ann and the visitor, each with an order, made one."""
    world.reply(order(1, "ann", id="m1"))
    world.reply(order(2, anon("a"), id="m2"))
    before = {name: pack_of(world, name) for name in (ANN, A)}
    world.reply(login("ann", anon("a"), id="m3"))
    return before


def pack_of(world, number):
    state = world.state(number)
    state.seq = 0
    return pack_state(state)


def test_an_unmerge_by_hand_restores_both_sides(world):
    before = dict.fromkeys((ANN, A))
    world.reply(order(1, "ann", id="m1"))
    world.reply(order(2, anon("a"), id="m2"))
    before = {number: pack_of(world, number) for number in (ANN, A)}
    world.jobs(command("merge", ANN, other=A, id="c1"))

    (job,) = world.jobs(command("unmerge", ANN, other=A, id="c2"))

    assert job.answer.code.name == "ACCEPTED", job.answer
    assert {number: pack_of(world, number) for number in (ANN, A)} == before
    assert world.customer(anon("a")).number == A
    sound(world, ANN, A)


@pytest.mark.parametrize("restart", [False, True])
def test_what_came_since_returns_to_whom_it_belongs(world, restart):
    merged(world)
    world.reply(order(4, anon("a"), id="m4"))
    world.reply(order(8, "ann", id="m5"))
    world.reply(make_event("Order Completed", "ann", anon("a"), properties={"total": 16}, id="m6"))
    if restart:
        world.restart()

    (job,) = world.jobs(command("unmerge", ANN, other=A))

    reply = json.loads(job.answer.body)
    assert (spend(world, "ann"), spend(world, anon("a"))) == (2500, 600)
    assert len(reply["toLoser"]) == 1
    assert len(reply["both"]) == 2  # the login itself, and the order that names both
    sound(world, ANN, A)


def test_a_withdrawal_made_while_merged_stays_on_both_sides(world):
    world.reply(consent("ann", id="m0"))
    world.reply(consent(anon("a"), id="m00"))
    merged(world)
    world.reply(consent(anon("a"), granted=False, id="m4", at=NOW + 1))

    world.jobs(command("unmerge", ANN, other=A))

    for who in ("ann", anon("a")):
        assert world.customer(who).profile.consents["email|marketing"].status == "denied"


def test_after_an_unmerge_the_two_live_on_and_may_be_merged_again(world):
    merged(world)
    world.jobs(command("unmerge", ANN, other=A))

    world.reply(order(4, anon("a"), id="m4"))
    assert (spend(world, "ann"), spend(world, anon("a"))) == (100, 600)
    world.reply(login("ann", anon("a"), id="m5"))

    assert spend(world, "ann") == 700
    sound(world, ANN, A)


def test_an_earlier_merge_can_be_undone_after_a_later_one(world):
    merged(world)
    world.reply(order(4, anon("b"), id="m4"))
    world.reply(login("ann", anon("b"), id="m5"))

    assert world.jobs(command("unmerge", ANN, other=A))[0].answer.code.name == "ACCEPTED"
    assert (spend(world, "ann"), spend(world, anon("a"))) == (500, 200)
    assert world.jobs(command("unmerge", ANN, other=B, id="c2"))[0].answer.code.name == "ACCEPTED"
    assert (spend(world, "ann"), spend(world, anon("b"))) == (100, 400)


def test_a_later_merge_can_be_undone_after_an_earlier_one_was(world):
    merged(world)
    world.reply(order(4, anon("b"), id="m4"))
    world.reply(login("ann", anon("b"), id="m5"))
    world.jobs(command("unmerge", ANN, other=A))

    world.jobs(command("unmerge", ANN, other=B, id="c2"))

    assert [spend(world, who) for who in ("ann", anon("a"), anon("b"))] == [100, 200, 400]


def test_an_unmerge_of_strangers_is_refused(world):
    world.reply(order(1, "ann", id="m1"))
    world.reply(order(1, "bob", id="m2"))

    (job,) = world.jobs(command("unmerge", ANN, other=BOB))

    assert (job.answer.code.name, world.turns(ANN)[-1][0]) == ("REFUSED", 1)


def test_an_unmerge_sent_twice_is_done_once(world):
    merged(world)

    first = world.reply(command("unmerge", ANN, other=A))
    again = world.reply(command("unmerge", ANN, other=A))

    assert again == first | {"status": "duplicate"}
