"""The store of a run: where it is, how the checker reads it, and what can be done to it."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar

from scripts.chaos.books import Fetch

if TYPE_CHECKING:
    from scripts.chaos.faults import Fault

T = TypeVar("T")

_SOON_MS = 10_000


def waiting(now_ms: int) -> str:
    """Return the SELECT that counts the timers and effects that have something to come soon.

    An effect that failed twice waits for minutes, and some timers wait for days.
    """
    return (
        f"SELECT (SELECT count(*) FROM timer WHERE due < {now_ms + _SOON_MS})"  # noqa: S608 - numbers only
        " + (SELECT count(*) FROM outbox WHERE state IN (0, 1, 6) AND attempts < 2)"
    )


class Storage(Protocol):
    """One store, from before the system's first start until the checker is done."""

    kind: str

    @property
    def url(self) -> str | None:
        """What `--store` of the system is to be; None for its default."""

    def start(self) -> None:
        """Make it ready."""

    def stop(self) -> None:
        """End what `start` began."""

    def read(self, work: "Callable[[Fetch], T]") -> T:
        """Let `work` read in one snapshot."""

    def epochs(self) -> list[tuple[int, str, int]]:
        """Read the partition map: (partition, owner, epoch); nothing while it cannot be read."""

    def quiet(self, now_ms: int) -> bool:
        """Return whether nothing waits to be fired or delivered soon, by the machine's clock."""

    def faults(self, common: "dict[str, Fault]") -> "dict[str, Fault]":
        """Return the faults that this store allows, given those that are common to all."""


class SqliteStorage:
    """The file in the data directory."""

    kind = "SQLite"
    url: str | None = None

    def __init__(self, data: Path) -> None:
        self._path = data / "righttime.db"

    def start(self) -> None:
        """Do nothing: the system makes its file."""

    def stop(self) -> None:
        """Do nothing."""

    def read(self, work: Callable[[Fetch], T]) -> T:
        """Let `work` read in one snapshot."""
        with closing(self._connect()) as connection:
            connection.execute("BEGIN")
            return work(lambda sql: connection.execute(sql).fetchall())

    def epochs(self) -> list[tuple[int, str, int]]:
        """Read the partition map."""
        try:
            return self.read(lambda fetch: [(p, o, e) for p, o, e in fetch(MAP)])
        except sqlite3.Error:  # not there yet, or the disk is full
            return []

    def quiet(self, now_ms: int) -> bool:
        """Return whether nothing waits."""
        try:
            return not self.read(lambda fetch: int(fetch(waiting(now_ms))[0][0]))
        except sqlite3.Error:
            return False

    def faults(self, common: "dict[str, Fault]") -> "dict[str, Fault]":
        """Return all: they were made for this store."""
        return common

    def _connect(self) -> sqlite3.Connection:
        return sqlite3.connect(
            f"file:{self._path}?mode=ro", uri=True, timeout=2, isolation_level=None
        )


MAP = "SELECT p, owner, epoch FROM partition"


def storage_of(url: str, data: Path, host: str | None = None) -> Storage:
    """Return the store that `--store` names: `sqlite`, `postgresql`, or the URL of a server.

    `host` is the address at which other machines are to reach a server of ours.

    Raises:
        Failure: It names none, or other machines cannot use it.
    """
    from scripts.output import Failure

    if url == "sqlite":
        if host is not None:
            raise Failure("--links: machines share no SQLite file; add --store postgresql")
        return SqliteStorage(data)
    if url == "postgresql" or url.startswith(("postgresql://", "postgres://")):
        from scripts.chaos.postgres import PostgresStorage

        return PostgresStorage(url, data, host)
    raise Failure(f"--store: {url!r} is neither sqlite nor postgresql nor the URL of a server")
