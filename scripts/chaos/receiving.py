"""A webhook's other end: takes what is delivered, writes it down, and misbehaves now and then."""

import random
from collections.abc import Callable

from aiohttp import web

from scripts.chaos.history import Delivery, Log, delivery_of

_FAILS = 0.01
_BREAKS = 0.01


class Receiver:
    """An HTTP server.

    One delivery in a hundred is refused with 500 before it is taken, one in a hundred is taken and the
    connection then broken, so that the sender cannot know. While `calm`, none is.
    """

    def __init__(self, seed: int, log: Log, now_ms: Callable[[], int]) -> None:
        self._draw = random.Random(f"{seed}/receiver")  # noqa: S311 - behaviour, not secrets
        self._log = log
        self._now_ms = now_ms
        self._runner: web.AppRunner | None = None
        self.deliveries: list[Delivery] = []
        self.calm = False

    async def start(self, host: str = "127.0.0.1") -> str:
        """Listen on a free port of an address of this machine and return the URL."""
        app = web.Application()
        app.router.add_post("/hook", self._take)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, host, 0)
        await site.start()
        return f"http://{host}:{self._runner.addresses[0][1]}/hook"

    async def stop(self) -> None:
        """Stop listening."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _take(self, request: web.Request) -> web.Response:
        fields = await request.json()
        chance = 1.0 if self.calm else self._draw.random()
        refuses, breaks = chance < _FAILS, _FAILS <= chance < _FAILS + _BREAKS
        if request.headers.get("webhook-id") != fields["effectKey"]:
            refuses = True
        delivery = delivery_of(fields, "hook", self._now_ms(), taken=not refuses)
        self.deliveries.append(delivery)
        self._log.note(delivery)
        if breaks and request.transport is not None:
            request.transport.close()
        return web.Response(status=500 if refuses else 200)
