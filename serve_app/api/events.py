"""Single events: the Segment calls and their short forms."""

import math
from functools import lru_cache

from fastapi import FastAPI
from pydantic import ValidationError
from pydantic_core import from_json
from starlette.requests import Request
from starlette.responses import Response

from actors.domain.ids import Identity
from serve_app.api.documentation import EVENT_PROBLEMS, body, needs, operation, schema
from serve_app.api.edge import INGEST, Edge, Handler, add_route, reply
from serve_app.auth import Key
from serve_app.bodies import Headers, check_json, media_type, read_body, require_json
from serve_app.coalescer import OF_ONE
from serve_app.envelope import build_event, packed
from serve_app.gateway import Gateway
from serve_app.problems import BUSY, ProblemError, from_validation, response_of
from serve_app.schemas import ENVELOPE, Envelope

SHORT = {
    "identify": "i",
    "track": "t",
    "page": "p",
    "screen": "s",
    "group": "g",
    "alias": "a",
}
_SUMMARIES = {
    "identify": "Say who a customer is, with traits",
    "track": "Say what a customer did",
    "page": "Say that a customer saw a page",
    "screen": "Say that a customer saw a screen of an app",
    "group": "Say to which group a customer belongs",
    "alias": "Link an earlier id to a customer",
}


def require_text(headers: Headers) -> None:
    """Accept what browser libraries send without a preflight, and JSON.

    Raises:
        ProblemError: 415.
    """
    if media_type(headers) != b"text/plain":
        require_json(headers)


def parse_envelope(data: bytes) -> Envelope:
    """Validate one envelope from its bytes.

    Raises:
        ProblemError: 400 or 422.
    """
    check_json(data)
    try:
        return ENVELOPE.validate_json(data)
    except ValidationError as error:
        raise from_validation(error) from None


async def authenticated_body(
    edge: Edge, request: Request, limit: int, *, browser: bool
) -> tuple[bytes, Key]:
    """Return body and key; the key may be in the body when there is no Authorization header."""
    headers: Headers = dict(request.scope["headers"])
    key = await edge.key(request, headers, INGEST) if b"authorization" in headers else None
    if browser:
        require_text(headers)
    else:
        require_json(headers)
    data = await read_body(request.receive, headers, limit)
    return data, key or await edge.key_in_body(request, data, INGEST)


def refused_unread(gateway: Gateway, data: bytes) -> Response | None:
    """Return the refusal of one event of a customer of whom too much waits; None for everybody else.

    Whoever floods the system with one customer takes processor time from all others by what it costs to
    say no: so only who she is has been read by then. Anything unusual is left to those who read it all.
    """
    try:
        sent = from_json(data)
    except ValueError:
        return None
    user, anonymous = (
        (sent.get("userId"), sent.get("anonymousId")) if type(sent) is dict else (0, 0)
    )
    if user and isinstance(user, str):
        wait_s = gateway.refuses(Identity("user", user))
    elif not user and anonymous and isinstance(anonymous, str):
        wait_s = gateway.refuses(Identity("anon", anonymous))
    else:
        return None
    return None if wait_s is None else _too_much(math.ceil(wait_s))


@lru_cache(maxsize=64)
def _too_much(seconds: int) -> Response:
    """Return a response that may be sent any number of times."""
    return response_of(ProblemError(BUSY, OF_ONE, (), float(seconds)))


def _handler(edge: Edge, kind: str, *, browser: bool) -> Handler:
    limit = edge.settings.max_event_bytes
    gateway = edge.services.gateway

    async def take(request: Request) -> Response:
        data, key = await authenticated_body(edge, request, limit, browser=browser)
        if gateway.any_hot() and (refusal := refused_unread(gateway, data)) is not None:
            return refusal
        event = build_event(kind, parse_envelope(data), key, edge.new_id)
        await edge.suggester.attach(event)
        answers = await gateway.send([packed(event, body=data)])
        return reply(answers[0])

    return take


def register(app: FastAPI, edge: Edge) -> None:
    """Add `/v1/identify` … `/v1/alias` and the short forms."""
    for kind, letter in SHORT.items():
        _register(app, edge, kind, f"/v1/{kind}", browser=False)
        _register(app, edge, kind, f"/v1/{letter}", browser=True)


def _register(app: FastAPI, edge: Edge, kind: str, path: str, *, browser: bool) -> None:
    handler = _handler(edge, kind, browser=browser)

    async def endpoint(request: Request) -> Response:
        return await handler(request)

    edge.hot[path] = handler
    types = ("text/plain", "application/json") if browser else ("application/json",)
    add_route(
        app,
        "POST",
        path,
        endpoint,
        operation_id=f"{kind}_{'short' if browser else 'event'}",
        **operation(
            _SUMMARIES[kind] + (" (short form for browsers)" if browser else ""),
            "The reply comes after the commit, and holds the actions for the channel and placements "
            "that asked. The same `messageId` gets the first reply again. The key may also be in "
            "the body, as `writeKey`.",
            tag="Events in",
            security=needs(INGEST, or_in_body=True),
            takes=body(schema(f"{kind.title()}Event"), types, gzip=True),
            replies={200: ("Committed", schema("EventReply"))},
            problems=EVENT_PROBLEMS,
        ),
    )
