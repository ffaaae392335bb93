"""A SQLite file: its connections, the lock that writers queue for, the threads that do the work."""

import fcntl
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from queue import SimpleQueue
from typing import Any, TypeVar

from actors.domain.errors import StoreUnavailableError
from actors.stores.sqlite_schema import MIGRATIONS, migrate, schema_number

T = TypeVar("T")

_OLDEST_SQLITE = (3, 38, 0)  # JSON functions built in; UPDATE … FROM came before


class FileLock:
    """An exclusive lock between processes. Waiters sleep in the kernel, which wakes them in turn.

    SQLite's own busy handler polls: with four writers its worst wait was twenty times longer.
    """

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Wait as long as it takes: `flock` has no timeout, so callers wait with one themselves."""
        fcntl.flock(self._descriptor, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(self._descriptor, fcntl.LOCK_UN)

    @contextmanager
    def held_within(self, patience_s: float) -> Iterator[None]:
        """Wait at most `patience_s`, by polling: for the rare caller that has no thread to leave.

        Raises:
            StoreUnavailableError: Another process held it all that time.
        """
        pause = threading.Event()
        until = time.monotonic() + patience_s
        while True:
            try:
                fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() >= until:
                    raise StoreUnavailableError(
                        f"another process has held the writers' lock for {patience_s:g} s"
                    ) from None
                pause.wait(0.01)
        try:
            yield
        finally:
            fcntl.flock(self._descriptor, fcntl.LOCK_UN)

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._descriptor)


class Worker:
    """One thread that runs jobs in order. A daemon: a job stuck in the kernel must not keep a
    process from ending, which the threads of `concurrent.futures` would.
    """  # noqa: D205

    def __init__(self, name: str) -> None:
        self._jobs: SimpleQueue[tuple[Future[Any], Callable[[], Any]] | None] = SimpleQueue()
        threading.Thread(target=self._run, name=name, daemon=True).start()

    def submit(self, job: Callable[[], T]) -> Future[T]:
        """Queue a job. Cancelling its future drops it if it has not begun."""
        future: Future[T] = Future()
        self._jobs.put((future, job))
        return future

    def stop(self) -> None:
        """End the thread after the jobs that are queued."""
        self._jobs.put(None)

    def _run(self) -> None:
        while (queued := self._jobs.get()) is not None:
            future, job = queued
            if future.set_running_or_notify_cancel():
                try:
                    future.set_result(job())
                except BaseException as error:  # noqa: BLE001 - the one who waits gets it
                    future.set_exception(error)
            del queued, future, job  # else the last result lives until the next job


@contextmanager
def sqlite_errors() -> Iterator[None]:
    """Turn what SQLite says of disks, locks and damage into `StoreUnavailableError`.

    Errors that only a bug in this program can cause pass as they are.
    """
    try:
        yield
    except (sqlite3.IntegrityError, sqlite3.ProgrammingError, sqlite3.DataError):
        raise
    except sqlite3.DatabaseError as error:
        raise StoreUnavailableError(f"SQLite: {error}") from error


def connect(path: Path, patience_s: float, *, read_only: bool) -> sqlite3.Connection:
    """Open a connection that leaves transactions to us and may be used from any one thread.

    A reader is a connection for writing with `query_only`: one opened with `mode=ro` cannot read a
    WAL database whose last writer has left.
    """
    connection = sqlite3.connect(
        f"file:{path.as_posix().replace('%', '%25').replace('?', '%3f').replace('#', '%23')}?mode=rw",
        uri=True,
        timeout=patience_s,
        isolation_level=None,
        check_same_thread=False,
        cached_statements=512,
    )
    try:
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = OFF")
        connection.execute("PRAGMA temp_store = MEMORY")
        if read_only:
            connection.execute("PRAGMA cache_size = -16384")
            connection.execute("PRAGMA query_only = ON")
        else:
            connection.execute("PRAGMA cache_size = -32768")
            connection.execute("PRAGMA wal_autocheckpoint = 4000")
    except BaseException:
        connection.close()
        raise
    return connection


def prepare_file(path: Path, lock_path: Path, patience_s: float, *, create: bool) -> None:
    """Make sure that a file with the newest schema in WAL mode is there.

    A file that is up to date is not written, and its writers' lock is not waited for.

    Raises:
        StoreUnavailableError: It is missing and may not be made, damaged, not ours or too new.
    """
    if sqlite3.sqlite_version_info < _OLDEST_SQLITE:
        raise StoreUnavailableError(
            f"SQLite {sqlite3.sqlite_version} is too old, expected 3.38 or newer"
        )
    if create:
        _create_file(path)
    elif not path.is_file():
        raise StoreUnavailableError(f"there is no database at {str(path)!r}")
    with sqlite_errors():
        connection = connect(path, patience_s, read_only=False)
        try:
            number = schema_number(connection)
            if number == len(MIGRATIONS):
                return
            if not create:
                raise StoreUnavailableError(
                    f"the database has schema {number}, expected {len(MIGRATIONS)}: "
                    "open it for writing once"
                )
            lock = FileLock(lock_path)
            try:
                with lock.held_within(patience_s):
                    connection.execute("PRAGMA journal_mode = WAL")
                    migrate(connection)
            finally:
                lock.close()
        finally:
            connection.close()


def _create_file(path: Path) -> None:
    """Make an empty file that only its owner may read: it will hold personal data."""
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    except OSError as error:
        raise StoreUnavailableError(f"cannot open {str(path)!r}: {error.strerror}") from error


class Writer:
    """The connection that writes, under the lock."""

    def __init__(self, path: Path, lock_path: Path, patience_s: float) -> None:
        self.connection = connect(path, patience_s, read_only=False)
        self._lock = FileLock(lock_path)
        self._patience_s = patience_s

    def transaction(self, work: Callable[[sqlite3.Connection], T]) -> Callable[[], T]:
        """Return a job that runs `work` in one transaction, durable when it returns.

        If `work` changes nothing, nothing is synced. A job that has waited longer than the patience
        for its turn raises, because nobody waits for it any more.
        """
        until = time.monotonic() + self._patience_s

        def job() -> T:
            with sqlite_errors(), self._lock.held():
                if time.monotonic() > until:
                    raise StoreUnavailableError("waited too long for the writers' lock")
                return self._run(work)

        return job

    def _run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        connection = self.connection
        connection.execute("BEGIN IMMEDIATE")
        try:
            result = work(connection)
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        return result

    def close(self) -> None:
        """Close connection and lock."""
        self.connection.close()
        self._lock.close()
