"""Single events: from every client's shape to the core's event, and every answer to a status."""

import gzip
import json

import pytest

from actors.domain.errors import BusyError, StoreUnavailableError
from actors.domain.ids import Identity
from actors.wire.messages import Answer, Code
from tests.integration.http_support import Edge, answering, assert_problem

BROWSER = {
    "timestamp": "2026-01-31T12:00:00.123Z",
    "integrations": {},
    "anonymousId": "c1b2",
    "userId": None,
    "event": "Product Viewed",
    "type": "track",
    "properties": {"product_id": "p-1", "price": 3.5},
    "context": {
        "page": {"path": "/", "url": "https://shop.example/"},
        "userAgent": "Mozilla/5.0",
        "locale": "de-DE",
        "timezone": "Europe/Berlin",
        "library": {"name": "analytics.js", "version": "next-1.70.0"},
        "placements": ["home_hero", "home_side"],
    },
    "messageId": "ajs-next-1769860800123-c1b2",
    "sentAt": "2026-01-31T12:00:01.000Z",
    "_metadata": {"bundled": ["Segment.io"]},
}


def test_a_browser_library_posts_text_with_its_key_inside():
    edge = Edge()
    body = json.dumps({**BROWSER, "writeKey": edge.keys["admin"]}).encode()

    response = edge.post("/v1/t", body, key=None, headers={"Content-Type": "text/plain"})

    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json"
    event = edge.gateway.items[0].item
    assert event.message_id == "ajs-next-1769860800123-c1b2"
    assert (event.type, event.name, event.channel) == ("track", "Product Viewed", "web")
    assert event.identities == (Identity("anon", "c1b2"),)
    assert event.placements == ("home_hero", "home_side")
    assert event.max_actions == 2
    assert event.at_ms == 1_769_860_800_123
    assert event.sent_at_ms == 1_769_860_801_000
    assert event.original_at_ms is None
    assert event.context["timezone"] == "Europe/Berlin"
    assert edge.gateway.sent[0].route == Identity("anon", "c1b2")
    assert edge.gateway.sent[0].number == 0


def test_rudderstack_sends_an_empty_user_id_and_its_original_timestamp():
    edge = Edge()
    body = {
        "channel": "web",
        "userId": "",
        "anonymousId": "r-1",
        "event": "Order Completed",
        "properties": {},
        "traits": None,
        "originalTimestamp": "2026-01-31T12:00:00.000Z",
        "sentAt": "2026-01-31T12:00:05.000Z",
        "integrations": {"All": True},
    }

    response = edge.post("/v1/track", body)

    assert response.status_code == 200
    event = edge.gateway.items[0].item
    assert event.identities == (Identity("anon", "r-1"),)
    assert event.sent_at_ms - event.original_at_ms == 5000


def test_a_gzipped_event_is_read():
    edge = Edge()
    body = gzip.compress(json.dumps(BROWSER).encode())

    response = edge.post("/v1/track", body, headers={"Content-Encoding": "gzip"})

    assert response.status_code == 200
    assert edge.gateway.items[0].item.properties == BROWSER["properties"]


def test_identify_carries_traits_as_they_came_for_the_playbook_says_what_is_an_identity():
    edge = Edge()

    edge.post(
        "/v1/identify",
        {"userId": "u-1", "anonymousId": "a-1", "traits": {"email": " Anna@Example.COM ", "n": 1}},
    )

    (routed,) = edge.gateway.items
    assert routed.item.identities == (Identity("user", "u-1"), Identity("anon", "a-1"))
    assert routed.item.traits == {"email": " Anna@Example.COM ", "n": 1}


def test_page_screen_group_and_alias_keep_what_is_theirs():
    edge = Edge()

    edge.post("/v1/page", {"userId": "u", "name": "Home", "properties": {"url": "/"}})
    edge.post("/v1/s", {"userId": "u", "name": "Cart"})
    edge.post("/v1/group", {"userId": "u", "groupId": "g-1", "traits": {"plan": "x"}})
    edge.post("/v1/alias", {"userId": "u", "previousId": "a-9"})

    page, screen, group, alias = (routed.item for routed in edge.gateway.items)
    assert (page.type, page.name, page.channel) == ("page", "Home", "web")
    assert (screen.type, screen.name, screen.channel) == ("screen", "Cart", "app")
    assert group.properties == {"groupId": "g-1"}
    assert group.traits == {"plan": "x"}
    assert alias.properties == {"previousId": "a-9"}
    assert alias.identities == (Identity("user", "u"), Identity("anon", "a-9"))


def test_a_message_without_an_id_gets_one_of_ours():
    edge = Edge()

    edge.post("/v1/track", {"userId": "u", "event": "E"})
    edge.post("/v1/track", {"userId": "u", "event": "E", "messageId": None})

    first, second = (routed.item.message_id for routed in edge.gateway.items)
    assert first.startswith("srv-")
    assert first != second
    assert len(first) <= 100


def test_the_reply_is_passed_on_as_it_stands():
    edge = Edge()
    edge.gateway.answer = lambda _i, _r: Answer(Code.DUPLICATE, b'{"status":"duplicate","seq":7}')

    response = edge.post("/v1/track", {"userId": "u", "event": "E"})

    assert response.status_code == 200
    assert response.content == b'{"status":"duplicate","seq":7}'


ANSWERS = {
    Code.CONFLICT: (409, "message-conflict"),
    Code.UNKNOWN_EFFECT: (404, "unknown-effect"),
    Code.NOT_MINE: (503, "unavailable"),
    Code.RETRY: (503, "unavailable"),
    Code.BUSY: (429, "busy"),
    Code.GONE: (410, "gone"),
    Code.INVALID: (422, "invalid"),
    Code.FAILED: (500, "internal"),
    Code.REFUSED: (409, "refused"),
    Code.SET_ASIDE: (503, "set-aside"),
    Code.POISON: (422, "poison"),
}


@pytest.mark.parametrize("code", [code for code in Code if code > Code.DUPLICATE])
def test_every_refusal_of_a_cell_has_its_status(code: Code):
    edge = Edge()
    edge.gateway.answer = answering(code, "so it is", 2.3)

    response = edge.post("/v1/track", {"userId": "u", "event": "E"})

    body = assert_problem(response, *ANSWERS[code])
    assert body["detail"] == "so it is"
    if code in (Code.BUSY, Code.RETRY, Code.NOT_MINE):
        assert response.headers["retry-after"] == "3"


@pytest.mark.parametrize(
    ("error", "status"),
    [(StoreUnavailableError("disk"), 503), (BusyError("queue", 7.0), 429), (KeyError("anna"), 500)],
)
@pytest.mark.parametrize("path", ["/v1/track", "/v1/batch"])
def test_an_error_behind_the_edge_is_a_problem_without_a_word_of_it(
    error: Exception, status: int, path: str, caplog: pytest.LogCaptureFixture
):
    edge = Edge()
    edge.gateway.error = error
    event = {"userId": "u", "event": "E", "type": "track"}

    response = edge.post(path, {**event, "batch": [event]})

    assert_problem(response, status)
    assert "anna" not in response.text
    assert "anna" not in caplog.text
    assert ("KeyError in " + path in caplog.text) == (status == 500)


def test_an_error_in_a_read_is_a_problem_and_the_log_has_the_template_only(
    caplog: pytest.LogCaptureFixture,
):
    edge = Edge()
    personal = "@".join(["anna", "example.com"])

    async def broken(*_: object) -> None:
        raise ValueError(personal)

    edge.store.lookup = broken

    response = edge.get(f"/v1/customers/email:{personal}")

    assert_problem(response, 500, "internal")
    assert personal not in response.text + caplog.text
    assert "ValueError in /v1/customers/{id}" in caplog.text


def test_a_preflight_allows_what_libraries_ask_for_without_a_key():
    edge = Edge()
    asked = {
        "Origin": "https://shop.example",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-type,anonymousid",
    }

    response = edge.request("OPTIONS", "/v1/t", key=None, headers=asked)

    assert response.status_code == 204
    assert response.headers["access-control-allow-origin"] == "*"
    assert "POST" in response.headers["access-control-allow-methods"]
    assert (
        response.headers["access-control-allow-headers"] == asked["Access-Control-Request-Headers"]
    )


@pytest.mark.parametrize("key", ["admin", "wrong"])
def test_a_browser_may_read_every_reply_even_a_refusal(key: str):
    response = Edge().post(
        "/v1/t", {"userId": "u", "event": "E"}, key=key, headers={"Origin": "https://shop.example"}
    )

    assert response.headers["access-control-allow-origin"] == "*"
    assert "Retry-After" in response.headers["access-control-expose-headers"]


def test_a_single_allowed_origin_is_named():
    edge = Edge(cors_origin="https://shop.example")

    response = edge.get("/healthz", headers={"Origin": "https://evil.example"})

    assert response.headers["access-control-allow-origin"] == "https://shop.example"
    assert response.headers["vary"] == "Origin"


def test_a_mounted_application_answers_the_same_way():
    from fastapi import FastAPI

    edge = Edge()
    outer = FastAPI()
    outer.mount("/crm", edge.app)
    edge.app = outer

    response = edge.post("/crm/v1/track", {"userId": "u", "event": "E"})
    refused = edge.post("/crm/v1/track", {"userId": "u"})

    assert response.status_code == 200
    assert_problem(refused, 422)


def test_a_question_and_its_dry_run():
    edge = Edge()
    ask = {
        "messageId": "q-1",
        "userId": "u",
        "anonymousId": "a",
        "channel": "call_center",
        "placements": ["desk_1", "desk_2"],
        "context": {"locale": "de"},
    }

    edge.post("/v1/decide", ask)
    edge.post("/v1/decide", {**ask, "maxActions": 1, "dryRun": True})
    edge.post(
        "/v1/decide", {"customerId": "c_0000000000001", "channel": "web", "placements": ["p"]}
    )

    first, second, third = edge.gateway.items
    assert (first.item.type, first.item.name, first.item.channel) == ("decide", "", "call_center")
    assert first.item.identities == (Identity("user", "u"), Identity("anon", "a"))
    assert (first.item.max_actions, first.dry_run, first.number) == (2, False, 0)
    assert (second.item.max_actions, second.dry_run) == (1, True)
    assert (third.number, third.item.identities) == (1, ())
    assert edge.gateway.sent[2].route is None
    assert edge.gateway.sent[2].number == 1


@pytest.mark.parametrize(
    ("value", "minor"),
    [
        (None, None),
        (0, 0),
        (12.5, 1250),
        (0.1 + 0.2, 30),
        ({"amount": 12, "currency": "EUR"}, 1200),
        ({"amount": "0.285", "currency": "EUR"}, 28),
    ],
)
def test_an_outcome_reaches_its_customer_with_its_value_in_minor_units(value, minor):
    edge = Edge()
    body = {
        "effectKey": "e_000000000000Z_4_1",
        "outcome": "convert",
        "messageId": "r-1",
        "value": value,
        "at": "2026-01-31T13:00:00+01:00",
    }

    response = edge.post("/v1/responses", body)

    assert response.status_code == 200
    routed = edge.gateway.items[0]
    assert edge.gateway.sent[0].number == routed.number == 31
    assert routed.item.value_minor == minor
    assert routed.item.at_ms == 1_769_860_800_000
    assert routed.item.effect_key == body["effectKey"]


def test_the_book_currency_decides_on_the_digits():
    edge = Edge(currency="JPY")
    body = {
        "effectKey": "e_000000000000Z_4_1",
        "outcome": "convert",
        "messageId": "r",
        "value": 120,
    }

    edge.post("/v1/responses", body)

    assert edge.gateway.items[0].item.value_minor == 120


def test_of_a_customer_with_too_much_waiting_an_event_is_refused_before_it_is_checked():
    edge = Edge()
    edge.gateway.hot = {Identity("user", "hot"): 6.2, Identity("anon", "hot"): 1.0}

    def answer(body: bytes | dict, path: str = "/v1/track") -> tuple[int, str | None]:
        reply = edge.post(path, body)
        return reply.status_code, reply.headers.get("retry-after")

    refused = edge.post("/v1/track", {"userId": "hot", "event": "x"})
    assert "this customer" in assert_problem(refused, 429, "busy")["detail"]
    assert refused.headers["retry-after"] == "7"
    # Nothing of it was looked at but who she is, in the way in which it would be found later.
    assert answer({"userId": "hot"}) == (429, "7")
    assert answer(b'{"userId": "ann", "userId": "hot"}') == (429, "7")
    assert answer({"anonymousId": "hot", "userId": ""}, "/v1/p") == (429, "1")
    assert edge.gateway.calls == 0

    assert answer({"userId": "ann", "event": "x", "properties": {"userId": "hot"}}) == (200, None)
    assert answer({"userId": "ann", "anonymousId": "hot", "event": "x"}) == (200, None)
    assert edge.gateway.calls == 2
    # What is no event has the answer that it always had, and who may not send hears so first.
    assert [answer(body)[0] for body in (b"[1]", b"{", b'{"userId": 5, "anonymousId": "hot"}')] == [
        *(422, 400, 422)
    ]
    assert edge.post("/v1/track", {"userId": "hot", "event": "x"}, key="no").status_code == 401
