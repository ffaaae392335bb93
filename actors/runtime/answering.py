"""What a webhook answers to the call of a scenario, on its way back to the customer."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

import msgpack

from actors.channels.body import key_of
from actors.domain.actions import CALL
from actors.domain.errors import StoreUnavailableError
from actors.domain.events import ANSWER, Command, Response
from actors.domain.journeys import MAX_TEXT
from actors.ports import OutboxItem
from actors.scenarios.values import flat
from actors.session.jobs import Job
from actors.wire.messages import RETRYABLE

_EXACT = 2**53


def is_call(item: OutboxItem) -> bool:
    """Return whether an instance of a scenario waits for the answer to this row."""
    try:
        action = msgpack.unpackb(item.payload)["action"]
    except (ValueError, TypeError, KeyError):
        return False
    return isinstance(action, str) and action.startswith(CALL)


def answer_command(item: OutboxItem, ok: bool, body: bytes) -> Command:
    """Return the answer as a command: at most 16 flat values of a JSON object, in its order."""
    return Command(
        message_id=f"answer:{key_of(item)}",
        kind=ANSWER,
        arguments={
            "number": item.number,
            "seq": item.seq,
            "n": item.n,
            "ok": ok,
            "properties": _flat(body),
        },
    )


def answering(
    submit: Callable[[list[Job]], Awaitable[None]],
) -> Callable[[OutboxItem, bool, bytes], Awaitable[None]]:
    """Return what tells a customer's instance of an answer, through the cell's own mailboxes."""

    async def tell(item: OutboxItem, ok: bool, body: bytes) -> None:
        job = Job(answer_command(item, ok, body), item.number)
        await submit([job])
        if job.answer is None or job.answer.code in RETRYABLE:
            raise StoreUnavailableError("the answer to a call could not be taken now")

    return tell


def bounce_of(item: OutboxItem, kind: str) -> Response:
    """Return the outcome that a channel itself reports; `kind` is `hard` or `soft`."""
    effect_key = key_of(item)
    return Response(
        message_id=f"bounce:{effect_key}", effect_key=effect_key, outcome="bounce", detail=kind
    )


def bouncing(
    submit: Callable[[list[Job]], Awaitable[None]],
) -> Callable[[OutboxItem, str], Awaitable[None]]:
    """Return what tells a customer of a bounce, through the cell's own mailboxes."""

    async def tell(item: OutboxItem, kind: str) -> None:
        job = Job(bounce_of(item, kind), item.number)
        await submit([job])
        if job.answer is None or job.answer.code in RETRYABLE:
            raise StoreUnavailableError("a bounce could not be taken now")

    return tell


def _flat(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body) if body else {}
    except ValueError:
        return {}
    if not isinstance(found, dict):
        return {}
    return flat({name: value for name, value in found.items() if _fits(name, value)})


def _fits(name: str, value: object) -> bool:
    """Return whether a value is exact in JSON everywhere, under a name of a sane length."""
    return len(name) <= MAX_TEXT and not (isinstance(value, int) and abs(value) >= _EXACT)
