"""The customers of `bench memory`: who they are, and sending their events in batches."""

import asyncio
import json
import random
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Any

from scripts.bench.payloads import order, view
from scripts.demo.client import Client, GoneError, HttpTransport
from scripts.output import Failure

BATCH = 400
CONNECTIONS = 4
BUSY_EVERY = 25
BUSY_EVENTS = 20
"""One customer in 25 has 20 events more, as the customers do for whom memory is spent."""

Progress = Callable[[int, int], None]


def user(number: int) -> str:
    """Return a customer's name."""
    return f"known-{number}"


def history(run: str, known: int) -> Iterator[dict[str, Any]]:
    """Yield what makes the customers known: an order each, and more of the busy ones."""
    draw = random.Random(known)  # noqa: S311 - load, not secrets
    for number in range(known):
        yield order(f"{run}-{number}", user(number), draw.randint(8, 90))
        if number % BUSY_EVERY == 0:
            yield from busy(f"{run}-{number}", user(number), draw)


def busy(prefix: str, name: str, draw: random.Random) -> Iterator[dict[str, Any]]:
    """Yield a busy customer's further events: nine views, then an order, and again."""
    for number in range(1, BUSY_EVENTS + 1):
        if number % 10 == 0:
            yield order(f"{prefix}-{number}", name, draw.randint(8, 90))
        else:
            yield view(f"{prefix}-{number}", name, draw)


def history_length(known: int) -> int:
    """Return how many events `history` yields."""
    return known + (known + BUSY_EVERY - 1) // BUSY_EVERY * BUSY_EVENTS


def one_each(run: str, numbers: Sequence[int]) -> Iterator[dict[str, Any]]:
    """Yield one event of each of these customers: a product view that asks for an action."""
    draw = random.Random(len(numbers))  # noqa: S311 - load, not secrets
    for number in numbers:
        yield view(f"{run}-{number}", user(number), draw)


async def send(
    transport: HttpTransport, events: Iterator[dict[str, Any]], total: int, progress: Progress
) -> None:
    """Send all events in batches over a few connections.

    Raises:
        Failure: An event was refused, or the system does not answer any more.
    """
    client = Client(transport)
    batches = deque(iter(lambda: list(islice(events, BATCH)), []))
    done = 0

    async def worker() -> None:
        nonlocal done
        while batches:
            batch = batches.popleft()
            await _batch(client, batch)
            done += len(batch)
            progress(done, total)

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(CONNECTIONS):
                group.create_task(worker())
    except* (Failure, GoneError) as errors:
        first = errors.exceptions[0]
        sentence = first.reason if isinstance(first, GoneError) else str(first.args[0])
        raise Failure(f"loading failed: {sentence}") from first


async def _batch(client: Client, batch: list[dict[str, Any]]) -> None:
    """Send one batch, and what was told to come again later once more."""
    left = [{"type": "track", **event} for event in batch]
    refused: dict[str, object] = {}
    for _ in range(10):
        reply = await client.post("/v1/batch", {"batch": left})
        if reply.status != 200:
            raise Failure(f"a batch was refused: {reply.problem()}")
        refused = {
            result["messageId"]: result.get("error")
            for result in reply.body["results"]
            if result["status"] == "rejected"
        }
        left = [event for event in left if event["messageId"] in refused]
        if not left:
            return
        await asyncio.sleep(0.5)
    raise Failure(f"an event was rejected: {json.dumps(next(iter(refused.values())))}")
