"""The front door as a Serve deployment: the HTTP edge in front, the coalescer and the cells behind."""

import asyncio
import gc
import os
import secrets
import socket
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import ray
from fastapi import FastAPI
from ray import serve
from ray.exceptions import RayError
from ray.serve.handle import DeploymentHandle

from actors.domain.errors import StoreUnavailableError
from actors.domain.ids import Identity, IdSpace
from actors.playbook.loader import (
    bundle_bytes,
    bundle_from_bytes,
    compile_bundle,
    version_of,
)
from actors.ports import CellRow, Store
from actors.runtime.clocks import RealClock, VirtualClock, store_virtual_ms, stored_virtual_ms
from actors.runtime.seeking import Sought
from actors.stores.opening import KEY_SETTING, open_store
from actors.wire.messages import Answer
from serve_app.coalescer import Coalescer
from serve_app.directory import Directory
from serve_app.following import follow_virtual_time
from serve_app.gateway import EdgeSettings, PackedItem, Services
from serve_app.http import build_http
from serve_app.settings import QUIET, AppSettings

_GC = (20_000, 20, 50)
"""A batch is thousands of objects that are gone with its reply; walking them on the way finds nothing."""


class RayGateway:
    """The `Gateway` over Ray: cells as named actors, addressed through the directory."""

    def __init__(self, settings: AppSettings, store: Store, ids: IdSpace, clock: RealClock) -> None:
        self._settings = settings
        self._store = store
        self._clock = clock
        self._handles: dict[str, Any] = {}
        self._model_server: Sought[DeploymentHandle[Any]] = Sought(
            lambda: serve.get_deployment_handle(
                settings.model_deployment, app_name=settings.model_app
            )
        )
        self.directory = Directory(store, socket.gethostname(), self._died)
        self._coalescer = Coalescer(self.directory, ids, self._call)
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Read the map, and keep it and the virtual clock fresh from now on."""
        await self.directory.refresh()
        self._tasks = [asyncio.create_task(self.directory.follow())]
        if isinstance(self._clock, VirtualClock):
            self._tasks.append(asyncio.create_task(follow_virtual_time(self._store, self._clock)))

    def _died(self, owner: str) -> None:
        self._coalescer.cell_died(owner)

    def _handle(self, cell: CellRow) -> Any:
        handle = self._handles.get(cell.name)
        if handle is None:
            handle = ray.get_actor(cell.name, namespace=self._settings.namespace)
            self._handles[cell.name] = handle
        return handle

    async def _call(self, cell: CellRow, request: bytes) -> bytes:
        try:
            data: bytes = await self._handle(cell).apply.remote(request)
        except (RayError, ValueError):
            self._handles.pop(cell.name, None)
            raise
        return data

    async def send(self, items: Sequence[PackedItem]) -> list[Answer]:
        """Deliver items; one answer an item, in order."""
        return await self._coalescer.send(items)

    def any_hot(self) -> bool:
        """Return whether there is anybody of whom too much waits already."""
        return self._coalescer.any_hot()

    def refuses(self, route: Identity) -> float | None:
        """Return `Retry-After` if an event of that identity is refused; see `Coalescer.refuses`."""
        return self._coalescer.refuses(route)

    async def _everywhere(self, call: Callable[[Any], Any], timeout_s: float) -> list[Any]:
        """Call every living cell; an answer, or the exception, for each."""
        cells = self.directory.cells()

        async def one(cell: CellRow) -> Any:
            async with asyncio.timeout(timeout_s):
                return await call(self._handle(cell))

        return await asyncio.gather(*(one(cell) for cell in cells), return_exceptions=True)

    async def advance(self, to_ms: int) -> int:
        """Move the virtual clock of every cell, when all partitions have an owner who answers.

        Of a cell that has died they belong to nobody, until they are taken over: time waits for that, or
        what is due there would happen after what is due later elsewhere.

        Raises:
            StoreUnavailableError: Some have had no owner for too long, or a cell cannot.
        """
        if not isinstance(self._clock, VirtualClock):
            raise TypeError("the clock of this system is real")
        await self._until_whole(self._clock.business_ms())
        fired = await self._until_whole(to_ms)
        # Stored first: a cell that is away at this moment reads it when it comes back. No cell's clock
        # moves before: one without a share yet would fire late what it is handed meanwhile.
        await store_virtual_ms(self._store, max(to_ms, self._clock.business_ms()))
        await self._move_clocks(to_ms)
        self._clock.advance_to(to_ms)
        return fired

    async def _move_clocks(self, to_ms: int) -> None:
        """Move the clock of every cell; one that has died meanwhile comes back with the stored time."""
        await (
            self.directory.refresh()
        )  # a cell that is not in it yet begins with what is stored now
        for _ in range(120):
            answers = await self._everywhere(lambda cell: cell.move_clock.remote(to_ms), 60.0)
            if not any(isinstance(each, BaseException) for each in answers):
                return
            await asyncio.sleep(0.25)
            await self.directory.refresh()
        raise StoreUnavailableError("not every cell moved its clock")

    async def _until_whole(self, to_ms: int) -> int:
        """Fire what is due everywhere; return how many fired.

        That is repeated until every partition had an owner who did, and none has changed hands meanwhile.
        """
        fired = 0
        for _ in range(120):
            version = await self._store.map_version()
            if self.directory.version != version:
                await self.directory.refresh()
            total = self.directory.partitions
            answers = await self._everywhere(lambda cell: cell.fire_until.remote(to_ms), 300.0)
            done: list[tuple[int, int]] = [each for each in answers if isinstance(each, tuple)]
            fired += sum(count for count, _ in done)
            whole = len(done) == len(answers) and sum(owned for _, owned in done) >= total
            if whole and version == self.directory.version == await self._store.map_version():
                return fired
            await asyncio.sleep(0.25)
            await self.directory.refresh()
        raise StoreUnavailableError("not every partition has an owner who moved its clock")

    def business_ms(self) -> int:
        """Return the business clock's time."""
        return self._clock.business_ms()

    def clock_is_virtual(self) -> bool:
        """Return whether `advance` may be called."""
        return self._clock.virtual

    async def status(self) -> dict[str, Any]:
        """Return figures of cells, partitions, outbox and models."""
        answers = await self._everywhere(lambda cell: cell.info.remote(), 5.0)
        rows = await self._store.partitions()
        return {
            "cells": [answer for answer in answers if isinstance(answer, dict)],
            "cellsSilent": sum(1 for a in answers if isinstance(a, BaseException)),
            "partitions": {
                "total": len(rows),
                "unowned": sum(1 for r in rows if self.directory.cell_of(r.partition) is None),
                "epochSum": sum(row.epoch for row in rows),
            },
            "frontDoor": {
                "pid": os.getpid(),
                "waiting": self._coalescer.waiting,
                "refused": self._coalescer.refused,
            },
            "store": await self._store.counts(),
            "outbox": await self._store.outbox_counts(),
            "models": await self._models(),
        }

    async def _models(self) -> dict[str, Any] | None:
        try:
            async with asyncio.timeout(2.0):
                handle = await self._model_server.get()
                info: dict[str, Any] = await handle.info.remote()
        except Exception:  # noqa: BLE001  a status without models is better than none
            return None
        return info

    async def put_playbook(self, bundle: Mapping[str, str]) -> tuple[str, bool]:
        """Validate and activate a bundle; (version, whether every living cell has it)."""
        await asyncio.to_thread(compile_bundle, bundle)
        version = version_of(bundle)
        await self._store.put_playbook(version, bundle_bytes(bundle), self._clock.machine_ms())
        answers = await self._everywhere(lambda cell: cell.reload_playbook.remote(), 5.0)
        return version, bool(answers) and all(answer == version for answer in answers)

    async def quarantine(self) -> list[dict[str, Any]]:
        """Return what cells have set aside, the latest first."""
        answers = await self._everywhere(lambda cell: cell.quarantine.remote(), 5.0)
        rows = [row for answer in answers if isinstance(answer, list) for row in answer]
        return sorted(rows, key=lambda row: -int(row["last_at_ms"]))

    async def release(self, entry_id: str) -> bool:
        """Let something that was set aside be tried again, wherever it is."""
        return True in await self._everywhere(lambda cell: cell.release.remote(entry_id), 5.0)

    def ready(self) -> bool:
        """Return whether the map has been complete once and the store answers."""
        return self.directory.loaded and self.directory.reachable


class FrontDoor:
    """One stateless replica; any number of them may run."""

    async def __init__(self, settings: AppSettings) -> None:  # type: ignore[misc]  # Serve awaits it
        store = await asyncio.to_thread(open_store, settings.store_url)
        key = await store.setting(KEY_SETTING)
        stored = await store.playbook()
        if key is None or stored is None:
            raise RuntimeError("the store was not prepared")
        playbook = await asyncio.to_thread(lambda: compile_bundle(bundle_from_bytes(stored[1])))
        clock = RealClock()
        if settings.virtual:
            clock = VirtualClock(await stored_virtual_ms(store) or clock.machine_ms())
        ids = IdSpace(key)
        self._gateway = RayGateway(settings, store, ids, clock)
        await self._gateway.start()
        self._services = Services(
            gateway=self._gateway,
            store=store,
            ids=ids,
            machine_ms=clock.machine_ms,
            random_bytes=secrets.token_bytes,
            settings=EdgeSettings(currency=playbook.currency),
        )

    def __serve_build_asgi_app__(self) -> FastAPI:
        """Return the HTTP edge; Serve calls this after the constructor."""
        app = build_http(self._services)
        gc.set_threshold(*_GC)
        gc.collect()
        gc.freeze()
        return app


def front_door_app(settings: AppSettings) -> serve.Application:
    """Return the application to run at `/`."""
    deployment = serve.deployment(
        name="front-door",
        num_replicas=settings.front_doors,
        max_ongoing_requests=4000,
        health_check_period_s=2,
        health_check_timeout_s=10,
        graceful_shutdown_timeout_s=2,
        ray_actor_options={"num_cpus": 0},
        logging_config=QUIET,
    )(serve.ingress()(FrontDoor))
    return deployment.bind(settings)
