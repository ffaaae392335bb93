"""Batches: any mix of types and customers, where one bad item never spoils the others."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, cast

from fastapi import FastAPI
from pydantic import ValidationError
from pydantic_core import to_json
from starlette.requests import Request
from starlette.responses import Response

from actors.wire.messages import RETRYABLE, Answer, Code
from serve_app.api.documentation import BATCH_PROBLEMS, body, needs, operation, schema
from serve_app.api.edge import (
    INGEST,
    Edge,
    Handler,
    add_route,
    json_response,
    problem_of_answer,
)
from serve_app.api.events import authenticated_body
from serve_app.auth import Key
from serve_app.bodies import check_depth, strictly
from serve_app.envelope import build_event, kind_of, packed
from serve_app.gateway import PackedItem
from serve_app.problems import (
    BUSY,
    MAX_DEPTH,
    TOO_LARGE,
    UNAVAILABLE,
    ProblemError,
    body_of,
    from_validation,
    invalid,
)
from serve_app.schemas import BATCH, ENVELOPE, MAX_MESSAGE_ID, Batch, Envelope

_PAUSE_EVERY = 64

Reader = Callable[[Any], object]
"""Turns one item of a batch into an unvalidated envelope; may raise `ProblemError`."""


def parse_batch(data: bytes, max_items: int) -> Batch:
    """Validate a batch, except for its items.

    Raises:
        ProblemError: 400, 413 or 422.
    """
    if b"NaN" in data or b"Infinity" in data:
        strictly(data)
    try:
        batch = BATCH.validate_json(data)
    except ValidationError as error:
        raise from_validation(error) from None
    if "batch" not in batch:
        raise invalid("batch", "is needed")
    check_count(batch["batch"], max_items)
    return batch


def check_count(items: Sequence[object], max_items: int) -> None:
    """Refuse too many items.

    Raises:
        ProblemError: 413.
    """
    if len(items) > max_items:
        raise ProblemError(TOO_LARGE, f"A batch holds at most {max_items} events.")


def validated(value: object, max_bytes: int) -> Envelope:
    """Validate one item of a batch, including its size as compact JSON and its depth.

    Raises:
        ProblemError: 413 or 422.
    """
    raw = to_json(value)
    if len(raw) > max_bytes:
        raise ProblemError(TOO_LARGE, f"An event is at most {max_bytes} bytes.")
    if raw.count(b"{") + raw.count(b"[") > MAX_DEPTH:
        check_depth(value)
    try:
        return ENVELOPE.validate_python(value)
    except ValidationError as error:
        raise from_validation(error) from None


def _message_id(value: object) -> str | None:
    given = value.get("messageId") if isinstance(value, dict) else None
    return given if isinstance(given, str) and 0 < len(given) <= MAX_MESSAGE_ID else None


def _rejected(message_id: str | None, problem: ProblemError) -> dict[str, Any]:
    error = body_of(problem.kind, problem.detail, problem.errors)
    return {"messageId": message_id, "status": "rejected", "error": error}


async def send_all(
    edge: Edge,
    key: Key,
    items: Sequence[object],
    read: Reader,
    *,
    sent_at_ms: int | None = None,
) -> Response:
    """Validate items one by one, send those that are good, and answer for all, in order.

    `sent_at_ms` stands in for items that do not say when they were sent.
    When some could only be tried again, the whole batch is answered 429 or 503: what was taken is a
    duplicate the next time, and no client library would repeat single items of a 200.
    """
    results: list[dict[str, Any] | None] = []
    sending: list[PackedItem] = []
    message_ids: list[str] = []
    for i, item in enumerate(items):
        if i % _PAUSE_EVERY == _PAUSE_EVERY - 1:
            await asyncio.sleep(0)  # others share this loop
        value = item
        try:
            value = read(item)
            envelope = validated(value, edge.settings.max_event_bytes)
            event = build_event(kind_of(envelope), envelope, key, edge.new_id)
            if event.sent_at_ms is None:
                event.sent_at_ms = sent_at_ms
            # The reply has no room for actions, so none are chosen: they would count as shown.
            event.placements, event.max_actions = (), 0
            sending.append(packed(event))
        except ProblemError as problem:
            results.append(_rejected(_message_id(value), problem))
        else:
            message_ids.append(event.message_id)
            results.append(None)
    answers = await edge.services.gateway.send(sending) if sending else []
    _raise_if_unfinished(answers, len(items))
    taken = iter(zip(message_ids, answers, strict=True))
    return json_response(
        {"results": [r if r is not None else _result(*next(taken)) for r in results]}
    )


def _result(message_id: str, answer: Answer) -> dict[str, Any]:
    if answer.code is Code.ACCEPTED:
        return {"messageId": message_id, "status": "accepted"}
    if answer.code is Code.DUPLICATE:
        return {"messageId": message_id, "status": "duplicate"}
    return _rejected(message_id, problem_of_answer(answer))


def _raise_if_unfinished(answers: Sequence[Answer], total: int) -> None:
    again = [answer for answer in answers if answer.code in RETRYABLE]
    if again:
        busy = all(answer.code is Code.BUSY for answer in again)
        raise ProblemError(
            BUSY if busy else UNAVAILABLE,
            f"{len(again)} of {total} events could not be taken yet: send the batch again with the "
            "same message ids; what was taken counts once.",
            (),
            max(answer.retry_after_s for answer in again) or 1.0,
        )


def _reader(shared: dict[str, Any] | None) -> Reader:
    """Return a reader that puts what the batch's context says under every item's own."""

    def read(item: Any) -> object:
        if shared and isinstance(item, dict):
            own = item.get("context")
            if own is None or isinstance(own, dict):
                return {**item, "context": {**shared, **(own or {})}}
        return item

    return read


def _handler(edge: Edge, *, browser: bool) -> Handler:
    settings = edge.settings

    async def take(request: Request) -> Response:
        data, key = await authenticated_body(
            edge, request, settings.max_batch_bytes, browser=browser
        )
        batch = parse_batch(data, settings.max_batch_items)
        sent_at_ms = cast("int | None", batch.get("sentAt"))
        return await send_all(
            edge, key, batch["batch"], _reader(batch.get("context")), sent_at_ms=sent_at_ms
        )

    return take


def register(app: FastAPI, edge: Edge) -> None:
    """Add `/v1/batch` and `/v1/b`."""
    for path, browser in (("/v1/batch", False), ("/v1/b", True)):
        _register(app, edge, path, browser=browser)


def _register(app: FastAPI, edge: Edge, path: str, *, browser: bool) -> None:
    handler = _handler(edge, browser=browser)

    async def endpoint(request: Request) -> Response:
        return await handler(request)

    edge.hot[path] = handler
    types = ("text/plain", "application/json") if browser else ("application/json",)
    add_route(
        app,
        "POST",
        path,
        endpoint,
        operation_id="batch_short" if browser else "batch_events",
        **operation(
            "Many events at once" + (" (short form for browsers)" if browser else ""),
            "Any mix of types and customers, committed before the reply; one result an item, in "
            "order. A bad item never spoils the others. When some items could only be tried again "
            "the whole batch is answered 429 or 503: repeat it, what was taken counts once.",
            tag="Events in",
            security=needs(INGEST, or_in_body=True),
            takes=body(schema("Batch"), types, gzip=True),
            replies={200: ("One result an item", schema("BatchReply"))},
            problems=BATCH_PROBLEMS,
        ),
    )
