"""A store moves from a file into a database: portion by portion, to be taken up where it was left."""

from collections.abc import Callable
from typing import Any

import msgpack

from actors.stores.postgres_pool import Connection, connected
from actors.stores.postgres_schema import MOVING, migrate
from actors.stores.tables import (
    TABLES,
    PostgresTables,
    SqliteTables,
    Table,
    checksum,
    copy_into,
)
from scripts.output import Failure

Progress = Callable[[str, int], None]

_SEQUENCES = {"outbox": "id", "launch": "n", "playbook": "id", "api_key": "id"}
_NOTE = """INSERT INTO setting VALUES ($1, $2)
    ON CONFLICT (name) DO UPDATE SET value = excluded.value"""


async def move(source: SqliteTables, target_url: str, progress: Progress) -> dict[str, Any]:
    """Copy everything, then compare the checksum of every table on both sides.

    Until that is done nobody can open the database for serving. A move that was broken off goes on from
    the last portion that was committed.

    Raises:
        Failure: The database holds something else, or the two differ in the end.
    """
    async with connected(target_url) as connection:
        await migrate(connection)
        done = await _begin(connection)
        for table in TABLES[done["tables"] :]:
            done = await _copy(source, connection, table, done, progress)
        tables = await _compare(source, connection, progress)
        await connection.execute("DELETE FROM setting WHERE name = $1", MOVING)
    return {"tables": tables, "rows": sum(each["rows"] for each in tables.values())}


async def _begin(connection: Connection) -> dict[str, Any]:
    """Return how far an earlier attempt has come; prepare an empty database."""
    noted = await connection.fetchval("SELECT value FROM setting WHERE name = $1", MOVING)
    if noted is not None:
        found: dict[str, Any] = msgpack.unpackb(noted, use_list=False)
        return found
    for name in ("customer", "journal", "playbook", "setting", "api_key", "cell"):
        if await connection.fetchval(f"SELECT EXISTS (SELECT 1 FROM {name})"):  # noqa: S608
            raise Failure("the database holds a store already; move into an empty one")
    done = {"tables": 0, "after": None, "rows": 0}
    async with connection.transaction():
        await connection.execute("TRUNCATE partition, counter")
        await connection.execute(_NOTE, MOVING, msgpack.packb(done))
    return done


async def _copy(
    source: SqliteTables,
    connection: Connection,
    table: Table,
    done: dict[str, Any],
    progress: Progress,
) -> dict[str, Any]:
    rows = done["rows"]
    async for portion in source.portions(table, done["after"]):
        rows += len(portion)
        note = {"tables": done["tables"], "after": portion[-1][: table.key], "rows": rows}
        async with connection.transaction():
            await copy_into(connection, table, portion)
            await connection.execute(_NOTE, MOVING, msgpack.packb(note))
        progress(table.name, rows)
    note = {"tables": done["tables"] + 1, "after": None, "rows": 0}
    async with connection.transaction():
        if table.name in _SEQUENCES:
            column = _SEQUENCES[table.name]
            await connection.execute(
                f"SELECT setval(pg_get_serial_sequence('{table.name}', '{column}'),"  # noqa: S608
                f" greatest(1, (SELECT max({column}) FROM {table.name})))"
            )
        await connection.execute(_NOTE, MOVING, msgpack.packb(note))
    return note


async def _compare(
    source: SqliteTables, connection: Connection, progress: Progress
) -> dict[str, dict[str, Any]]:
    await connection.execute("ANALYZE")
    found, differ = {}, []
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        target = PostgresTables(connection)
        for table in TABLES:
            here, there = await checksum(source, table), await checksum(target, table)
            progress(f"comparing {table.name}", here.rows)
            found[table.name] = {"rows": here.rows, "checksum": here.text}
            if (here.rows, here.text) != (there.rows, there.text):
                differ.append(f"{table.name} ({here.rows} and {there.rows} rows)")
    if differ:
        raise Failure(
            f"source and database differ in {', '.join(differ)}: was the source served in between? "
            "Empty the database and move again",
            {"tables": found},
        )
    return found
