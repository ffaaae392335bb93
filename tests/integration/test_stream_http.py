"""The event stream over real HTTP."""

import asyncio
from contextlib import asynccontextmanager

import aiohttp
import pytest
import uvicorn

from actors.domain.errors import StoreUnavailableError
from serve_app.problems import FORBIDDEN, UNAUTHORIZED, ProblemError
from serve_app.stream import Pace, build_stream_app, event_id
from tests.unit.channels.outbox_fakes import FakeOutbox, ManualTime, item, key

QUICK = Pace(poll_s=0.01, heartbeat_s=0.0)


async def authorize(request, channel):
    if request.headers.get("Authorization") != "Bearer right":
        raise ProblemError(UNAUTHORIZED, "Send a key.")
    if channel == "secret":
        raise ProblemError(FORBIDDEN, "The key is bound to other channels.")


@asynccontextmanager
async def serving(store, **changes):
    settings = {"authorize": authorize, "pace": QUICK} | changes
    app = build_stream_app(store, ManualTime(), **settings)
    config = uvicorn.Config(app, port=0, log_level="error", lifespan="off", ws="none")
    server = uvicorn.Server(config)
    server.install_signal_handlers = lambda: None
    config.timeout_graceful_shutdown = 1
    run = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.005)
    port = server.servers[0].sockets[0].getsockname()[1]
    headers = {"Authorization": "Bearer right"}
    try:
        async with aiohttp.ClientSession(f"http://127.0.0.1:{port}", headers=headers) as client:
            yield client
    finally:
        server.should_exit = True
        await run


async def ids_of(response, count):
    """Read until `count` ids came; then leave the stream."""
    ids = []
    async for line in response.content:
        if line.startswith(b"id: "):
            ids.append(line[4:].strip().decode())
            if len(ids) == count:
                return ids
    return ids


def rows_of(count):
    return [item(seq=seq, channel="web", attempts=1) for seq in range(1, count + 1)]


def test_a_client_reads_then_resumes_with_the_last_id():
    async def scenario():
        store = FakeOutbox(rows_of(3))
        async with serving(store) as client:
            async with client.get("/v1/actions/stream?channel=web") as response:
                assert response.status == 200
                assert response.content_type == "text/event-stream"
                assert response.headers["Cache-Control"] == "no-cache"
                first = await ids_of(response, 3)
            store.add(item(seq=4, channel="web", attempts=1))
            headers = {"Last-Event-ID": first[-1]}
            async with client.get("/v1/actions/stream?channel=web", headers=headers) as response:
                second = await ids_of(response, 4)
        return first, second

    first, second = asyncio.run(scenario())

    expected = [event_id(row) for row in rows_of(4)]
    assert first == expected[:3]
    assert second == expected  # within ten seconds of the last one: repeated, under the same keys
    assert second[-1].endswith(key(4))


def test_past_the_bound_a_stream_is_refused_until_another_client_leaves():
    async def scenario():
        async with serving(FakeOutbox(rows_of(1)), max_streams=2) as client:
            url = "/v1/actions/stream?channel=web"
            open_streams = [await client.get(url) for _ in range(2)]
            async with client.get(url) as refused:
                assert refused.status == 503
                assert refused.content_type == "application/problem+json"
                assert refused.headers["Retry-After"] == "5"
            open_streams.pop().close()
            for _ in range(200):
                async with client.get(url) as again:
                    if again.status == 200:
                        break
                await asyncio.sleep(0.005)
            open_streams.pop().close()
            return again.status

    assert asyncio.run(scenario()) == 200


def test_a_client_that_leaves_a_silent_stream_frees_its_place_at_once():
    async def scenario():
        silent = Pace(poll_s=3_600, heartbeat_s=3_600)
        async with serving(FakeOutbox(), max_streams=1, pace=silent) as client:
            url = "/v1/actions/stream?channel=web"
            (await client.get(url)).close()
            for _ in range(400):
                async with client.get(url) as again:
                    if again.status == 200:
                        return True
                await asyncio.sleep(0.005)
        return False

    assert asyncio.run(scenario())


@pytest.mark.parametrize(
    ("query", "headers", "status"),
    [
        ("?channel=web", {"Authorization": "Bearer wrong"}, 401),
        ("?channel=secret", {}, 403),
        ("?channel=web", {"Last-Event-ID": "42"}, 400),
        ("?channel=", {}, 422),
        ("", {}, 422),
        ("?channel=" + "x" * 65, {}, 422),
    ],
)
def test_a_stream_that_may_not_be_is_a_problem(query, headers, status):
    async def scenario():
        async with (
            serving(FakeOutbox()) as client,
            client.get("/v1/actions/stream" + query, headers=headers) as response,
        ):
            return response.status, response.content_type, await response.json(content_type=None)

    found, media_type, body = asyncio.run(scenario())

    assert (found, media_type) == (status, "application/problem+json")
    assert body["status"] == status


def test_a_store_that_cannot_check_the_key_is_503():
    async def unreachable(request, channel):
        raise StoreUnavailableError("down")

    async def scenario():
        async with (
            serving(FakeOutbox(), authorize=unreachable) as client,
            client.get("/v1/actions/stream?channel=web") as response,
        ):
            return response.status, response.headers["Retry-After"]

    assert asyncio.run(scenario()) == (503, "1")


def test_a_key_revoked_meanwhile_ends_the_stream():
    answers = [True]

    async def revocable(request, channel):
        if not answers[-1]:
            raise ProblemError(UNAUTHORIZED)

    async def scenario():
        async with (
            serving(FakeOutbox(), authorize=revocable) as client,
            client.get("/v1/actions/stream?channel=web") as response,
        ):
            await response.content.readline()
            answers.append(False)
            async with asyncio.timeout(5):
                await response.content.read()  # until the end, which comes
            return response.content.at_eof()

    assert asyncio.run(scenario())
