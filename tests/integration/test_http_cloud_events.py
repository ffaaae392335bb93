"""CloudEvents 1.0 in its three modes, as the official library writes them."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from cloudevents.core.bindings.http import to_binary_event, to_structured_event
from cloudevents.core.v1.event import CloudEvent

from actors.domain.ids import Identity
from tests.integration.http_support import Edge, assert_problem

STRUCTURED = {"Content-Type": "application/cloudevents+json"}
BATCHED = {"Content-Type": "application/cloudevents-batch+json"}


def order(**changes: Any) -> dict[str, Any]:
    attributes = {
        "specversion": "1.0",
        "id": "77",
        "source": "/shop/berlin",
        "type": "Order Completed",
        "subject": "user:u-1",
        "time": "2026-01-31T12:00:00Z",
        "channel": "store",
        "data": {"order_id": "o-1", "total": 42.1},
        **changes,
    }
    return {name: value for name, value in attributes.items() if value is not ...}


def post(edge: Edge, event: object, headers: dict[str, str] = STRUCTURED):
    return edge.post("/v1/events", json.dumps(event).encode(), headers=headers)


def library_event() -> CloudEvent:
    return CloudEvent(
        {
            "id": "77",
            "source": "/shop/berlin",
            "type": "Order Completed",
            "subject": "user:ü-1",
            "time": datetime(2026, 1, 31, 12, tzinfo=UTC),
            "datacontenttype": "application/json",
            "channel": "store",
        },
        {"order_id": "o-1", "total": 42.1},
    )


@pytest.mark.parametrize("write", [to_structured_event, to_binary_event])
def test_what_the_library_writes_becomes_a_track_event(write):
    edge = Edge()
    message = write(library_event())

    response = edge.post("/v1/events", message.body, headers=message.headers)

    assert response.status_code == 200
    event = edge.gateway.items[0].item
    assert (event.type, event.name, event.channel) == ("track", "Order Completed", "store")
    assert event.message_id == "/shop/berlin#77"
    assert event.identities == (Identity("user", "ü-1"),)
    assert event.properties == {"order_id": "o-1", "total": 42.1}
    assert event.at_ms == 1_769_860_800_000


def test_a_batch_has_one_result_an_event_and_a_bad_one_spoils_nothing():
    edge = Edge()
    events = [order(id="1"), order(id="2", type=...), 5, order(id="3")]

    response = post(edge, events, BATCHED)

    results = response.json()["results"]
    assert [r["status"] for r in results] == ["accepted", "rejected", "rejected", "accepted"]
    ids = [routed.item.message_id for routed in edge.gateway.items]
    assert ids == ["/shop/berlin#1", "/shop/berlin#3"]


def test_a_type_of_the_envelope_has_the_envelope_as_data():
    edge = Edge()
    data = {"userId": "u-2", "traits": {"n": 1}, "messageId": "ignored", "timestamp": "bad"}

    response = post(edge, order(type="identify", data=data))

    assert response.status_code == 200
    event = edge.gateway.items[0].item
    assert (event.type, event.traits) == ("identify", {"n": 1})
    assert event.identities == (Identity("user", "u-2"),)
    assert event.message_id == "/shop/berlin#77"


def test_data_that_looks_like_an_envelope_is_one():
    edge = Edge()
    data = {
        "anonymousId": "a-1",
        "properties": {"total": 3},
        "context": {"placements": ["p"], "channel": "web"},
    }

    post(edge, order(type="com.shop.order", data=data))

    event = edge.gateway.items[0].item
    assert (event.type, event.name, event.channel) == ("track", "com.shop.order", "web")
    assert event.properties == {"total": 3}
    assert event.placements == ("p",)
    assert event.identities == (Identity("anon", "a-1"),)


@pytest.mark.parametrize(
    ("subject", "identity"),
    [
        ("user:x", Identity("user", "x")),
        ("anon:x", Identity("anon", "x")),
        ("x", Identity("user", "x")),
        ("urn:x", Identity("user", "urn:x")),
    ],
)
def test_the_subject_names_the_customer(subject: str, identity: Identity):
    edge = Edge()

    post(edge, order(subject=subject))

    assert edge.gateway.items[0].item.identities == (identity,)


def test_data_names_the_customer_before_the_subject_does():
    edge = Edge()

    post(edge, order(data={"anonymousId": "a-1", "total": 1}))

    event = edge.gateway.items[0].item
    assert event.identities == (Identity("anon", "a-1"),)
    assert event.properties == {"anonymousId": "a-1", "total": 1}


def test_base64_data_is_read_when_it_is_json():
    edge = Edge()

    response = post(edge, order(data=..., data_base64="eyJ0b3RhbCI6IDV9"))

    assert response.status_code == 200
    assert edge.gateway.items[0].item.properties == {"total": 5}


BAD = {
    "no specversion": (order(specversion=...), 422),
    "version 0.3": (order(specversion="0.3"), 422),
    "no id": (order(id=...), 422),
    "empty id": (order(id=""), 422),
    "id a number": (order(id=7), 422),
    "no source": (order(source=None), 422),
    "no type": (order(type=...), 422),
    "type of 257 characters": (order(type="t" * 257), 422),
    "no subject": (order(subject=...), 422),
    "subject empty": (order(subject=""), 422),
    "time without zone": (order(time="2026-01-31T12:00:00"), 422),
    "time a number": (order(time=5), 422),
    "an attribute in capitals": (order(MyExt="x"), 422),
    "data a list": (order(data=[1]), 422),
    "data text": (order(data="x"), 422),
    "data and base64": (order(data_base64="e30="), 422),
    "base64 that is not": (order(data=..., data_base64="!!"), 422),
    "base64 a number": (order(data=..., data_base64=1), 422),
    "base64 of no JSON": (order(data=..., data_base64="aGFsbG8="), 400),
    "XML inside": (order(datacontenttype="text/xml"), 422),
    "channel a number": (order(channel=5), 422),
    "no event": ([], 422),
    "nested deeply": (order(data={"a": json.loads("[" * 33 + "]" * 33)}), 422),
    "too large": (order(data={"x": "y" * 33_000}), 413),
}


@pytest.mark.parametrize(("event", "status"), BAD.values(), ids=BAD)
def test_a_bad_cloud_event_reaches_nobody(event: object, status: int):
    edge = Edge()

    assert_problem(post(edge, event), status)
    assert edge.gateway.calls == 0


def test_what_is_no_cloud_event_is_415():
    edge = Edge()
    xml = {"Content-Type": "text/xml", "ce-specversion": "1.0", "ce-id": "1"}

    assert_problem(edge.post("/v1/events", {"userId": "u"}), 415)
    assert_problem(edge.post("/v1/events", b"<a/>", headers=xml), 415)
    assert_problem(post(edge, {}, BATCHED), 422)
    assert_problem(edge.post("/v1/events", b"[NaN]", headers=BATCHED), 400)


def test_binary_mode_without_data_is_an_event_without_properties():
    edge = Edge()
    headers = {
        "ce-specversion": "1.0",
        "ce-id": "1",
        "ce-source": "/s",
        "ce-type": "Visited%20Store",
        "ce-subject": "u-1",
    }

    response = edge.request("POST", "/v1/events", headers=headers)
    missing = edge.request("POST", "/v1/events", headers={**headers, "ce-id": ""})

    assert response.status_code == 200
    assert edge.gateway.items[0].item.name == "Visited Store"
    assert edge.gateway.items[0].item.properties == {}
    assert_problem(missing, 422)
