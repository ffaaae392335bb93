"""The supervisor: brings cells into service, sees them die, proposes who takes over."""

import asyncio
import logging
import os
import signal
import socket
import time
from contextlib import suppress
from typing import Any

import ray
from ray.exceptions import RayError

from actors.domain.errors import RetryableError
from actors.ports import CellRow, PartitionRow, Store
from actors.runtime.pidfd import death_of, started_at
from actors.stores.opening import open_store
from cluster.ownership import Silence, propose
from cluster.pricing import keep_pricing

log = logging.getLogger(__name__)

NAME = "supervisor"
SILENCE_S = 5.0
_CALL_S = 5.0


class Supervisor:
    """One per cluster. It decides nothing that the store does not check.

    A cell's death on this machine is seen at once through its pidfd, elsewhere by silence. A silent
    process of this machine is killed before its partitions are claimed: stopped inside a
    transaction it would block every writer.
    """

    def __init__(
        self,
        store_url: str,
        names: list[str],
        standby: list[str],
        namespace: str,
        period_s: float = 0.5,
    ) -> None:
        self._store_url = store_url
        self._names = names
        self._standby = standby
        self._namespace = namespace
        self._period_s = period_s
        self._store: Store | None = None
        self._silence = Silence(SILENCE_S)
        self._watched: dict[str, asyncio.Task[None]] = {}
        self._dead: set[str] = set()
        self._alarm = asyncio.Event()
        self._rows: dict[str, CellRow] = {}
        # Begun here, not by a call: a restarted supervisor must not wait for somebody to ask.
        loop = asyncio.get_running_loop()
        self._loop = loop.create_task(self._watch())
        self._pricing = loop.create_task(keep_pricing(store_url))
        self._takeovers = 0
        self._settled: tuple[int, frozenset[str]] | None = None

    async def serving(self) -> bool:
        """Return whether every cell serves."""
        living = {row.name for row in self._rows.values() if row.owner not in self._dead}
        return set(self._names) <= living and self._settled is not None

    async def info(self) -> dict[str, Any]:
        """Return what the supervisor knows."""
        return {
            "pid": os.getpid(),
            "cells": [row.owner for row in self._rows.values()],
            "dead": sorted(self._dead),
            "takeovers": self._takeovers,
        }

    async def stop(self) -> None:
        """End supervising: from now on nobody takes over."""
        for task in (self._loop, self._pricing):
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        if self._store is not None:
            await self._store.close()

    async def _watch(self) -> None:
        while True:
            try:
                if self._store is None:
                    self._store = await asyncio.to_thread(open_store, self._store_url)
                await self._round()
            except (RetryableError, RayError, OSError, TimeoutError):
                log.exception("a round of supervision failed")
            with suppress(TimeoutError):
                async with asyncio.timeout(self._period_s):
                    await self._alarm.wait()
            self._alarm.clear()

    async def _round(self) -> None:
        # Takeovers first: bringing a restarted cell into service may take seconds.
        await self._settle()
        await asyncio.gather(*(self._begin(name) for name in self._names))
        await self._settle()

    async def _begin(self, name: str) -> None:
        """Bring a cell into service if its process is new; a restarting one is asked again later."""
        known = self._rows.get(name)
        if known is not None and known.owner not in self._dead and self._here(known):
            return
        try:
            handle = self._handle(name)
            async with asyncio.timeout(0.2 if known is not None else _CALL_S):
                row = await handle.begin.remote()
        except (RayError, TimeoutError, ValueError):
            return
        if known is not None and row.owner == known.owner:
            return
        self._rows[name] = row
        if row.host == socket.gethostname():
            self._watched[row.owner] = asyncio.create_task(self._mourn(row))

    def _here(self, row: CellRow) -> bool:
        return row.host != socket.gethostname() or started_at(row.pid) == row.pid_started

    async def _mourn(self, row: CellRow) -> None:
        await death_of(row.pid, row.pid_started)
        self._dead.add(row.owner)
        self._watched.pop(row.owner, None)
        self._alarm.set()

    async def _settle(self) -> None:
        """Propose takeovers and moves for the cells that live now, and have them carried out."""
        store = self._store
        if store is None:
            return
        registered = await store.cells()
        self._kill_silent(registered)
        living = [
            row
            for row in registered
            if row.owner not in self._dead
            and row.name in self._rows
            and self._here(row)
            and self._rows[row.name].owner == row.owner
        ]
        if not living:
            return
        # Nothing to propose while neither the map nor who lives has changed: an idle system is idle.
        settled = (await store.map_version(), frozenset(row.owner for row in living))
        if settled == self._settled:
            return
        proposal = propose(await store.partitions(), living, self._standby)
        names = {row.owner: row.name for row in living}
        for owner, rows in proposal.claims.items():
            await self._claim(names[owner], rows)
        for (giver, taker), partitions in proposal.moves.items():
            async with asyncio.timeout(_CALL_S):
                await self._handle(names[giver]).hand_over.remote(partitions, taker)
                await self._handle(names[taker]).reload_ownership.remote()
        if not proposal.claims and not proposal.moves:
            self._settled = settled

    async def _claim(self, name: str, rows: list[PartitionRow]) -> None:
        async with asyncio.timeout(_CALL_S):
            won = await self._handle(name).claim.remote(
                [(row.partition, row.owner, row.epoch) for row in rows]
            )
        self._takeovers += 1
        log.info("%s claimed %d of %d partitions", name, won, len(rows))

    def _kill_silent(self, cells: list[CellRow]) -> None:
        quiet = self._silence.silent(cells, time.monotonic())
        for cell in cells:
            if cell.owner in quiet and cell.owner not in self._dead:
                self._dead.add(cell.owner)
                if cell.host == socket.gethostname() and started_at(cell.pid) == cell.pid_started:
                    with suppress(ProcessLookupError):
                        os.kill(cell.pid, signal.SIGKILL)

    def _handle(self, name: str) -> Any:
        return ray.get_actor(name, namespace=self._namespace)


SupervisorActor = ray.remote(Supervisor)
