"""Suggestive selling: what goes with a basket, asked directly."""

from fastapi import FastAPI
from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import Response

from serve_app.api.documentation import BODY_PROBLEMS, body, needs, operation, schema
from serve_app.api.edge import DECIDE, Edge, add_route, json_response
from serve_app.bodies import check_json, read_body, require_json
from serve_app.problems import from_validation
from serve_app.suggesting import suggestions_json
from serve_app.suggestion_bodies import SUGGEST

_COUNT = 5


def register(app: FastAPI, edge: Edge) -> None:
    """Add `/v1/suggest`."""

    async def suggest(request: Request) -> Response:
        headers = dict(request.scope["headers"])
        await edge.key(request, headers, DECIDE)
        require_json(headers)
        data = await read_body(request.receive, headers, edge.settings.max_event_bytes)
        check_json(data)
        try:
            asked = SUGGEST.validate_json(data)
        except ValidationError as error:
            raise from_validation(error) from None
        model = await edge.suggester.model()
        return json_response(suggestions_json(model, asked["basket"], asked.get("max") or _COUNT))

    add_route(
        app,
        "POST",
        "/v1/suggest",
        suggest,
        **operation(
            "What goes with a basket",
            "From what is bought together, as `righttime fit items` found it. Nothing is recorded, and "
            "it is nobody's: to offer an item to a customer, so that the outcome is credited and learned "
            "from, ask `/v1/decide` with the basket in `context.basket`.",
            tag="Decisions and outcomes",
            security=needs(DECIDE),
            takes=body(schema("SuggestIn")),
            replies={200: ("The items, nearest first", schema("SuggestOut"))},
            problems=BODY_PROBLEMS,
        ),
    )
