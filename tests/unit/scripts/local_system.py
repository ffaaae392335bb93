"""A whole system in this process: the real edge, host, session and playbook on a store in memory."""

import hashlib
from collections.abc import Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import httpx

from actors.domain.ids import PARTITIONS, Identity, IdSpace
from actors.playbook.loader import bundle_bytes, compile_bundle, version_of
from actors.ports import CellRow, PartitionRow, Store
from actors.runtime.clocks import VirtualClock
from actors.runtime.host import Host, HostSettings
from actors.stores.memory import MemoryStore
from actors.wire.messages import Answer, pack_request, unpack_answers
from scripts.demo.client import RawReply
from serve_app.auth import new_key
from serve_app.gateway import EdgeSettings, PackedItem, Services
from serve_app.http import build_http
from tests.doubles.scorers import FixedScorer
from tests.retail import BUNDLE, RETAIL

IDS = IdSpace(b"k" * 32)
CELL = CellRow("cell-0", "one", 1, 1, "here", 0)


class LocalGateway:
    """The gateway to a single host that owns every partition."""

    def __init__(self, host: Host, store: Store, clock: VirtualClock) -> None:
        self._host = host
        self._store = store
        self._clock = clock

    async def send(self, items: Sequence[PackedItem]) -> list[Answer]:
        return unpack_answers(await self._host.apply(pack_request([item.data for item in items])))

    def any_hot(self) -> bool:
        return False

    def refuses(self, route: Identity) -> float | None:
        return None

    async def advance(self, to_ms: int) -> int:
        return await self._host.advance(to_ms)

    def business_ms(self) -> int:
        return self._clock.business_ms()

    def clock_is_virtual(self) -> bool:
        return True

    async def status(self) -> dict[str, Any]:
        return {"outbox": await self._store.outbox_counts()}

    async def put_playbook(self, bundle: Mapping[str, str]) -> tuple[str, bool]:
        raise NotImplementedError

    def ready(self) -> bool:
        return True


class InProcess:
    """A transport to the edge without sockets."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http

    async def attempt(self, method: str, path: str, body: bytes | None) -> RawReply:
        headers = {"Content-Type": "application/json"} if body else {}
        reply = await self._http.request(method, path, content=body, headers=headers)
        return RawReply(reply.status_code, None, reply.content)


@asynccontextmanager
async def running(store: MemoryStore, start_ms: int, bundle: Mapping[str, str] = BUNDLE):
    """Yield a transport to a system on a virtual clock, by default with the playbook `retail`."""
    playbook = RETAIL if bundle is BUNDLE else compile_bundle(bundle)
    await store.put_playbook(version_of(bundle), bundle_bytes(bundle), 1)
    drawn = iter(range(1_000_000))

    def random(n: int) -> bytes:
        return hashlib.shake_128(str(next(drawn)).encode()).digest(n)

    key, key_hash, record = new_key(("admin",), (), random)
    await store.put_key(key_hash, record)
    clock = VirtualClock(start_ms)
    host = Host(store, FixedScorer(), IDS, clock, playbook, HostSettings(), lambda: None)
    await store.register_cell(CELL)
    await host.start(CELL)
    rows = [row for row in await store.partitions() if row.owner != CELL.owner]
    await host.claim([PartitionRow(r.partition, r.owner, r.epoch) for r in rows])
    assert len(host.epochs) == PARTITIONS
    app = build_http(
        Services(
            gateway=LocalGateway(host, store, clock),
            store=store,
            ids=IDS,
            machine_ms=clock.machine_ms,
            random_bytes=random,
            settings=EdgeSettings(currency=playbook.currency),
        )
    )
    try:
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(app, client=("127.0.0.1", 9)),
            base_url="http://system",
            headers={"Authorization": f"Bearer {key}"},
        ) as http:
            yield InProcess(http)
    finally:
        await host.stop()
