"""Connections to PostgreSQL: a bounded pool on an event loop of its own, checked before it is used.

asyncpg belongs to one event loop; a store is used from any. So a thread runs a loop for it, and callers
wait for what it answers.
"""

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import asyncpg

from actors.domain.errors import StoreUnavailableError

T = TypeVar("T")
Connection = Any  # asyncpg's, or what its pool lends in place of it

SCHEMA = "righttime"
"""The schema in which everything of ours stands, so that a database may be shared."""

AGAIN = ("RT001", "RT002", "40001", "40P01")
"""Errors after which the server has certainly undone everything: what was believed was not so any more, or
two transactions waited for each other."""

_OURS = {"pool", "patience_s", "durability"}
_UNSAFE = "unsafe"
_OLDEST = 140_000
_BUGS = (
    asyncpg.exceptions.IntegrityConstraintViolationError,
    asyncpg.exceptions.SyntaxOrAccessError,
    asyncpg.exceptions.DataError,
    asyncpg.exceptions.PLPGSQLError,
    asyncpg.DataError,
)
_TROUBLE = (
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # seen when a server is killed while a statement is being sent
    OSError,
)
_ASKED = """SELECT current_setting('synchronous_commit'), current_setting('fsync'),
    pg_is_in_recovery(), current_setting('server_version_num')::integer"""


@dataclass(frozen=True, slots=True)
class Options:
    """What a URL says beside where the server is.

    `pool` is how many connections a process has at most, `patience_s` how long a caller waits. With
    `durability=unsafe` a server is accepted that may lose what it has acknowledged.
    """

    dsn: str
    pool: int = 4
    patience_s: float = 5.0
    unsafe: bool = False


def options_of(url: str) -> Options:
    """Take our own parameters out of a URL.

    Raises:
        ValueError: A parameter says nothing sensible. The message does not repeat the URL.
    """
    parts = urlsplit(url)
    if not parts.path.strip("/"):
        raise ValueError("a postgresql URL names a database: postgresql://user@host/database")
    given = parse_qsl(parts.query, keep_blank_values=True)
    ours = {name: value for name, value in given if name in _OURS}
    dsn = urlunsplit(parts._replace(query=urlencode([g for g in given if g[0] not in _OURS])))
    try:
        pool, patience_s = int(ours.get("pool", "4")), float(ours.get("patience_s", "5"))
    except ValueError:
        raise ValueError("pool and patience_s are numbers") from None
    if not 1 <= pool <= 64 or not 0.1 <= patience_s <= 60:
        raise ValueError("pool is 1 to 64, patience_s 0.1 to 60")
    if ours.get("durability", _UNSAFE) != _UNSAFE:
        raise ValueError("durability is `unsafe` or left out")
    return Options(dsn, pool, patience_s, "durability" in ours)


@contextmanager
def postgres_errors() -> Iterator[None]:
    """Turn what goes wrong with servers and connections into `StoreUnavailableError`.

    Errors that only a bug in this program can cause pass as they are.
    """
    try:
        yield
    except _BUGS:
        raise
    except TimeoutError as error:
        raise StoreUnavailableError("PostgreSQL: no answer in time") from error
    except _TROUBLE as error:
        text = str(error) or type(error).__name__
        raise StoreUnavailableError(f"PostgreSQL: {text}") from error


class Pool:
    """Connections that are made when needed, each checked, and thrown away when anything is odd."""

    def __init__(self, options: Options, *, read_only: bool) -> None:
        self.options = options
        self.read_only = read_only
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="store", daemon=True)
        self._pool: Any = None
        self._closed = False

    def start(self, prepare: Callable[[Connection], Awaitable[None]]) -> None:
        """Connect and prepare the database; blocks.

        Raises:
            StoreUnavailableError: There is no server, or none that may be used.
        """
        self._thread.start()
        try:
            self._submit(self._start(prepare)).result(60)
        except BaseException:
            self._end()
            raise

    async def _start(self, prepare: Callable[[Connection], Awaitable[None]]) -> None:
        try:
            with postgres_errors():
                connection = await self.connect(timeout_s=self.options.patience_s)
                try:
                    await self._check(connection)
                    await prepare(connection)
                finally:
                    await connection.close()
                self._pool = await asyncpg.create_pool(
                    self.options.dsn,
                    min_size=0,  # it would try again and again, aloud, while the server is away
                    max_size=self.options.pool,
                    max_inactive_connection_lifetime=300,
                    max_cached_statement_lifetime=0,
                    timeout=self.options.patience_s,
                    init=self._check,
                    reset=_keep,
                    server_settings=self._settings(),
                )
        except _BUGS as error:  # no right to make tables, an unknown option: for the operator
            raise StoreUnavailableError(f"PostgreSQL: {error}") from error

    async def connect(self, timeout_s: float | None = None) -> Connection:
        """Make one more connection, outside the pool, with no limit on a statement's time."""
        settings = self._settings() | {"statement_timeout": "0"}
        return await asyncpg.connect(self.options.dsn, timeout=timeout_s, server_settings=settings)

    def _settings(self) -> dict[str, str]:
        patience_ms = round(self.options.patience_s * 900)
        return {
            "application_name": "righttime",
            "search_path": SCHEMA,
            "statement_timeout": str(patience_ms),
            "idle_in_transaction_session_timeout": "2000",
            "default_transaction_read_only": "on" if self.read_only else "off",
            "default_transaction_isolation": "read committed",
            # Every statement goes by an index and few rows. A plan made while a table was empty, or
            # with statistics of yesterday, must not walk through it.
            "enable_seqscan": "off",
            "enable_hashjoin": "off",
            "enable_mergejoin": "off",
            "plan_cache_mode": "force_generic_plan",
            "jit": "off",
        }

    async def _check(self, connection: Connection) -> None:
        """Refuse a server that forgets, or that only reads: asked of each new connection.

        After a failover it may be another server.
        """
        synchronous, fsync, standby, version = await connection.fetchrow(_ASKED)
        if version < _OLDEST:
            raise StoreUnavailableError(f"PostgreSQL {version // 10_000} is too old, expected 14")
        if not self.options.unsafe:
            for name, value in (("synchronous_commit", synchronous), ("fsync", fsync)):
                if value == "off":
                    raise StoreUnavailableError(
                        f"the server has {name} = off and may lose what it has acknowledged; "
                        "set it to on (or add durability=unsafe to the URL of a store that may)"
                    )
        if standby and not self.read_only:
            raise StoreUnavailableError(
                "the server is a standby; name all servers and target_session_attrs=read-write"
            )

    def _submit(self, work: Coroutine[Any, Any, T]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    async def run(self, work: Callable[[Connection], Awaitable[T]]) -> T:
        """Let `work` use a connection; nothing of it is ever repeated.

        Raises:
            StoreUnavailableError: The outcome is unknown.
        """
        if self._closed:
            raise StoreUnavailableError("the store is closed")
        done: T = await asyncio.wrap_future(self._submit(self._run(work)))
        return done

    async def _run(self, work: Callable[[Connection], Awaitable[T]]) -> T:
        with postgres_errors():
            async with asyncio.timeout(self.options.patience_s):
                connection = await self._pool.acquire()
                try:
                    return await work(connection)
                except asyncpg.PostgresError:
                    raise  # the server has said what became of it
                except BaseException:
                    connection.terminate()  # what it was doing is unknown: never used again
                    raise
                finally:
                    await self._pool.release(connection)

    def apart(self, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Run something long on the pool's loop and wait for it, from a thread without a loop."""
        done: T = self._submit(work()).result()
        return done

    async def close(self) -> None:
        """Give all connections back, waiting for what is under way no longer than the patience."""
        if self._closed:
            return
        self._closed = True
        await asyncio.wrap_future(self._submit(self._close()))
        self._end()

    async def _close(self) -> None:
        try:
            async with asyncio.timeout(self.options.patience_s):
                await self._pool.close()
        except Exception:  # noqa: BLE001 - a server that is gone must not keep anybody from leaving
            self._pool.terminate()

    def _end(self) -> None:
        self._closed = True
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(1.0)
        with suppress(RuntimeError):
            self._loop.close()


async def _keep(_connection: Connection) -> None:
    """Leave a connection as it is between two uses: nothing changes its settings."""


class Database:
    """What the parts of the store have in common: statements on a pool."""

    _pool: Pool

    async def _rows(self, statement: str, *values: Any) -> list[Any]:
        rows: list[Any] = await self._pool.run(lambda c: c.fetch(statement, *values))
        return rows

    async def _value(self, statement: str, *values: Any) -> Any:
        return await self._pool.run(lambda c: c.fetchval(statement, *values))

    async def _touched(self, statement: str, *values: Any) -> int:
        """Run a statement that writes; return how many rows it touched."""
        status: str = await self._pool.run(lambda c: c.execute(statement, *values))
        return int(status.rpartition(" ")[2])


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[Connection]:
    """Lend a connection of its own to a job that walks through whole tables, without limits of time.

    Raises:
        StoreUnavailableError: There is no server.
    """
    settings = {"application_name": "righttime", "search_path": SCHEMA, "jit": "off"}
    with postgres_errors():
        connection = await asyncpg.connect(
            options_of(url).dsn, timeout=10, server_settings=settings
        )
        try:
            yield connection
        finally:
            await connection.close()
