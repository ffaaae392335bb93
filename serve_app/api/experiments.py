"""Experiments: a list, and the report of each."""

from typing import Annotated

from fastapi import FastAPI, Path
from starlette.responses import Response

from serve_app.api.documentation import READ_PROBLEMS, needs, operation, schema
from serve_app.api.edge import READ, Edge, add_route, json_response
from serve_app.api.records import Records
from serve_app.experiments import head_json
from serve_app.problems import NOT_FOUND, ProblemError

_TAG = "Experiments"
_PRIVATE = {"Cache-Control": "private, no-store"}

Name = Annotated[str, Path(max_length=128, description="An experiment of the active playbook.")]


def register(app: FastAPI, edge: Edge, records: Records) -> None:
    """Add the routes of experiments."""
    services = edge.services

    async def list_experiments() -> Response:
        playbook = await records.playbook()
        all_ = playbook.experiments.all if playbook is not None else ()
        return json_response({"experiments": [head_json(each) for each in all_]}, 200, _PRIVATE)

    async def get_experiment(name: Name) -> Response:
        playbook = await records.playbook()
        experiment = None if playbook is None else playbook.experiments.by_name.get(name)
        if playbook is None or experiment is None:
            raise ProblemError(NOT_FOUND, "The active playbook has no such experiment.")
        found = await edge.experiments.of(experiment, playbook, services.gateway.business_ms())
        return json_response(found, 200, _PRIVATE)

    add_route(
        app,
        "GET",
        "/v1/experiments",
        list_experiments,
        dependencies=[edge.requires(READ)],
        **operation(
            "All holdouts and experiments",
            "Those of the active playbook; what one divides the remainder of comes before it.",
            tag=_TAG,
            security=needs(READ),
            replies={200: ("The experiments", schema("ExperimentsOut"))},
            problems=READ_PROBLEMS[2:],
        ),
    )
    add_route(
        app,
        "GET",
        "/v1/experiments/{name}",
        get_experiment,
        dependencies=[edge.requires(READ)],
        **operation(
            "The report of an experiment",
            "By intention to treat, from the turn in which a customer first reached it: outcomes by arm, "
            "differences from the control with an interval for one look and one for any number of "
            "looks, and whether the arms have the sizes that they should. Read from the journal, up to "
            "50,000 turns a request: while `behind`, ask again.",
            tag=_TAG,
            security=needs(READ),
            replies={200: ("The report", schema("ExperimentOut"))},
            problems=READ_PROBLEMS,
        ),
    )
