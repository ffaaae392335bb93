import pytest

from actors.domain.ids import Identity, IdSpace, customer_text, home_partition
from actors.wire.messages import Routed
from tests.builders import IDS, anon, make_event, number_of, order, user
from tests.unit.session.test_session_merging import command

ANN, BOB, A = number_of(user("ann")), number_of(user("bob")), number_of(anon("a"))


class Crowded(IdSpace):
    """Gives everybody of a partition the same number at first, and at a second time."""

    def partition_of(self, identity):
        return 7

    def customer_number(self, first, generation=0):
        if generation < 2:
            return (7 << 50) | generation
        return (7 << 50) | (super().customer_number(first, generation) & ((1 << 50) - 1))


@pytest.mark.python_core
def test_customers_whose_numbers_collide_get_numbers_of_their_own(world):
    world.ids = Crowded(b"k" * 32)
    world.restart()
    names = [f"u{i}" for i in range(4)]

    assert world.codes(order(1, names[0], id="m0")) == ["ACCEPTED"]
    codes = world.codes(*[order(i, names[i], id=f"m{i}") for i in (1, 2)])
    world.restart()
    codes += world.codes(*[order(i, names[i], id=f"n{i}") for i in (0, 1, 2, 3)])

    assert set(codes) == {"ACCEPTED"}
    states = [world.customer(name) for name in names]
    assert len({state.number for state in states}) == 4
    assert [state.profile.purchases.spend_minor for state in states] == [100, 200, 400, 300]
    assert [state.generation for state in states] == [0, 1, 2, 2]
    assert {home_partition(state.number) for state in states} == {7}


@pytest.mark.python_core
def test_two_newcomers_of_one_group_whose_numbers_collide_stay_apart(world):
    world.ids = Crowded(b"k" * 32)
    world.restart()

    assert world.codes(order(1, "u0", id="m0"), order(2, "u1", id="m1")) == ["ACCEPTED"] * 2

    assert world.customer("u0").number != world.customer("u1").number
    assert world.customer("u1").profile.purchases.spend_minor == 200


def test_an_unowned_anonymous_id_is_claimed_by_the_user(world):
    world.reply(make_event("x", "ann", anon("a"), id="m1"))

    reply = world.reply(make_event("y", anon("a"), id="m2"))

    assert reply["customerId"] == customer_text(ANN)
    assert world.customer(anon("a")).number == ANN
    assert world.counts()["customers"] == 1


@pytest.mark.parametrize("restart", [False, True])
def test_an_anonymous_id_of_another_user_stays_with_its_owner(world, restart):
    world.reply(make_event("x", "ann", anon("a"), id="m1"))
    if restart:
        world.restart()

    reply = world.reply(make_event("x", "bob", anon("a"), id="m2"))

    assert reply["customerId"] == customer_text(BOB)
    assert world.customer(anon("a")).number == ANN
    assert world.customer("bob").identities == [user("bob")]
    assert world.turns(BOB)[0][2].notes == ["identity_of_another: anon"]


def test_two_users_who_claim_one_anonymous_id_in_one_group_are_not_mixed(world):
    codes = world.codes(
        make_event("x", "ann", anon("a"), id="m1"), make_event("x", "bob", anon("a"), id="m2")
    )

    assert codes == ["ACCEPTED", "ACCEPTED"]
    assert world.customer(anon("a")).number == ANN
    assert world.turns(BOB)[0][2].notes == ["identity_of_another: anon"]
    world.assert_sound(ANN, BOB)


@pytest.mark.parametrize("together", [False, True])
def test_a_stranger_who_logs_in_leaves_the_stranger_behind(world, together):
    events = make_event("x", anon("a"), id="m1"), make_event("y", "ann", anon("a"), id="m2")

    codes = world.codes(*events) if together else [*world.codes(events[0]), *world.codes(events[1])]

    assert codes == ["ACCEPTED", "ACCEPTED"]
    assert (world.customer(anon("a")).number, world.customer("ann").number) == (A, ANN)
    assert world.turns(ANN)[0][2].notes == ["identity_of_another: anon"]


@pytest.mark.parametrize("together", [False, True])
def test_a_user_who_logs_out_is_still_known_by_the_anonymous_id(world, together):
    events = make_event("x", "ann", anon("a"), id="m1"), make_event("y", anon("a"), id="m2")

    codes = world.codes(*events) if together else [*world.codes(events[0]), *world.codes(events[1])]

    assert codes == ["ACCEPTED", "ACCEPTED"]
    assert world.customer(anon("a")).number == ANN
    assert world.counts()["customers"] == 1


def test_a_partition_owned_elsewhere_is_not_mine(world):
    del world.epochs[home_partition(ANN)]

    (job,) = world.jobs(order())

    assert (job.answer.code.name, job.answer.number) == ("NOT_MINE", ANN)
    assert world.counts()["turns"] == 0


def test_an_identity_whose_owner_lives_elsewhere_is_sent_there_by_number(world):
    world.reply(make_event("x", "ann", anon("a"), id="m1"))
    world.restart()
    assert home_partition(ANN) != IDS.partition_of(anon("a"))
    del world.epochs[home_partition(ANN)]

    (job,) = world.jobs(make_event("y", anon("a"), id="m2"))

    assert (job.answer.code.name, job.answer.number) == ("NOT_MINE", ANN)


def test_an_identity_decides_whose_event_it_is_whoever_it_was_addressed_to(world):
    world.reply(make_event("x", "ann", anon("a"), id="m1"))
    world.reply(make_event("x", "bob", id="m2"))

    (job,) = world.jobs(Routed(make_event("y", anon("a"), id="m3"), BOB))

    assert job.answer.code.name == "ACCEPTED"
    assert world.state(ANN).seq == 2


def email(i):
    return Identity("email", f"a{i}@example.org")


def told(who, i, id):  # noqa: A002
    """Say that an address is somebody's, as an identify call does."""
    return make_event("", *who, type="identify", traits={"email": email(i).value}, id=id)


def test_an_address_too_many_stays_nobodys_until_somebody_has_room_for_it(world):
    for i in range(6):
        world.reply(told(["ann"], i, f"m{i}"))
    assert world.customer(email(4)).number == ANN
    assert world.customer(email(5)) is None
    assert world.turns(ANN)[-1][2].notes == ["not_claimed: limit email #2"]

    world.reply(told(["bob"], 5, "bob"))
    world.restart()

    assert world.customer(email(5)).number == BOB
    assert [i.kind for i in world.customer("ann").identities].count("email") == 5


def test_a_limit_holds_for_two_who_say_so_in_one_group(world):
    for i in range(4):
        world.reply(told(["ann"], i, f"m{i}"))

    assert set(world.codes(told(["ann"], 4, "a"), told(["ann"], 5, "b"))) == {"ACCEPTED"}

    assert world.customer(email(4)).number == ANN
    assert world.customer(email(5)) is None


def test_somebody_new_joins_her_visits_though_the_address_she_gives_is_one_too_many(world):
    for i in range(5):
        world.reply(told([anon("a")], i, f"m{i}"))

    world.reply(told(["ann", anon("a")], 5, "login"))

    assert world.customer(anon("a")).number == world.customer("ann").number
    assert world.customer(email(5)) is None


def test_an_address_that_was_refused_while_two_were_one_is_claimed_by_neither_when_they_part(world):
    world.reply(make_event("x", "ann", id="m0"))
    for i in range(5):
        world.reply(told(["ann"], i, f"m{i + 1}"))
    world.reply(make_event("x", anon("a"), id="a0"))
    world.reply(command("merge", ANN, other=A, id="c1"))
    world.reply(told([anon("a")], 5, "refused"))
    world.reply(command("unmerge", ANN, other=A, id="c2"))

    assert world.customer(email(5)) is None
    world.reply(told([anon("a")], 5, "again"))
    assert world.customer(email(5)).number == A
