"""All that a store holds, table by table, in a form that is the same for SQLite and PostgreSQL.

What only one of them has (digests, places in a file, who leases a budget) is left out, and so are
registered cells, who are nobody once a system has stopped. Whoever adds a table or a column adds it here:
a test compares this list with both schemas.
"""

import json
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any, Protocol

import msgpack

from actors.domain.ids import Identity
from actors.stores.postgres_commit import digest_of
from actors.stores.postgres_pool import Connection
from actors.stores.texts import from_text, to_text

Row = tuple[Any, ...]
PORTION = 2_000
_ALL_128_BITS = (1 << 128) - 1


@dataclass(frozen=True, slots=True)
class Table:
    """One table: its columns as PostgreSQL names them, and the first of them that are its key.

    `sqlite` and `postgres` are what stands after FROM where that is not the name alone.
    """

    name: str
    columns: tuple[str, ...]
    key: int = 1
    sqlite: str = ""
    postgres: str = ""


def _table(name: str, columns: str, key: int = 1, sqlite: str = "", postgres: str = "") -> Table:
    return Table(name, tuple(columns.split()), key, sqlite or name, postgres or name)


TABLES = (
    _table("partition", "p owner epoch"),
    _table(
        "counter",
        "name n",
        sqlite="(SELECT name, n FROM counter UNION ALL SELECT 'journal_offset',"
        " coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'journal'), 0))",
    ),
    _table("customer", "number p seq state"),
    _table("identity", "kind value customer", 2),
    _table(
        "journal",
        "place customer seq at kind payload",
        sqlite="(SELECT offset AS place, customer, seq, at, kind, payload FROM journal)",
    ),
    _table("dedupe", "hash fingerprint customer seq stored_at"),
    _table("tombstone", "hash erased_at"),
    _table("timer", "customer key p due", 2),
    _table(
        "outbox",
        "id customer seq n p state attempts channel committed_at next_at send_at expires_at error"
        " spends payload",
    ),
    _table("pause", "name since"),
    _table("membership", "segment customer since", 2),
    _table("segment_flow", "segment day entered gone", 2),
    _table("scenario_step", "scenario digest step waiting passed gone", 3),
    _table("customer_group", "kind id seq state", 2),
    _table("group_member", "kind id customer since left_at", 3),
    _table(
        "budget",
        "name bucket spent",
        2,
        postgres="(SELECT name, bucket, sum(spent)::bigint AS spent FROM budget_lease GROUP BY 1, 2) b",
    ),
    _table(
        "launch",
        "n id scenario segment per_second state created_at data",
        sqlite="(SELECT rowid AS n, * FROM launch)",
    ),
    _table("launch_part", "launch owner after seen entered done", 2),
    _table("playbook", "id version stored_at active bundle"),
    _table("setting", "name value", postgres="(SELECT * FROM setting WHERE name <> 'move') s"),
    _table("api_key", "id hash record"),
    _table(
        "checkpoint",
        "model place data",
        sqlite="(SELECT model, offset AS place, data FROM checkpoint)",
    ),
)


class Tables(Protocol):
    """A store as a set of tables, at one instant."""

    def portions(self, table: Table, after: Row | None = None) -> AsyncIterator[list[Row]]:
        """Yield a table's rows, some at a time; with `after` those whose key is greater."""
        ...

    async def ask(self, statement: str) -> list[Row]:
        """Run a query that both kinds of database understand."""
        ...


class SqliteTables:
    """The tables of a file, through a connection that the caller keeps in a transaction."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    async def portions(self, table: Table, after: Row | None = None) -> AsyncIterator[list[Row]]:
        """See `Tables.portions`; rows come in order of the key."""
        key = ", ".join(table.columns[: table.key])
        marks = ", ".join("?" * table.key)
        columns = ", ".join(table.columns)
        while True:
            where = f"WHERE ({key}) > ({marks})" if after is not None else ""
            rows = self._connection.execute(
                f"SELECT {columns} FROM {table.sqlite} {where} ORDER BY {key} LIMIT {PORTION}",  # noqa: S608
                after or (),
            ).fetchall()
            if not rows:
                return
            yield [canonical(table, row, to_text) for row in rows]
            after = rows[-1][: table.key]

    async def ask(self, statement: str) -> list[Row]:
        """See `Tables.ask`."""
        return self._connection.execute(statement).fetchall()


class PostgresTables:
    """The tables of a database, through a connection that the caller keeps in a transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def portions(self, table: Table, after: Row | None = None) -> AsyncIterator[list[Row]]:
        """See `Tables.portions`; in any order, and so never `after` something."""
        if after is not None:
            raise ValueError("a database is read as a whole")
        statement = f"SELECT {', '.join(table.columns)} FROM {table.postgres}"  # noqa: S608
        cursor = await self._connection.cursor(statement)
        while rows := await cursor.fetch(PORTION):
            yield [canonical(table, row) for row in rows]

    async def ask(self, statement: str) -> list[Row]:
        """See `Tables.ask`."""
        return [tuple(row) for row in await self._connection.fetch(statement)]


def canonical(table: Table, row: Iterable[Any], spelt: Callable[[str], str] = str) -> Row:
    """Return a row as both stores must have it; `spelt` is how names within JSON are to be written."""
    values: list[Any] = [int(value) if isinstance(value, bool) else value for value in row]
    if table.name == "outbox":
        place = table.columns.index("spends")
        values[place] = _spends(values[place], spelt)
    return tuple(values)


def _spends(text: str | None, spelt: Callable[[str], str]) -> str:
    """Return what an effect has taken of budgets as one spelling of JSON; empty for nothing."""
    if not text:
        return ""
    taken = [(spelt(name), bucket, amount) for name, bucket, amount in json.loads(text)]
    return json.dumps(taken, ensure_ascii=True)


class Checksum:
    """Of rows in any order: their number, and the sum of their hashes."""

    def __init__(self) -> None:
        self.rows = 0
        self._sum = 0

    def add(self, rows: Sequence[Row]) -> None:
        """Count some rows in."""
        for row in rows:
            digest = blake2b(msgpack.packb(row), digest_size=16).digest()
            self._sum = (self._sum + int.from_bytes(digest, "big")) & _ALL_128_BITS
        self.rows += len(rows)

    @property
    def text(self) -> str:
        """The sum, in hexadecimal digits."""
        return f"{self._sum:032x}"


async def checksum(tables: Tables, table: Table) -> Checksum:
    """Return the checksum of a table."""
    found = Checksum()
    async for rows in tables.portions(table):
        found.add(rows)
    return found


async def copy_into(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    """Write canonical rows into a database, all or none when it is in a transaction."""
    name, columns = table.name, list(table.columns)
    records: list[Row] = list(rows)
    if name == "identity":
        columns.append("digest")
        records = [
            (*row, digest_of(Identity(from_text(row[0]), from_text(row[1])))) for row in rows
        ]
    elif name == "budget":
        name, columns = (
            "budget_lease",
            ["name", "bucket", "owner", "granted", "spent", "lim", "since", "until"],
        )
        records = [(budget, bucket, "", n, n, 0, 0, 0) for budget, bucket, n in rows]
    elif name == "outbox":
        place = columns.index("spends")
        records = [(*row[:place], row[place] or None, *row[place + 1 :]) for row in rows]
    elif name == "launch_part":
        records = [(*row[:-1], bool(row[-1])) for row in rows]
    elif name == "playbook":
        records = [(*row[:3], bool(row[3]), row[4]) for row in rows]
    elif name == "journal":
        await _make_months(connection, {at for _, _, _, at, _, _ in rows})
    await connection.copy_records_to_table(name, records=records, columns=columns)


async def _make_months(connection: Connection, instants: Iterable[int]) -> None:
    months: dict[tuple[int, int], int] = {}
    for at_ms in instants:
        day = datetime.fromtimestamp(at_ms // 1000, UTC)
        months.setdefault((day.year, day.month), at_ms)
    for _, at_ms in sorted(months.items()):
        await connection.execute("SELECT journal_month_1($1)", at_ms)
