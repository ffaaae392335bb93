"""How many cells host customers: shown, and changed while the system runs."""

from collections import Counter

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from actors.ports import Store
from actors.runtime.owning import CUSTOMER
from serve_app.api.commands import read_json
from serve_app.api.documentation import BODY_PROBLEMS, body, needs, operation, schema
from serve_app.api.edge import ADMIN, READ, Edge, add_route, json_response
from serve_app.cell_bodies import CELLS, CellOut, CellsOut
from serve_app.cell_counts import (
    cell_names,
    settled_cells,
    standby_names,
    want_cells,
    wanted_cells,
)
from serve_app.problems import UNAVAILABLE

_TAG = "Running it"


async def shown(store: Store) -> CellsOut:
    """Return the cells as the store has them.

    A cell whose process has died stays until it is back or is not wanted any more.
    """
    registered, rows = await store.cells(), await store.partitions()
    wanted = await wanted_cells(store)
    owned = Counter(row.owner for row in rows)
    count = wanted.count if wanted is not None else len(registered)
    names = (*cell_names(count), *standby_names(count))
    cells: list[CellOut] = [
        {
            "name": row.name,
            "host": row.host,
            "pid": row.pid,
            "partitions": owned[row.owner],
            "standby": row.name in standby_names(1),
            "leaving": row.name not in names,
        }
        for row in registered
        if not row.name.startswith(CUSTOMER)
    ]
    return {
        "count": count,
        "settled": await settled_cells(store) == count,
        "unowned": len(rows) - sum(owned[row.owner] for row in registered),
        "cells": cells,
    }


def register(app: FastAPI, edge: Edge) -> None:
    """Add the routes about cells."""
    store, limit = edge.services.store, edge.settings.max_event_bytes

    async def answer(status: int) -> Response:
        return json_response(await shown(store), status, {"Cache-Control": "no-store"})

    async def get_cells() -> Response:
        return await answer(200)

    async def put_cells(request: Request) -> Response:
        await want_cells(store, (await read_json(request, CELLS, limit))["count"])
        return await answer(202)

    add_route(
        app,
        "GET",
        "/v1/cells",
        get_cells,
        dependencies=[edge.requires(READ)],
        **operation(
            "Who hosts customers",
            "The cells, and how many of the partitions each owns.",
            tag=_TAG,
            security=needs(READ),
            replies={200: ("The cells", schema("CellsOut"))},
            problems=(UNAVAILABLE,),
        ),
    )
    add_route(
        app,
        "PUT",
        "/v1/cells",
        put_cells,
        dependencies=[edge.requires(ADMIN)],
        **operation(
            "Add or remove cells",
            "The supervisor starts the cells that are missing, and lets those that are too many hand over "
            "their customers and end. Only what must move does, between two groups of turns; events "
            "wait meanwhile. It has been carried out when `settled` is true.",
            tag=_TAG,
            security=needs(ADMIN),
            takes=body(schema("CellsIn")),
            replies={202: ("It is wanted, durably", schema("CellsOut"))},
            problems=BODY_PROBLEMS,
        ),
    )
