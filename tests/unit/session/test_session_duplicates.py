import json

import pytest

from actors.domain.ids import effect_text
from tests.builders import (
    MINUTE,
    NOW,
    anon,
    make_event,
    number_of,
    order,
    question,
    response,
    user,
)

ANN = number_of(user("ann"))


def test_a_message_sent_again_gets_the_first_answer_again(world):
    first = world.reply(question(placements=("hero", "basket")))
    world.clock.advance(MINUTE)
    world.restart()

    again = world.reply(question(placements=("hero", "basket")))

    assert (first.pop("status"), again.pop("status")) == ("accepted", "duplicate")
    assert again == first
    assert len(world.turns(ANN)) == 1


def test_a_message_twice_in_one_group_is_taken_once(world):
    jobs = world.jobs(order(5), make_event(id="other"), order(5), order(5))

    assert [job.answer.code.name for job in jobs] == [
        "ACCEPTED",
        "ACCEPTED",
        "DUPLICATE",
        "DUPLICATE",
    ]
    first, again = (json.loads(jobs[i].answer.body) for i in (0, 2))
    assert (first["seq"], again["seq"]) == (1, 1)
    assert world.customer("ann").profile.purchases.spend_minor == 500
    assert len(world.outbox()) == 1
    world.assert_sound(ANN)


@pytest.mark.parametrize(
    "other",
    [
        order(6),
        order(5, properties={"extra": 1}),
        make_event("Order Refunded", properties={"total": 5}),
        make_event("Order Completed", type="page", properties={"total": 5}),
        order(5, at=NOW + 1),
        order(5, traits={"a": 1}),
    ],
)
def test_a_message_id_used_for_another_body_is_a_conflict_in_any_group(world, other):
    other.message_id = "m"

    assert world.codes(order(5), other) == ["ACCEPTED", "CONFLICT"]
    assert world.codes(other) == ["CONFLICT"]
    assert world.customer("ann").seq == 1


def test_what_real_clients_change_on_a_retry_is_no_other_body(world):
    world.reply(order(5))

    retry = order(5, "ann", anon("a"), context={"page": 1}, sent_at_ms=NOW, channel="app")

    assert world.codes(retry) == ["DUPLICATE"]


def test_a_message_taken_for_one_customer_is_a_duplicate_whoever_it_now_claims_to_be(world):
    first = world.reply(order(5, anon("a")))

    again = world.reply(order(5, "ann", anon("a")))

    assert (again["status"], again["customerId"]) == ("duplicate", first["customerId"])
    assert world.customer("ann") is None


def test_a_message_twice_in_one_group_for_two_customers_is_taken_once(world):
    assert world.codes(order(5, anon("a")), order(5, "ann")) == ["ACCEPTED", "DUPLICATE"]
    assert world.counts()["turns"] == 1


def test_a_response_sent_again_teaches_once(world):
    world.reply(order(id="m1"))
    click = response(effect_text(ANN, 1, 0), "click")

    first, again = world.reply(click), world.reply(click)

    assert (first.pop("status"), again.pop("status")) == ("accepted", "duplicate")
    assert first == again
    assert world.customer("ann").profile.responses["message/care/thanks"].taken == 1


def test_a_response_and_an_event_do_not_share_a_message_id(world):
    world.reply(order(id="m1"))

    assert world.codes(response(effect_text(ANN, 1, 0), "click", id="m1")) == ["CONFLICT"]


def test_two_responses_with_one_id_and_other_outcomes_conflict(world):
    world.reply(order(id="m1"))
    key = effect_text(ANN, 1, 0)

    assert world.codes(response(key, "click"), response(key, "accept")) == ["ACCEPTED", "CONFLICT"]


@pytest.mark.python_core
def test_the_twin_of_a_message_that_failed_is_taken_in_its_place(world, monkeypatch):
    from actors import turn

    begin, failures = turn.begin, iter([RuntimeError("once")])

    def fragile(state, event, *args):
        if event.message_id == "bad":
            for error in failures:
                raise error
        return begin(state, event, *args)

    monkeypatch.setattr(turn, "begin", fragile)

    assert world.codes(order(5, id="bad"), order(5, id="bad")) == ["FAILED", "ACCEPTED"]
    assert world.customer("ann").profile.purchases.spend_minor == 500
