"""A run on PostgreSQL: a server of its own, or one that is named, and what can be done to it."""

import asyncio
import os
import shutil
import signal
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

from scripts.chaos.books import Fetch
from scripts.chaos.disk import Disk
from scripts.chaos.faults import PAUSE_S, Arena, Fault, Missed
from scripts.chaos.operating import private_folder
from scripts.chaos.processes import Process, children_of, of_kind, ports_of
from scripts.chaos.storing import MAP, waiting
from scripts.own_postgres import OwnPostgres

T = TypeVar("T")

_SCHEMA = "righttime"
_DATABASE = "righttime"
_DISK_MB = 2_048
_SMALL = {"max_wal_size": "256MB"}  # by default the log alone may fill that disk
_AWAY_S = 2.0
_FULL_S = 6.0
_INSIDE_WITHIN_S = 5.0
_SPENT = "SELECT name, sum(spent)::bigint FROM budget_lease GROUP BY name"
_LOOK_ANEW = "SELECT pg_stat_clear_snapshot()"  # or a transaction sees what it saw first
_INSIDE = (
    "SELECT client_port FROM pg_stat_activity WHERE datname = current_database()"
    " AND pid <> pg_backend_pid() AND xact_start IS NOT NULL AND state <> 'idle'"
    " AND backend_xid IS NOT NULL"
)


class PostgresStorage:
    """`url` is that of the database; the server is ours if the plan named none."""

    kind = "PostgreSQL"

    def __init__(self, named: str, data: Path, host: str | None = None) -> None:
        self._folder = private_folder(None, "chaos-postgres-")
        self.disk: Disk | None = None
        self.server: OwnPostgres | None = None
        self._url = named
        if named == "postgresql":
            self.disk = Disk(self._folder, _DISK_MB)
            self.server = OwnPostgres(self._folder, {**_SMALL, **self._also_at(host)})
            self._url = self.server.url(_DATABASE).replace("127.0.0.1", host or "127.0.0.1")
        self._data = data

    def _also_at(self, host: str | None) -> dict[str, str]:
        """Return the settings with which the server is there for the network of `host` too."""
        if host is None:
            return {}
        rules = self._folder / "pg_hba.conf"
        rules.write_text(
            f"host all all 127.0.0.1/32 trust\nhost all all {host}/24 trust\n", "utf-8"
        )
        rules.chmod(0o644)
        return {"listen_addresses": f"127.0.0.1,{host}", "hba_file": str(rules)}

    @property
    def url(self) -> str | None:
        """The URL of the database."""
        return self._url

    def start(self) -> None:
        """Start the server, and make the database in it."""
        if self.server is not None:
            self.server.start()
            self.server.create(_DATABASE)

    def stop(self) -> None:
        """Stop the server and remove what it had."""
        if self.server is not None:
            self.server.stop()
        if self.disk is not None:
            self.disk.close()
        with suppress(OSError):
            shutil.rmtree(self._folder)

    def read(self, work: Callable[[Fetch], T]) -> T:
        """Let `work` read in one snapshot."""
        import asyncpg

        loop = asyncio.new_event_loop()
        try:
            connection = loop.run_until_complete(
                asyncpg.connect(self._url, server_settings={"search_path": _SCHEMA}, timeout=5)
            )
            try:
                begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
                loop.run_until_complete(connection.execute(begin))

                def fetch(sql: str) -> Sequence[Sequence[Any]]:
                    # What is spent stands in leases here; everything else has the same names.
                    asked = _SPENT if " FROM budget" in sql else sql
                    rows: Sequence[Sequence[Any]] = loop.run_until_complete(connection.fetch(asked))
                    return rows

                return work(fetch)
            finally:
                loop.run_until_complete(connection.close(timeout=5))
        finally:
            loop.close()

    def epochs(self) -> list[tuple[int, str, int]]:
        """Read the partition map."""
        with suppress(Exception):  # the server is down, or has no tables yet: nothing to see
            return self.read(lambda fetch: [(row[0], row[1], row[2]) for row in fetch(MAP)])
        return []

    def quiet(self, now_ms: int) -> bool:
        """Return whether nothing waits."""
        with suppress(Exception):  # as above
            return not self.read(lambda fetch: int(fetch(waiting(now_ms))[0][0]))
        return False

    def faults(self, common: dict[str, Fault]) -> dict[str, Fault]:
        """Return what is done to a system on this store: what is common, and what is done to a server."""
        apart = {"store busy", "disk full"}
        found = {name: fault for name, fault in common.items() if name not in apart}
        found["cell paused inside a transaction"] = self.pause_inside
        found["cell killed inside a transaction"] = self.kill_inside
        if self.server is not None:
            found["PostgreSQL killed"] = self.kill
            found["PostgreSQL restarted"] = self.restart
            found["PostgreSQL paused"] = self.pause
            found["disk full"] = self.fill
        return found

    async def kill(self, _arena: Arena) -> str:
        """Kill the postmaster, and start it again after two seconds."""
        server = self._ours()
        await asyncio.to_thread(server.kill)
        await asyncio.sleep(_AWAY_S)
        await asyncio.to_thread(server.start)
        return f"{_AWAY_S:g} s away"

    async def restart(self, _arena: Arena) -> str:
        """Restart it as an operator would: what is under way is rolled back."""
        server = self._ours()
        await asyncio.to_thread(server.stop)
        await asyncio.to_thread(server.start)
        return "fast shutdown"

    async def pause(self, _arena: Arena) -> str:
        """Stop all of its processes for twice the silence limit of cells."""
        server = self._ours()
        processes = [*children_of(server.pid), *children_of(os.getpid(), only=server.pid)]
        for each in processes:
            each.signal(signal.SIGSTOP)
        try:
            await asyncio.sleep(PAUSE_S)
        finally:
            for each in processes:
                each.signal(signal.SIGCONT)
        return f"{len(processes)} processes"

    async def fill(self, _arena: Arena) -> str:
        """Fill the server's disk; start it again if it gave up."""
        if self.disk is None or not self.disk.mounted:
            raise Missed("no disk of its own" if self.disk is None else self.disk.why)
        size = await asyncio.to_thread(self.disk.fill)
        try:
            await asyncio.sleep(_FULL_S)
        finally:
            await asyncio.to_thread(self.disk.empty)
        server = self._ours()
        await asyncio.sleep(1.0)
        if not [each for each in children_of(os.getpid(), only=server.pid) if each.alive()]:
            await asyncio.to_thread(server.start)
            return f"{size >> 20} MiB taken; the server had given up and was started again"
        return f"{size >> 20} MiB taken"

    async def pause_inside(self, arena: Arena) -> str:
        """Stop a cell while the server is inside a writing transaction of it."""
        process = await asyncio.to_thread(self._inside, arena, signal.SIGSTOP)
        await asyncio.sleep(PAUSE_S)
        went_on = process.signal(signal.SIGCONT)
        return f"pid {process.pid}, {'went on' if went_on else 'was killed meanwhile'}"

    async def kill_inside(self, arena: Arena) -> str:
        """Kill a cell while the server is inside a writing transaction of it."""
        process = await asyncio.to_thread(self._inside, arena, signal.SIGKILL)
        return f"pid {process.pid}"

    def _inside(self, arena: Arena, number: signal.Signals) -> Process:
        """Signal the cell behind a writing transaction; the answer to its commit will not be heard."""
        cells = {port: cell for cell in of_kind(arena.mark, "cell") for port in ports_of(cell.pid)}

        def look(fetch: Fetch) -> Process | None:
            until = time.monotonic() + _INSIDE_WITHIN_S
            while time.monotonic() < until:
                fetch(_LOOK_ANEW)
                for (port,) in fetch(_INSIDE):
                    cell = cells.get(port)
                    if cell is not None and cell.signal(number):
                        return cell
            return None

        found = self.read(look)
        if found is None:
            raise Missed("no cell was seen inside a transaction")
        return found

    def _ours(self) -> OwnPostgres:
        if self.server is None:
            raise Missed("the server is not ours")
        return self.server
