"""Cells over HTTP: who hosts customers, and how many are wanted."""

import asyncio

import pytest

from actors.ports import CellRow
from serve_app.cell_counts import Wanted, note_settled, want_cells, wanted_cells
from tests.integration.http_support import Edge, assert_problem


def run(coroutine):
    return asyncio.run(coroutine)


def edge_with(*names, wanted=2):
    edge = Edge()
    run(want_cells(edge.store, wanted, afresh=True))
    for i, name in enumerate(names):
        run(edge.store.register_cell(CellRow(name, "1", 100 + i, 5, "host", 0)))
    return edge


def test_the_cells_are_shown_with_what_each_owns():
    edge = edge_with("cell-0", "cell-1", "cell-2", "standby-0")
    run(edge.store.claim([(p, "", 0) for p in range(4_000)], "cell-0/1"))
    run(edge.store.claim([(p, "", 0) for p in range(4_000, 4_090)], "cell-2/1"))

    body = edge.get("/v1/cells").json()

    assert (body["count"], body["unowned"], body["settled"]) == (2, 6, False)
    assert body["cells"][0] == {
        "name": "cell-0", "host": "host", "pid": 100, "partitions": 4_000,
        "standby": False, "leaving": False,
    }  # fmt: skip
    assert [(c["partitions"], c["leaving"], c["standby"]) for c in body["cells"][1:]] == [
        (0, False, False),
        (90, True, False),
        (0, True, True),
    ]


def test_actors_of_single_customers_are_no_cells_and_what_they_own_is_owned():
    edge = edge_with("cell-0", "cell-1", "customer:c_04ZQ3N8F1T2RA")
    run(edge.store.claim([(p, "", 0) for p in range(4_096)], "cell-0/1"))
    run(edge.store.open_partition("customer:c_04ZQ3N8F1T2RA/1"))
    run(edge.store.open_partition("somebody who has died"))

    body = edge.get("/v1/cells").json()

    assert [cell["name"] for cell in body["cells"]] == ["cell-0", "cell-1"]
    assert body["unowned"] == 1


def test_a_single_cell_has_a_standby_that_stays():
    body = edge_with("cell-0", "standby-0", wanted=1).get("/v1/cells").json()

    assert [cell["leaving"] for cell in body["cells"]] == [False, False]


def test_what_is_wanted_is_stored_and_settled_when_the_supervisor_says_so():
    edge = edge_with("cell-0", "cell-1")
    run(note_settled(edge.store, 2))
    assert edge.get("/v1/cells").json()["settled"]

    reply = edge.request("PUT", "/v1/cells", json={"count": 5})

    assert reply.status_code == 202
    assert (reply.json()["count"], reply.json()["settled"]) == (5, False)
    assert edge.request("PUT", "/v1/cells", json={"count": 3}).json()["count"] == 3
    assert run(wanted_cells(edge.store)) == Wanted(3, 5)
    run(note_settled(edge.store, 3))
    assert edge.get("/v1/cells").json()["settled"]


@pytest.mark.parametrize(
    "body", [{}, {"count": 0}, {"count": 257}, {"count": "2"}, {"count": 2, "x": 1}]
)
def test_what_is_no_number_of_cells_changes_nothing(body):
    edge = edge_with()

    assert_problem(edge.request("PUT", "/v1/cells", json=body), 422)
    assert run(wanted_cells(edge.store)) == Wanted(2, 2)


def test_who_may_only_read_changes_nothing():
    edge = edge_with()
    edge.add_key("reader", ["read"])

    assert edge.request("GET", "/v1/cells", key="reader").status_code == 200
    assert edge.request("PUT", "/v1/cells", key="reader", json={"count": 3}).status_code == 403
    assert run(wanted_cells(edge.store)) == Wanted(2, 2)
