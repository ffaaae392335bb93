"""The business clock: read it, and when it is virtual, move it."""

from typing import cast

from fastapi import FastAPI
from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import Response

from actors.domain.instants import LATEST_MS, format_instant
from serve_app.api.documentation import BODY_PROBLEMS, body, needs, operation, schema
from serve_app.api.edge import ADMIN, READ, Edge, add_route, json_response
from serve_app.bodies import read_body, require_json
from serve_app.problems import NOT_FOUND, UNAVAILABLE, ProblemError, from_validation, invalid
from serve_app.schemas import ADVANCE


def register(app: FastAPI, edge: Edge) -> None:
    """Add the clock routes."""
    gateway = edge.services.gateway

    async def get_clock() -> Response:
        now = format_instant(gateway.business_ms())
        return json_response({"now": now, "virtual": gateway.clock_is_virtual()})

    async def advance_clock(request: Request) -> Response:
        if not gateway.clock_is_virtual():
            raise ProblemError(
                NOT_FOUND, "The clock here is real: only a virtual one can be moved."
            )
        headers = dict(request.scope["headers"])
        require_json(headers)
        data = await read_body(request.receive, headers, edge.settings.max_event_bytes)
        try:
            wish = ADVANCE.validate_json(data)
        except ValidationError as error:
            raise from_validation(error) from None
        if len(wish) != 1:
            raise invalid("", "give either by or to")
        now_ms = gateway.business_ms()
        by_ms, to_ms = cast("int | None", wish.get("by")), cast("int | None", wish.get("to"))
        target_ms = now_ms + by_ms if by_ms is not None else cast(int, to_ms)
        field = "by" if by_ms is not None else "to"
        if target_ms < now_ms:
            raise invalid(field, "time does not go back")
        if target_ms > LATEST_MS:
            raise invalid(field, "goes beyond the year 9999")
        fired = await gateway.advance(target_ms)
        return json_response({"now": format_instant(gateway.business_ms()), "fired": fired})

    add_route(
        app,
        "GET",
        "/v1/clock",
        get_clock,
        dependencies=[edge.requires(READ)],
        **operation(
            "The business clock",
            "The time that event times, timers, caps and expiry live in.",
            tag="Running it",
            security=needs(READ),
            replies={200: ("The time", schema("ClockOut"))},
            problems=(UNAVAILABLE,),
        ),
    )
    add_route(
        app,
        "POST",
        "/v1/clock/advance",
        advance_clock,
        dependencies=[edge.requires(ADMIN)],
        **operation(
            "Move the virtual clock",
            "Fires all that became due before it replies. 404 when the clock is real.",
            tag="Running it",
            security=needs(ADMIN),
            takes=body(schema("Advance")),
            replies={200: ("The new time", schema("AdvanceOut"))},
            problems=(*BODY_PROBLEMS, NOT_FOUND),
        ),
    )
