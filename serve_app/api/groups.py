"""Groups: a household or an account, who belongs to it, and what they add up to."""

from typing import Annotated

from fastapi import FastAPI, Path, Query
from starlette.responses import Response

from actors.domain.errors import InvalidIdError
from actors.domain.groups import GroupKey
from actors.domain.ids import parse_customer
from actors.playbook.group_model import MAX_ID
from serve_app.api.documentation import (
    CUSTOMER_PATTERN,
    READ_PROBLEMS,
    needs,
    operation,
    schema,
)
from serve_app.api.edge import READ, Edge, add_route, json_response
from serve_app.api.records import Records
from serve_app.groups import GroupReader
from serve_app.problems import NOT_FOUND, ProblemError, invalid

MAX_PAGE = 200

Kind = Annotated[str, Path(max_length=100, description="A kind of group, such as `household`.")]
GroupId = Annotated[str, Path(max_length=MAX_ID, description="The `groupId` of its calls.")]


def register(app: FastAPI, edge: Edge, records: Records) -> None:
    """Add the route of groups."""
    reader = GroupReader(edge.services.store, edge.settings.currency)
    business_ms = edge.services.gateway.business_ms

    async def get_group(
        kind: Kind,
        id: GroupId,  # noqa: A002
        cursor: Annotated[
            str,
            Query(
                pattern=f"^({CUSTOMER_PATTERN})?$",
                description="`members.nextCursor` of the page before.",
            ),
        ] = "",
        limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = 50,
    ) -> Response:
        try:
            after = parse_customer(cursor) if cursor else -1
        except InvalidIdError:
            raise invalid("cursor", "must be the nextCursor of a page") from None
        playbook = await records.active()
        found = await reader.of(GroupKey(kind, id), playbook, business_ms(), (after, limit))
        if found is None:
            raise ProblemError(NOT_FOUND, "There is no such group.")
        return json_response(found, 200, {"Cache-Control": "private, no-store"})

    add_route(
        app,
        "GET",
        "/v1/groups/{kind}/{id}",
        get_group,
        dependencies=[edge.requires(READ)],
        **operation(
            "A household, account or other group",
            "What its members' `group` calls said of it, who they are, and as of now what their "
            "profiles add up to: orders, spend, profit and loss, contacts. `caps` are those that they "
            "share. Follow `members.nextCursor` until it is absent.",
            tag="Groups",
            security=needs(READ),
            replies={200: ("The group", schema("GroupOut"))},
            problems=READ_PROBLEMS,
        ),
    )
