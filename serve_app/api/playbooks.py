"""The playbook: read, replace, list and roll back."""

import re

from fastapi import FastAPI
from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import Response

from actors.domain.errors import PlaybookError
from actors.domain.instants import format_instant
from actors.playbook.loader import bundle_from_bytes
from serve_app.api.documentation import (
    BODY_PROBLEMS,
    IF_NONE_MATCH,
    READ_PROBLEMS,
    body,
    needs,
    operation,
    schema,
)
from serve_app.api.edge import ADMIN, READ, Edge, add_route, json_response, tagged
from serve_app.bodies import read_body, require_json, strictly
from serve_app.problems import (
    INVALID,
    NOT_FOUND,
    FieldError,
    ProblemError,
    from_validation,
    invalid,
)
from serve_app.schemas import PLAYBOOK, ROLLBACK

_PLACE = re.compile(r"([^:\s]+:\d+:\d+): (.*)", re.DOTALL)
_TAG = "Running it"


def playbook_problem(error: PlaybookError) -> ProblemError:
    """Return the problem of a playbook that cannot be used; `loc` is file:line:column."""
    errors: list[FieldError] = []
    for sentence in error.problems:
        match = _PLACE.match(sentence)
        errors.append({"loc": match[1], "msg": match[2]} if match else {"loc": "", "msg": sentence})
    return ProblemError(INVALID, "The playbook cannot be used; nothing was changed.", errors)


async def _activate(edge: Edge, files: dict[str, str]) -> Response:
    try:
        version, everywhere = await edge.services.gateway.put_playbook(files)
    except PlaybookError as error:
        raise playbook_problem(error) from None
    stored = {"version": version, "everywhere": everywhere}
    return json_response(stored, 200 if everywhere else 202, {"ETag": f'"{version}"'})


async def _previous(edge: Edge) -> str:
    versions = await edge.services.store.playbook_versions()
    active = next((i for i, (_, _, is_active) in enumerate(versions) if is_active), None)
    if active is None or active + 1 >= len(versions):
        raise ProblemError(NOT_FOUND, "There is no earlier version.")
    return versions[active + 1][0]


def register(app: FastAPI, edge: Edge) -> None:
    """Add the playbook routes."""
    store, settings = edge.services.store, edge.settings

    async def get_playbook(request: Request) -> Response:
        stored = await store.playbook()
        if stored is None:
            raise ProblemError(NOT_FOUND, "No playbook is active.")
        version, data = stored
        files = dict(bundle_from_bytes(data))
        return tagged(request, {"version": version, "files": files}, version)

    async def put_playbook(request: Request) -> Response:
        headers = dict(request.scope["headers"])
        require_json(headers)
        data = await read_body(request.receive, headers, settings.max_playbook_bytes)
        strictly(data)
        try:
            given = PLAYBOOK.validate_json(data)
        except ValidationError as error:
            raise from_validation(error) from None
        if any(".." in name.split("/") for name in given["files"]):
            raise invalid("files", "names must stay within the bundle")
        return await _activate(edge, given["files"])

    async def list_playbook_versions() -> Response:
        versions = [
            {"version": version, "storedAt": format_instant(stored_at_ms), "active": active}
            for version, stored_at_ms, active in await store.playbook_versions()
        ]
        return json_response({"versions": versions})

    async def rollback_playbook(request: Request) -> Response:
        headers = dict(request.scope["headers"])
        require_json(headers)
        data = await read_body(request.receive, headers, settings.max_event_bytes)
        try:
            given = ROLLBACK.validate_json(data)
        except ValidationError as error:
            raise from_validation(error) from None
        stored = await store.playbook(given.get("version") or await _previous(edge))
        if stored is None:
            raise ProblemError(NOT_FOUND, "There is no such version.")
        return await _activate(edge, dict(bundle_from_bytes(stored[1])))

    activated: dict[int, tuple[str, dict[str, object] | None]] = {
        200: ("Active in every live cell", schema("PlaybookStored")),
        202: ("Active; some cell has yet to take it", schema("PlaybookStored")),
    }
    add_route(
        app,
        "GET",
        "/v1/playbook",
        get_playbook,
        dependencies=[edge.requires(READ)],
        **operation(
            "The active playbook",
            "All its files; the ETag is the version.",
            tag=_TAG,
            security=needs(READ),
            takes={"parameters": [IF_NONE_MATCH]},
            replies={200: ("The playbook", schema("PlaybookOut")), 304: ("Unchanged", None)},
            problems=READ_PROBLEMS,
        ),
    )
    add_route(
        app,
        "PUT",
        "/v1/playbook",
        put_playbook,
        dependencies=[edge.requires(ADMIN)],
        **operation(
            "Replace the playbook",
            "Validated whole, versioned and activated at once; what is in flight keeps its version. "
            "The errors of a 422 point to file:line:column.",
            tag=_TAG,
            security=needs(ADMIN),
            takes=body(schema("PlaybookIn"), gzip=True),
            replies=activated,
            problems=BODY_PROBLEMS,
        ),
    )
    add_route(
        app,
        "GET",
        "/v1/playbook/versions",
        list_playbook_versions,
        dependencies=[edge.requires(READ)],
        **operation(
            "All stored versions",
            "Newest first.",
            tag=_TAG,
            security=needs(READ),
            replies={200: ("The versions", schema("PlaybookVersions"))},
            problems=READ_PROBLEMS[2:],
        ),
    )
    add_route(
        app,
        "POST",
        "/v1/playbook/rollback",
        rollback_playbook,
        dependencies=[edge.requires(ADMIN)],
        **operation(
            "Make an earlier version active again",
            "The one named, or the one stored before the active.",
            tag=_TAG,
            security=needs(ADMIN),
            takes=body(schema("Rollback")),
            replies=activated,
            problems=(*BODY_PROBLEMS, NOT_FOUND),
        ),
    )
