"""The numbered steps by which a PostgreSQL database reaches the schema of this version."""

from importlib.resources import files
from typing import Any

from actors.domain.errors import StoreUnavailableError
from actors.stores.postgres_pool import SCHEMA

_LOCK = 0x5274546D
"""`RtTm`: who migrates holds this advisory lock."""

_FOLDER = files("actors.stores") / "postgres_migrations"
MIGRATIONS = tuple(
    sorted(each.name.removesuffix(".sql") for each in _FOLDER.iterdir() if each.name[0].isdigit())
)
"""Names of the steps, such as `001_tables`, in order. Steps are never edited once released: functions
have numbers in their names, and a new one stands beside the old one while cells of both versions live."""


async def schema_number(connection: Any) -> int:
    """Return the number of the last step that a database has had; 0 for one without our schema.

    Raises:
        StoreUnavailableError: It was written by a newer version.
    """
    if await connection.fetchval("SELECT to_regclass($1)", f"{SCHEMA}.migration") is None:
        return 0
    number: int = await connection.fetchval(f"SELECT max(number) FROM {SCHEMA}.migration")  # noqa: S608
    if number > len(MIGRATIONS):
        raise StoreUnavailableError(
            f"the database has schema {number}, this version knows {len(MIGRATIONS)}: "
            "use the newer version that wrote it"
        )
    return number


async def migrate(connection: Any) -> None:
    """Bring a database to the newest schema, all steps or none; one process at a time.

    One that is up to date is not written, and nobody is waited for.
    """
    if await schema_number(connection) == len(MIGRATIONS):
        return
    async with connection.transaction():
        await connection.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
        await connection.execute("SELECT pg_advisory_xact_lock($1)", _LOCK)
        number = await schema_number(connection)
        if number == 0:
            await connection.execute(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}")
            await connection.execute(
                "CREATE TABLE migration (number integer PRIMARY KEY, name text NOT NULL)"
            )
        for place, name in enumerate(MIGRATIONS[number:], number + 1):
            await connection.execute((_FOLDER / f"{name}.sql").read_text(encoding="utf-8"))
            await connection.execute("INSERT INTO migration VALUES ($1, $2)", place, name[4:])


MOVING = "move"
"""The setting that a database has while another store is being moved into it: how far that has come."""


async def prepare(connection: Any) -> None:
    """Bring a database to the newest schema; refuse one into which a store was moved in part only.

    Raises:
        StoreUnavailableError: It is not whole, or was written by a newer version.
    """
    await migrate(connection)
    if await connection.fetchval("SELECT true FROM setting WHERE name = $1", MOVING):
        raise StoreUnavailableError(
            "a store was moved into this database in part only; run `righttime store move` to its end"
        )


async def expect_newest(connection: Any) -> None:
    """Refuse a database that would have to be made or migrated first.

    Raises:
        StoreUnavailableError: It has another schema, or none.
    """
    number = await schema_number(connection)
    if number == 0:
        raise StoreUnavailableError("there is no store in this database")
    if number < len(MIGRATIONS):
        raise StoreUnavailableError(
            f"the database has schema {number}, expected {len(MIGRATIONS)}: "
            "open it for writing once"
        )
