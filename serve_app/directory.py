"""Who serves whom: the partition map as the store has it, and the Ray actors behind the names.

Everything here is a hint. The truth is the epoch inside the committing transaction; a stale hint
costs a redirect, never a wrong write.
"""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress

from actors.domain.errors import RetryableError
from actors.domain.ids import PARTITIONS
from actors.ports import CellRow, Store
from actors.runtime.pidfd import death_of

log = logging.getLogger(__name__)


class Directory:
    """A cached map from partition to the owner's cell row.

    `follow` keeps it fresh; `refresh` reads it now (concurrent calls share one read). `on_death` is
    called with the owner when a process of this machine dies, long before Ray says so.
    """

    def __init__(
        self, store: Store, hostname: str, on_death: Callable[[str], None], poll_s: float = 0.5
    ) -> None:
        self._store = store
        self._hostname = hostname
        self._on_death = on_death
        self._poll_s = poll_s
        self._owners: list[str] = [""] * PARTITIONS
        self._cells: dict[str, CellRow] = {}
        self._dead: set[str] = set()
        self._watched: dict[str, asyncio.Task[None]] = {}
        self._version = -1
        self._reading: asyncio.Task[None] | None = None
        self.loaded = False
        self.reachable = False

    def cell_of(self, partition: int) -> CellRow | None:
        """Return the living owner of a partition as far as is known, or None."""
        # One that was opened since the map was read last has no owner known yet.
        owner = self._owners[partition] if partition < len(self._owners) else ""
        return None if owner in self._dead else self._cells.get(owner)

    @property
    def version(self) -> int:
        """The version of the map that was read last; what is known is that old at most."""
        return self._version

    @property
    def partitions(self) -> int:
        """How many partitions there are."""
        return len(self._owners)

    def cells(self) -> list[CellRow]:
        """Return the cells that are registered and not known to be dead."""
        return [row for owner, row in self._cells.items() if owner not in self._dead]

    async def refresh(self) -> None:
        """Read the map, or wait for a read that has not begun before this call's predecessor."""
        if self._reading is None or self._reading.done():
            self._reading = asyncio.create_task(self._read())
        await asyncio.shield(self._reading)

    async def follow(self) -> None:
        """Keep the map fresh until cancelled."""
        while True:
            with suppress(RetryableError):
                if await self._store.map_version() != self._version:
                    await self.refresh()
            await asyncio.sleep(self._poll_s)

    async def _read(self) -> None:
        try:
            version = await self._store.map_version()
            rows = await self._store.partitions()
            cells = await self._store.cells()
        except RetryableError as error:
            self.reachable = False
            log.warning("the partition map cannot be read: %s", error)
            return
        self._owners = [row.owner for row in rows]
        self._cells = {cell.owner: cell for cell in cells}
        self._dead &= self._cells.keys()
        self._version = version
        self.reachable = True
        self.loaded = self.loaded or all(self.cell_of(p) is not None for p in range(PARTITIONS))
        self._watch()

    def _watch(self) -> None:
        for owner, cell in self._cells.items():
            if owner not in self._watched and cell.host == self._hostname:
                self._watched[owner] = asyncio.create_task(self._mourn(cell))
        for owner in [o for o in self._watched if o not in self._cells]:
            self._watched.pop(owner).cancel()

    async def _mourn(self, cell: CellRow) -> None:
        await death_of(cell.pid, cell.pid_started)
        self._dead.add(cell.owner)
        self._on_death(cell.owner)

    def close(self) -> None:
        """Stop watching."""
        for task in self._watched.values():
            task.cancel()
