"""Scenarios over HTTP: what there is, who is where, and a drawing."""

import asyncio
import json
from xml.etree import ElementTree

import pytest

from actors.playbook.loader import bundle_bytes, compile_bundle, version_of
from actors.ports import Change, Verdict
from actors.wire.state import pack_state
from tests.builders import make_state
from tests.integration.http_support import Edge, assert_problem

BUNDLE = {
    "playbook.yaml": json.dumps(
        {
            "name": "shop",
            "version": "1",
            "currency": {"code": "EUR"},
            "channels": {"web": {"placements": ["hero"]}},
        }
    ),
    "actions.yaml": json.dumps(
        {
            "actions": {
                "a/b/c": {
                    "value": 1,
                    "purpose": "onsite",
                    "startingPropensity": 0.1,
                    "treatments": {"web": {"placements": ["hero"]}},
                }
            }
        }
    ),
    "scenarios.yaml": json.dumps(
        {
            "scenarios": {
                "calm": {
                    "description": "Nothing <much>.",
                    "start": {"on": "Product Added"},
                    "steps": {
                        "pause": {"wait": "PT30M"},
                        "some": {"filter": "profile.orders > 0", "otherwise": "end"},
                        "rest": {"wait": "P1D"},
                    },
                },
                "other": {"start": {"on": "Order Completed"}, "steps": {"nap": {"wait": "P2D"}}},
            }
        }
    ),
}
PLAYBOOK = compile_bundle(BUNDLE)
DIGEST = PLAYBOOK.scenarios_by_name["calm"].digest


@pytest.fixture
def edge() -> Edge:
    edge = Edge(currency="EUR")
    asyncio.run(edge.store.put_playbook(version_of(BUNDLE), bundle_bytes(BUNDLE), 1))
    return edge


def count(edge: Edge, *rows: tuple[str, str, str, int, int, int]) -> None:
    """Commit what a customer's turn counts."""
    state = make_state("ann")
    change = Change(
        state.number, state.partition, 1, 0, 1, pack_state(state), scenario_counts=list(rows)
    )

    async def commit():
        await edge.store.claim([(state.partition, "", 0)], "cell-0/test")
        return await edge.store.commit([change], 1)

    assert asyncio.run(commit()) == [Verdict.COMMITTED]


def test_scenarios_are_listed_in_order_with_how_many_are_under_way_in_any_version(edge):
    count(edge, ("calm", DIGEST, "", 3, 5, 2), ("calm", "old", "", 1, 9, 8))

    listed = edge.get("/v1/scenarios").json()["scenarios"]

    assert [(each["name"], each["underWay"]) for each in listed] == [("calm", 4), ("other", 0)]
    assert listed[0]["description"] == "Nothing <much>."
    assert listed[0]["digest"] == DIGEST


def test_a_scenario_has_its_steps_with_who_is_where_and_its_versions(edge):
    count(
        edge,
        *(("calm", DIGEST, "", 2, 5, 3), ("calm", DIGEST, "pause", 2, 3, 0)),
        *(("calm", DIGEST, "some", 0, 3, 0), ("calm", DIGEST, "end", 0, 0, 3)),
        *(("calm", "old", "", 1, 1, 0), ("calm", "old", "pause", 1, 0, 0)),
    )

    shown = edge.get("/v1/scenarios/calm").json()

    assert shown["steps"] == [
        {
            "name": "pause",
            "kind": "time",
            "text": "wait 30 min",
            "waiting": 2,
            "passed": 3,
            "left": 0,
        },
        {
            "name": "some",
            "kind": "people",
            "text": "if profile.orders > 0",
            "waiting": 0,
            "passed": 3,
            "left": 0,
        },
        {"name": "rest", "kind": "time", "text": "wait 1 d", "waiting": 0, "passed": 0, "left": 0},
    ]
    assert (shown["underWay"], shown["ended"]) == (3, 3)
    assert shown["versions"] == [
        {"digest": DIGEST, "waiting": 2, "started": 5, "over": 3},
        {"digest": "old", "waiting": 1, "started": 1, "over": 0},
    ]


def test_a_drawing_is_an_image_with_the_counts_of_now(edge):
    before = edge.get("/v1/scenarios/calm/graph.svg")
    count(edge, ("calm", DIGEST, "", 7, 7, 0), ("calm", DIGEST, "pause", 7, 0, 0))

    after = edge.get("/v1/scenarios/calm/graph.svg")

    assert after.headers["content-type"].startswith("image/svg+xml")
    assert "default-src 'none'" in after.headers["content-security-policy"]
    assert ElementTree.fromstring(after.text).tag.endswith("svg")
    assert "0 waiting · 0 passed · 0 left" in before.text
    assert "7 waiting · 0 passed · 0 left" in after.text
    assert "7 under way · 7 started · 0 over" in after.text
    assert edge.get("/v1/scenarios/calm/graph.svg").text == after.text


@pytest.mark.parametrize("path", ["", "/graph.svg"])
def test_a_scenario_that_is_not_in_force_is_404(edge, path):
    count(edge, ("gone", "old", "", 1, 1, 0))

    for name in ("gone", "nothing"):
        assert_problem(edge.get(f"/v1/scenarios/{name}{path}"), 404, "not-found")


def test_without_a_playbook_there_are_no_scenarios():
    edge = Edge(currency="EUR")

    assert edge.get("/v1/scenarios").json() == {"scenarios": []}
    assert_problem(edge.get("/v1/scenarios/calm"), 404, "not-found")


@pytest.mark.parametrize("path", ["", "/calm", "/calm/graph.svg"])
def test_scenarios_are_for_keys_that_may_read(edge, path):
    reply = edge.get(f"/v1/scenarios{path}", headers={"Authorization": "Bearer nobody"})

    assert_problem(reply, 401, "unauthorized")
