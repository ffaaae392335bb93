"""From a committed turn to a signed webhook and an event stream, on each real store."""

import asyncio
import base64
import json
import time

import pytest
from aiohttp import web
from standardwebhooks.webhooks import Webhook

from actors.channels.webhook import WebhookChannel
from actors.domain.ids import home_partition
from actors.ports import Change, OutboxRow, Verdict
from actors.runtime.dispatcher import Dispatcher
from actors.stores.memory import MemoryStore
from actors.stores.sqlite import SqliteStore
from serve_app.stream import sse_events
from tests.contracts.store_support import permitted
from tests.unit.channels.outbox_fakes import DAY_MS, START_MS, key, payload

SECRET = "whsec_" + base64.b64encode(b"k" * 32).decode()
NUMBER = 77
OWNER = "cell-1/a"


class Clocks:
    def __init__(self):
        self.now_ms = START_MS

    def machine_ms(self):
        return self.now_ms

    business_ms = machine_ms


class Receiver:
    """Fails the first attempt of every effect, verifies every signature."""

    def __init__(self):
        self.got = []

    async def handle(self, request):
        body = await request.read()
        effect_key = request.headers["webhook-id"]
        content = Webhook(SECRET).verify(body, dict(request.headers))
        assert content["effectKey"] == effect_key
        first = effect_key not in self.got
        self.got.append(effect_key)
        return web.Response(status=500 if first else 200)


@pytest.fixture(params=["memory", "sqlite"])
def make_store(request, tmp_path):
    if request.param == "memory":
        return MemoryStore
    return lambda: SqliteStore.open(tmp_path / "store.db")


async def eventually(condition, timeout_s=10):
    async with asyncio.timeout(timeout_s):
        while not await condition():
            await asyncio.sleep(0.005)


async def commit_effects(store, count, epoch):
    rows = [OutboxRow(1, n, "email", START_MS, START_MS + DAY_MS, payload()) for n in range(count)]
    change = Change(NUMBER, home_partition(NUMBER), epoch, 0, 1, b"state", outbox=rows)
    assert await store.commit([change], START_MS) == [Verdict.COMMITTED]


def test_effects_of_a_commit_reach_the_webhook_and_the_stream(make_store):
    async def scenario():
        store, clocks, receiver = make_store(), Clocks(), Receiver()
        app = web.Application()
        app.router.add_post("/", receiver.handle)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = site._server.sockets[0].getsockname()[1]
        channel = WebhookChannel(
            f"http://127.0.0.1:{port}/", [SECRET], now=time.time, allow_private=True
        )
        epochs = await store.claim([(home_partition(NUMBER), "", 0)], OWNER)
        await commit_effects(store, 20, epochs[home_partition(NUMBER)])
        dispatcher = Dispatcher(
            store,
            {"email": channel},
            clocks,
            owner=lambda: OWNER,
            epochs=lambda: epochs,
            check=permitted,
            sleep=lambda _: asyncio.sleep(0.005),
            retry_jitter=0,
        )
        run = asyncio.create_task(dispatcher.run())

        async def all_tried():
            return (await store.outbox_counts()).get("pending") == 20 and len(receiver.got) == 20

        async def all_sent():
            return (await store.outbox_counts()).get("sent") == 20

        await eventually(all_tried)
        clocks.now_ms += 5_000
        dispatcher.wake()
        await eventually(all_sent)
        await dispatcher.stop(1)
        await run
        streamed = b""
        events = sse_events(store, "email", None, clock=clocks)
        while streamed.count(b"data: ") < 20:
            streamed += await anext(events)
        await events.aclose()
        await channel.close()
        await runner.cleanup()
        await store.close()
        return receiver.got, streamed

    got, streamed = asyncio.run(scenario())

    expected = sorted(key(1, n) for n in range(20))
    assert sorted(got[:20]) == sorted(got[20:]) == expected
    data = [line[6:] for line in streamed.decode().split("\n") if line.startswith("data: ")]
    assert sorted(json.loads(line)["effectKey"] for line in data) == expected


def test_an_owner_that_was_fenced_sends_nothing(make_store):
    async def scenario():
        store, clocks, receiver = make_store(), Clocks(), []

        class Channel:
            async def deliver(self, effect_key, body, attempt):
                receiver.append(effect_key)

            async def close(self):
                pass

        partition = home_partition(NUMBER)
        epochs = await store.claim([(partition, "", 0)], OWNER)
        await commit_effects(store, 3, epochs[partition])
        due = await store.outbox_due(OWNER, START_MS, 10)
        await store.claim([(partition, OWNER, epochs[partition])], "cell-2/b")

        class Stale:
            """The store as an owner sees it that read its due rows just before it lost them."""

            async def outbox_due(self, owner, now_machine_ms, limit, skip=()):
                return due

            outbox_claim = staticmethod(store.outbox_claim)
            outbox_settle = staticmethod(store.outbox_settle)

        dispatcher = Dispatcher(
            Stale(),
            {"email": Channel()},
            clocks,
            owner=lambda: OWNER,
            epochs=lambda: epochs,
            check=permitted,
            sleep=lambda _: asyncio.sleep(0.005),
        )
        run = asyncio.create_task(dispatcher.run())

        async def refused():
            return dispatcher.stats().refused_claims >= 3

        await eventually(refused)
        await dispatcher.stop(0)
        await run
        counts = await store.outbox_counts()
        await store.close()
        return receiver, counts.get("pending")

    assert asyncio.run(scenario()) == ([], 3)
