"""How a cell reaches the model server; the actor of a single customer by way of a cell."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from importlib import import_module
from typing import Any

from actors.ports import CellRow
from actors.runtime.owning import CUSTOMER
from actors.runtime.seeking import Sought


def load_serve() -> Any:
    """Return Ray Serve's module.

    Importing it costs more than half of what a cell costs otherwise, in time and in memory: 1.3 s of a
    processor and 57 MB. So it is imported only where it is called.
    """
    return import_module("ray.serve")


class ServedModels:
    """Asks the model server itself, as the cells of many do."""

    def __init__(self, app: str, deployment: str) -> None:
        self._handle: Sought[Any] = Sought(
            lambda: load_serve().get_deployment_handle(deployment, app_name=app)
        )

    async def score(self, request: bytes) -> bytes:
        """Return the model server's reply; raises whatever is wrong with it."""
        handle = await self._handle.get()
        reply: bytes = await handle.score.remote(request)
        return reply


class ModelsOfCells:
    """Asks a cell to ask: one call more, and no Serve in this process.

    Cells are tried in order of name, from the one at `first` on; the one that answered last is asked
    again. `cells` gives the registered ones, `find` the actor of a name, and may block.
    """

    def __init__(
        self,
        cells: Callable[[], Awaitable[Sequence[CellRow]]],
        first: int,
        find: Callable[[str], Any],
    ) -> None:
        self._cells = cells
        self._next = first
        self._find = find
        self._cell: Any = None

    async def score(self, request: bytes) -> bytes:
        """Return the model server's reply; raises whatever is wrong, and tries the next cell next time."""
        cell, self._cell = self._cell, None
        if cell is None:
            cell = await self._look()
        reply: bytes = await cell.score.remote(request)
        self._cell = cell
        return reply

    async def _look(self) -> Any:
        names = sorted(c.name for c in await self._cells() if not c.name.startswith(CUSTOMER))
        if not names:
            raise LookupError("no cell is registered")
        name = names[self._next % len(names)]
        self._next += 1
        return await asyncio.to_thread(self._find, name)
