"""The supervisor: brings cells into service, sees them die, carries out who takes over."""

import asyncio
import logging
import os
import signal
import socket
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from math import inf
from typing import Any

import msgpack
import ray
from ray.exceptions import RayError

from actors.domain.errors import CodecError, RetryableError
from actors.ports import CellRow, Store
from actors.runtime.pidfd import death_of, is_stopped, started_at
from actors.stores.opening import open_store
from cluster.cells import Maker
from cluster.dedication import customer_of
from cluster.door import keep_open
from cluster.ownership import Look, Proposal, Roster, Silence, propose, to_blame
from cluster.placement import EVEN, Weights, reweighed
from cluster.pricing import keep_pricing
from cluster.promoter import Promoter
from serve_app.cell_counts import cell_names, note_settled, standby_names, wanted_cells

log = logging.getLogger(__name__)

NAME = "supervisor"
_CONTROLLER = "SERVE_CONTROLLER_ACTOR", "serve"
"""Of Serve: the name, and the namespace."""
SILENCE_S = 5.0
_GAP_S = SILENCE_S / 2
"""What one gap between two looks counts for at most: a single long one is never silence."""
WEIGH_S = 30.0
WEIGHTS = "cell_weights"
"""The setting with the weights that hold: a restarted supervisor must not move everything back."""
_CALL_S = 5.0
_PROBE = "supervisor_probe"
_WRITE_S = 0.5
_BLOCKED_S = 2 * SILENCE_S
_MOVED_AT_ONCE = 1024
"""Partitions in one hand-over: events of the giver wait for its transaction."""


class Supervisor:
    """One per cluster. It decides nothing that the store does not check: two of them do no harm.

    A cell's death on this machine is seen at once through its pidfd, elsewhere by silence. A silent
    process of this machine is killed before its partitions are claimed: stopped inside a
    transaction it would block every writer.
    """

    def __init__(
        self,
        store_url: str,
        maker: Maker,
        count: int,
        period_s: float = 0.5,
        apart: tuple[int, float] = (0, 0.0),
        door: tuple[str, int] | None = None,
    ) -> None:
        """Of the customers for whom the maker's rule holds so many a node get an actor, and one in so many seconds.

        `door` is where this machine's HAProxy listens, None not to look.
        """
        self._store_url = store_url
        self._maker = maker
        self._count = self._highest = count
        self._period_s = period_s
        self._host = socket.gethostname()
        self._store: Store | None = None
        self._roster = Roster(Silence(SILENCE_S, _GAP_S))
        self._weights: Weights = EVEN
        self._turns: dict[str, int] = {}
        self._weighed_s = time.monotonic()
        self._watched: dict[str, asyncio.Task[None]] = {}
        self._alarm = asyncio.Event()
        self._rows: dict[str, CellRow] = {}
        self._takeovers = 0
        self._moved = 0
        self._settled: object = None
        self._living: dict[str, str] = {}  # owner by name
        self._dismissed: set[str] = set()
        self._noted = 0
        self._blamed_s = -inf
        self._blocked_since_s = inf
        # Begun here, not by a call: a restarted supervisor must not wait for somebody to ask.
        loop = asyncio.get_running_loop()
        self._loop = loop.create_task(self._watch())
        self._pricing = loop.create_task(keep_pricing(store_url))
        self._promoter = Promoter(maker, lambda: self._cells, apart[0], (RayError,), apart[1])
        self._promoting = loop.create_task(self._promoter.run(lambda: self._store))
        doors = [] if door is None else [keep_open(*door, _exchange_controller)]
        self._doors = [loop.create_task(each) for each in doors]

    @property
    def _cells(self) -> dict[str, str]:
        """Owners by name of the living cells of many that are to stay."""
        return {name: owner for name, owner in self._living.items() if name in self._names}

    @property
    def _names(self) -> list[str]:
        return cell_names(self._count) + standby_names(self._count)

    @property
    def _leaving(self) -> list[str]:
        """Names of cells that were wanted once and are not any more."""
        known = {*cell_names(self._highest), *standby_names(1)}
        return sorted(known.difference(self._names))

    async def serving(self) -> bool:
        """Return whether every cell serves, and nothing is to change hands."""
        left = self._dismissed.issuperset(self._leaving)
        return self._living.keys() >= set(self._names) and self._settled is not None and left

    async def info(self) -> dict[str, Any]:
        """Return what the supervisor knows."""
        return {
            "pid": os.getpid(),
            "cells": [row.owner for row in self._rows.values()],
            "dead": sorted(self._roster.died),
            "takeovers": self._takeovers,
            "moved": self._moved,
            "weights": dict(self._weights),
            "promoted": self._promoter.promoted,
            "demoted": self._promoter.demoted,
        }

    async def stop(self) -> list[str]:
        """End supervising: from now on nobody takes over. Return the cells that may be there."""
        for task in (self._loop, self._promoting, self._pricing, *self._doors):
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        names = [*self._names, *(n for n in self._leaving if n not in self._dismissed)]
        if self._store is not None:
            with suppress(RetryableError):
                rows = await self._store.cells()
                names += [row.name for row in rows if customer_of(row.name) is not None]
            await self._store.close()
        return names

    async def _watch(self) -> None:
        while True:
            try:
                if self._store is None:
                    self._store = await self._open()
                await self._round(self._store)
            except (RetryableError, CodecError, RayError, OSError, TimeoutError, ValueError):
                log.exception("a round of supervision failed")
            with suppress(TimeoutError):
                async with asyncio.timeout(self._period_s):
                    await self._alarm.wait()
            self._alarm.clear()

    async def _open(self) -> Store:
        store = await asyncio.to_thread(open_store, self._store_url)
        data = await store.setting(WEIGHTS)
        if data is not None:
            self._weights = tuple(sorted(msgpack.unpackb(data).items()))
        return store

    async def _round(self, store: Store) -> None:
        wanted = await wanted_cells(store)
        if wanted is not None:
            self._count, self._highest = wanted.count, wanted.highest
        # Takeovers first: bringing a restarted cell into service may take seconds.
        await self._settle(store)
        await asyncio.gather(*(self._begin(name) for name in self._names))
        await self._settle(store)
        await self._dismiss(store)
        if self._count != self._noted and await self.serving():
            await note_settled(store, self._count)
            self._noted = self._count
        await self._weigh(store)

    async def _begin(self, name: str) -> None:
        """Bring a cell into service if its process is new; a restarting one is asked again later.

        Of a silent one elsewhere nobody knows whether it is stopped, cut off, or began anew: it is asked.
        """
        known = self._rows.get(name)
        if known is not None and self._living.get(name) == known.owner and self._here(known):
            return
        try:
            handle = self._maker.make(name)
            async with asyncio.timeout(0.2 if known is not None else _CALL_S):
                row = await handle.begin.remote()
        except (RayError, TimeoutError, ValueError):
            return
        self._rows[name] = row

    def _here(self, row: CellRow) -> bool:
        return row.host != self._host or started_at(row.pid) == row.pid_started

    async def _mourn(self, row: CellRow) -> None:
        await death_of(row.pid, row.pid_started)
        self._roster.died.add(row.owner)
        self._watched.pop(row.owner, None)
        self._alarm.set()

    async def _settle(self, store: Store) -> None:
        """Propose takeovers and moves for the cells that live now, and have them carried out."""
        registered = await store.cells()
        for row in registered:
            self._look_after(row)
        look = self._roster.look(registered, time.monotonic())
        await self._kill(store, look.silent)
        living = [row for row in look.living if row.name in {*self._names, *self._leaving}]
        self._living = {row.name: row.owner for row in living}
        if not living:
            return
        # Nothing to propose while neither the map nor who lives has changed: an idle system is idle.
        version = await store.map_version()
        settled = (version, frozenset(c.owner for c in look.living), self._count, self._weights)
        if settled == self._settled:
            return
        standby = standby_names(1)
        rows = await store.partitions()
        apart = await self._apart(store, look)
        proposal = propose(rows, living, standby, self._leaving, self._weights, apart)
        await self._carry_out(proposal, {row.owner: row.name for row in living})
        self._settled = settled if not proposal.size else None

    async def _apart(self, store: Store, look: Look) -> set[str]:
        """Return the owners that are actors of customers and not known to be dead or silent.

        Read after the map: an actor registers before it owns anything.
        """
        gone = self._roster.died.union(row.owner for row in look.silent)
        rows = [row for row in await store.cells() if customer_of(row.name) is not None]
        return {row.owner for row in rows if row.owner not in gone}

    def _look_after(self, row: CellRow) -> None:
        """Watch the process of a registered cell of this machine, or know that it is gone."""
        if row.host != self._host or row.owner in self._watched or row.owner in self._roster.died:
            return
        if self._here(row):
            self._watched[row.owner] = asyncio.create_task(self._mourn(row))
        else:
            self._roster.died.add(row.owner)

    async def _carry_out(self, proposal: Proposal, names: dict[str, str]) -> None:
        """Ask all takers and givers at once: one that does not answer must not delay the others.

        Raises:
            RayError, TimeoutError: One of them did not; the next round proposes anew.
        """
        calls: list[Callable[[], Awaitable[None]]] = [
            lambda owner=owner, rows=rows: self._claim(names[owner], rows)  # type: ignore[misc]
            for owner, rows in proposal.claims.items()
        ]
        calls += [
            lambda way=way, partitions=partitions: self._move(way, partitions, names)  # type: ignore[misc]
            for way, partitions in proposal.moves.items()
        ]
        done = await asyncio.gather(*(call() for call in calls), return_exceptions=True)
        for error in done:
            if isinstance(error, BaseException):
                raise error

    async def _claim(self, name: str, rows: list[Any]) -> None:
        async with asyncio.timeout(_CALL_S):
            won = await self._maker.handle(name).claim.remote(
                [(row.partition, row.owner, row.epoch) for row in rows]
            )
        self._takeovers += 1
        log.info("%s claimed %d of %d partitions", name, won, len(rows))

    async def _move(
        self, way: tuple[str, str], partitions: list[int], names: dict[str, str]
    ) -> None:
        giver, taker = (self._maker.handle(names[owner]) for owner in way)
        for first in range(0, len(partitions), _MOVED_AT_ONCE):
            some = partitions[first : first + _MOVED_AT_ONCE]
            async with asyncio.timeout(_CALL_S):
                went = await giver.hand_over.remote(some, way[1])
                self._moved += went  # after waiting: others add to it meanwhile
                await taker.reload_ownership.remote()
        log.info("%s gave %d partitions to %s", names[way[0]], len(partitions), names[way[1]])

    async def _dismiss(self, store: Store) -> None:
        """End the cells that are leaving and own nothing any more."""
        self._dismissed.difference_update(self._names)
        leaving = [name for name in self._leaving if name not in self._dismissed]
        if self._settled is None or not leaving:
            return
        owners = {row.owner for row in await store.partitions()}
        registered = await store.cells()
        for name in leaving:
            rows = [row for row in registered if row.name == name]
            if any(row.owner in owners for row in rows):
                continue  # nobody else lives
            await self._maker.end(name)
            for row in rows:
                await store.remove_cell(row)
            self._rows.pop(name, None)
            self._dismissed.add(name)

    async def _weigh(self, store: Store) -> None:
        """Now and then shift the weights of cells that have had much more to do than others."""
        now_s = time.monotonic()
        if self._settled is None or now_s - self._weighed_s < WEIGH_S:
            return
        self._weighed_s = now_s
        before, self._turns = self._turns, await self._turns_of(cell_names(self._count))
        # A cell that began anew counts from nothing.
        more = {n: count - before[n] for n, count in self._turns.items() if n in before}
        if len(more) < self._count or min(more.values()) < 0:
            return
        after = reweighed(self._weights, more)
        if after != self._weights:
            log.info("weights of cells are now %s", dict(after))
            await store.put_setting(WEIGHTS, msgpack.packb(dict(after)))
            self._weights = after

    async def _turns_of(self, names: list[str]) -> dict[str, int]:
        async def one(name: str) -> int:
            async with asyncio.timeout(_CALL_S):
                info = await self._maker.handle(name).info.remote()
            return int(info["turns"])

        return dict(zip(names, await asyncio.gather(*map(one, names)), strict=True))

    async def _kill(self, store: Store, silent: tuple[CellRow, ...]) -> None:
        here = [c for c in silent if c.host == self._host and started_at(c.pid) == c.pid_started]
        stopped = {cell.owner for cell in here if is_stopped(cell.pid)}
        if here and not stopped and await self._blocked(store):
            self._blamed_s = time.monotonic()
        for cell in to_blame(here, stopped, time.monotonic() - self._blamed_s):
            log.warning("%s has been silent and is killed", cell.owner)
            self._blamed_s = time.monotonic()
            with suppress(ProcessLookupError):
                os.kill(cell.pid, signal.SIGKILL)

    async def _blocked(self, store: Store) -> bool:
        """Return whether nobody can write just now: then cells are silent because of somebody else.

        Not for ever: a cell that hangs inside a transaction blocks everybody, and must go.
        """
        try:
            async with asyncio.timeout(_WRITE_S):
                await store.put_setting(_PROBE, b"")
        except (RetryableError, TimeoutError):
            self._blocked_since_s = min(self._blocked_since_s, time.monotonic())
            return time.monotonic() - self._blocked_since_s < _BLOCKED_S
        self._blocked_since_s = inf
        return False


async def _exchange_controller() -> None:
    """Kill Serve's controller, which Ray starts again; without one do nothing."""

    def kill() -> None:
        with suppress(RayError, ValueError):
            ray.kill(ray.get_actor(*_CONTROLLER), no_restart=False)

    await asyncio.to_thread(kill)


SupervisorActor = ray.remote(Supervisor)
