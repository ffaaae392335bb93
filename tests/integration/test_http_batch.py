"""Batches: every item has its own result, and what cannot be taken yet is never lost."""

import gzip
import json

import pytest

from actors.wire.messages import Answer, Code
from tests.integration.http_support import Edge, accepted, answering, assert_problem


def item(n: int, **changes: object) -> dict:
    return {"type": "track", "messageId": f"m-{n}", "userId": f"u-{n}", "event": "E", **changes}


BAD_ITEMS = {
    "no object": (17, 422, None),
    "null": (None, 422, None),
    "a list": ([], 422, None),
    "no type": (item(9, type=None), 422, "m-9"),
    "unknown type": (item(9, type="decide"), 422, "m-9"),
    "nobody": (item(9, userId=""), 422, "m-9"),
    "a wrong type": (item(9, properties=1), 422, "m-9"),
    "messageId too long": (item(9, messageId="m" * 101), 422, None),
    "a time without zone": (item(9, timestamp="2026-01-01T00:00:00"), 422, "m-9"),
    "too large": (item(9, properties={"x": "y" * 33_000}), 413, "m-9"),
    "too deep": (item(9, properties=json.loads("[" * 40 + "]" * 40)), 422, "m-9"),
    "deep unknown field": (item(9, zz=json.loads("[" * 32 + "]" * 32)), 422, "m-9"),
    "an integer beyond 64 bits": (item(9, properties={"x": 2**64}), 422, "m-9"),
    "a control character": (item(9, userId="a\0"), 422, "m-9"),
}


@pytest.fixture(scope="module")
def edge() -> Edge:
    return Edge()


@pytest.mark.parametrize(("bad", "status", "message_id"), BAD_ITEMS.values(), ids=BAD_ITEMS)
def test_a_bad_item_never_spoils_the_others(edge: Edge, bad: object, status: int, message_id):
    edge.gateway.sent.clear()

    response = edge.post("/v1/batch", {"batch": [item(1), bad, item(2)]})

    assert response.status_code == 200
    first, refused, last = response.json()["results"]
    assert first == {"messageId": "m-1", "status": "accepted"}
    assert last == {"messageId": "m-2", "status": "accepted"}
    assert refused["status"] == "rejected"
    assert refused["messageId"] == message_id
    assert refused["error"]["status"] == status
    assert refused["error"]["type"].startswith("/problems/")
    assert [routed.item.message_id for routed in edge.gateway.items] == ["m-1", "m-2"]


def test_a_number_too_large_for_a_float_spoils_only_its_item():
    edge = Edge()
    body = json.dumps({"batch": [item(1), item(2, properties={"x": 5})]})

    response = edge.post("/v1/batch", body.replace('"x": 5', '"x": 1e999').encode())

    assert [r["status"] for r in response.json()["results"]] == ["accepted", "rejected"]


def test_nan_makes_the_whole_batch_no_json():
    edge = Edge()

    response = edge.post("/v1/batch", b'{"batch": [{"type": "track", "properties": {"x": NaN}}]}')

    assert_problem(response, 400)


def test_any_mix_of_types_and_customers_goes_in_one_call_and_in_order():
    edge = Edge()
    batch = [
        {"type": "identify", "messageId": "1", "userId": "u"},
        {"type": "page", "messageId": "2", "anonymousId": "a"},
        {"type": "screen", "messageId": "3", "userId": "u"},
        {"type": "group", "messageId": "4", "userId": "u", "groupId": "g"},
        {"type": "alias", "messageId": "5", "userId": "u", "previousId": "p"},
        {"type": "track", "messageId": "6", "userId": "u", "event": "E"},
    ]

    response = edge.post("/v1/batch", {"batch": batch})

    assert [r["messageId"] for r in response.json()["results"]] == list("123456")
    assert [routed.item.type for routed in edge.gateway.items] == [each["type"] for each in batch]
    assert edge.gateway.calls == 1


def test_what_the_batch_says_holds_for_items_that_say_nothing():
    edge = Edge()
    body = {
        "sentAt": "2026-01-31T12:00:00Z",
        "context": {"channel": "app", "locale": "de"},
        "batch": [
            item(1),
            item(2, sentAt="2026-01-31T12:00:09Z", context={"channel": "web"}),
        ],
    }

    edge.post("/v1/batch", body)

    first, second = (routed.item for routed in edge.gateway.items)
    assert (first.channel, first.context["locale"]) == ("app", "de")
    assert (second.channel, second.context["locale"]) == ("web", "de")
    assert second.sent_at_ms - first.sent_at_ms == 9000


def test_each_answer_has_its_result():
    edge = Edge()
    codes = [Code.ACCEPTED, Code.DUPLICATE, Code.CONFLICT, Code.GONE, Code.INVALID, Code.FAILED]
    edge.gateway.answer = lambda i, _r: Answer(codes[i], b"{}", "why")

    response = edge.post("/v1/batch", {"batch": [item(n) for n in range(6)]})

    results = response.json()["results"]
    statuses = [r["status"] for r in results]
    assert statuses == ["accepted", "duplicate", "rejected", "rejected", "rejected", "rejected"]
    assert [r["error"]["status"] for r in results[2:]] == [409, 410, 422, 500]
    assert all(set(r) == {"messageId", "status"} for r in results[:2])


@pytest.mark.parametrize(
    ("code", "status"), [(Code.RETRY, 503), (Code.NOT_MINE, 503), (Code.BUSY, 429)]
)
def test_when_some_items_must_be_tried_again_the_whole_batch_must(code: Code, status: int):
    edge = Edge()
    again = answering(code, "", 2.0)
    edge.gateway.answer = lambda i, r: accepted(i, r) if i else again(i, r)

    response = edge.post("/v1/batch", {"batch": [item(1), item(2), item(3)]})

    body = assert_problem(response, status)
    assert "1 of 3" in body["detail"]
    assert response.headers["retry-after"] == "2"


def test_an_empty_batch_is_a_batch():
    edge = Edge()

    response = edge.post("/v1/batch", {"batch": []})

    assert response.json() == {"results": []}
    assert edge.gateway.calls == 0


def test_a_full_batch_of_2500_is_taken():
    edge = Edge()

    response = edge.post("/v1/batch", {"batch": [item(n) for n in range(2500)]})

    assert {r["status"] for r in response.json()["results"]} == {"accepted"}
    assert len(edge.gateway.sent) == 2500


def test_a_mobile_library_posts_a_gzipped_batch_with_its_key_inside():
    edge = Edge()
    body = {
        "batch": [item(1)],
        "sentAt": "2026-01-31T12:00:00.000Z",
        "writeKey": edge.keys["admin"],
    }

    response = edge.post(
        "/v1/b",
        gzip.compress(json.dumps(body).encode()),
        key=None,
        headers={"Content-Type": "text/plain; charset=UTF-8", "Content-Encoding": "gzip"},
    )

    assert response.json() == {"results": [{"messageId": "m-1", "status": "accepted"}]}


def test_items_without_an_id_are_told_which_they_got():
    edge = Edge()

    response = edge.post("/v1/batch", {"batch": [item(1, messageId=None)]})

    assert response.json()["results"][0]["messageId"] == edge.gateway.items[0].item.message_id
