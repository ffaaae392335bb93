"""The clients, the receiver and the checker of chaos against the real core in this process, without Ray."""

import asyncio
import base64
import socket
import time
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
import uvicorn

from actors.channels.config import build_channels, load_config
from actors.domain.ids import IdSpace
from actors.playbook.loader import bundle_bytes, compile_bundle, read_bundle, version_of
from actors.ports import CellRow, PartitionRow
from actors.runtime.answering import answering, bouncing
from actors.runtime.checking import checking
from actors.runtime.clocks import RealClock
from actors.runtime.dispatcher import Dispatcher
from actors.runtime.host import Host, HostSettings
from actors.runtime.reviewing import reviewing
from actors.stores.sqlite import SqliteStore
from scripts.chaos.books import read_books
from scripts.chaos.checking import check_all
from scripts.chaos.findings import Limits
from scripts.chaos.history import History, Log, read_file_outbox
from scripts.chaos.load import Load
from scripts.chaos.operating import write_channels
from scripts.chaos.receiving import Receiver
from scripts.chaos.running import PLAYBOOK, now_ms, wall_ms
from scripts.chaos.storing import SqliteStorage
from serve_app.auth import new_key
from serve_app.gateway import EdgeSettings, Services
from serve_app.http import build_http
from tests.doubles.scorers import FixedScorer
from tests.unit.scripts.local_system import LocalGateway

pytestmark = pytest.mark.slow

CELL = CellRow("cell-0", "one", 1, 1, "here", 0)
KEY = b"k" * 32


class RealGateway(LocalGateway):
    """The same, on the machine's clock."""

    def clock_is_virtual(self) -> bool:
        return False


class Losing:
    """Passes everything on to a store, and lets every n-th commit's answer be lost."""

    def __init__(self, inner, every):
        self._inner, self._every, self._n = inner, every, 0

    def __getattr__(self, name):
        return getattr(self._inner, name)

    async def commit(self, *args, **kwargs):
        from actors.domain.errors import StoreUnavailableError

        verdicts = await self._inner.commit(*args, **kwargs)
        self._n += 1
        if self._n % self._every == 0:
            raise StoreUnavailableError("the answer was lost")
        return verdicts


class Forgetful:
    """Passes everything on to a store, and forgets which messages were taken."""

    def __init__(self, inner):
        self._inner = inner

    def __getattr__(self, name):
        return getattr(self._inner, name)

    async def commit(self, changes, *args, **kwargs):
        changes = [replace(change, messages=()) for change in changes]
        return await self._inner.commit(changes, *args, **kwargs)


@asynccontextmanager
async def system(data, store):
    """Serve HTTP from this process; yield the URL and the key."""
    bundle = read_bundle(PLAYBOOK)
    playbook, clock = compile_bundle(bundle), RealClock()
    await store.put_playbook(version_of(bundle), bundle_bytes(bundle), 1)
    key, key_hash, record = new_key(("admin",), (), lambda n: b"r" * n)
    await store.put_key(key_hash, record)
    channels = build_channels(
        load_config(data / "channels.yaml"),
        data,
        now=lambda: clock.machine_ms() / 1000,
        secret=KEY,
    )
    dispatchers: list[Dispatcher] = []
    host = Host(
        store,
        FixedScorer(),
        IdSpace(KEY),
        clock,
        playbook,
        HostSettings(),
        lambda: [each.wake() for each in dispatchers] and None,
    )
    dispatchers.append(
        Dispatcher(
            store,
            channels,
            clock,
            owner=lambda: host.owner,
            epochs=lambda: host.epochs,
            check=checking(lambda: host.playbook, clock),
            review=reviewing(host.submit, clock),
            answered=answering(host.submit),
            bounced=bouncing(host.submit),
        )
    )
    await store.register_cell(CELL)
    await host.start(CELL)
    await host.claim(
        [PartitionRow(r.partition, r.owner, r.epoch) for r in await store.partitions()]
    )
    services = Services(
        gateway=RealGateway(host, store, clock),
        store=store,
        ids=IdSpace(KEY),
        machine_ms=clock.machine_ms,
        random_bytes=lambda n: b"r" * n,
        settings=EdgeSettings(currency=playbook.currency),
    )
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(256)
        server = uvicorn.Server(uvicorn.Config(build_http(services), log_level="error"))
        serving = asyncio.create_task(server.serve([listener]))
        sending = asyncio.create_task(dispatchers[0].run())
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}", key
        finally:
            server.should_exit = True
            await serving
            await dispatchers[0].stop(1.0)
            await sending
            await host.stop()
            await channels.close()


def is_enough(history):
    return len(history.reads) > 20 and len(history.writes) > 100


def books_and_history(folder, wrap):
    async def run():
        log = Log(folder / "history.jsonl")
        receiver = Receiver(1, log, now_ms)
        secret = "whsec_" + base64.b64encode(b"s" * 32).decode()
        write_channels(folder, await receiver.start(), secret)
        inner = SqliteStore.open(folder / "righttime.db")
        storage = SqliteStorage(folder)
        async with system(folder, wrap(inner)) as (url, key):
            load = Load(url, lambda: key, 1, "x", log, now_ms)
            await load.start()
            await asyncio.sleep(5)
            until = time.monotonic() + 60  # a busy machine does little in five seconds
            while time.monotonic() < until and not is_enough(load.history):
                await asyncio.sleep(0.2)
            receiver.calm = True
            await load.stop(30)
            until = time.monotonic() + 40
            while time.monotonic() < until and not storage.quiet(wall_ms()):
                await asyncio.sleep(0.2)
            books = storage.read(lambda fetch: read_books(fetch, wall_ms()))
        await receiver.stop()
        await inner.close()
        log.close()
        history = History(load.history.writes, load.history.reads, receiver.deliveries)
        history.deliveries += read_file_outbox(folder / "outbox" / "print.jsonl", "print")
        return books, history

    return asyncio.run(run())


@pytest.mark.parametrize(
    "wrap",
    [lambda store: store, lambda store: Losing(store, 7)],
    ids=["no faults", "answers of commits lost"],
)
def test_a_load_with_bad_habits_leaves_nothing_for_the_checker_to_find(tmp_path, wrap):
    books, history = books_and_history(tmp_path, wrap)

    assert check_all(books, history, Limits()) == []
    assert len(history.writes) > 50  # how many there is time for depends on the machine
    assert len(history.reads) > 20
    assert sum(bool(turn.timer) for turn in books.turns) > 50
    hows = {write.how for write in history.writes}
    assert hows == {"plain", "pair", "twice", "again", "dropped"}
    assert {each.channel for each in history.deliveries} == {"hook", "print"}


def test_a_store_that_forgets_messages_is_found_out(tmp_path):
    books, history = books_and_history(tmp_path, Forgetful)

    found = {each.kind for each in check_all(books, history, Limits())}
    assert {"duplicate", "answer"} & found
