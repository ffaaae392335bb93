"""The HTTP application: the whole contract on top of a gateway and a store."""

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match

from serve_app.api import (
    batches,
    budgets,
    cells,
    clock,
    cloud,
    context,
    customers,
    decisions,
    events,
    experiments,
    groups,
    keys,
    launches,
    merging,
    models,
    operations,
    pauses,
    playbooks,
    privacy,
    quarantine,
    scenarios,
    segments,
    suggestions,
    unsubscribe,
)
from serve_app.api.documentation import document
from serve_app.api.edge import Edge, problem_of
from serve_app.api.lane import Lane
from serve_app.api.records import Records
from serve_app.gateway import Services
from serve_app.problems import (
    INVALID,
    MALFORMED,
    METHOD_NOT_ALLOWED,
    NOT_FOUND,
    TOO_LARGE,
    Kind,
    ProblemError,
    field_errors,
    response_of,
)

_DESCRIPTION = """
Events of customers in, decisions out. Existing Segment, RudderStack and CloudEvents clients work
unchanged. Every error is an RFC 9457 problem. A client that sees a 5xx or a broken connection
repeats the message with the same `messageId`: it counts once.
"""
_KINDS: dict[int, Kind] = {
    400: MALFORMED,
    404: NOT_FOUND,
    405: METHOD_NOT_ALLOWED,
    413: TOO_LARGE,
    422: INVALID,
}


def build_http(services: Services, version: str = "1") -> FastAPI:
    """Return the application. `/docs` loads its scripts from a public CDN; the API needs none."""
    edge = Edge(services)
    records = Records(services.store, services.machine_ms)
    app = FastAPI(
        title="Righttime",
        version=version,
        summary="A runtime for right-time customer relationships.",
        description=_DESCRIPTION,
        redoc_url=None,
        redirect_slashes=False,
        # Its logs would hold messages of errors, and those can hold personal data.
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    of_documents = len(app.router.routes)
    events.register(app, edge)
    batches.register(app, edge)
    cloud.register(app, edge)
    decisions.register(app, edge, records)
    suggestions.register(app, edge)
    customers.register(app, edge, records)
    context.register(app, edge, records)
    merging.register(app, edge, records)
    privacy.register(app, edge, records)
    segments.register(app, edge, records)
    groups.register(app, edge, records)
    budgets.register(app, edge, records)
    scenarios.register(app, edge, records)
    experiments.register(app, edge, records)
    launches.register(app, edge, records)
    playbooks.register(app, edge)
    clock.register(app, edge)
    keys.register(app, edge)
    operations.register(app, edge, records)
    cells.register(app, edge)
    models.register(app, edge)
    pauses.register(app, edge, records)
    quarantine.register(app, edge)
    unsubscribe.register(app, edge)
    # Serve looks up the name of every request's route from the first one on; documents are asked for seldom.
    routes = app.router.routes
    routes[:] = routes[of_documents:] + routes[:of_documents]
    _install_errors(app)
    app.add_middleware(Lane, edge=edge)
    app.openapi = lambda: document(app)  # type: ignore[method-assign]
    return app


def _route_of(request: Request) -> str:
    return getattr(request.scope.get("route"), "path", "an unknown route")


def _install_errors(app: FastAPI) -> None:
    async def ours(request: Request, error: Exception) -> Response:
        return response_of(problem_of(error, _route_of(request)))

    async def framework(request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 500
        kind = _KINDS.get(status)
        if kind is None:
            return response_of(problem_of(error, _route_of(request)))
        headers = {}
        if kind is METHOD_NOT_ALLOWED:
            headers["Allow"] = ", ".join(_methods_at(app, request))
        return response_of(ProblemError(kind, headers=headers))

    async def parameters(request: Request, error: Exception) -> Response:
        found = error.errors() if isinstance(error, RequestValidationError) else ()
        # The first part says whether it is of the path, the query or a header.
        errors = field_errors([{**each, "loc": each["loc"][1:]} for each in found])
        return response_of(ProblemError(INVALID, "The request is not valid.", errors))

    app.add_exception_handler(HTTPException, framework)
    app.add_exception_handler(RequestValidationError, parameters)
    app.add_exception_handler(ProblemError, ours)
    app.add_exception_handler(Exception, ours)


def _methods_at(app: FastAPI, request: Request) -> list[str]:
    """Return the methods of all routes at a path; the router knows only those of the first."""
    methods: set[str] = set()
    for route in app.routes:
        match, _ = route.matches(request.scope)
        if match is not Match.NONE:
            methods |= getattr(route, "methods", None) or set()
    return sorted(methods)
