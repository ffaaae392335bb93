"""Questions, outcomes, decision records and their replay."""

from typing import Annotated

from fastapi import FastAPI, Path
from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import Response

from actors.decisioning.record import replay
from serve_app.api.documentation import (
    EVENT_PROBLEMS,
    READ_PROBLEMS,
    RESPONSE_PROBLEMS,
    body,
    needs,
    operation,
    schema,
)
from serve_app.api.edge import (
    DECIDE,
    OUTCOMES,
    READ,
    Edge,
    Handler,
    add_route,
    json_response,
    reply,
)
from serve_app.api.records import CustomerId, Records
from serve_app.bodies import check_json, read_body, require_json
from serve_app.envelope import build_question, build_response, packed
from serve_app.problems import FORGOTTEN, GONE, from_validation
from serve_app.render import decision_json
from serve_app.schemas import DECIDE as DECIDE_BODY
from serve_app.schemas import RESPONSE as RESPONSE_BODY

DecisionId = Annotated[
    str, Path(alias="decisionId", max_length=64, examples=["d_04ZQ3N8F1T2RA_42"])
]


def _decide(edge: Edge) -> Handler:
    limit = edge.settings.max_event_bytes

    async def decide(request: Request) -> Response:
        headers = dict(request.scope["headers"])
        key = await edge.key(request, headers, DECIDE)
        require_json(headers)
        data = await read_body(request.receive, headers, limit)
        check_json(data)
        try:
            asked = DECIDE_BODY.validate_json(data)
        except ValidationError as error:
            raise from_validation(error) from None
        event, number = build_question(asked, key, edge.new_id)
        await edge.suggester.attach(event)
        item = packed(event, number, dry_run=bool(asked.get("dryRun")), body=data)
        answers = await edge.services.gateway.send([item])
        return reply(answers[0])

    return decide


def _respond(edge: Edge) -> Handler:
    settings = edge.settings

    async def respond(request: Request) -> Response:
        headers = dict(request.scope["headers"])
        await edge.key(request, headers, OUTCOMES)
        require_json(headers)
        data = await read_body(request.receive, headers, settings.max_event_bytes)
        check_json(data)
        try:
            told = RESPONSE_BODY.validate_json(data)
        except ValidationError as error:
            raise from_validation(error) from None
        response, number = build_response(told, settings.currency)
        answers = await edge.services.gateway.send([packed(response, number)])
        return reply(answers[0])

    return respond


def register(app: FastAPI, edge: Edge, records: Records) -> None:
    """Add decide, responses, the decision record and its replay."""
    _register_hot(app, edge)

    async def get_decision(id: CustomerId, decision_id: DecisionId) -> Response:  # noqa: A002
        number, seq, turn, playbook = await records.decision(id, decision_id)
        return json_response(decision_json(number, seq, turn, playbook))

    async def replay_decision(id: CustomerId, decision_id: DecisionId) -> Response:  # noqa: A002
        _, _, turn, playbook = await records.decision(id, decision_id)
        verdict = replay(records.decision_in(turn), playbook)
        result: dict[str, object] = {"identical": verdict.identical}
        if not verdict.identical:
            result["difference"] = verdict.difference
        return json_response(result)

    path = "/v1/customers/{id}/decisions/{decisionId}"
    add_route(
        app,
        "GET",
        path,
        get_decision,
        dependencies=[edge.requires(READ)],
        **operation(
            "A decision record",
            "Every candidate with the stage and rule that removed it, or propensity × weight × value "
            "× lever − cost = priority; the model, the playbook and the seed.",
            tag="Decisions and outcomes",
            security=needs(READ),
            replies={200: ("The record", schema("DecisionOut"))},
            problems=(*READ_PROBLEMS, GONE, FORGOTTEN),
        ),
    )
    add_route(
        app,
        "POST",
        path + "/replay",
        replay_decision,
        dependencies=[edge.requires(READ)],
        **operation(
            "Recompute a decision from its record",
            "Nothing is changed. A record of another engine version is reported as such; one that was "
            "forgotten by age cannot be recomputed, and is 410.",
            tag="Decisions and outcomes",
            security=needs(READ),
            replies={200: ("Whether it came out the same", schema("ReplayOut"))},
            problems=(*READ_PROBLEMS, GONE, FORGOTTEN),
        ),
    )


def _register_hot(app: FastAPI, edge: Edge) -> None:
    ask, tell = _decide(edge), _respond(edge)

    async def decide(request: Request) -> Response:
        return await ask(request)

    async def respond(request: Request) -> Response:
        return await tell(request)

    edge.hot["/v1/decide"] = ask
    edge.hot["/v1/responses"] = tell
    add_route(
        app,
        "POST",
        "/v1/decide",
        decide,
        **operation(
            "Ask for the best actions, without an event",
            "For a page, a call-centre desktop or an AI agent. `customerId` excludes the other two. "
            "`maxActions` is the number of placements when absent. With `dryRun` nothing is "
            "recorded, and no outcome can be reported.",
            tag="Decisions and outcomes",
            security=needs(DECIDE),
            takes=body(schema("Decide")),
            replies={200: ("The ranked actions", schema("EventReply"))},
            problems=EVENT_PROBLEMS,
        ),
    )
    add_route(
        app,
        "POST",
        "/v1/responses",
        respond,
        **operation(
            "Say how an effect was taken",
            "Duplicates count once. `value` is an amount in the playbook's currency.",
            tag="Decisions and outcomes",
            security=needs(OUTCOMES),
            takes=body(schema("ResponseIn")),
            replies={200: ("Committed", schema("OutcomeReply"))},
            problems=RESPONSE_PROBLEMS,
        ),
    )
