"""Segments: a list, a profile of each, and who is in it at the moment of asking."""

from typing import Annotated, Any

from fastapi import FastAPI, Path, Query
from starlette.responses import Response

from actors.domain.errors import InvalidIdError
from actors.domain.ids import customer_text, parse_customer
from actors.playbook.model import Playbook, Segment
from serve_app.api.documentation import (
    CUSTOMER_PATTERN,
    READ_PROBLEMS,
    needs,
    operation,
    schema,
)
from serve_app.api.edge import READ, Edge, add_route, json_response
from serve_app.api.records import Records
from serve_app.problems import NOT_FOUND, ProblemError, invalid
from serve_app.segments import Profiles, head_json, members_page

MAX_PAGE = 200
_PROFILE_MS = 60_000
_TAG = "Segments"
_PRIVATE = {"Cache-Control": "private, no-store"}

Name = Annotated[str, Path(max_length=128, description="A segment of the active playbook.")]


def register(app: FastAPI, edge: Edge, records: Records) -> None:
    """Add the routes of segments."""
    services = edge.services
    store, business_ms = services.store, services.gateway.business_ms
    profiles = Profiles(store, edge.settings.currency)
    kept: dict[tuple[str, str], tuple[int, dict[str, Any]]] = {}

    async def find(name: str) -> tuple[Segment, Playbook]:
        playbook = await records.playbook()
        segments = playbook.segments if playbook is not None else ()
        segment = next((each for each in segments if each.name == name), None)
        if segment is None or playbook is None:
            raise ProblemError(NOT_FOUND, "The active playbook has no such segment.")
        return segment, playbook

    async def list_segments() -> Response:
        playbook = await records.playbook()
        counts = await store.member_counts()
        segments = playbook.segments if playbook is not None else ()
        listed = [head_json(each, counts.get(each.name, 0)) for each in segments]
        return json_response({"segments": listed}, 200, _PRIVATE)

    async def get_segment(name: Name) -> Response:
        segment, playbook = await find(name)
        now_ms, key = services.machine_ms(), (playbook.version, name)
        known = kept.get(key)
        if known is None or not 0 <= now_ms - known[0] < _PROFILE_MS:
            for old in [each for each in kept if each[0] != playbook.version]:
                del kept[old]
            known = kept[key] = (now_ms, await profiles.of(segment, playbook, business_ms()))
        return json_response(known[1], 200, {"Cache-Control": "private, max-age=60"})

    async def get_members(
        name: Name,
        cursor: Annotated[
            str,
            Query(
                pattern=f"^({CUSTOMER_PATTERN})?$", description="`nextCursor` of the page before."
            ),
        ] = "",
        limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = 50,
    ) -> Response:
        _, playbook = await find(name)
        try:
            after = parse_customer(cursor) if cursor else -1
        except InvalidIdError:
            raise invalid("cursor", "must be the nextCursor of a page") from None
        items, last = await members_page(store, playbook, name, after, limit, business_ms())
        page: dict[str, object] = {"items": items}
        if last is not None:
            page["nextCursor"] = customer_text(last)
        return json_response(page, 200, _PRIVATE)

    add_route(
        app,
        "GET",
        "/v1/segments",
        list_segments,
        dependencies=[edge.requires(READ)],
        **operation(
            "All segments and their sizes",
            "Those of the active playbook, in its order.",
            tag=_TAG,
            security=needs(READ),
            replies={200: ("The segments", schema("SegmentsOut"))},
            problems=READ_PROBLEMS[2:],
        ),
    )
    add_route(
        app,
        "GET",
        "/v1/segments/{name}",
        get_segment,
        dependencies=[edge.requires(READ)],
        **operation(
            "The profile of a segment",
            "Size, flow in and out for 30 days, and over its members' profiles value, cost, profit and "
            "loss, and response. Worked out at most once a minute (`asOf`), over up to 2,000 members: "
            "`sampled` says that there may be more than the `counted`.",
            tag=_TAG,
            security=needs(READ),
            replies={200: ("The profile", schema("SegmentOut"))},
            problems=READ_PROBLEMS,
        ),
    )
    add_route(
        app,
        "GET",
        "/v1/segments/{name}/customers",
        get_members,
        dependencies=[edge.requires(READ)],
        **operation(
            "Who is in a segment now",
            "From an index, and judged by the rule at the moment of asking. A page may be short or "
            "empty: follow `nextCursor` until it is absent.",
            tag=_TAG,
            security=needs(READ),
            replies={200: ("A page", schema("SegmentMembers"))},
            problems=READ_PROBLEMS,
        ),
    )
