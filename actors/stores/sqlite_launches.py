"""Launches of scenarios in the SQLite store."""

import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import partial
from typing import TypeVar

from actors.ports import Launch, LaunchPart

T = TypeVar("T")

_ADD = """INSERT OR IGNORE INTO launch
    (id, scenario, segment, per_second, state, created_at, data) VALUES (?, ?, ?, ?, ?, ?, ?)"""
_ALL = """SELECT id, scenario, segment, per_second, state, created_at, data
    FROM launch ORDER BY rowid DESC"""


class SqliteLaunches(ABC):
    """The methods of `Store` on launches, over what reads and writes in a transaction."""

    @abstractmethod
    async def _read(self, work: Callable[[sqlite3.Connection], T]) -> T: ...

    @abstractmethod
    async def _write(self, work: Callable[[sqlite3.Connection], T]) -> T: ...

    async def add_launch(self, launch: Launch) -> bool:
        """See `Store.add_launch`."""
        return await self._write(partial(_add_launch, launch=launch))

    async def launches(self) -> list[Launch]:
        """See `Store.launches`."""
        return await self._read(_launches)

    async def set_launch(self, launch_id: str, before: str, state: str) -> bool:
        """See `Store.set_launch`."""
        return await self._write(
            partial(_set_launch, launch_id=launch_id, before=before, state=state)
        )

    async def put_launch_part(self, part: LaunchPart) -> None:
        """See `Store.put_launch_part`."""
        await self._write(partial(_put_launch_part, part=part))

    async def launch_parts(self, launch_id: str) -> list[LaunchPart]:
        """See `Store.launch_parts`."""
        return await self._read(partial(_launch_parts, launch_id=launch_id))


def _add_launch(connection: sqlite3.Connection, launch: Launch) -> bool:
    done = connection.execute(
        _ADD,
        (
            launch.id,
            launch.scenario,
            launch.segment,
            launch.per_second,
            launch.state,
            launch.created_at_ms,
            launch.data,
        ),
    )
    return done.rowcount == 1


def _launches(connection: sqlite3.Connection) -> list[Launch]:
    rows = connection.execute(_ALL)
    return [Launch(*row) for row in rows]


def _set_launch(connection: sqlite3.Connection, launch_id: str, before: str, state: str) -> bool:
    done = connection.execute(
        "UPDATE launch SET state = ? WHERE id = ? AND state = ?", (state, launch_id, before)
    )
    return done.rowcount == 1


def _put_launch_part(connection: sqlite3.Connection, part: LaunchPart) -> None:
    connection.execute(
        "INSERT OR REPLACE INTO launch_part (launch, owner, after, seen, entered, done)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        (part.launch, part.owner, part.after_number, part.seen, part.entered, part.done),
    )


def _launch_parts(connection: sqlite3.Connection, launch_id: str) -> list[LaunchPart]:
    rows = connection.execute(
        "SELECT launch, owner, after, seen, entered, done FROM launch_part"
        " WHERE launch = ? ORDER BY owner",
        (launch_id,),
    )
    return [
        LaunchPart(launch, owner, after, seen, entered, bool(done))
        for launch, owner, after, seen, entered, done in rows
    ]
