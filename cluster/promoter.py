"""Carries out who gets an actor of her own: under the ownership protocol, with the store deciding."""

import asyncio
import logging
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Protocol

from actors.domain.errors import CodecError, RetryableError
from actors.ports import CellRow, PartitionRow, Store
from cluster.dedication import (
    Dedication,
    Seat,
    Wish,
    actor_name,
    customer_of,
    empty_partitions,
    home_of,
)

log = logging.getLogger(__name__)

PERIOD_S = 2.0
_CALL_S = 5.0
_START_S = 60.0
_HOMEWARD = 4
"""Customers that one round sends home."""


class Places(Protocol):
    """How processes are reached, made and ended: Ray's, or those of a test."""

    def make_apart(self, number: int, node: str) -> Any:
        """Return the actor of a customer, made on a node unless it is there."""
        ...

    async def call(self, name: str, method: str, *arguments: Any) -> Any:
        """Call an actor by name; raises what the transport raises."""
        ...

    async def end(self, name: str) -> bool:
        """End an actor for good."""
        ...

    def nodes(self) -> list[str]:
        """Return the ids of the machines that live."""
        ...


class Promoter:
    """One per supervisor. It may die between any two steps: the next round begins from the store.

    A customer is served all the time: by her cell until the store says that she is in the partition of
    her actor, by her actor from then on. Whoever dies, her partition is taken over by a cell as any other.
    """

    def __init__(
        self,
        places: Places,
        cells: Callable[[], dict[str, str]],
        per_node: int,
        errors: tuple[type[Exception], ...] = (),
        every_s: float = 0.0,
    ) -> None:
        """`cells` gives the owner of each living cell of many by name; `errors` are the transport's.

        One actor is made every `every_s` at most.
        """
        self._places = places
        self._cells = cells
        self._dedication = Dedication(per_node, every_s)
        known = (RetryableError, CodecError, TimeoutError, ValueError, OSError)
        self._errors: tuple[type[Exception], ...] = (*known, *errors)
        self._seen: dict[str, Seat] = {}
        self.promoted = 0
        self.demoted = 0

    async def run(self, store: Callable[[], Store | None]) -> None:
        """Go round until cancelled."""
        busy = False
        while True:
            await asyncio.sleep(PERIOD_S / 4 if busy else PERIOD_S)
            found = store()
            if found is None:
                continue
            try:
                busy = await self.round(found, time.monotonic())
            except self._errors:
                busy = False
                log.exception("a round of promotions failed")

    async def round(self, store: Store, now_s: float) -> bool:
        """Do what is to be done now, a few at a time; `now_s` is a monotonic clock.

        Returns:
            Whether somebody was to get an actor: others may be waiting.
        """
        rows = {row.partition: row for row in await store.partitions()}
        apart = dict(await store.apart())
        registered = await store.cells()
        seats = await self._seats(store, registered, rows)
        nodes = self._places.nodes()
        wishes = await self._wishes() if self._dedication.room(seats, nodes) else []
        steps = self._dedication.steps(rows, apart, seats, wishes, nodes, now_s)
        for number, row in steps.home[:_HOMEWARD]:
            await self._send_home(number, row.owner, rows)
        for seat in steps.end[:_HOMEWARD]:
            await self._end(seat, apart, rows)
        taken = [seat.owner for seat in seats]
        empty = empty_partitions(rows, apart, taken)
        await asyncio.gather(
            *(
                self._promote(wish, node, empty[i] if i < len(empty) else None)
                for i, (wish, node) in enumerate(steps.promote)
            )
        )
        return bool(steps.promote)

    async def _seats(
        self, store: Store, registered: list[CellRow], rows: dict[int, PartitionRow]
    ) -> list[Seat]:
        """Ask the actors of customers; rows of dead ones go when what they had has been taken over."""
        owners = {row.owner for row in rows.values()}
        seats = []
        for cell in registered:
            number = customer_of(cell.name)
            if number is None:
                continue
            seat = await self._seat(cell, number)
            if seat is not None:
                seats.append(seat)
            elif cell.owner not in owners:
                await self._places.end(cell.name)
                await store.remove_cell(cell)
        self._seen = {seat.owner: seat for seat in seats}
        return seats

    async def _seat(self, cell: CellRow, number: int) -> Seat | None:
        """Ask an actor how it is; one that does not answer now is as it was."""
        try:
            info = await self._call(cell.name, "info")
        except TimeoutError:
            return self._seen.get(cell.owner)
        except self._errors:
            return None
        if info["owner"] != cell.owner:
            return None
        return Seat(number, cell.owner, info["node"], info["wanted"], info["idleMs"])

    async def _wishes(self) -> list[Wish]:
        async def one(name: str) -> list[Wish]:
            try:
                found = await self._call(name, "wishes")
            except self._errors:
                return []  # she will be asked again
            return [Wish(number, name, idle_ms) for number, idle_ms in found]

        every = await asyncio.gather(*(one(name) for name in sorted(self._cells())))
        return [wish for found in every for wish in found]

    async def _call(self, name: str, method: str, *arguments: Any) -> Any:
        async with asyncio.timeout(_CALL_S):
            return await self._places.call(name, method, *arguments)

    async def _send_home(self, number: int, owner: str, rows: dict[int, PartitionRow]) -> bool:
        name = owner.rpartition("/")[0]
        try:
            went: bool = await self._call(name, "rehome", number, home_of(number, rows))
        except self._errors:
            return False
        self.demoted += went
        return went

    async def _end(self, seat: Seat, apart: dict[int, int], rows: dict[int, PartitionRow]) -> None:
        """Send a customer home, and end her actor once she has gone.

        Its partition goes to her home's owner, who tells those who still ask there where she is.
        """
        if seat.number in apart and not await self._send_home(seat.number, seat.owner, rows):
            return
        owned = [row.partition for row in rows.values() if row.owner == seat.owner]
        taker = rows[home_of(seat.number, rows)[0]].owner
        with suppress(*self._errors):
            await self._call(actor_name(seat.number), "hand_over", owned, taker)
            await self._call(taker.rpartition("/")[0], "reload_ownership")
        await self._places.end(actor_name(seat.number))
        log.info("%s has ended", actor_name(seat.number))

    async def _promote(self, wish: Wish, node: str, row: PartitionRow | None) -> None:
        """Make an actor, let it own a partition, and have the cell move her there."""
        name = actor_name(wish.number)
        try:
            self._places.make_apart(wish.number, node)
            async with asyncio.timeout(_START_S):
                await self._places.call(name, "begin")
            to = await self._partition(name, row)
            moved = await self._call(wish.cell, "rehome", wish.number, to)
        except self._errors as error:
            # Whether she has moved is in the store, and read in the next round.
            log.warning("%s could not be brought into service: %s", name, type(error).__name__)
            return
        if moved:
            self.promoted += 1
            log.info("%s has partition %d", name, to[0])
        else:
            await self._places.end(name)

    async def _partition(self, name: str, row: PartitionRow | None) -> tuple[int, int]:
        """Let an actor own an empty partition: one that is there, else a new one."""
        if row is not None:
            claim = (row.partition, row.owner, row.epoch)
            if await self._call(name, "claim", [claim]):
                return row.partition, row.epoch + 1
        opened: tuple[int, int] = await self._call(name, "open_partition")
        return opened
