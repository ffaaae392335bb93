"""The governed read over HTTP: who may ask for what, and what is shown of it."""

import asyncio
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from actors.domain.events import Event
from actors.domain.ids import IdSpace, customer_text
from actors.ports import Change, Store, Verdict
from actors.turn import begin
from actors.wire.state import pack_state
from tests.integration.http_customers import ANNA, PLAYBOOK, START_MS, Past, a_past, write
from tests.integration.http_support import Edge, assert_problem

PATH = "/v1/customers/user:anna/context"
SERVICE = PATH + "?purpose=service&channel=call_center"
ONSITE = PATH + "?purpose=onsite&channel=web"


@pytest.fixture
def past() -> Past:
    return a_past(IdSpace(b"k" * 32))


@pytest.fixture
def edge(past: Past) -> Edge:
    edge = Edge(currency=PLAYBOOK.currency)
    write(edge.store, past)
    edge.gateway.now_ms = START_MS + 10_000
    return edge


def grant(past: Past, edge: Edge, **consents: bool) -> None:
    """Take one more event, which says what the customer consents to, and commit it."""
    event = Event(
        message_id="m-9",
        type="track",
        name="Question Asked",
        identities=(ANNA,),
        channel="chat",
        properties={"question_id": "q-1", "topic": "delivery"},
        context={
            "consent": {
                "categoryPreferences": {k.replace("__", "|"): v for k, v in consents.items()}
            }
        },
    )
    state, before = past.state, past.state.seq
    begin(state, event, PLAYBOOK, START_MS + 9_000)
    asyncio.run(commit(edge.store, past, before))


async def commit(store: Store, past: Past, before: int) -> None:
    state = past.state
    change = Change(
        state.number, state.partition, 1, before, state.seq, pack_state(state), identities=[]
    )
    assert await store.commit([change], 1) == [Verdict.COMMITTED]


def test_what_was_just_asked_in_the_chat_is_read_by_the_call_centre(edge: Edge, past: Past):
    grant(past, edge, call_center__service=True)

    response = edge.get(SERVICE)

    body = response.json()
    assert response.headers["etag"] == f'"{past.state.seq}"'
    assert (body["customerId"], body["seq"]) == (customer_text(past.state.number), 5)
    assert (body["purpose"], body["channel"], body["permitted"]) == (
        "service",
        "call_center",
        True,
    )
    assert body["at"] == "2026-01-31T12:00:10.000Z"
    assert body["who"]["firstName"] == "Anna"
    assert (body["tier"], body["serviceLevel"]) == ("buyer", "priority")
    assert body["relationship"]["spend"] == {"amount": 42.1, "currency": PLAYBOOK.currency}
    assert body["threads"] == [
        {
            "kind": "question",
            "id": "q-1",
            "channel": "chat",
            "openedAt": "2026-01-31T12:00:09.000Z",
            "lastAt": "2026-01-31T12:00:09.000Z",
            "topic": "delivery",
        }
    ]
    assert body["say"][0]["kind"] == "question"
    assert "a question about “delivery”, asked in the chat just now" in body["narrative"]


def test_what_was_offered_and_how_it_was_taken_is_read_where_no_consent_is_needed(edge: Edge):
    body = edge.get(ONSITE).json()

    (offer,) = body["offers"]
    assert (offer["action"], offer["outcome"], offer["pending"]) == (
        "growth/fruit/apples",
        "accept",
        False,
    )
    assert offer["effectKey"].startswith("e_")
    assert {each["channel"] for each in body["channels"]} == {"store", "web"}


@pytest.mark.parametrize("purpose", ["service", "marketing"])
def test_without_consent_nothing_is_shown_and_the_reason_is(edge: Edge, purpose: str):
    response = edge.get(f"{PATH}?purpose={purpose}&channel=call_center")

    body = response.json()
    assert body["refusal"] == f"unknown: call_center|{purpose}"
    assert (body["permitted"], body["who"], body["tier"], body["offers"]) == (False, None, None, [])
    assert "Anna" not in response.text


def test_the_etag_saves_the_body_until_the_next_turn(edge: Edge, past: Past):
    etag = edge.get(ONSITE).headers["etag"]
    same = edge.get(ONSITE, headers={"If-None-Match": etag})
    grant(past, edge)
    other = edge.get(ONSITE, headers={"If-None-Match": etag})

    assert (same.status_code, same.content) == (304, b"")
    assert (other.status_code, other.headers["etag"]) == (200, '"5"')


@pytest.mark.parametrize(
    ("query", "loc"),
    [
        ("", "purpose"),
        ("?purpose=service", "channel"),
        ("?channel=web", "purpose"),
        ("?purpose=spying&channel=web", "purpose"),
        ("?purpose=&channel=web", "purpose"),
        ("?purpose=service&channel=", "channel"),
        ("?purpose=service&channel=a%0Ab", "channel"),
        ("?purpose=service&channel=" + "x" * 65, "channel"),
    ],
)
def test_a_query_that_does_not_say_for_whom_is_refused(edge: Edge, query: str, loc: str):
    body = assert_problem(edge.get(PATH + query), 422, "invalid")

    assert loc in {error["loc"] for error in body["errors"]}


def test_nobody_has_no_context(edge: Edge):
    assert_problem(edge.get("/v1/customers/user:zoe/context?purpose=service&channel=web"), 404)
    assert_problem(edge.get("/v1/customers/nonsense/context?purpose=service&channel=web"), 404)


def test_only_a_key_that_may_read_and_speaks_for_the_channel_gets_it(edge: Edge):
    edge.add_key("ingest", ["ingest"])
    edge.add_key("centre", ["read"], ["call_center"])

    assert_problem(edge.get(SERVICE, key=None), 401)
    assert_problem(edge.get(SERVICE, key="ingest"), 403)
    assert_problem(edge.get(ONSITE, key="centre"), 403)
    assert edge.get(SERVICE, key="centre").status_code == 200


def test_without_a_playbook_nothing_says_what_may_be_shown(past: Past):
    edge = Edge()

    async def store_customer() -> None:
        await edge.store.claim([(past.state.partition, "", 0)], "cell-0/test")
        await commit(edge.store, past, 0)

    asyncio.run(store_customer())
    path = f"/v1/customers/{customer_text(past.state.number)}/context"

    assert_problem(edge.get(f"{path}?purpose=service&channel=web"), 503)


def test_the_context_fits_its_schema(edge: Edge, past: Past):
    grant(past, edge, call_center__service=True)
    document: dict[str, Any] = edge.get("/openapi.json").json()
    operation = document["paths"]["/v1/customers/{id}/context"]["get"]
    schema = operation["responses"]["200"]["content"]["application/json"]["schema"]
    validator = Draft202012Validator({**schema, "components": document["components"]})

    for path in (SERVICE, ONSITE, PATH + "?purpose=marketing&channel=email"):
        validator.validate(edge.get(path).json())
    assert {each["name"] for each in operation["parameters"]} >= {"id", "purpose", "channel"}
