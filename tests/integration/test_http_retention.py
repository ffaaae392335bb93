"""What the API says of what was forgotten by age."""

import asyncio
import json

import pytest

from actors.domain.ids import IdSpace, decision_text
from actors.domain.instants import format_instant
from actors.ports import JournalKind
from actors.stores.memory import MemoryStore
from tests.builders import NOW
from tests.integration.http_customers import PLAYBOOK, START_MS, Past, a_past, write
from tests.integration.http_support import Edge, assert_problem
from tests.retail import BUNDLE
from tests.unit.scripts.local_system import running

KEPT = BUNDLE | {
    "policies.yaml": BUNDLE["policies.yaml"]
    + "\nretention:\n  journal: {event: P30D, decide: P30D}\n  traits: {income: P20D}\n"
}


@pytest.fixture
def past() -> Past:
    return a_past(IdSpace(b"k" * 32))


@pytest.fixture
def edge(past: Past) -> Edge:
    edge = Edge(currency=PLAYBOOK.currency)
    write(edge.store, past)
    edge.gateway.now_ms = START_MS + 10_000
    return edge


def forget(edge: Edge, *kinds: int) -> None:
    for kind in kinds:
        asyncio.run(edge.store.forget_turns(kind, 1 << 60, 1 << 60, 100))


def test_a_decision_that_is_forgotten_is_gone_and_cannot_be_replayed(edge: Edge, past: Past):
    path = f"/v1/customers/user:anna/decisions/{decision_text(past.state.number, 3)}"
    assert edge.get(path).status_code == 200

    forget(edge, JournalKind.DECIDE)

    body = assert_problem(edge.get(path), 410, "forgotten")
    assert body["detail"] == "The record of this turn has reached its age."
    assert_problem(edge.post(path + "/replay"), 410, "forgotten")
    assert_problem(edge.get(path[:-1] + "9"), 404, "not-found")
    assert edge.get("/problems/forgotten").json()["status"] == 410


def test_the_timeline_and_the_export_show_the_places_of_what_is_forgotten(edge: Edge):
    whole = edge.get("/v1/customers/user:anna/timeline").json()["items"]

    forget(edge, JournalKind.EVENT)

    items = edge.get("/v1/customers/user:anna/timeline").json()["items"]
    assert [(i["seq"], i["kind"], i["at"]) for i in items] == [
        (i["seq"], i["kind"], i["at"]) for i in whole
    ]
    emptied = [i for i in items if i["kind"] == "event"]
    assert [i["notes"] for i in emptied] == [["emptied"]] * 2
    assert not any("event" in i for i in emptied)
    exported = edge.get("/v1/customers/user:anna/export").json()["timeline"]
    assert [i["seq"] for i in exported] == [4, 3, 2, 1]
    assert "Order Completed" not in json.dumps(exported)


def test_the_profile_does_not_change_when_turns_are_forgotten(edge: Edge):
    before = edge.get("/v1/customers/user:anna").json()

    forget(edge, *range(1, 9))

    assert edge.get("/v1/customers/user:anna").json() == before


def test_moving_the_virtual_clock_forgets_turns_and_traits():
    async def scenario():
        async with running(MemoryStore(), NOW, KEPT) as system:

            async def call(method, path, body=None):
                data = None if body is None else json.dumps(body).encode()
                reply = await system.attempt(method, path, data)
                return reply.status, json.loads(reply.data)

            told = {
                "userId": "ann",
                "messageId": "m1",
                "traits": {"income": "high", "city": "Graz"},
                "timestamp": format_instant(NOW),
                "context": {"channel": "web", "placements": ["home_hero"]},
            }
            _, first = await call("POST", "/v1/identify", told)
            assert first["decisionId"]
            path = f"/v1/customers/user:ann/decisions/{first['decisionId']}"

            await call("POST", "/v1/clock/advance", {"by": "P22D"})
            _, customer = await call("GET", "/v1/customers/user:ann")
            assert customer["traits"] == {"city": "Graz"}
            assert (await call("GET", path))[0] == 200

            await call("POST", "/v1/clock/advance", {"by": "P9D"})
            status, problem = await call("GET", path)
            assert (status, problem["type"]) == (410, "/problems/forgotten")
            _, timeline = await call("GET", "/v1/customers/user:ann/timeline")
            assert timeline["items"][-1]["notes"] == ["emptied"]
            assert "high" not in json.dumps([customer, timeline])

            _, again = await call("POST", "/v1/identify", told)
            assert (again["status"], again["seq"], again["actions"]) == ("duplicate", 1, [])

    asyncio.run(scenario())
