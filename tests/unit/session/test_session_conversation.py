"""One conversation over all channels: the next one continues where the last one stopped."""

import pytest

from actors.briefing import brief, narrate
from tests.builders import (
    BANNER,
    DAY,
    HOUR,
    NOW,
    SECOND_BANNER,
    added,
    make_event,
    make_playbook,
    order,
    question,
    response,
)

CENTRE = "call_center"


def offer(value):
    treatments = {"web": {"placements": ["hero"]}, CENTRE: {"placements": ["desk"]}}
    return {
        "value": value,
        "purpose": "onsite",
        "startingPropensity": 0.2,
        "treatments": treatments,
    }


BOTH = make_playbook(
    channels={"web": {"placements": ["hero"]}, CENTRE: {"placements": ["desk"]}},
    actions={BANNER: offer(5), SECOND_BANNER: offer(1)},
    triggers={},
    policies={
        "suppression": {"afterRefusal": "P30D"},
        "consent": {"purposesNotNeedingConsent": ["onsite", "service"]},
    },
)


@pytest.fixture
def shop(world):
    world.playbook = BOTH
    return world


def asked(shop, channel, placement, id):  # noqa: A002
    at = shop.clock.now_ms
    reply = shop.reply(question(channel=channel, placements=(placement,), id=id, at=at))
    return reply["actions"]


def context(shop, channel=CENTRE):
    return brief(shop.customer(), BOTH, "service", channel, shop.clock.now_ms)


@pytest.mark.parametrize("outcome", ["dismiss", "reject"])
def test_an_offer_refused_on_the_web_is_not_made_again_by_the_call_centre_an_hour_later(
    shop, outcome
):
    (shown,) = asked(shop, "web", "hero", "q1")
    assert shown["action"] == BANNER
    shop.reply(response(shown["effectKey"], outcome, id="r1"))

    shop.clock.advance(HOUR)
    (offered,) = asked(shop, CENTRE, "desk", "q2")

    assert offered["action"] == SECOND_BANNER


@pytest.mark.parametrize("outcome", ["impression", "click"])
def test_an_offer_that_was_not_refused_may_be_made_again_elsewhere(shop, outcome):
    (shown,) = asked(shop, "web", "hero", "q1")
    shop.reply(response(shown["effectKey"], outcome, id="r1"))

    shop.clock.advance(HOUR)
    (offered,) = asked(shop, CENTRE, "desk", "q2")

    assert offered["action"] == BANNER


def test_a_refusal_is_forgotten_on_every_channel_when_its_time_is_over(shop):
    (shown,) = asked(shop, "web", "hero", "q1")
    shop.reply(response(shown["effectKey"], "dismiss", id="r1"))

    shop.clock.advance(30 * DAY)
    (offered,) = asked(shop, CENTRE, "desk", "q2")

    assert offered["action"] == BANNER
    assert [each.reason for each in context(shop).avoid] == []


def test_what_was_refused_on_the_web_is_on_the_screen_of_the_call_centre(shop):
    (shown,) = asked(shop, "web", "hero", "q1")
    shop.reply(response(shown["effectKey"], "dismiss", id="r1"))
    shop.clock.advance(HOUR)

    screen = context(shop)

    (offered,) = screen.offers
    assert (offered.action, offered.channel, offered.outcome) == (BANNER, "web", "dismiss")
    assert not offered.pending
    (avoid,) = screen.avoid
    assert (avoid.reason, avoid.about, avoid.until_ms) == ("refused", BANNER, NOW + 30 * DAY)
    assert screen.say == []
    assert "banner on the website 60 minutes ago, dismissed" in narrate(screen)


def test_a_question_opened_in_the_chat_is_on_the_screen_of_the_call_centre(shop):
    properties = {"question_id": "q-7", "topic": "delivery", "sentiment": -0.8}
    shop.reply(make_event("Question Asked", channel="chat", properties=properties, id="m1"))

    screen = context(shop)

    (thread,) = screen.threads
    assert (thread.kind, thread.key, thread.channel) == ("question", "q-7", "chat")
    assert thread.topic == "delivery"
    assert [each.kind for each in screen.say] == ["question"]
    assert "negative_sentiment" in [each.reason for each in screen.avoid]
    assert "a question about “delivery”, asked in the chat just now" in narrate(screen)


def test_a_question_answered_by_telephone_is_no_longer_open_in_the_chat(shop):
    properties = {"question_id": "q-7", "topic": "delivery"}
    shop.reply(make_event("Question Asked", channel="chat", properties=properties, id="m1"))
    late = make_event("Question Asked", channel="chat", properties=properties, id="m3", at=NOW - 9)
    answer = make_event(
        "Question Answered", channel=CENTRE, properties=properties, id="m2", at=NOW + HOUR
    )
    shop.clock.advance(HOUR)
    shop.reply(answer)
    shop.reply(late)

    assert context(shop, "chat").threads == []


def test_a_cart_left_on_the_web_is_on_every_screen_until_it_is_ordered_anywhere(shop):
    shop.reply(added("c1", channel="web", id="m1"))
    shop.reply(added("c1", channel="app", id="m2"))
    (cart,) = context(shop).threads
    assert (cart.kind, cart.channel, cart.items, cart.minor) == ("cart", "web", 2, 500)

    shop.reply(order(5.0, channel="store", id="m3", at=NOW, properties={"cart_id": "c1"}))

    assert context(shop).threads == []
