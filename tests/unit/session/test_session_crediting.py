"""Credit through a session: effects that the state has forgotten, and those of who is one by now."""

from actors.domain.ids import effect_text
from tests.builders import (
    BANNER,
    DAY,
    HOUR,
    NOW,
    anon,
    make_event,
    number_of,
    order,
    question,
    response,
    user,
)

ANN, BOB, A = (number_of(i) for i in (user("ann"), user("bob"), anon("a")))


def lines(world, number):
    return [
        (c.basis, c.number, c.seq, c.reward_minor)
        for _, _, record in world.turns(number)
        for c in record.credits
    ]


def lessons(world, number):
    return [
        (s.taken, s.refused, s.reward_minor)
        for _, _, record in world.turns(number)
        for s in record.lessons
    ]


def bought(at, effect_key="", who="ann", id="buy", order_id="o1"):  # noqa: A002
    given = {"order_id": order_id} | ({"effectKey": effect_key} if effect_key else {})
    return order(20.0, who, id=id, at=at, properties=given)


def forget(world):
    """Let the windows close, and what is long closed be forgotten when the next one closes."""
    world.clock.advance(20 * DAY)
    world.reply(question(id="again"))
    world.clock.advance(8 * DAY)
    world.reply(make_event("Page Seen", id="later", at=None))


def test_an_order_may_name_an_effect_that_the_state_has_forgotten(world):
    world.reply(question(id="q"))
    key = effect_text(ANN, 1, 0)
    forget(world)
    assert world.customer().effect(1, 0) is None

    world.reply(bought(world.clock.business_ms(), key))

    assert lines(world, ANN) == [("effect_key", ANN, 1, 2000)]
    taught = lessons(world, ANN)
    assert sum(t for t, _, _ in taught) == 1
    assert sum(r for _, r, _ in taught) == 1  # of the other; this one's no was taken back
    assert world.customer().effect(1, 0).reward_minor == 2000


def test_an_order_that_names_somebody_elses_effect_is_taken_and_not_credited(world):
    world.reply(question("bob", id="q"))
    world.reply(question("ann", id="q2"))

    reply = world.reply(bought(NOW + 1, effect_text(BOB, 1, 0)))

    assert reply["status"] == "accepted"
    assert lines(world, ANN) == lines(world, BOB) == []
    assert world.customer("ann").profile.purchases.orders == 1
    (last,) = [r for _, _, r in world.turns(ANN) if r.event and r.event.message_id == "buy"]
    assert "effect_key_unknown" in last.notes


def test_what_a_visitor_was_shown_is_credited_when_the_customer_buys(world):
    world.reply(question(anon("a"), id="q"))
    world.reply(response(effect_text(A, 1, 0), "click", at=NOW))
    world.reply(make_event("", "ann", anon("a"), type="identify", id="login"))

    world.reply(bought(NOW + HOUR))

    assert lines(world, ANN) == [("click", A, 1, 2000)]
    (effect,) = [e for e in world.customer("ann").effects if e.origin]
    assert (effect.origin, effect.action, effect.reward_minor) == (A, BANNER, 2000)


def test_a_key_of_before_the_merge_is_known_when_the_state_has_forgotten_it(world):
    world.reply(question(anon("a"), id="q"))
    world.reply(make_event("", "ann", anon("a"), type="identify", id="login"))
    forget(world)
    assert world.customer("ann").effect(1, 0, A) is None

    world.reply(bought(world.clock.business_ms(), effect_text(A, 1, 0)))

    assert lines(world, ANN) == [("effect_key", A, 1, 2000)]


def test_an_order_heard_of_on_both_sides_of_a_merge_is_credited_once(world):
    world.reply(question(anon("a"), id="q"))
    world.reply(response(effect_text(A, 1, 0), "click", at=NOW))
    world.reply(bought(NOW + HOUR, who=anon("a"), id="server"))
    world.reply(make_event("", "ann", anon("a"), type="identify", id="login"))

    world.reply(bought(NOW + HOUR, id="browser"))

    assert lines(world, ANN) + lines(world, A) == [("click", A, 1, 2000)]
    assert [c.seq for c in world.customer("ann").conversions] == [1]


def test_a_refund_finds_an_effect_that_was_forgotten_meanwhile(world):
    world.reply(question(id="q"))
    world.reply(response(effect_text(ANN, 1, 0), "click", at=NOW))
    world.reply(bought(NOW + HOUR))
    forget(world)
    assert world.customer().effect(1, 0) is None

    given = {"order_id": "o1", "total": 5}
    world.reply(make_event("Order Refunded", id="back", properties=given, at=None))

    assert lines(world, ANN)[-1] == ("taken_back", ANN, 1, -500)
    assert sum(r for *_, r in lessons(world, ANN)) == 1500
