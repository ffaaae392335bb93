"""A customer: the panoramic profile and the timeline."""

from typing import Annotated

from fastapi import FastAPI, Query
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from actors.domain.errors import InvalidIdError
from serve_app.api.documentation import IF_NONE_MATCH, READ_PROBLEMS, needs, operation, schema
from serve_app.api.edge import READ, Edge, add_route, json_response, tagged
from serve_app.api.records import CustomerId, Records
from serve_app.histories import CURSOR, Timeline
from serve_app.problems import GONE, invalid
from serve_app.render import KIND_NAMES, customer_json, lifetime_json, turn_json

_KINDS = {name: kind for kind, name in KIND_NAMES.items()}
_KIND = f"^(({'|'.join(_KINDS)})(,|$))*$"
MAX_PAGE = 200


def parse_kinds(texts: list[str]) -> list[int]:
    """Return journal kinds from repeated or comma-separated names."""
    names = [name for text in texts for name in text.split(",") if name]
    return [_KINDS[name] for name in dict.fromkeys(names)]


def register(app: FastAPI, edge: Edge, records: Records) -> None:
    """Add the customer and the timeline."""
    timeline, currency = Timeline(edge.services.store), edge.settings.currency

    async def get_customer(request: Request, id: CustomerId) -> Response:  # noqa: A002
        state = await records.customer(id)
        now_ms = edge.services.gateway.business_ms()
        value = customer_json(state, currency, now_ms, await records.economics())
        value |= await records.standing(state, now_ms)
        value["lifetime"] = lifetime_json(await records.lifetime(state, now_ms), currency)
        return tagged(request, value, str(state.seq))

    async def get_timeline(
        id: CustomerId,  # noqa: A002
        cursor: Annotated[
            str, Query(pattern=CURSOR, description="`nextCursor` of the page before.")
        ] = "",
        kind: Annotated[
            list[Annotated[str, Field(pattern=_KIND)]] | None,
            Query(description=f"{', '.join(_KINDS)}; several by repeating or by commas."),
        ] = None,
        limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = 50,
    ) -> Response:
        kinds = parse_kinds(kind or [])
        state = await records.customer(id)
        try:
            rows, following = await timeline.page(state.number, cursor, kinds, limit)
        except InvalidIdError:
            raise invalid("cursor", "is not one that a page gave") from None
        page: dict[str, object] = {"items": [turn_json(row, currency) for row in rows]}
        if following:
            page["nextCursor"] = following
        return json_response(page, 200, {"Cache-Control": "private, no-store"})

    add_route(
        app,
        "GET",
        "/v1/customers/{id}",
        get_customer,
        dependencies=[edge.requires(READ)],
        **operation(
            "The panoramic profile of a customer",
            "As of the last commit; the ETag is `seq`, and `If-None-Match` saves the body.",
            tag="A customer",
            security=needs(READ),
            takes={"parameters": [IF_NONE_MATCH]},
            replies={200: ("The profile", schema("CustomerOut")), 304: ("Unchanged", None)},
            problems=(*READ_PROBLEMS, GONE),
        ),
    )
    add_route(
        app,
        "GET",
        "/v1/customers/{id}/timeline",
        get_timeline,
        dependencies=[edge.requires(READ)],
        **operation(
            "Everything that happened, newest first",
            "Events, questions, outcomes, wake-ups, merges and commands, with their decisions and "
            "effects. Of a customer who was merged with others it has theirs too, by event time. "
            "Follow `nextCursor` until it is absent.",
            tag="A customer",
            security=needs(READ),
            replies={200: ("A page", schema("TimelinePage"))},
            problems=(*READ_PROBLEMS, GONE),
        ),
    )
