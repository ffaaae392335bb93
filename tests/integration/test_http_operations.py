"""Playbook, clock, status and health."""

import gzip
import json

import pytest

from actors.playbook.loader import library
from tests.integration.http_support import Edge, assert_problem

FILES = {"files": {"playbook.yaml": "version: '1'\n", "actions.yaml": "actions: []\n"}}


def put(edge: Edge, body: object = FILES):
    return edge.request("PUT", "/v1/playbook", json=body)


def test_a_playbook_is_put_read_listed_and_rolled_back():
    edge = Edge()
    assert_problem(edge.get("/v1/playbook"), 404)

    first = put(edge)
    second = put(edge, {"files": {"playbook.yaml": "version: '2'\n"}})
    read = edge.get("/v1/playbook")
    listed = edge.get("/v1/playbook/versions").json()["versions"]
    back = edge.post("/v1/playbook/rollback", {})
    named = edge.post("/v1/playbook/rollback", {"version": second.json()["version"]})

    assert first.status_code == 200
    assert first.json()["everywhere"] is True
    assert read.json() == {
        "version": second.json()["version"],
        "files": {"playbook.yaml": "version: '2'\n"},
    }
    assert read.headers["etag"] == f'"{second.json()["version"]}"'
    assert [each["active"] for each in listed] == [True, False]
    assert back.json()["version"] == first.json()["version"]
    assert named.json()["version"] == second.json()["version"]


def test_a_playbook_that_some_cell_has_yet_to_take_is_202():
    edge = Edge()
    edge.gateway.everywhere = False

    assert put(edge).status_code == 202


def test_the_problems_of_a_playbook_point_to_their_places():
    edge = Edge()

    response = put(edge, {"files": {"bad.yaml": "x: 1"}})

    body = assert_problem(response, 422, "invalid")
    assert body["errors"] == [
        {"loc": "bad.yaml:3:7", "msg": "unknown field 'x'"},
        {"loc": "", "msg": "no playbook.yaml"},
    ]


def test_a_whole_playbook_fits_gzipped_or_not():
    edge = Edge()
    body = json.dumps({"files": dict(library("retail"))}).encode()
    zipped = {"Content-Encoding": "gzip", "Content-Type": "application/json"}

    plain = put(edge, json.loads(body))
    packed = edge.request("PUT", "/v1/playbook", content=gzip.compress(body), headers=zipped)

    assert plain.status_code == packed.status_code == 200
    assert plain.json()["version"] == packed.json()["version"]


def test_there_is_nothing_to_roll_back_to_before_the_first():
    edge = Edge()
    assert_problem(edge.post("/v1/playbook/rollback", {}), 404)
    put(edge)

    assert_problem(edge.post("/v1/playbook/rollback", {}), 404)
    assert_problem(edge.post("/v1/playbook/rollback", {"version": "nope"}), 404)


def test_the_clock_is_read_and_when_virtual_moved():
    edge = Edge()
    edge.gateway.virtual = True

    before = edge.get("/v1/clock").json()
    moved = edge.post("/v1/clock/advance", {"by": "P1DT30M"}).json()
    set_to = edge.post("/v1/clock/advance", {"to": "2024-01-01T00:00:00+01:00"}).json()

    assert before == {"now": "2023-11-14T22:13:20.000Z", "virtual": True}
    assert moved == {"now": "2023-11-15T22:43:20.000Z", "fired": 3}
    assert set_to["now"] == "2023-12-31T23:00:00.000Z"


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"by": "PT1H", "to": "2030-01-01T00:00:00Z"},
        {"by": "P1M"},
        {"by": "P1Y"},
        {"by": "-PT1H"},
        {"by": "PT"},
        {"by": "P"},
        {"by": "30m"},
        {"by": 30},
        {"by": "P999999W"},
        {"to": "2020-01-01T00:00:00Z"},
        {"to": "2030-01-01"},
        {"by": "PT1H", "fast": True},
    ],
)
def test_the_clock_refuses_what_it_cannot_do(body: dict):
    edge = Edge()
    edge.gateway.virtual = True

    assert_problem(edge.post("/v1/clock/advance", body), 422)
    assert edge.gateway.now_ms == 1_700_000_000_000


def test_a_real_clock_cannot_be_moved():
    assert_problem(Edge().post("/v1/clock/advance", {"by": "PT1H"}), 404)


def test_ready_and_alive_are_two_things():
    edge = Edge()
    edge.gateway.is_ready = False

    assert edge.get("/healthz", key=None).json() == {"status": "ok"}
    assert_problem(edge.get("/readyz", key=None), 503, "unavailable")
    edge.gateway.is_ready = True
    assert edge.get("/readyz", key=None).json() == {"status": "ok"}


def test_status_is_what_the_gateway_says():
    assert Edge().get("/v1/status").json() == {"cells": [], "budgets": []}
