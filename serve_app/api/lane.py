"""The outermost layer of our own: CORS, the short way to hot routes, and the last net.

Pure ASGI. Hot routes are found with one dictionary look-up instead of matching every pattern: the
way through the router costs more than all that the edge does for an event. The same handlers are also
behind the router, for the document and for mounted paths.
"""

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serve_app.api.edge import Edge, problem_of
from serve_app.problems import response_of

_METHODS = "GET, HEAD, POST, PUT, DELETE, OPTIONS"
_EXPOSED = "ETag, Retry-After"
_MAX_AGE_S = "7200"


class Lane:
    """Wraps the application."""

    def __init__(self, app: ASGIApp, edge: Edge) -> None:
        self._app = app
        self._hot = edge.hot
        self._origin = edge.settings.cors_origin

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        origin = requested = None
        if self._origin:
            for name, value in scope["headers"]:
                if name == b"origin":
                    origin = value
                elif name == b"access-control-request-headers":
                    requested = value
        if origin is not None:
            if scope["method"] == "OPTIONS":
                await _preflight(self._origin, requested, send)
                return
            send = _allowing(self._origin, send)
        await self._answer(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        handler = self._hot.get(scope["path"]) if scope["method"] == "POST" else None
        if handler is not None:
            try:
                response = await handler(Request(scope, receive))
            except Exception as error:  # noqa: BLE001 - the last net: every error has an answer
                response = response_of(problem_of(error, scope["path"]))
            await response(scope, receive, send)
            return
        started = False

        async def watch(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self._app(scope, receive, watch)
        except Exception as error:
            if started:
                raise
            route = getattr(scope.get("route"), "path", "an unknown route")
            await response_of(problem_of(error, route))(scope, receive, send)


def _allowing(origin: str, send: Send) -> Send:
    async def allow(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers["Access-Control-Allow-Origin"] = origin
            headers["Access-Control-Expose-Headers"] = _EXPOSED
            if origin != "*":
                headers.add_vary_header("Origin")
        await send(message)

    return allow


async def _preflight(origin: str, requested: bytes | None, send: Send) -> None:
    headers = [
        (b"access-control-allow-origin", origin.encode("latin-1")),
        (b"access-control-allow-methods", _METHODS.encode()),
        # Echoed, because libraries add headers of their own; keys travel in headers, not cookies.
        (b"access-control-allow-headers", requested or b"authorization, content-type"),
        (b"access-control-max-age", _MAX_AGE_S.encode()),
        (b"vary", b"Origin, Access-Control-Request-Headers"),
        (b"content-length", b"0"),
    ]
    await send({"type": "http.response.start", "status": 204, "headers": headers})
    await send({"type": "http.response.body", "body": b""})
