"""API keys: list, make and revoke, without a restart."""

from typing import Annotated, Any

from fastapi import FastAPI, Path
from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import Response

from serve_app.api.documentation import BODY_PROBLEMS, READ_PROBLEMS, body, needs, operation, schema
from serve_app.api.edge import ADMIN, Edge, add_route, json_response
from serve_app.auth import Key, key_from_record, new_key
from serve_app.bodies import read_body, require_json
from serve_app.problems import LAST_ADMIN, NOT_FOUND, UNAVAILABLE, ProblemError, from_validation
from serve_app.render import instant
from serve_app.schemas import KEY

_TAG = "Keys"


def _shown(key: Key) -> dict[str, Any]:
    return {
        "id": key.id,
        "name": key.name,
        "scopes": sorted(key.scopes),
        "channels": sorted(key.channels),
        "createdAt": instant(key.created_at_ms),
    }


def register(app: FastAPI, edge: Edge) -> None:
    """Add the key routes."""
    services = edge.services

    async def list_keys() -> Response:
        keys = sorted(await edge.keys.all(), key=lambda key: (key.created_at_ms, key.id))
        return json_response({"keys": [_shown(key) for key in keys]})

    async def make_key(request: Request) -> Response:
        headers = dict(request.scope["headers"])
        require_json(headers)
        data = await read_body(request.receive, headers, edge.settings.max_event_bytes)
        try:
            wish = KEY.validate_json(data)
        except ValidationError as error:
            raise from_validation(error) from None
        text, key_hash, record = new_key(
            wish["scopes"],
            wish.get("channels", []),
            services.random_bytes,
            name=wish.get("name", ""),
            created_at_ms=services.machine_ms(),
        )
        await services.store.put_key(key_hash, record)
        edge.keys.forget()
        shown = _shown(key_from_record(key_hash, record))
        return json_response({**shown, "key": text}, 201, {"Cache-Control": "no-store"})

    async def revoke_key(
        id: Annotated[str, Path(max_length=64)],  # noqa: A002
    ) -> Response:
        keys = await edge.keys.all()
        key = next((each for each in keys if each.id == id), None)
        if key is None:
            raise ProblemError(NOT_FOUND, "There is no such key.")
        admins = [each for each in keys if "admin" in each.scopes]
        if admins == [key]:
            raise ProblemError(LAST_ADMIN, "Make another key with the scope admin first.")
        await services.store.revoke_key(key.hash)
        edge.keys.forget()
        return Response(None, 204)

    add_route(
        app,
        "GET",
        "/v1/keys",
        list_keys,
        dependencies=[edge.requires(ADMIN)],
        **operation(
            "All keys, without their secrets",
            "",
            tag=_TAG,
            security=needs(ADMIN),
            replies={200: ("The keys", schema("KeysOut"))},
            problems=(UNAVAILABLE,),
        ),
    )
    add_route(
        app,
        "POST",
        "/v1/keys",
        make_key,
        dependencies=[edge.requires(ADMIN)],
        **operation(
            "Make a key",
            "Its text is in this reply and nowhere else: only a hash is kept.",
            tag=_TAG,
            security=needs(ADMIN),
            takes=body(schema("KeyIn")),
            replies={201: ("The key", schema("KeyMade"))},
            problems=BODY_PROBLEMS,
        ),
    )
    add_route(
        app,
        "DELETE",
        "/v1/keys/{id}",
        revoke_key,
        dependencies=[edge.requires(ADMIN)],
        **operation(
            "Revoke a key",
            "Effective everywhere within about a second. The last key with the scope admin stays.",
            tag=_TAG,
            security=needs(ADMIN),
            replies={204: ("Revoked", None)},
            problems=(*READ_PROBLEMS, LAST_ADMIN),
        ),
    )
