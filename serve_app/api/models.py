"""Models: what there is, how well each predicts, and going back to a version."""

from typing import Annotated

from fastapi import FastAPI, Path
from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import Response

from serve_app.api.documentation import (
    BODY_PROBLEMS,
    READ_PROBLEMS,
    body,
    needs,
    operation,
    schema,
)
from serve_app.api.edge import ADMIN, READ, Edge, add_route, json_response
from serve_app.bodies import read_body, require_json
from serve_app.model_bodies import MODEL_ROLLBACK
from serve_app.models import shelf
from serve_app.models.reading import listed, shown
from serve_app.problems import NOT_FOUND, ProblemError, from_validation

_TAG = "Models"
_PRIVATE = {"Cache-Control": "private, no-store"}

Name = Annotated[
    str,
    Path(
        max_length=100,
        description="A model of the playbook, or `beta-bernoulli`.",
        examples=["beta-bernoulli"],
    ),
]


def register(app: FastAPI, edge: Edge) -> None:
    """Add the routes of models. They read the store alone, so that no replica is asked."""
    store, settings = edge.services.store, edge.settings

    async def list_models() -> Response:
        return json_response(await listed(store), 200, _PRIVATE)

    async def get_model(name: Name) -> Response:
        found = await shown(store, name)
        if found is None:
            raise ProblemError(NOT_FOUND, "There is no such model.")
        return json_response(found, 200, _PRIVATE)

    async def rollback_model(request: Request, name: Name) -> Response:
        headers = dict(request.scope["headers"])
        require_json(headers)
        data = await read_body(request.receive, headers, settings.max_event_bytes)
        try:
            version = MODEL_ROLLBACK.validate_json(data)["version"]
        except ValidationError as error:
            raise from_validation(error) from None
        if version is None:
            await shelf.unpin(store, name)
        elif not await shelf.pin(store, name, version):
            raise ProblemError(NOT_FOUND, "No such version of the model is kept.")
        return json_response({"name": name, "version": version})

    add_route(
        app,
        "GET",
        "/v1/models",
        list_models,
        dependencies=[edge.requires(READ)],
        **operation(
            "All models, and how well they predict lately",
            "As of the last checkpoint, a few seconds old. Each lesson was predicted before it was learned.",
            tag=_TAG,
            security=needs(READ),
            replies={200: ("The models", schema("ModelsOut"))},
            problems=READ_PROBLEMS[2:],
        ),
    )
    add_route(
        app,
        "GET",
        "/v1/models/{name}",
        get_model,
        dependencies=[edge.requires(READ)],
        **operation(
            "A model, with its calibration by channel and tier",
            "Features, kept versions, AUC, log-loss and reliability of all lessons and of the last ones, and "
            "whether there is drift.",
            tag=_TAG,
            security=needs(READ),
            replies={200: ("The model", schema("ModelOut"))},
            problems=READ_PROBLEMS,
        ),
    )
    add_route(
        app,
        "POST",
        "/v1/models/{name}/rollback",
        rollback_model,
        dependencies=[edge.requires(ADMIN)],
        **operation(
            "Have an earlier version of a model answer",
            "The model itself learns on beside it, and answers again after `version: null`.",
            tag=_TAG,
            security=needs(ADMIN),
            takes=body(schema("ModelRollback")),
            replies={200: ("It answers", schema("ModelRolledBack"))},
            problems=(*BODY_PROBLEMS, NOT_FOUND),
        ),
    )
