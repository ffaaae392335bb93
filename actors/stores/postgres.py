"""The store of a cluster: a PostgreSQL database, written by the cells of all nodes."""

import json
import secrets
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from functools import partial

from actors.domain.ids import PARTITIONS
from actors.ports import CellRow, Change, PartitionRow, Verdict
from actors.stores.postgres_commit import commit
from actors.stores.postgres_outbox import PostgresOutbox
from actors.stores.postgres_pool import Options, Pool, options_of
from actors.stores.postgres_reads import PostgresReads
from actors.stores.postgres_records import PostgresLaunches, PostgresRecords, PostgresRetention
from actors.stores.postgres_schema import expect_newest, prepare
from actors.stores.postgres_segments import PostgresSegments
from actors.stores.rehome_rules import Held
from actors.stores.rules import check_call

_COUNT_MAP = "count_1(ARRAY['map_version'], ARRAY[1::bigint])"
_REGISTER = """WITH new AS (
    INSERT INTO cell VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (name) DO UPDATE
    SET incarnation = excluded.incarnation, pid = excluded.pid, pid_started = excluded.pid_started,
        host = excluded.host, beat = excluded.beat RETURNING 1
) SELECT {count_map} FROM new""".replace("{count_map}", _COUNT_MAP)
_REMOVE = """WITH gone AS (DELETE FROM cell WHERE name = $1 AND incarnation = $2 RETURNING 1)
    SELECT {count_map} FROM gone""".replace("{count_map}", _COUNT_MAP)
_STATES = "SELECT number, state FROM customer WHERE number > $1 ORDER BY number LIMIT $2"
_APART = f"SELECT number, p FROM customer WHERE p >= {PARTITIONS} ORDER BY number"  # noqa: S608
_CELLS = "SELECT name, incarnation, pid, pid_started, host, beat FROM cell ORDER BY name"


class PostgresStore(
    PostgresReads,
    PostgresOutbox,
    PostgresRecords,
    PostgresLaunches,
    PostgresRetention,
    PostgresSegments,
):
    """A `Store` in one database, in the schema `righttime`; any number of processes may open it.

    Methods may be called from any event loop. An answer that takes longer than the patience raises
    `StoreUnavailableError`, and so does every error of a connection: what was under way may have been
    committed or not, and is never repeated here. The next call finds a connection to whichever server
    then takes writes.
    """

    def __init__(self, options: Options, *, read_only: bool = False) -> None:
        self.me = secrets.token_hex(8)
        self._months: set[tuple[int, int]] = set()
        self._pool = Pool(options, read_only=read_only)
        self._pool.start(expect_newest if read_only else prepare)

    @classmethod
    def open(cls, url: str, *, read_only: bool = False) -> "PostgresStore":
        """Open a database, making or migrating the schema first unless `read_only`; blocks.

        Raises:
            ValueError: The URL says nothing sensible.
            StoreUnavailableError: There is no server, it may lose what it has acknowledged, or the
                schema is missing (`read_only`) or that of a newer version.
        """
        return cls(options_of(url), read_only=read_only)

    async def commit(self, changes: Sequence[Change], now_machine_ms: int) -> list[Verdict]:
        """See `Store.commit`.

        Raises:
            ValueError: The changes are not ones that a correct caller makes; nothing is written.
        """
        check_call(changes)
        if not changes:
            return []
        await self._make_months(changes)
        return await self._pool.run(lambda c: commit(c, changes, now_machine_ms, self.me))

    async def _make_months(self, changes: Sequence[Change]) -> None:
        """Make the parts of the journal that these turns need and this process has not seen yet."""
        wanted: dict[tuple[int, int], int] = {}
        for change in changes:
            for row in change.journal:
                day = datetime.fromtimestamp(row.at_ms // 1000, UTC)
                if (day.year, day.month) not in self._months:
                    wanted[day.year, day.month] = row.at_ms
        for month, at_ms in sorted(wanted.items()):
            await self._value("SELECT journal_month_1($1)", at_ms)
            self._months.add(month)

    async def register_cell(self, cell: CellRow) -> None:
        """See `Store.register_cell`."""
        await self._value(
            _REGISTER,
            cell.name,
            cell.incarnation,
            cell.pid,
            cell.pid_started,
            cell.host,
            cell.beat,
        )

    async def beat(self, cell: CellRow) -> None:
        """See `Store.beat`."""
        statement = "UPDATE cell SET beat = $1 WHERE name = $2 AND incarnation = $3"
        await self._touched(statement, cell.beat, cell.name, cell.incarnation)

    async def remove_cell(self, cell: CellRow) -> None:
        """See `Store.remove_cell`."""
        await self._value(_REMOVE, cell.name, cell.incarnation)

    async def cells(self) -> list[CellRow]:
        """See `Store.cells`."""
        return [CellRow(*row) for row in await self._rows(_CELLS)]

    async def partitions(self) -> list[PartitionRow]:
        """See `Store.partitions`."""
        rows = await self._rows("SELECT p, owner, epoch FROM partition ORDER BY p")
        return [PartitionRow(*row) for row in rows]

    async def map_version(self) -> int:
        """See `Store.map_version`."""
        version: int = await self._value("SELECT n FROM counter WHERE name = 'map_version'")
        return version

    async def claim(self, claims: Sequence[tuple[int, str, int]], owner: str) -> dict[int, int]:
        """See `Store.claim`."""
        won: str = await self._value(
            "SELECT claim_partitions_1($1, $2, $3, $4)",
            [p for p, _, _ in claims],
            [expected for _, expected, _ in claims],
            [epoch for _, _, epoch in claims],
            owner,
        )
        return {int(p): epoch for p, epoch in json.loads(won).items()}

    async def open_partition(self, owner: str) -> PartitionRow:
        """See `Store.open_partition`."""
        return PartitionRow(int(await self._value("SELECT open_partition_1($1)", owner)), owner, 1)

    async def rehome(self, number: int, of: Held, to: Held) -> bool:
        """See `Store.rehome`."""
        return bool(await self._value("SELECT rehome_1($1, $2, $3, $4, $5)", number, *of, *to))

    async def apart(self) -> list[tuple[int, int]]:
        """See `Store.apart`."""
        rows = await self._rows(_APART)
        return [(row["number"], row["p"]) for row in rows]

    def walk_states(self, portion: int) -> Iterator[bytes]:
        """Yield every customer's packed state, by number; blocks, in a thread without an event loop."""
        after = -1
        while rows := self._pool.apart(partial(self._rows, _STATES, after, portion)):
            yield from (row["state"] for row in rows)
            after = rows[-1]["number"]

    async def close(self) -> None:
        """See `Store.close`. Waits for what is under way no longer than the patience."""
        await self._pool.close()
