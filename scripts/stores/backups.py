"""Copies of a store that are made while it is served, verified, and put back when it is not."""

import asyncio
import os
import shutil
import sqlite3
import subprocess
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from actors.stores.postgres_pool import connected, options_of
from actors.stores.sqlite_file import connect, sqlite_errors
from scripts.output import Failure
from scripts.own_postgres import binaries
from scripts.stores.checking import Report, check
from scripts.stores.reading import (
    integrity,
    is_sqlite,
    path_of,
    reading,
    refuse_served,
)

Progress = Callable[[str, int], None]

_PAGES = 4_096  # 16 MB a step: others read and write in between
_PATIENCE_S = 5.0
_MAGIC = b"PGDMP"


def back_up(url: str, target: Path, progress: Progress) -> dict[str, Any]:
    """Write a store to a file that is not there yet; it has that name only once it is whole.

    Raises:
        Failure: The file is there, or what was written is not whole.
    """
    if target.exists():
        raise Failure(f"{target} is there already")
    partial = target.with_name(target.name + ".partial")
    partial.unlink(missing_ok=True)
    os.close(os.open(partial, os.O_CREAT | os.O_WRONLY, 0o600))  # it will hold personal data
    try:
        rows = (_copy_file if is_sqlite(url) else _dump)(url, partial, progress)
        partial.rename(target)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    return {"file": str(target), "bytes": target.stat().st_size, **rows}


def _copy_file(url: str, target: Path, progress: Progress) -> dict[str, Any]:
    with (
        sqlite_errors(),
        closing(connect(path_of(url), _PATIENCE_S, read_only=True)) as source,
        closing(sqlite3.connect(target)) as copy,
    ):
        source.backup(
            copy,
            pages=_PAGES,
            sleep=0.01,
            progress=lambda _, left, total: progress("pages", total - left),
        )
        copy.execute("PRAGMA journal_mode = DELETE")  # one file, nothing beside it
    copied = f"sqlite://{quote(str(target.resolve()))}"
    wrong = integrity(copied) or _checked(copied).wrong
    for beside in ("-wal", "-shm"):
        target.with_name(target.name + beside).unlink(missing_ok=True)
    if wrong:
        raise Failure(f"the copy is not whole: {wrong[0]}")
    return {"verified": "every checksum, seq and reference"}


def _checked(url: str) -> Report:
    async def run() -> Report:
        async with reading(url) as tables:
            return await check(tables)

    return asyncio.run(run())


def _dump(url: str, target: Path, progress: Progress) -> dict[str, Any]:
    progress("pg_dump", 0)
    _run("pg_dump", url, "--format=custom", "--schema=righttime", f"--file={target}")
    listed = _run("pg_restore", None, "--list", str(target))
    tables = listed.count(" TABLE DATA righttime ")
    if tables < len(("customer", "journal", "outbox")):
        raise Failure("the dump does not hold the tables of a store")
    return {"verified": f"pg_restore lists the data of {tables} tables"}


def restore(url: str, source: Path, progress: Progress) -> dict[str, Any]:
    """Put a copy back in place of a store that nobody serves; the old file stays beside it.

    Raises:
        Failure: The store is served, the database is not empty, or the copy is not whole.
    """
    if not source.is_file():
        raise Failure(f"there is no file {source}")
    if is_sqlite(url):
        return _restore_file(url, source, progress)
    with source.open("rb") as file:
        if file.read(len(_MAGIC)) != _MAGIC:
            raise Failure(f"{source} was not made by `righttime store backup` of a database")
    if not asyncio.run(_is_empty(url)):
        raise Failure("the database holds a store already; restore into an empty one")
    progress("pg_restore", 0)
    _run("pg_restore", url, "--exit-on-error", "--no-owner", "--single-transaction", str(source))
    report = _checked(url)
    if report.wrong:
        raise Failure(f"what was restored is not whole: {report.wrong[0]}")
    return {"rows": sum(report.rows.values())}


async def _is_empty(url: str) -> bool:
    async with connected(url) as connection:
        found = await connection.fetchval("SELECT to_regclass('righttime.migration')")
        return found is None


def _restore_file(url: str, source: Path, progress: Progress) -> dict[str, Any]:
    copy = f"sqlite://{quote(str(source.resolve()))}"
    wrong = integrity(copy) or _checked(copy).wrong
    if wrong:
        raise Failure(f"the copy is not whole: {wrong[0]}")
    path = path_of(url)
    kept = path.with_name(path.name + ".before-restore")
    if path.exists():
        asyncio.run(refuse_served(url))
        if kept.exists():
            raise Failure(f"{kept} is there already; move it away first")
        for end in ("-wal", "-shm", ""):  # the log belongs to the old file
            part = path.with_name(path.name + end)
            if part.exists():
                part.rename(kept.with_name(kept.name + end))
    partial = path.with_name(path.name + ".partial")
    progress("copying", 0)
    shutil.copyfile(source, partial)
    partial.chmod(0o600)
    with partial.open("rb") as file:
        os.fsync(file.fileno())
    partial.rename(path)
    report = _checked(url)
    return {"rows": sum(report.rows.values()), "before": str(kept) if kept.exists() else None}


def _run(program: str, url: str | None, *arguments: str) -> str:
    try:
        found = str(binaries() / program)  # the newest that there is: it reads older servers too
    except Failure:
        found = shutil.which(program) or ""
    if not found:
        raise Failure(f"{program} is not installed; PostgreSQL's client programs have it")
    environment, given = dict(os.environ), list(arguments)
    if url is not None:
        dsn = options_of(url).dsn
        password = urlsplit(dsn).password
        if password:  # never in argv, which others can read
            environment["PGPASSWORD"] = password
            dsn = dsn.replace(f":{password}@", "@", 1)
        given.append(f"--dbname={dsn}")
    done = subprocess.run(
        [found, *given], env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise Failure(
            f"{program}: {done.stderr.strip().splitlines()[0] if done.stderr else 'failed'}"
        )
    return done.stdout
