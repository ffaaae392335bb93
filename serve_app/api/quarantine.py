"""What failed again and again: seeing it, and letting it be tried once more."""

from typing import Annotated, Any

from fastapi import FastAPI, Path
from starlette.responses import Response

from actors.domain.instants import format_instant
from serve_app.api.documentation import needs, operation, schema
from serve_app.api.edge import ADMIN, Edge, add_route, json_response
from serve_app.problems import INVALID, NOT_FOUND, ProblemError

_TAG = "Running it"


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    instants = {"firstAt": row["first_at_ms"], "lastAt": row["last_at_ms"]}
    kept = {name: value for name, value in row.items() if not name.endswith("_at_ms")}
    return kept | {name: format_instant(at_ms) for name, at_ms in instants.items()}


def register(app: FastAPI, edge: Edge) -> None:
    """Add `/v1/quarantine`."""
    gateway = edge.services.gateway

    async def get_quarantine() -> Response:
        items = [_shown(row) for row in await gateway.quarantine()]
        return json_response({"items": items}, 200, {"Cache-Control": "no-store"})

    async def release_from_quarantine(
        id: Annotated[str, Path(pattern="^[0-9a-f]{16}$")],  # noqa: A002
    ) -> Response:
        if not await gateway.release(id):
            raise ProblemError(NOT_FOUND, "Nothing is set aside under this id.")
        return Response(None, 204)

    add_route(
        app,
        "GET",
        "/v1/quarantine",
        get_quarantine,
        dependencies=[edge.requires(ADMIN)],
        **operation(
            "What failed and is set aside",
            "Messages that failed three times under one playbook and get 422 from then on, timers that failed, "
            "customers whose record is damaged and get 503. Each cell tells what has failed since it began.",
            tag=_TAG,
            security=needs(ADMIN),
            replies={200: ("What is set aside", schema("QuarantineOut"))},
        ),
    )
    add_route(
        app,
        "DELETE",
        "/v1/quarantine/{id}",
        release_from_quarantine,
        dependencies=[edge.requires(ADMIN)],
        **operation(
            "Let something be tried again",
            "It is forgotten here, and comes back when it fails again. Another playbook does this for all.",
            tag=_TAG,
            security=needs(ADMIN),
            replies={204: ("It will be tried again", None)},
            problems=(NOT_FOUND, INVALID),
        ),
    )
