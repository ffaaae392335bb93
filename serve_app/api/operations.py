"""For operators: status, health, readiness, and what the kinds of problems mean."""

from typing import Annotated

from fastapi import FastAPI, Path
from starlette.responses import Response

from serve_app.api.budgets import standing
from serve_app.api.documentation import needs, operation, schema
from serve_app.api.edge import READ, Edge, add_route, json_response
from serve_app.api.records import Records
from serve_app.problems import INVALID, KINDS, NOT_FOUND, UNAVAILABLE, ProblemError

_TAG = "Running it"


def register(app: FastAPI, edge: Edge, records: Records) -> None:
    """Add status, health, readiness and the problem kinds."""
    gateway, store = edge.services.gateway, edge.services.store

    async def get_status() -> Response:
        body = await gateway.status()
        body["budgets"] = await standing(records, store, gateway.business_ms())
        return json_response(body, 200, {"Cache-Control": "no-store"})

    async def healthz() -> Response:
        return json_response({"status": "ok"})

    async def readyz() -> Response:
        if not gateway.ready():
            raise ProblemError(UNAVAILABLE, "Not ready to take events yet.")
        return json_response({"status": "ok"})

    async def get_problem(slug: Annotated[str, Path(max_length=64)]) -> Response:
        kind = KINDS.get(slug)
        if kind is None:
            raise ProblemError(NOT_FOUND, "There is no such kind of problem.")
        return json_response({"type": kind.uri, "title": kind.title, "status": kind.status})

    add_route(
        app,
        "GET",
        "/v1/status",
        get_status,
        dependencies=[edge.requires(READ)],
        **operation(
            "How the system is",
            "Cells, partitions, epochs, active customers, queue depths, outbox, timers due; limit, spent and left of budgets.",
            tag=_TAG,
            security=needs(READ),
            replies={200: ("Figures", {"type": "object"})},
            problems=(UNAVAILABLE,),
        ),
    )
    add_route(
        app,
        "GET",
        "/healthz",
        healthz,
        **operation(
            "The process lives",
            "Open.",
            tag=_TAG,
            replies={200: ("It does", schema("HealthOut"))},
        ),
    )
    add_route(
        app,
        "GET",
        "/readyz",
        readyz,
        **operation(
            "Events can be taken",
            "Open: the partition map is loaded and the store can be reached.",
            tag=_TAG,
            replies={200: ("They can", schema("HealthOut"))},
            problems=(UNAVAILABLE,),
        ),
    )
    add_route(
        app,
        "GET",
        "/problems/{slug}",
        get_problem,
        **operation(
            "What a problem's type means",
            "Open. `type` of every problem leads here.",
            tag=_TAG,
            replies={200: ("The kind", schema("ProblemKind"))},
            problems=(NOT_FOUND, INVALID),
        ),
    )
