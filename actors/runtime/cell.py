"""A cell: the Ray actor that hosts many customers."""

import asyncio
import gc
import logging
import os
import secrets
import socket
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import ray

from actors.channels.config import Channels, ChannelsConfig, build_channels
from actors.domain.errors import PlaybookError, RetryableError
from actors.domain.ids import IdSpace, customer_text
from actors.playbook.loader import bundle_from_bytes, compile_bundle
from actors.playbook.model import Playbook
from actors.ports import CellRow, PartitionRow, Store
from actors.runtime.answering import answering, bouncing
from actors.runtime.checking import checking
from actors.runtime.clocks import RealClock, VirtualClock, stored_virtual_ms
from actors.runtime.dispatcher import Dispatcher
from actors.runtime.dwelling import last_turn
from actors.runtime.host import Host, HostSettings
from actors.runtime.launcher import Launcher
from actors.runtime.modelling import ModelsOfCells, ServedModels, load_serve
from actors.runtime.pidfd import started_at
from actors.runtime.process import tune_process
from actors.runtime.reviewing import reviewing
from actors.runtime.scorer import RemoteScorer
from actors.runtime.versions import with_earlier
from actors.runtime.wishing import Wishes
from actors.stores.opening import KEY_SETTING, open_store

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class CellSettings:
    """What a cell is told when it is made; plain values, so that it can be made again by Ray.

    `dedicated` is the rule for customers who should have an actor of their own, empty for nobody; with
    `customer` the cell is the actor of one.
    """

    name: str
    store_url: str
    data_dir: str
    virtual: bool
    model_app: str
    model_deployment: str
    channels: dict[str, Any] = field(default_factory=dict)
    scoring_timeout_s: float = 0.25
    beat_s: float = 1.0
    dedicated: str = ""
    customer: int = 0
    host: HostSettings = field(default_factory=HostSettings)


class CellHost:
    """Hosts the customers of the partitions it owns.

    A plain class: it is made a Ray actor on the last line. `begin` is called by the supervisor,
    again and again: whoever restarted this process, the next call brings it into service.
    """

    def __init__(self, settings: CellSettings) -> None:
        tune_process()
        self._settings = settings
        self._starting = asyncio.Lock()
        self._host: Host | None = None
        self._store: Store | None = None
        self._dispatcher: Dispatcher | None = None
        self._channels: Channels | None = None
        self._row: CellRow | None = None
        self._clock: RealClock = RealClock()
        self._playbook_version = ""
        self._scorer: RemoteScorer | None = None
        self._models: ServedModels | ModelsOfCells = ServedModels(
            settings.model_app, settings.model_deployment
        )
        self._tasks: list[asyncio.Task[None]] = []
        self._wishes = Wishes(settings.dedicated)
        self._made_ms = self._clock.machine_ms()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._settings.name})"

    async def begin(self) -> CellRow:
        """Register under a new incarnation, unless that is done; return the cell's row."""
        async with self._starting:
            if self._row is None:
                self._row = await self._start()
            return self._row

    async def _start(self) -> CellRow:
        settings = self._settings
        store = self._store = await asyncio.to_thread(open_store, settings.store_url)
        key = await store.setting(KEY_SETTING)
        if key is None:
            raise RuntimeError("the store has no key for ids yet; was it prepared?")
        if settings.virtual:
            self._clock = VirtualClock(await stored_virtual_ms(store) or self._clock.machine_ms())
        playbook = await self._read_playbook()
        if playbook is None:
            raise RuntimeError("the store has no playbook yet; was it prepared?")
        if settings.customer:
            self._models = ModelsOfCells(store.cells, settings.customer, ray.get_actor)
        else:
            await asyncio.to_thread(load_serve)  # now, or the first group would wait for it
        self._scorer = RemoteScorer(self.score, self._clock, deadline_s=settings.scoring_timeout_s)
        host = Host(
            store,
            self._scorer,
            IdSpace(key),
            self._clock,
            playbook,
            settings.host,
            self._wake_dispatcher,
        )
        pid = os.getpid()
        row = CellRow(
            settings.name, secrets.token_hex(6), pid, started_at(pid), socket.gethostname(), 0
        )
        await store.register_cell(row)
        await self._follow_time()  # moved since it was read, before anybody knew of this cell
        await host.start(row)
        self._host = host
        gc.collect()
        gc.freeze()
        self._channels = build_channels(
            ChannelsConfig.model_validate(settings.channels),
            Path(settings.data_dir),
            now=lambda: self._clock.machine_ms() / 1000,
            secret=key,
        )
        self._dispatcher = Dispatcher(
            store,
            self._channels,
            self._clock,
            owner=lambda: host.owner,
            epochs=lambda: host.epochs,
            check=checking(lambda: host.playbook, self._clock),
            review=reviewing(host.submit, self._clock),
            answered=answering(host.submit),
            bounced=bouncing(host.submit),
        )
        loop = asyncio.get_running_loop()
        self._tasks = [
            loop.create_task(self._dispatch(self._dispatcher), name="dispatcher"),
            loop.create_task(self._beat(row), name="beat"),
            loop.create_task(
                Launcher(
                    store,
                    owner=lambda: host.owner,
                    epochs=lambda: host.epochs,
                    submit=host.submit,
                ).run(),
                name="launches",
            ),
        ]
        return row

    async def _follow_time(self) -> None:
        if isinstance(self._clock, VirtualClock) and self._store is not None:
            self._clock.advance_to(await stored_virtual_ms(self._store) or 0)

    def _wake_dispatcher(self) -> None:
        if self._dispatcher is not None:
            self._dispatcher.wake()

    def _serving(self) -> Host:
        if self._host is None:
            raise RuntimeError("the cell has not begun yet")
        return self._host

    async def apply(self, request: bytes) -> bytes:
        """Answer a request from a front door; see `actors.wire.messages`."""
        return await self._serving().apply(request)

    async def score(self, request: bytes) -> bytes:
        """Ask the model server, for the actor of a customer too; raises whatever is wrong with it."""
        return await self._models.score(request)

    async def fire_until(self, to_ms: int) -> tuple[int, int]:
        """Fire what is due up to a virtual time; the clock stays where it is.

        Returns:
            How many fired, and of how many partitions that were owned all along at least.
        """
        if not self._settings.virtual:
            raise RuntimeError("the clock of this system is real")
        host = self._serving()
        owned = len(host.epochs)
        fired = await host.fire_until(to_ms)
        self._wake_dispatcher()
        return fired, owned

    async def move_clock(self, to_ms: int) -> None:
        """Move the virtual clock, after `fire_until` in every cell."""
        self._serving().move_clock(to_ms)
        self._wake_dispatcher()

    async def claim(self, rows: list[tuple[int, str, int]]) -> int:
        """Claim partitions, each (partition, owner, epoch) as last seen; return how many were won."""
        return await self._serving().claim([PartitionRow(*row) for row in rows])

    async def hand_over(self, partitions: list[int], to_owner: str) -> int:
        """Give partitions to another cell; return how many went."""
        return await self._serving().hand_over(partitions, to_owner)

    async def open_partition(self) -> tuple[int, int]:
        """Add a partition for a single customer and own it; return (partition, epoch)."""
        row = await self._serving().open_partition()
        return row.partition, row.epoch

    async def rehome(self, number: int, to: tuple[int, int]) -> bool:
        """Move a customer of this cell to a (partition, epoch); return whether she went."""
        return await self._serving().rehome(number, to)

    async def wishes(self) -> list[tuple[int, int]]:
        """Return the customers who should have an actor of their own; see `Wishes.of`."""
        host, clock = self._serving(), self._clock
        return self._wishes.of(
            host.activations, host.playbook, clock.business_ms(), clock.machine_ms()
        )

    async def reload_ownership(self) -> int:
        """Read the partition map again; return how many partitions are owned here."""
        host = self._serving()
        await host.reload_ownership()
        self._wake_dispatcher()
        return len(host.epochs)

    async def reload_playbook(self) -> str:
        """Take the store's active playbook from the next group on; return its version."""
        playbook = await self._read_playbook()
        host = self._serving()
        if playbook is not None:
            host.playbook = playbook
        return host.playbook.version

    async def _read_playbook(self) -> Playbook | None:
        """Compile the active playbook if it is another than the one in use."""
        if self._store is None:
            return None
        stored = await self._store.playbook()
        if stored is None or stored[0] == self._playbook_version:
            return None
        playbook = await asyncio.to_thread(lambda: compile_bundle(bundle_from_bytes(stored[1])))
        before = None if self._host is None else self._host.playbook
        playbook = await with_earlier(playbook, before, self._store)
        self._playbook_version = stored[0]
        return playbook

    async def info(self) -> dict[str, Any]:
        """Return figures for `status`."""
        host, scorer = self._serving(), self._scorer
        stats = host.stats
        return {
            "name": self._settings.name,
            "owner": host.owner,
            "pid": os.getpid(),
            "partitions": len(host.epochs),
            "active": len(host.activations),
            "activeBytes": host.activations.packed_bytes,
            "pending": host.pending,
            "groups": stats.groups,
            "turns": stats.turns,
            "largestGroup": stats.largest_group,
            "timersFired": stats.timers,
            "passivated": stats.passivated,
            "forgotten": {k: n for k, n in sorted(host.forgetter.forgotten.items()) if n},
            "busy": stats.busy,
            "setAside": len(host.quarantine),
            "scoredByPrior": scorer.late if scorer is not None else 0,
            "playbook": host.playbook.version,
            "businessMs": self._clock.business_ms(),
            **(await self._of_customer(host) if self._settings.customer else {}),
        }

    async def _of_customer(self, host: Host) -> dict[str, Any]:
        """Return what is said of the one customer of this actor, with her last turn."""
        number, clock = self._settings.customer, self._clock
        active = host.activations.get(number)
        used_ms = self._made_ms if active is None else active.used_at_ms
        return {
            "customer": customer_text(number),
            "node": ray.get_runtime_context().get_node_id() if ray.is_initialized() else "",
            # Before her first turn here nothing is known that her cell did not know.
            "wanted": active is None
            or self._wishes.wanted(active, host.playbook, clock.business_ms()),
            "idleMs": max(clock.machine_ms() - used_ms, 0),
            "lastTurn": None if self._store is None else await last_turn(self._store, number),
        }

    async def quarantine(self) -> list[dict[str, object]]:
        """Return what is set aside here; see `actors.session.quarantine`."""
        return self._serving().quarantine.rows()

    async def release(self, entry_id: str) -> bool:
        """Let something that was set aside be tried again; return whether it was here."""
        return self._serving().quarantine.release(entry_id)

    async def stop(self) -> None:
        """Finish what is under way and leave: registration removed, store closed."""
        async with self._starting:
            if self._host is not None:
                await self._host.stop()
            if self._dispatcher is not None:
                await self._dispatcher.stop(1.0)
            for task in self._tasks:
                task.cancel()
            for task in self._tasks:
                with suppress(asyncio.CancelledError):
                    await task
            if self._channels is not None:
                await self._channels.close()
            if self._store is not None:
                if self._row is not None:
                    with suppress(RetryableError):
                        await self._store.remove_cell(self._row)
                await self._store.close()
            self._host = self._store = self._row = None

    async def _dispatch(self, dispatcher: Dispatcher) -> None:
        """Keep the dispatcher running: a fault in one round must not end delivery for good."""
        while True:
            try:
                await dispatcher.run()
            except Exception:
                log.exception("the dispatcher failed and is started again")
                await asyncio.sleep(0.5)
            else:
                return

    async def _beat(self, row: CellRow) -> None:
        """Show that this process lives, and pick up a playbook whose announcement was missed."""
        beat = 0
        while True:
            await asyncio.sleep(self._settings.beat_s)
            beat += 1
            try:
                if self._store is not None:
                    await self._store.beat(
                        CellRow(row.name, row.incarnation, row.pid, row.pid_started, row.host, beat)
                    )
                await self.reload_playbook()
            except (RetryableError, PlaybookError):
                log.exception("beat %d of %s failed", beat, row.owner)


CellActor = ray.remote(CellHost)
