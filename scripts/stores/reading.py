"""A store's tables at one instant, for jobs that walk through all of it; and whether it is served."""

import os
import sqlite3
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from pathlib import Path
from urllib.parse import unquote, urlsplit

from actors.domain.errors import StoreUnavailableError
from actors.runtime.pidfd import started_at
from actors.stores.opening import open_store
from actors.stores.postgres_pool import connected
from actors.stores.sqlite_file import FileLock, connect, sqlite_errors
from actors.stores.tables import PostgresTables, SqliteTables, Tables
from scripts.output import Failure

DEFAULT = ".righttime/data/righttime.db"
_LOOK_S = 1.5  # cells beat every second
_PATIENCE_S = 5.0


def is_sqlite(url: str) -> bool:
    """Return whether a URL names a file."""
    return urlsplit(url).scheme == "sqlite"


def is_postgres(url: str) -> bool:
    """Return whether a URL names a database on a server."""
    return urlsplit(url).scheme in ("postgresql", "postgres")


def url_or_default(url: str | None) -> str:
    """Return the URL of the store that is meant when none is given."""
    return url or f"sqlite://{Path(DEFAULT).resolve()}"


def path_of(url: str) -> Path:
    """Return the file that a sqlite URL names."""
    return Path("/" + unquote(urlsplit(url).path).lstrip("/"))


@asynccontextmanager
async def reading(url: str) -> AsyncIterator[Tables]:
    """Lend the tables of a store whose schema is that of this version, all as they are at one instant.

    Raises:
        Failure: The URL names no store that lasts.
        StoreUnavailableError: It cannot be read, or has another schema.
    """
    if not is_sqlite(url) and not is_postgres(url):
        raise Failure(
            "--store: expected sqlite:///absolute/path or postgresql://user@host/database"
        )
    try:
        await open_store(url, read_only=True).close()  # is there, ours, and has this schema
    except ValueError as error:
        raise Failure(f"--store: {error}") from error
    if is_sqlite(url):
        with sqlite_errors(), closing(connect(path_of(url), _PATIENCE_S, read_only=True)) as lent:
            lent.execute("BEGIN")
            yield SqliteTables(lent)
        return
    async with (
        connected(url) as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        yield PostgresTables(connection)


@asynccontextmanager
async def unserved(url: str) -> AsyncIterator[SqliteTables]:
    """Lend the tables of a file that nobody serves, and let nobody write to it meanwhile.

    Raises:
        Failure: A cell lives that serves it.
    """
    await refuse_served(url)
    path = path_of(url)
    lock = FileLock(path.with_name(path.name + ".lock"))
    try:
        with lock.held_within(_PATIENCE_S):
            async with reading(url) as tables:
                if isinstance(tables, SqliteTables):
                    yield tables
    finally:
        lock.close()


async def refuse_served(url: str, sleep: Callable[[float], None] = time.sleep) -> None:
    """Refuse a store that a living cell has registered in.

    A cell of this machine lives when its process does; one of another when its beat moves.

    Raises:
        Failure: There is one.
    """
    store = open_store(url, read_only=True)
    try:
        before = await store.cells()
        living = [row.name for row in before if _lives(row.pid, row.pid_started, row.host)]
        if before and not living:
            sleep(_LOOK_S)
            beats = {row.owner: row.beat for row in before}
            living = [row.name for row in await store.cells() if row.beat != beats.get(row.owner)]
    finally:
        await store.close()
    if living:
        raise Failure(f"the store is served (by {', '.join(living)}); stop the system first")


def _lives(pid: int, pid_started: int, host: str) -> bool:
    if host != os.uname().nodename:
        return False
    try:
        return started_at(pid) == pid_started
    except OSError:
        return False


def integrity(url: str) -> list[str]:
    """Return what SQLite itself finds wrong with a file."""
    try:
        with closing(connect(path_of(url), _PATIENCE_S, read_only=True)) as connection:
            found = connection.execute("PRAGMA quick_check").fetchall()
    except (sqlite3.DatabaseError, StoreUnavailableError) as error:
        return [str(error)]
    return [str(line) for (line,) in found if line != "ok"]
