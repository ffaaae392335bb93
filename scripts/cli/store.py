"""`righttime store`: check a store, migrate it, move it to PostgreSQL, back it up and put it back."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from scripts.output import DebugOption, Failure, JsonOption, Output, speaking
from scripts.store_option import StoreOption

app = typer.Typer(help="Look after what a system has stored.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Look after what a system has stored."""


@contextmanager
def _shown(output: Output, what: str) -> Iterator[Callable[[str, int], None]]:
    """Show on stderr how far a long job has come."""
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(what)

        def tell(name: str, n: int) -> None:
            progress.update(task, description=f"{what}: {name}" + (f", {n:,}" if n else ""))

        yield tell


@app.command("check")
def check(
    store: StoreOption = None, as_json: JsonOption = False, debug: DebugOption = False
) -> None:
    """Check that a store is whole; it may be served meanwhile.

    Verifies the checksum of every state and turn, that each customer's
    turns are there without gaps, that no row hangs in the air, and that
    counters say how many rows there are. Exits with 1 when something is wrong.

    Examples:
      righttime store check
      righttime store check --store postgresql://righttime@db/righttime --json
    """
    with speaking(as_json=as_json, debug=debug) as output:
        from scripts.stores import checking
        from scripts.stores.reading import integrity, is_sqlite, reading, url_or_default

        url = url_or_default(store)

        async def run() -> checking.Report:
            with _shown(output, "Checking") as tell:
                async with reading(url) as tables:
                    return await checking.check(tables, lambda name: tell(name, 0))

        wrong = integrity(url) if is_sqlite(url) else []
        if wrong:
            raise Failure(f"the file is damaged: {wrong[0]}", {"wrong": wrong})
        report = asyncio.run(run())
        result: dict[str, Any] = {
            "rows": report.rows,
            "packed": report.packed,
            "wrong": report.wrong,
        }
        for sentence in report.wrong:
            output.console.print(f"[red]{sentence}[/red]", soft_wrap=True)
        if report.wrong:
            raise Failure(f"{len(report.wrong)} kind(s) of things are wrong", result)
        rows = sum(report.rows.values())
        output.console.print(f"{rows:,} rows, {report.packed:,} checksums: all is whole.")
        output.result(result)


@app.command("migrate")
def migrate(
    store: StoreOption = None, as_json: JsonOption = False, debug: DebugOption = False
) -> None:
    """Bring a store to the schema of this version; `righttime up` does it too.

    Steps are numbered and never undone: make a backup first.

    Examples:
      righttime store migrate --store postgresql://righttime@db/righttime
    """
    with speaking(as_json=as_json, debug=debug) as output:
        from actors.stores.opening import open_store
        from actors.stores.postgres_schema import MIGRATIONS as IN_DATABASE
        from actors.stores.sqlite_schema import MIGRATIONS as IN_FILE
        from scripts.stores.reading import is_sqlite, url_or_default

        url = url_or_default(store)
        try:
            asyncio.run(open_store(url).close())
        except ValueError as error:
            raise Failure(f"--store: {error}") from error
        number = len(IN_FILE if is_sqlite(url) else IN_DATABASE)
        output.console.print(f"The store has schema {number}.")
        output.result({"schema": number})


@app.command("move")
def move(
    source: Annotated[str, typer.Argument(help="URL of the SQLite store; it must not be served.")],
    store: StoreOption = None,
    as_json: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Move an SQLite store into an empty PostgreSQL database without loss.

    Copies table by table, and compares the checksum of every table in the
    end. Broken off, it goes on where it was when it is run again; until it
    has ended well nobody can serve the database. The file stays as it is.

    Examples:
      righttime store move sqlite:////srv/righttime/righttime.db --store postgresql://righttime@db/righttime
    """
    with speaking(as_json=as_json, debug=debug) as output:
        from scripts.stores import moving
        from scripts.stores.reading import is_postgres, is_sqlite, unserved

        if not is_sqlite(source) or store is None or not is_postgres(store):
            raise Failure("a store moves from sqlite:///… to --store postgresql://…")

        async def run(target: str) -> dict[str, Any]:
            with _shown(output, "Moving") as tell:
                async with unserved(source) as tables:
                    return await moving.move(tables, target, tell)

        result = asyncio.run(run(store))
        table = Table("table", "rows", "checksum", title="The same on both sides")
        for name, each in result["tables"].items():
            table.add_row(name, f"{each['rows']:,}", each["checksum"])
        output.console.print(table)
        output.result(result)


@app.command("backup")
def backup(
    target: Annotated[Path, typer.Argument(help="The file to write.", dir_okay=False)],
    store: StoreOption = None,
    as_json: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Copy a store while it is served, as it is at one instant, and verify the copy.

    Of a file it is a file that opens like the store; of a database what
    pg_dump writes, which must be installed in a version that fits the server.

    Examples:
      righttime store backup /backup/monday.db
      righttime store backup /backup/monday.dump --store postgresql://righttime@db/righttime
    """
    with speaking(as_json=as_json, debug=debug) as output:
        from scripts.stores.backups import back_up
        from scripts.stores.reading import url_or_default

        with _shown(output, "Backing up") as tell:
            result = back_up(url_or_default(store), target, tell)
        output.console.print(f"{result['bytes']:,} bytes in", target, soft_wrap=True)
        output.result(result)


@app.command("restore")
def restore(
    source: Annotated[Path, typer.Argument(help="What `backup` has written.", dir_okay=False)],
    store: StoreOption = None,
    as_json: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Put a backup back: in place of a file that nobody serves, or into an empty database.

    The copy is verified first, and a file that was there stays beside it.
    What was acknowledged after the backup is lost.

    Examples:
      righttime store restore /backup/monday.db
    """
    with speaking(as_json=as_json, debug=debug) as output:
        from scripts.stores import backups
        from scripts.stores.reading import url_or_default

        with _shown(output, "Restoring") as tell:
            result = backups.restore(url_or_default(store), source, tell)
        output.console.print(f"{result['rows']:,} rows are back.")
        output.result(result)
