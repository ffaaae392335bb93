"""Groups that begin unasked: the commit refuses what was taken before, and they run again after asking."""

import random

import pytest

from actors.domain.errors import StoreUnavailableError
from actors.domain.ids import effect_text
from actors.session.trusting import ASKS_AFTER
from actors.wire.messages import Routed
from tests.builders import make_event, number_of, order, question, response, user
from tests.unit.session.poisoned import poison

ANN = number_of(user("ann"))


def test_a_message_of_an_active_customer_that_comes_again_gets_its_first_answer(world):
    first = world.reply(order(1, id="m1"))
    world.store.calls.clear()

    again = world.reply(order(1, id="m1"))

    assert (first.pop("status"), again.pop("status")) == ("accepted", "duplicate")
    assert again == first
    assert world.store.calls == ["commit", "lookup", "lookup"]
    assert len(world.turns(ANN)) == 1
    assert len(world.outbox()) == 1
    world.assert_sound(ANN)


def test_who_has_seen_a_message_again_asks_for_a_while(world):
    world.reply(order(1, id="m1"))
    world.reply(order(1, id="m1"))
    world.reply(order(1, "bob", id="b0"))
    world.store.calls.clear()

    for i in range(ASKS_AFTER):
        world.reply(order(2, id=f"n{i}"))

    asked = world.store.calls.count("lookup")
    assert asked == ASKS_AFTER - 1
    assert world.store.calls[-2:] == ["commit", "commit"]


def test_an_id_used_for_another_body_is_a_conflict_though_nobody_asked(world):
    world.reply(order(1, id="m1"))

    assert world.codes(order(9, id="m1"), order(2, id="m2")) == ["CONFLICT", "ACCEPTED"]
    assert world.state(ANN).profile.purchases.spend_minor == 300
    world.assert_sound(ANN)


def test_others_of_the_group_are_written_at_once(world):
    world.reply(order(1, id="m1"))
    world.reply(order(1, "bob", id="b1"))
    world.store.calls.clear()

    codes = world.codes(order(1, id="m1"), order(2, "bob", id="b2"), order(3, id="m2"))

    assert codes == ["DUPLICATE", "ACCEPTED", "ACCEPTED"]
    assert [event.message_id for event in events_of(world, ANN)] == ["m1", "m2"]
    assert world.store.calls.count("commit") == 2


def events_of(world, number):
    return [record.event for _, _, record in world.turns(number)]


def test_a_response_that_comes_again_counts_once(world):
    world.reply(order())
    key = effect_text(ANN, 1, 0)
    first = world.reply(response(key, "click", id="r1"))

    again = world.reply(response(key, "click", id="r1"))

    assert (again.pop("status"), first.pop("status")) == ("duplicate", "accepted")
    assert again == first
    assert len(world.turns(ANN)) == 2


def test_a_response_to_what_there_is_not_is_answered_after_asking(world):
    world.reply(order())
    world.store.calls.clear()

    codes = world.codes(response(effect_text(ANN, 1, 77), "click", id="r1"), order(2, id="m2"))

    assert codes == ["UNKNOWN_EFFECT", "ACCEPTED"]
    world.assert_sound(ANN)


@pytest.mark.python_core
def test_a_message_that_would_fail_today_still_gets_its_first_answer(world, monkeypatch):
    world.reply(make_event("Fragile", id="m1"))
    poison(monkeypatch, "Fragile")

    codes = world.codes(make_event("Fragile", id="m1"), order(2, id="m2"))

    assert codes == ["DUPLICATE", "ACCEPTED"]
    assert len(world.session.quarantine) == 0
    assert world.codes(make_event("Fragile", id="m3"), order(3, id="m4")) == ["FAILED", "ACCEPTED"]
    assert len(world.session.quarantine) == 1


@pytest.mark.parametrize("when", ["before", "after"])
def test_when_the_answer_of_a_commit_is_lost_its_sender_learns_the_truth_by_asking_again(
    world, when
):
    world.reply(order(1, id="m1"))
    world.store.fail("commit", when, StoreUnavailableError("cut off"))

    assert world.codes(order(2, id="m2")) == ["RETRY"]
    assert world.codes(order(2, id="m2")) == ["DUPLICATE" if when == "after" else "ACCEPTED"]
    assert world.state(ANN).profile.purchases.spend_minor == 300
    world.assert_sound(ANN)


def test_who_was_written_elsewhere_meanwhile_is_read_again(world):
    world.reply(order(1, id="m1"))
    here = world.session
    world.restart()
    world.reply(order(2, id="m2"))
    world.session = here

    assert world.codes(order(2, id="m2"), order(3, id="m3")) == ["DUPLICATE", "ACCEPTED"]
    assert world.state(ANN).profile.purchases.spend_minor == 600
    world.assert_sound(ANN)


def test_a_dry_run_always_asks(world):
    world.reply(order(1, id="m1"))
    world.store.calls.clear()

    world.jobs(Routed(question(id="q1"), dry_run=True))

    assert world.store.calls == ["lookup"]


def test_answers_are_the_same_as_when_everybody_asks(world):
    """Random traffic with repetitions, in groups, for two sets of people: for one of them it is always asked."""
    draw = random.Random(4)
    sent, groups = [], []
    for n in range(150):
        group = []
        for m in range(draw.randint(1, 4)):
            message = (draw.randrange(3), draw.randint(1, 9), f"m{n}-{m}")
            if sent and draw.random() < 0.15:
                message = draw.choice(sent)
            elif sent and draw.random() < 0.05:
                who, amount, name = draw.choice(sent)
                message = (who, amount + 1, name)
            group.append(message)
        sent += group
        groups.append(group)

    def run(people, *, asking):
        said = []
        for group in groups:
            if asking:
                world.session._trust._asks = 1 << 60
            items = [order(amount, people[w], id=people[w] + name) for w, amount, name in group]
            said += world.codes(*items)
        return said

    trusting, asked = ("u0", "u1", "u2"), ("u3", "u4", "u5")
    said = run(trusting, asking=False)
    assert said == run(asked, asking=True)
    assert set(said) == {"ACCEPTED", "DUPLICATE", "CONFLICT"}
    for one, other in zip(trusting, asked, strict=True):
        mine, theirs = world.customer(one), world.customer(other)
        assert (mine.seq, mine.profile.purchases) == (theirs.seq, theirs.profile.purchases)
        world.assert_sound(mine.number, theirs.number)
