"""What a webhook answers to the call of a scenario, on its way back to the customer."""

import json
from collections.abc import Awaitable, Callable
from math import isfinite
from typing import Any

import msgpack

from actors.channels.body import key_of
from actors.domain.actions import CALL
from actors.domain.errors import StoreUnavailableError
from actors.domain.events import ANSWER, Command
from actors.domain.journeys import MAX_DATA, MAX_TEXT
from actors.ports import OutboxItem
from actors.session.jobs import Job
from actors.wire.messages import Code

_LATER = frozenset({Code.BUSY, Code.RETRY, Code.NOT_MINE})


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
        if job.answer is None or job.answer.code in _LATER:
            raise StoreUnavailableError("the answer to a call could not be taken now")

    return tell


def _flat(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body) if body else {}
    except ValueError:
        return {}
    if not isinstance(found, dict):
        return {}
    kept: dict[str, Any] = {}
    for name, value in found.items():
        if len(kept) >= MAX_DATA or len(name) > MAX_TEXT:
            continue
        whole = isinstance(value, int) and abs(value) < 2**53
        text = isinstance(value, str) and len(value) <= MAX_TEXT
        if isinstance(value, bool) or whole or text or _finite(value):
            kept[name] = value
    return kept


def _finite(value: object) -> bool:
    return isinstance(value, float) and isfinite(value)
