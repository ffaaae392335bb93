"""What the routes share: who is asking, and how answers and errors become responses."""

import json
import logging
import traceback
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from fastapi import Depends, FastAPI
from fastapi.params import Depends as DependsParam
from pydantic_core import from_json, to_json
from starlette.requests import Request
from starlette.responses import Response

from actors.domain.errors import BusyError, CodecError, RetryableError
from actors.wire.messages import RETRYABLE, Answer, Code
from serve_app.auth import Key, KeyRing, credential_of
from serve_app.experiments import ExperimentReader
from serve_app.gateway import Services
from serve_app.problems import (
    BUSY,
    CONFLICT,
    FORBIDDEN,
    GONE,
    INTERNAL,
    INVALID,
    POISON,
    REFUSED,
    SET_ASIDE,
    UNAVAILABLE,
    UNKNOWN_EFFECT,
    Kind,
    ProblemError,
    response_of,
)
from serve_app.suggesting import Suggester

Handler = Callable[[Request], Awaitable[Response]]

INGEST = frozenset({"ingest"})
DECIDE = frozenset({"decide"})
OUTCOMES = frozenset({"ingest", "decide"})
READ = frozenset({"read"})
ADMIN = frozenset({"admin"})

logger = logging.getLogger(__name__)

_KINDS: dict[Code, Kind] = {
    Code.CONFLICT: CONFLICT,
    Code.UNKNOWN_EFFECT: UNKNOWN_EFFECT,
    Code.NOT_MINE: UNAVAILABLE,
    Code.RETRY: UNAVAILABLE,
    Code.BUSY: BUSY,
    Code.GONE: GONE,
    Code.INVALID: INVALID,
    Code.FAILED: INTERNAL,
    Code.REFUSED: REFUSED,
    Code.SET_ASIDE: SET_ASIDE,
    Code.POISON: POISON,
}
_SET_ASIDE_S = 60.0


class Edge:
    """The services, the keys, and the routes that take the short way past the router.

    `hot` holds handlers by path for POST; see `serve_app.api.lane`.
    """

    def __init__(self, services: Services) -> None:
        self.services = services
        self.settings = services.settings
        self.keys = KeyRing(services.store, services.settings, services.machine_ms)
        self.hot: dict[str, Handler] = {}
        self.experiments = ExperimentReader(services.store)
        self.suggester = Suggester(services.store, services.machine_ms)

    def new_id(self) -> str:
        """Return a message id for a sender that gave none."""
        return "srv-" + self.services.random_bytes(16).hex()

    async def key(
        self, request: Request, headers: Mapping[bytes, bytes], scopes: frozenset[str]
    ) -> Key:
        """Return the key in the Authorization header; see `KeyRing.check`."""
        text = credential_of(headers.get(b"authorization", b""))
        return await self.keys.check(text, scopes, request.scope)

    async def key_in_body(self, request: Request, body: bytes, scopes: frozenset[str]) -> Key:
        """Return the key that a library put into the body as `writeKey`; see `KeyRing.check`."""
        try:
            value = from_json(body)
        except ValueError:
            value = None
        text = value.get("writeKey") if isinstance(value, dict) else None
        return await self.keys.check(text if isinstance(text, str) else "", scopes, request.scope)

    def requires(self, scopes: frozenset[str], *, bound: bool = False) -> DependsParam:
        """Return the dependency that lets only keys with one of `scopes` pass.

        A key that is bound to channels passes only where `bound` says that the route looks at them: all
        else shows or changes what is not of its channels.
        """

        async def caller(request: Request) -> Key:
            key = await self.key(request, dict(request.scope["headers"]), scopes)
            if key.channels and not bound:
                raise ProblemError(
                    FORBIDDEN, "The key is bound to channels; this is of all of them."
                )
            return key

        dependency: DependsParam = Depends(caller)
        return dependency


def problem_of_answer(answer: Answer) -> ProblemError:
    """Return the problem that a refusing answer stands for."""
    retry_after_s = answer.retry_after_s or (1.0 if answer.code in RETRYABLE else None)
    return ProblemError(_KINDS[answer.code], answer.detail, (), retry_after_s)


def reply(answer: Answer) -> Response:
    """Return the HTTP response for the answer to a single item."""
    if answer.code <= Code.DUPLICATE:
        return Response(answer.body, 200, None, "application/json")
    return response_of(problem_of_answer(answer))


def json_response(
    value: object, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """Return a JSON response."""
    return Response(to_json(value), status, dict(headers or {}), "application/json")


def tagged(request: Request, value: object, tag: str) -> Response:
    """Return a JSON response with an ETag, or 304 when the client has it already."""
    etag = f'"{tag}"'
    wanted = request.headers.get("if-none-match", "")
    known = {part.strip().removeprefix("W/") for part in wanted.split(",")}
    headers = {"ETag": etag, "Cache-Control": "private, no-cache"}
    if etag in known or "*" in known:
        return Response(None, 304, headers)
    return json_response(value, 200, headers)


def problem_of(error: Exception, route: str) -> ProblemError:
    """Return the problem for any error, and log the unexpected ones without what they say.

    `route` is the route's template: the path itself may name a person.
    """
    match error:
        case ProblemError():
            return error
        case CodecError():
            logger.error("a damaged record was asked for in %s: %s", route, error)
            return ProblemError(SET_ASIDE, retry_after_s=_SET_ASIDE_S)
        case BusyError():
            return ProblemError(BUSY, "A queue is full.", (), error.retry_after_s)
        case RetryableError():
            return ProblemError(
                UNAVAILABLE,
                "The outcome is unknown: send the same message again.",
                (),
                error.retry_after_s,
            )
        case _:
            # Messages of errors can hold personal data; the places they come from cannot.
            frames = "".join(traceback.format_tb(error.__traceback__))
            logger.error("%s in %s\n%s", type(error).__name__, route, frames)
            return ProblemError(INTERNAL)


def add_route(
    app: FastAPI,
    method: str,
    path: str,
    endpoint: Callable[..., Any],
    **documentation: Any,
) -> None:
    """Add a route whose endpoint makes its own response."""
    documentation.setdefault("operation_id", endpoint.__name__)
    app.add_api_route(path, endpoint, methods=[method], response_model=None, **documentation)


def dumps(value: object) -> bytes:
    """Return JSON text of plain values."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
