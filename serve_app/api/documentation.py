"""What the OpenAPI 3.1 document says of each route, and the document itself."""

from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy  # noqa: TID251 - of a schema
from functools import cache
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import TypeAdapter

from serve_app import (
    cell_bodies,
    launch_bodies,
    model_bodies,
    pause_bodies,
    privacy_bodies,
    problems,
    replies,
    schemas,
    suggestion_bodies,
)
from serve_app.problems import MEDIA_TYPE, Kind

Json = dict[str, Any]

_REF = "#/components/schemas/"

_ALWAYS = (problems.UNAUTHORIZED, problems.FORBIDDEN, problems.BUSY, problems.INTERNAL)
READ_PROBLEMS = (problems.NOT_FOUND, problems.INVALID, problems.UNAVAILABLE)
BODY_PROBLEMS = (
    problems.MALFORMED,
    problems.TOO_SLOW,
    problems.TOO_LARGE,
    problems.UNSUPPORTED,
    problems.INVALID,
    problems.UNAVAILABLE,
)
EVENT_PROBLEMS = (*BODY_PROBLEMS, problems.CONFLICT, problems.GONE)
BATCH_PROBLEMS = EVENT_PROBLEMS
RESPONSE_PROBLEMS = (*EVENT_PROBLEMS, problems.UNKNOWN_EFFECT)

CUSTOMER_PATTERN = "c_[0-9A-HJKMNP-TV-Z]{13}"
IF_NONE_MATCH: Json = {
    "name": "If-None-Match",
    "in": "header",
    "required": False,
    "description": "ETags that the client has; 304 when one of them is current.",
    "schema": {"type": "string"},
}
CLOUD_EVENT_HEADERS = [
    {
        "name": f"ce-{name}",
        "in": "header",
        "required": False,
        "description": f"Binary mode only: the event's `{name}`.",
        "schema": {"type": "string"},
    }
    for name in ("specversion", "id", "source", "type", "subject", "time", "channel")
]


def schema(name: str) -> Json:
    """Return a reference to a component."""
    return {"$ref": _REF + name}


def one_of(*alternatives: Json) -> Json:
    """Return the schema of any one of these."""
    return {"oneOf": list(alternatives)}


def body(
    content: Json, types: Sequence[str] = ("application/json",), *, gzip: bool = False
) -> Json:
    """Return what a route with a required body takes; `gzip` says that it may be compressed."""
    media = {media_type: {"schema": content} for media_type in types}
    name = content.get("$ref", "").removeprefix(_REF)
    if name in _EXAMPLES:
        for each in media.values():
            each["example"] = _EXAMPLES[name]
    described = {"description": "May be sent with `Content-Encoding: gzip`."} if gzip else {}
    return {"requestBody": {"required": True, "content": media, **described}}


def needs(scopes: frozenset[str], *, or_in_body: bool = False) -> list[Json]:
    """Return the security of a route that a key with any one of `scopes` may call.

    In OpenAPI 3.1 the lists may name what is needed for any kind of scheme. `or_in_body` says that
    the key may also be the body's `writeKey`, for which OpenAPI has no scheme.
    """
    schemes = [{scheme: [scope]} for scope in sorted(scopes) for scheme in ("bearer", "basic")]
    return [*schemes, {}] if or_in_body else schemes


def operation(
    summary: str,
    description: str,
    *,
    tag: str,
    security: Sequence[Json] = (),
    takes: Json | None = None,
    replies: Mapping[int, tuple[str, Json | None]],
    problems: Iterable[Kind] = (),
) -> dict[str, Any]:
    """Return the documenting arguments of a route.

    Args:
        summary: One line.
        description: Markdown.
        tag: The group that it belongs to.
        security: From `needs`; empty leaves the route open.
        takes: From `body`; or `parameters` that the endpoint's signature does not show.
        replies: Description and schema by status.
        problems: Beside those that every route with a key has.
    """
    extra: Json = dict(takes or {})
    if security:
        extra["security"] = list(security)
    kinds = [*(_ALWAYS if security else ()), *problems]
    responses: dict[int | str, Json] = {}
    for status, (text, content) in replies.items():
        responses[status] = {"description": text}
        if content is not None:
            responses[status]["content"] = {"application/json": {"schema": content}}
    for status in sorted({kind.status for kind in kinds}):
        responses[status] = _problem(tuple([kind for kind in kinds if kind.status == status]))
    return {
        "summary": summary,
        "description": description,
        "tags": [tag],
        "status_code": min(replies),
        "responses": responses,
        "openapi_extra": extra,
    }


@cache
def _problem(kinds: tuple[Kind, ...]) -> Json:
    examples = {kind.slug: {"value": problems.body_of(kind)} for kind in kinds}
    response: Json = {
        "description": "; ".join(dict.fromkeys(kind.title for kind in kinds)),
        "content": {MEDIA_TYPE: {"schema": schema("Problem"), "examples": examples}},
    }
    if kinds[0] in (problems.BUSY, problems.UNAVAILABLE):
        response["headers"] = {
            "Retry-After": {
                "description": "Seconds to wait before the same request is sent again.",
                "schema": {"type": "integer", "minimum": 1},
            }
        }
    return response


_SOMEBODY: list[Json] = [
    {"required": [name], "properties": {name: {"type": "string", "minLength": 1}}}
    for name in ("userId", "anonymousId")
]
_NEEDS: dict[str, Json] = {
    "identify": {},
    "track": {"event": {"type": "string", "minLength": 1}},
    "page": {},
    "screen": {},
    "group": {"groupId": {"type": "string", "minLength": 1}},
    "alias": {
        "previousId": {"type": "string", "minLength": 1},
        "userId": {"type": "string", "minLength": 1},
    },
}
_EXAMPLES: dict[str, Json] = {
    "TrackEvent": {
        "messageId": "m-17",
        "userId": "hh-2375",
        "event": "Product Viewed",
        "properties": {"product_id": "p-9", "category": "GROCERY", "price": 3.49},
        "context": {"channel": "web", "placements": ["home_hero"]},
        "timestamp": "2026-01-31T12:00:00.000Z",
    },
    "IdentifyEvent": {
        "messageId": "m-16",
        "userId": "hh-2375",
        "anonymousId": "a-81c2",
        "traits": {"email": "anna@example.com", "household_size": 3},
        "context": {"consent": {"categoryPreferences": {"email": True}}},
    },
    "Batch": {
        "batch": [
            {"type": "track", "messageId": "m-18", "userId": "hh-1", "event": "Product Added"},
            {"type": "page", "messageId": "m-19", "anonymousId": "a-7", "name": "Home"},
        ],
        "sentAt": "2026-01-31T12:00:01.000Z",
    },
    "Decide": {
        "messageId": "q-1",
        "userId": "hh-2375",
        "channel": "call_center",
        "placements": ["agent_desktop"],
        "maxActions": 1,
    },
    "ResponseIn": {
        "effectKey": "e_04ZQ3N8F1T2RA_42_0",
        "outcome": "accept",
        "messageId": "r-1",
        "value": {"amount": "12.50", "currency": "EUR"},
    },
    "CloudEvent": {
        "specversion": "1.0",
        "id": "77",
        "source": "/shop/berlin",
        "type": "Order Completed",
        "subject": "user:hh-2375",
        "time": "2026-01-31T12:00:00Z",
        "data": {"order_id": "o-1", "total": 42.1},
    },
    "Advance": {"by": "PT30M"},
    "KeyIn": {"scopes": ["ingest", "decide"], "channels": ["web"], "name": "web shop"},
    "PlaybookIn": {"files": {"playbook.yaml": "version: '1'\n"}},
    "Rollback": {},
    "PauseIn": {"channel": "email"},
    "CellsIn": {"count": 4},
    "LaunchIn": {"id": "spring-1", "segment": "regular", "perSecond": 50.0},
}
_CLOUD_EVENT: Json = {
    "type": "object",
    "title": "CloudEvent",
    "description": "A CloudEvent 1.0 in its JSON format.",
    "required": ["specversion", "id", "source", "type"],
    "properties": {
        "specversion": {"const": "1.0"},
        "id": {"type": "string", "minLength": 1},
        "source": {"type": "string", "format": "uri-reference", "minLength": 1},
        "type": {"type": "string", "minLength": 1, "maxLength": 256},
        "subject": {"type": "string", "minLength": 1},
        "time": {"type": "string", "format": "date-time"},
        "datacontenttype": {"type": "string"},
        "dataschema": {"type": "string", "format": "uri"},
        "channel": {"type": "string", "maxLength": 64},
        "data": {"type": "object"},
        "data_base64": {"type": "string", "contentEncoding": "base64"},
    },
}


def _components() -> dict[str, Json]:
    inputs = (
        *(schemas.Envelope, schemas.Batch, schemas.Decide, schemas.ResponseIn, schemas.Advance),
        *(schemas.PlaybookIn, schemas.Rollback, schemas.KeyIn, *privacy_bodies.INPUTS),
        *launch_bodies.INPUTS,
        *model_bodies.INPUTS,
        *pause_bodies.INPUTS,
        *cell_bodies.INPUTS,
        *suggestion_bodies.INPUTS,
    )
    adapters: list[tuple[Any, Any, TypeAdapter[Any]]] = [
        (t, "validation", TypeAdapter[Any](t)) for t in inputs
    ]
    adapters += [(t, "serialization", TypeAdapter[Any](t)) for t in replies.TYPES]
    _, definitions = TypeAdapter.json_schemas(
        adapters,
        ref_template=_REF + "{model}",
    )
    found: dict[str, Json] = definitions["$defs"]
    envelope = found["Envelope"]
    for kind, needs in _NEEDS.items():
        found[f"{kind.title()}Event"] = _typed(envelope, kind, needs)
    kinds = [f"{kind.title()}Event" for kind in _NEEDS]
    found["Batch"]["properties"]["batch"] = {
        "type": "array",
        "maxItems": 2500,
        "items": {"anyOf": [{"allOf": [schema(name), {"required": ["type"]}]} for name in kinds]},
    }
    found["Batch"]["required"] = ["batch"]
    found["Decide"]["required"] = ["placements"]
    found["Decide"]["properties"]["placements"]["anyOf"][0]["minItems"] = 1
    found["Decide"]["anyOf"] = [
        *(
            {**each, "properties": {**each["properties"], **_no("customerId")}}
            for each in _SOMEBODY
        ),
        {
            "required": ["customerId"],
            "properties": {
                "customerId": {"type": "string", "pattern": f"^{CUSTOMER_PATTERN}$"},
                **_no("userId", "anonymousId"),
            },
        },
    ]
    found["PlaybookIn"]["properties"]["files"]["additionalProperties"] = False
    found["Advance"]["oneOf"] = [{"required": ["by"]}, {"required": ["to"]}]
    found["PauseIn"]["oneOf"] = [{"required": [name]} for name in found["PauseIn"]["properties"]]
    found["ConsentPut"]["anyOf"] = [
        {"required": [name], "properties": {name: {"type": kind}}}
        for name, kind in (("status", "string"), ("granted", "boolean"))
    ]
    found["CloudEvent"] = _CLOUD_EVENT
    return found


def _no(*names: str) -> Json:
    """Return properties that may only be there without saying anything."""
    return {name: {"enum": [None, ""]} for name in names}


def _typed(envelope: Json, kind: str, needs: Json) -> Json:
    typed = deepcopy(envelope)
    typed["title"] = f"{kind.title()}Event"
    typed["properties"]["type"] = {"enum": [kind, None]}
    typed["properties"] |= {
        name: {**_text(typed["properties"][name]), **need} for name, need in needs.items()
    }
    if needs:
        typed["required"] = sorted(needs)
    typed["anyOf"] = _SOMEBODY
    return typed


def _text(optional: Json) -> Json:
    """Return the text alternative of a field that may also be null."""
    alternatives = optional.get("anyOf", [optional])
    return next(dict(each) for each in alternatives if each.get("type") == "string")


def document(app: FastAPI) -> Json:
    """Return the OpenAPI document of an application, made once."""
    if app.openapi_schema is None:
        made = get_openapi(
            title=app.title,
            version=app.version,
            summary=app.summary,
            description=app.description,
            routes=app.routes,
            license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        )
        components = made.setdefault("components", {})
        known = components.get("schemas", {})
        for unused in ("HTTPValidationError", "ValidationError"):
            known.pop(unused, None)
        components["schemas"] = {**known, **_components()}
        components["securitySchemes"] = {
            "bearer": {"type": "http", "scheme": "bearer", "description": "The key."},
            "basic": {
                "type": "http",
                "scheme": "basic",
                "description": "The key as user name, with an empty password.",
            },
        }
        app.openapi_schema = made
    return app.openapi_schema
