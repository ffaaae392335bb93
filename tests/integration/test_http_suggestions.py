"""What goes with a basket, asked directly, and offered by decisions and replies to events."""

import asyncio

import pytest

from actors.suggestions import SETTING, ItemModel, to_bytes
from tests.integration.http_support import Edge, assert_problem

MODEL = ItemModel(
    ("milk", "tea", "lemon", "ink"),
    ("Oat milk", "", "Lemon", ""),
    2,
    [1, 0, 2, 0, 1, 0, 0, 0],
    [30_000, 0, 40_000, 20_000, 40_000, 0, 0, 0],
)


@pytest.fixture
def edge():
    found = Edge()
    asyncio.run(found.store.put_setting(SETTING, to_bytes(MODEL)))
    return found


def suggest(edge, *basket, **more):
    reply = edge.post("/v1/suggest", {"basket": list(basket)} | more)
    assert reply.status_code == 200, reply.text
    return reply.json()


def test_what_goes_with_a_basket_comes_nearest_first(edge):
    assert suggest(edge, "tea") == {
        "basis": "together",
        "items": [
            {"item": "lemon", "name": "Lemon", "score": 0.610361},
            {"item": "milk", "name": "Oat milk", "score": 0.30518},
        ],
    }
    assert [each["item"] for each in suggest(edge, "tea", max=1)["items"]] == ["lemon"]


def test_where_nothing_is_known_of_the_basket_best_sellers_are_told_as_such(edge):
    found = suggest(edge, "unheard of", max=2)

    assert found["basis"] == "best_sellers"
    assert [each["item"] for each in found["items"]] == ["milk", "tea"]
    assert suggest(edge)["basis"] == "best_sellers"


def test_without_a_model_there_is_nothing_and_one_that_comes_is_used_within_a_minute():
    edge = Edge()
    assert suggest(edge, "tea") == {"basis": "none", "items": []}

    asyncio.run(edge.store.put_setting(SETTING, to_bytes(MODEL)))
    assert suggest(edge, "tea")["basis"] == "none"
    edge.now_ms += 60_000
    assert suggest(edge, "tea")["basis"] == "together"


def test_a_damaged_model_suggests_nothing_and_stops_nobody():
    edge = Edge()
    asyncio.run(edge.store.put_setting(SETTING, b"damaged"))

    assert suggest(edge, "tea")["basis"] == "none"
    assert edge.post("/v1/decide", decide({"basket": ["tea"]})).status_code == 200


@pytest.mark.parametrize(
    "body",
    [{}, {"basket": "tea"}, {"basket": [1]}, {"basket": ["tea"], "max": 0}, {"basket": [], "x": 1}],
)
def test_what_is_no_basket_is_refused(edge, body):
    assert_problem(edge.post("/v1/suggest", body), 422)


def test_it_needs_a_key_that_may_decide(edge):
    edge.add_key("reader", ["read"])

    assert_problem(edge.post("/v1/suggest", {"basket": []}, key="reader"), 403)
    assert_problem(edge.post("/v1/suggest", {"basket": []}, key=None), 401)


def decide(context):
    return {"userId": "ann", "channel": "web", "placements": ["hero"], "context": context}


LEMON = {"items": [{"item": "lemon", "name": "Lemon"}, {"item": "milk", "name": "Oat milk"}]}


@pytest.mark.parametrize(
    ("context", "suggested"),
    [
        ({"basket": ["tea"]}, LEMON),
        ({"basket": [{"product_id": "tea", "quantity": 2}]}, LEMON),
        ({"basket": ["unheard of"]}, None),
        ({"basket": []}, None),
        ({}, None),
        ({"basket": ["tea"], "suggested": {"own": []}}, {"own": []}),
    ],
)
def test_a_question_with_a_basket_brings_what_goes_with_it(edge, context, suggested):
    assert edge.post("/v1/decide", decide(context)).status_code == 200

    assert edge.gateway.items[-1].item.context.get("suggested") == suggested


def test_an_order_brings_what_goes_with_its_products(edge):
    event = {
        "userId": "ann",
        "event": "Order Completed",
        "properties": {"products": [{"product_id": "tea"}, {"price": 1}, "lemon", None]},
    }

    assert edge.post("/v1/track", event).status_code == 200

    found = edge.gateway.items[-1].item.context["suggested"]
    assert found == {"items": [{"item": "milk", "name": "Oat milk"}]}
