"""The HTTP edge on a recording gateway and a store in memory."""

import asyncio
import hashlib
import json
import weakref
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from unittest.mock import patch

import httpx

from actors.domain.errors import PlaybookError
from actors.domain.ids import Identity, IdSpace
from actors.playbook.loader import bundle_bytes
from actors.session.quarantine import Quarantine
from actors.stores.memory import MemoryStore
from actors.wire.messages import Answer, Code, Routed, pack_request, unpack_request
from serve_app.api.records import Records
from serve_app.auth import new_key
from serve_app.gateway import EdgeSettings, PackedItem, Services
from serve_app.http import build_http

PROBLEM = "application/problem+json"


class FakeGateway:
    """Remembers what reaches it; answers as told, or accepts."""

    def __init__(self, store: MemoryStore) -> None:
        self.store = store
        self.sent: list[PackedItem] = []
        self.answer: Callable[[int, Routed], Answer] = accepted
        self.error: Exception | None = None
        self.hot: dict[Identity, float] = {}
        self.virtual = False
        self.now_ms = 1_700_000_000_000
        self.is_ready = True
        self.everywhere = True
        self.calls = 0
        self.aside = Quarantine(lambda: self.now_ms)

    @property
    def items(self) -> list[Routed]:
        return unpack_request(pack_request([item.data for item in self.sent]))

    async def send(self, items: Sequence[PackedItem]) -> list[Answer]:
        self.calls += 1
        if self.error is not None:
            raise self.error
        self.sent += items
        routed = unpack_request(pack_request([item.data for item in items]))
        return [self.answer(i, each) for i, each in enumerate(routed)]

    def any_hot(self) -> bool:
        return bool(self.hot)

    def refuses(self, route: Identity) -> float | None:
        return self.hot.get(route)

    async def advance(self, to_ms: int) -> int:
        self.now_ms = to_ms
        return 3

    def business_ms(self) -> int:
        return self.now_ms

    def clock_is_virtual(self) -> bool:
        return self.virtual

    async def status(self) -> dict[str, Any]:
        return {"cells": []}

    async def put_playbook(self, bundle: Mapping[str, str]) -> tuple[str, bool]:
        if "bad.yaml" in bundle:
            raise PlaybookError(("bad.yaml:3:7: unknown field 'x'", "no playbook.yaml"))
        version = hashlib.sha256(bundle_bytes(bundle)).hexdigest()[:8]
        await self.store.put_playbook(version, bundle_bytes(bundle), 1)
        return version, self.everywhere

    async def quarantine(self) -> list[dict[str, Any]]:
        return self.aside.rows()

    async def release(self, entry_id: str) -> bool:
        return self.aside.release(entry_id)

    def ready(self) -> bool:
        return self.is_ready


def accepted(_: int, routed: Routed) -> Answer:
    return Answer(
        Code.ACCEPTED,
        json.dumps({"status": "accepted", "messageId": routed.item.message_id}).encode(),
    )


def answering(code: Code, detail: str = "", retry_after_s: float = 0.0) -> Callable[..., Answer]:
    return lambda _i, _routed: Answer(code, b"", detail, 0, retry_after_s)


class _Slot:
    """Stands for what an application is built with, and is given another one for another edge."""

    def __init__(self) -> None:
        self.filled: Any = None

    def __getattr__(self, name: str) -> Any:
        """Return a method that looks for itself when it is called: some are kept for good."""

        def call(*given: Any, **named: Any) -> Any:
            return getattr(self.filled, name)(*given, **named)

        return call


class _Application:
    """An application that edges use one after the other: building one takes 35 ms."""

    def __init__(self, settings: EdgeSettings) -> None:
        self.gateway, self.store, self.edge = _Slot(), _Slot(), _Slot()
        self.services = Services(
            gateway=self.gateway,
            store=self.store,
            ids=IdSpace(b"k" * 32),
            machine_ms=lambda: self.edge.filled().now_ms,
            random_bytes=lambda n: self.edge.filled().random(n),
            settings=settings,
        )
        made: list[Records] = []

        def records(*given: Any) -> Records:
            made.append(Records(*given))
            return made[0]

        with patch("serve_app.http.Records", records):
            self.app = build_http(self.services)
        self._records = made[0]
        self._behind = self.app.user_middleware[0].kwargs["edge"]

    def serve(self, edge: "Edge") -> None:
        """Forget the edge before; this one is not kept alive."""
        self.gateway.filled, self.store.filled = edge.gateway, edge.store
        self.edge.filled = weakref.ref(edge)
        hot = self._behind.hot
        self._behind.__init__(self.services)  # type: ignore[misc]  # all that it has read is forgotten
        self._behind.hot = hot
        self._records.__init__(self.store, self.services.machine_ms)  # type: ignore[misc]


_FREE: dict[EdgeSettings, list[_Application]] = {}
"""Applications whose edge is gone."""


class Edge:
    """One running edge; `key` maps a name to a key's text."""

    def __init__(self, **settings: Any) -> None:
        self.store = MemoryStore()
        self.gateway = FakeGateway(self.store)
        self.now_ms = 1_000_000
        self._drawn = 0
        self.keys: dict[str, str] = {}
        self.settings = EdgeSettings(**settings)
        free = _FREE.setdefault(self.settings, [])
        application = free.pop() if free else _Application(self.settings)
        application.serve(self)
        weakref.finalize(self, free.append, application)
        self.app = application.app
        self.add_key("admin", ["admin"])

    def random(self, n: int) -> bytes:
        self._drawn += 1
        return hashlib.shake_128(str(self._drawn).encode()).digest(n)

    def add_key(self, name: str, scopes: Sequence[str], channels: Sequence[str] = ()) -> str:
        text, key_hash, record = new_key(scopes, channels, self.random)
        asyncio.run(self.store.put_key(key_hash, record))
        self.keys[name] = text
        return text

    def request(
        self,
        method: str,
        path: str,
        *,
        key: str | None = "admin",
        headers: Mapping[str, str] | None = None,
        client: tuple[str, int] = ("203.0.113.9", 5),
        **options: Any,
    ) -> httpx.Response:
        sent = dict(headers or {})
        if key is not None:
            sent.setdefault("Authorization", f"Bearer {self.keys.get(key, key)}")

        async def call() -> httpx.Response:
            transport = httpx.ASGITransport(self.app, client=client)
            async with httpx.AsyncClient(transport=transport, base_url="http://edge") as http:
                return await http.request(method, path, headers=sent, **options)

        return asyncio.run(call())

    def get(self, path: str, **options: Any) -> httpx.Response:
        return self.request("GET", path, **options)

    def post(self, path: str, body: Any = None, **options: Any) -> httpx.Response:
        if isinstance(body, bytes):
            headers = {"Content-Type": "application/json", **(options.pop("headers", None) or {})}
            return self.request("POST", path, content=body, headers=headers, **options)
        return self.request("POST", path, json=body, **options)


def assert_problem(response: httpx.Response, status: int, slug: str | None = None) -> Any:
    """Check the whole shape of a problem and return its body."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == PROBLEM
    body = response.json()
    assert set(body) <= {"type", "title", "status", "detail", "errors"}
    assert body["status"] == status
    assert body["type"].startswith("/problems/")
    assert body["title"]
    if slug is not None:
        assert body["type"] == f"/problems/{slug}"
    for error in body.get("errors", ()):
        assert set(error) == {"loc", "msg"}
        assert isinstance(error["loc"], str)
        assert isinstance(error["msg"], str)
    if status in (429, 503):
        assert int(response.headers["retry-after"]) >= 1
    if status == 401:
        assert response.headers["www-authenticate"].startswith("Bearer")
    assert "Traceback" not in response.text
    return body
