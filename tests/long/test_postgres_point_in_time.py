"""Back to an instant, with a real server: the commands of docs/stores.md, one by one, after a mistake."""

import asyncio
import json
import shutil
import subprocess
import tempfile
import time
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import pytest
from typer.testing import CliRunner

from actors.ports import CellRow, Lookup, PartitionRow
from actors.runtime.host import Host, HostSettings
from actors.stores.opening import KEY_SETTING
from actors.stores.postgres import PostgresStore
from scripts.cli.app import app
from scripts.own_postgres import OwnPostgres, binaries
from tests.builders import IDS, NOW, SHOP, make_event, number_of, user
from tests.doubles.clocks import ManualClock
from tests.doubles.hosts import answered
from tests.doubles.scorers import FixedScorer

pytestmark = [pytest.mark.slow, pytest.mark.postgres, pytest.mark.timeout(180)]

CUSTOMERS = 20


@contextmanager
def anybodys_folder():
    """A folder that the server's own user may use as well."""
    folder = Path(tempfile.mkdtemp(prefix="righttime-pitr-"))
    folder.chmod(0o777)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def archiving(archive: Path) -> dict[str, str]:
    return {
        "wal_level": "replica",
        "archive_mode": "on",
        "archive_command": f"test ! -f {archive}/%f && cp %p {archive}/%f",
        "max_wal_senders": "4",
    }


@asynccontextmanager
async def cell(store: PostgresStore, incarnation: str):
    """A cell that owns all, whoever did before."""
    row = CellRow("cell-0", incarnation, 1, 1, "here", 0)
    host = Host(store, FixedScorer(), IDS, ManualClock(NOW), SHOP, HostSettings(), lambda: None)
    await store.register_cell(row)
    await host.start(row)
    rows = [PartitionRow(p.partition, p.owner, p.epoch) for p in await store.partitions()]
    assert await host.claim(rows) == len(rows)
    try:
        yield host
    finally:
        await host.stop()


async def visit(host: Host, when: str) -> None:
    """An event of each customer, committed."""
    events = [make_event("Page Seen", user(f"u{i}"), id=f"{when}-{i}") for i in range(CUSTOMERS)]
    assert await answered(host, *events) == ["ACCEPTED"] * CUSTOMERS


def seqs(store: PostgresStore) -> list[int]:
    numbers = tuple(number_of(user(f"u{i}")) for i in range(CUSTOMERS))
    found = asyncio.run(store.lookup(Lookup(numbers=numbers))).customers
    return [found[n].seq for n in numbers if n in found]


def base_backup(server: OwnPostgres, to: Path) -> None:
    for program in (
        ["pg_basebackup", "-d", server.url(), "-D", to, "-X", "stream", "-c", "fast"],
        ["pg_verifybackup", to],
    ):
        subprocess.run(
            [binaries() / program[0], *program[1:]],
            check=True,
            capture_output=True,
            user=server._user,
            cwd="/",
        )


def archived(server: OwnPostgres, archive: Path) -> None:
    """Close the segment under way, and wait until it is in the archive."""
    name = server.sql("SELECT pg_walfile_name(pg_current_wal_lsn())")
    server.sql("SELECT pg_switch_wal()")
    deadline = time.monotonic() + 30
    while not (archive / name).exists():
        assert time.monotonic() < deadline, f"{name} was not archived"
        time.sleep(0.05)


def test_after_a_mistake_the_store_is_as_it_was_an_instant_before(tmp_path: Path):
    with anybodys_folder() as folder:
        archive = folder / "archive"
        archive.mkdir()
        archive.chmod(0o777)
        (folder / "served").mkdir()
        server = OwnPostgres(folder / "served", archiving(archive))
        server.start()
        try:
            server.create("shop")
            store = PostgresStore.open(server.url("shop"))

            async def lived() -> str:
                await store.put_setting_if_absent(KEY_SETTING, b"k" * 32)
                async with cell(store, "one") as host:
                    await visit(host, "before the backup")
                    await asyncio.to_thread(base_backup, server, folder / "base")
                    await visit(host, "after the backup")
                    instant = server.sql("SELECT clock_timestamp()")
                    await asyncio.sleep(0.2)
                    await visit(host, "after the instant")
                    return instant

            instant = asyncio.run(lived())
            assert seqs(store) == [3] * CUSTOMERS
            server.sql("DELETE FROM righttime.customer", "shop")
            assert seqs(store) == []
            archived(server, archive)
            asyncio.run(store.close())
        finally:
            server.stop()

        (folder / "again").mkdir()
        began = time.monotonic()
        data = folder / "again" / "data"
        shutil.move(folder / "base", data)
        with (data / "postgresql.auto.conf").open("a", encoding="ascii") as settings:
            settings.write(
                f"restore_command = 'cp {archive}/%f %p'\n"
                f"recovery_target_time = '{instant}'\n"
                "recovery_target_action = 'promote'\n"
            )
        (data / "recovery.signal").touch()
        server = OwnPostgres(folder / "again")
        server.start()
        try:
            while server.sql("SELECT pg_is_in_recovery()") != "f":
                time.sleep(0.05)
            took_s = time.monotonic() - began
            store = PostgresStore.open(server.url("shop"))
            assert seqs(store) == [2] * CUSTOMERS
            checked = CliRunner().invoke(
                app, ["store", "check", "--store", server.url("shop"), "--json"]
            )
            assert checked.exit_code == 0, checked.output
            assert json.loads(checked.stdout.splitlines()[-1])["rows"]["customer"] == CUSTOMERS

            async def lives_on() -> None:
                async with cell(store, "two") as host:
                    # Those of after the instant are unknown again, and their senders send them again.
                    await visit(host, "after the instant")
                    again = make_event("Page Seen", user("u0"), id="after the backup-0")
                    assert await answered(host, again) == ["DUPLICATE"]

            asyncio.run(lives_on())
            assert seqs(store) == [3] * CUSTOMERS
            asyncio.run(store.close())
            print(f"back at {instant} after {took_s:.1f} s")
        finally:
            server.stop()
