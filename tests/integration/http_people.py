"""The HTTP edge with real customers behind it: a session over a store in memory, no Ray."""

import asyncio
import json
import weakref
from collections.abc import Sequence

from actors.playbook.loader import bundle_bytes, compile_bundle, version_of
from actors.ports import OutboxResult, OutboxState
from actors.wire.messages import Answer, pack_request, unpack_request
from serve_app.gateway import PackedItem
from tests.builders import ACTIONS, CELL, CHANNELS, POLICIES, TRIGGERS, World
from tests.contracts.store_support import permitted
from tests.integration.http_support import Edge, FakeGateway

BUNDLE = {
    "playbook.yaml": json.dumps(
        {
            "name": "shop",
            "version": "1.0",
            "currency": {"code": "EUR", "minorDigits": 2},
            "channels": CHANNELS,
        }
    ),
    "actions.yaml": json.dumps({"actions": ACTIONS}),
    "triggers.yaml": json.dumps({"triggers": TRIGGERS}),
    "policies.yaml": json.dumps(
        {**POLICIES, "caps": {}, "consent": {"purposesNotNeedingConsent": ["onsite"]}}
    ),
}
BOOK = compile_bundle(BUNDLE)


class People:
    """Ann, Bob and the visitors `a` and `b` may be written to; see `PEOPLE` in tests/builders."""

    def __init__(self) -> None:
        self.edge = Edge(currency="EUR")
        self.store = self.edge.store
        self.world = World(self.store, self.store, playbook=BOOK)
        asyncio.run(self.store.put_playbook(version_of(BUNDLE), bundle_bytes(BUNDLE), 1))
        me = weakref.ref(self)  # or both would stay until the collector comes by
        self.edge.gateway.send = lambda items: me()._send(items)  # type: ignore[method-assign, union-attr]
        self.get, self.post, self.request = self.edge.get, self.edge.post, self.edge.request
        self.at(self.world.clock.now_ms)
        self._said = 0

    @property
    def gateway(self) -> FakeGateway:
        return self.edge.gateway

    def at(self, now_ms: int) -> None:
        """Move all clocks."""
        self.world.clock.now_ms = self.gateway.now_ms = self.edge.now_ms = now_ms

    def later(self, by_ms: int) -> int:
        self.at(self.world.clock.now_ms + by_ms)
        return self.world.clock.now_ms

    async def _send(self, items: Sequence[PackedItem]) -> list[Answer]:
        jobs = [
            self.world._job(each)
            for each in unpack_request(pack_request([item.data for item in items]))
        ]
        await self.world.session.run(jobs, self.world.playbook)
        return [job.answer for job in jobs]

    def say(self, kind: str, **body):
        """Post an event and return its reply; every one a second after the one before."""
        self._said += 1
        self.later(1000)
        response = self.post(f"/v1/{kind}", {"messageId": f"said-{self._said}", **body})
        assert response.status_code == 200, response.text
        return response.json()

    def order(self, total: float, **who):
        return self.say("track", event="Order Completed", properties={"total": total}, **who)

    def put(self, path: str, body, **options):
        return self.request("PUT", path, json=body, **options)

    def consent(self, who: str, channel="email", purpose="marketing", status="granted", **more):
        body = {"channel": channel, "purpose": purpose, "status": status, **more}
        return self.put(f"/v1/customers/{who}/consent", body)

    def seen(self, who: str, **query):
        """All items of a timeline, page by page."""
        items, cursor = [], ""
        while True:
            params = {**query, "cursor": cursor}
            page = self.get(f"/v1/customers/{who}/timeline", params=params).json()
            items += page["items"]
            cursor = page.get("nextCursor", "")
            if not cursor:
                return items

    def effects(self, *numbers: int):
        return asyncio.run(self.store.outbox_of(numbers))

    def attempt(self, item, state: int = OutboxState.SENT) -> None:
        """Claim an effect and, unless it is to stay under way, settle it."""
        epochs = {item.partition: self.world.epochs[item.partition]}
        now_ms = self.edge.now_ms
        assert asyncio.run(self.store.outbox_claim([item], epochs, now_ms, permitted)) == [True]
        if state != OutboxState.SENDING:
            result = OutboxResult(item.number, item.seq, item.n, state, now_ms)
            asyncio.run(self.store.outbox_settle([result]))

    @property
    def owner(self) -> str:
        return CELL.owner
