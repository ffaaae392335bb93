"""CloudEvents 1.0: structured, batched and binary mode on one path."""

from fastapi import FastAPI
from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import Response

from serve_app import cloud_events
from serve_app.api.batches import check_count, send_all
from serve_app.api.documentation import (
    BATCH_PROBLEMS,
    CLOUD_EVENT_HEADERS,
    body,
    needs,
    one_of,
    operation,
    schema,
)
from serve_app.api.edge import INGEST, Edge, Handler, add_route, reply
from serve_app.auth import Key
from serve_app.bodies import check_depth, media_type, read_body, strictly
from serve_app.envelope import build_event, kind_of, packed
from serve_app.problems import UNSUPPORTED, ProblemError, from_validation, invalid
from serve_app.schemas import ENVELOPE

PATH = "/v1/events"


async def _single(edge: Edge, key: Key, value: object) -> Response:
    check_depth(value)
    try:
        envelope = ENVELOPE.validate_python(value)
    except ValidationError as error:
        raise from_validation(error) from None
    event = build_event(kind_of(envelope), envelope, key, edge.new_id)
    answers = await edge.services.gateway.send([packed(event)])
    return reply(answers[0])


def _handler(edge: Edge) -> Handler:
    settings = edge.settings

    async def take(request: Request) -> Response:
        headers = dict(request.scope["headers"])
        key = await edge.key(request, headers, INGEST)
        kind = media_type(headers)
        if kind == cloud_events.BATCHED:
            data = await read_body(request.receive, headers, settings.max_batch_bytes)
            items = strictly(data)
            if not isinstance(items, list):
                raise invalid("", "a batch of CloudEvents is an array")
            check_count(items, settings.max_batch_items)
            return await send_all(edge, key, items, cloud_events.from_structured)
        if kind == cloud_events.STRUCTURED:
            data = await read_body(request.receive, headers, settings.max_event_bytes)
            return await _single(edge, key, cloud_events.from_structured(strictly(data)))
        if cloud_events.is_binary(headers):
            data = await read_body(request.receive, headers, settings.max_event_bytes)
            return await _single(edge, key, cloud_events.from_binary(headers, data))
        raise ProblemError(
            UNSUPPORTED,
            "Send application/cloudevents+json, application/cloudevents-batch+json, or ce- headers.",
        )

    return take


def register(app: FastAPI, edge: Edge) -> None:
    """Add `/v1/events`."""
    handler = _handler(edge)

    async def endpoint(request: Request) -> Response:
        return await handler(request)

    edge.hot[PATH] = handler
    batch = {
        "type": "array",
        "items": schema("CloudEvent"),
        "maxItems": edge.settings.max_batch_items,
    }
    takes = body(schema("CloudEvent"), ("application/cloudevents+json",))
    content = takes["requestBody"]["content"]
    content["application/cloudevents-batch+json"] = {"schema": batch}
    content["application/json"] = {"schema": {"type": "object"}}
    takes["parameters"] = CLOUD_EVENT_HEADERS
    add_route(
        app,
        "POST",
        PATH,
        endpoint,
        operation_id="cloud_events",
        **operation(
            "CloudEvents 1.0, structured, batched or binary",
            "`(source, id)` is the message id. A `type` of identify, track, page, screen, group or "
            "alias has the Segment envelope as `data`; any other is a track event of that name, "
            "with `data` as its properties, or as the envelope if it has `properties`, `traits` or "
            "`context`. `subject` names the customer when `data` does not: `user:…`, `anon:…` or a "
            "bare userId. `time` is the timestamp, the extension `channel` the channel. Binary mode "
            "has the attributes in `ce-` headers and `data` as the body.",
            tag="Events in",
            security=needs(INGEST),
            takes=takes,
            replies={
                200: (
                    "Committed; for a batch one result an item",
                    one_of(schema("EventReply"), schema("BatchReply")),
                )
            },
            problems=BATCH_PROBLEMS,
        ),
    )
