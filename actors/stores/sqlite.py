"""The embedded store: one SQLite file, written by all cells of a machine."""

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from actors.domain.errors import StoreUnavailableError
from actors.domain.groups import GroupKey
from actors.ports import (
    CellRow,
    Change,
    Check,
    Claim,
    DueTimer,
    Found,
    Lookup,
    Member,
    OutboxItem,
    OutboxResult,
    PartitionRow,
    ScenarioCount,
    SegmentFlow,
    TimelineRow,
    Verdict,
)
from actors.stores import sqlite_groups as groups
from actors.stores import sqlite_outbox as outbox
from actors.stores import sqlite_ownership as ownership
from actors.stores import sqlite_reads as reads
from actors.stores import sqlite_records as records
from actors.stores import sqlite_retention as retention
from actors.stores import sqlite_scenarios as scenarios
from actors.stores import sqlite_segments as segments
from actors.stores.rules import check_call
from actors.stores.sqlite_apart import SqliteApart
from actors.stores.sqlite_commit import commit
from actors.stores.sqlite_due import DueWhere
from actors.stores.sqlite_file import Worker, Writer, connect, prepare_file, sqlite_errors

T = TypeVar("T")
Work = Callable[[sqlite3.Connection], T]

_GIVE_UP = 1.25  # so that what SQLite says of a lock is heard before its caller leaves
_FORGET_AT_ONCE = 2_000  # a few milliseconds under the lock, then others may write


class SqliteStore(SqliteApart):
    """A `Store` in one file, beside it a lock file; any number of processes may open both.

    One thread writes and one reads, each with a connection of its own; methods may be called from
    any event loop. An answer that takes longer than `patience_s` raises `StoreUnavailableError`;
    work that had not begun by then is dropped.
    """

    def __init__(self, path: Path, patience_s: float, *, read_only: bool) -> None:
        lock_path = path.with_name(path.name + ".lock")
        prepare_file(path, lock_path, patience_s, create=not read_only)
        self.path = path
        self._patience_s = patience_s
        self._closed = False
        with sqlite_errors():
            self._reader = connect(path, patience_s, read_only=True)
            self._writer = None if read_only else Writer(path, lock_path, patience_s)
        self._reading = Worker("store-reads")
        self._writing = Worker("store-writes")

    @classmethod
    def open(cls, path: Path, *, read_only: bool = False, patience_s: float = 5.0) -> "SqliteStore":
        """Open a file, making or migrating it first unless `read_only`; blocks for milliseconds.

        Raises:
            StoreUnavailableError: The file is missing (`read_only`), damaged, locked, not ours or
                written by a newer version.
        """
        return cls(path, patience_s, read_only=read_only)

    async def _answer(self, worker: Worker, job: Callable[[], T]) -> T:
        if self._closed:
            raise StoreUnavailableError("the store is closed")
        try:
            async with asyncio.timeout(self._patience_s * _GIVE_UP):
                return await asyncio.wrap_future(worker.submit(job))
        except TimeoutError:
            raise StoreUnavailableError(f"no answer within {self._patience_s:g} s") from None

    async def _read(self, work: Work[T]) -> T:
        """Run reads at one instant: in a transaction, whose snapshot the first read takes."""

        def job() -> T:
            with sqlite_errors():
                self._reader.execute("BEGIN")
                try:
                    return work(self._reader)
                finally:
                    self._reader.execute("ROLLBACK")

        return await self._answer(self._reading, job)

    async def _write(self, work: Work[T]) -> T:
        if self._writer is None:
            raise StoreUnavailableError("the store was opened for reading only")
        return await self._answer(self._writing, self._writer.transaction(work))

    async def lookup(self, want: Lookup) -> Found:
        """See `Store.lookup`."""
        return await self._read(partial(reads.lookup, want=want))

    async def commit(self, changes: Sequence[Change], now_machine_ms: int) -> list[Verdict]:
        """See `Store.commit`.

        Raises:
            ValueError: The changes are not ones that a correct caller makes; nothing is written.
        """
        check_call(changes)
        return await self._write(partial(commit, changes=changes, now_ms=now_machine_ms))

    async def register_cell(self, cell: CellRow) -> None:
        """See `Store.register_cell`."""
        await self._write(partial(ownership.register_cell, cell=cell))

    async def beat(self, cell: CellRow) -> None:
        """See `Store.beat`."""
        await self._write(partial(ownership.beat, cell=cell))

    async def remove_cell(self, cell: CellRow) -> None:
        """See `Store.remove_cell`."""
        await self._write(partial(ownership.remove_cell, cell=cell))

    async def cells(self) -> list[CellRow]:
        """See `Store.cells`."""
        return await self._read(ownership.cells)

    async def partitions(self) -> list[PartitionRow]:
        """See `Store.partitions`."""
        return await self._read(ownership.partitions)

    async def map_version(self) -> int:
        """See `Store.map_version`."""
        return await self._read(ownership.map_version)

    async def claim(self, claims: Sequence[tuple[int, str, int]], owner: str) -> dict[int, int]:
        """See `Store.claim`."""
        return await self._write(partial(ownership.claim, claims=claims, owner=owner))

    async def due_timers(self, owner: str, until_ms: int, limit: int) -> list[DueTimer]:
        """See `Store.due_timers`."""
        return await self._read(partial(reads.due_timers, due=DueWhere(owner, until_ms, limit)))

    async def next_timer_ms(self) -> int | None:
        """See `Store.next_timer_ms`."""
        return await self._read(reads.next_timer_ms)

    async def overdue(
        self, key: str, until_ms: int, after_number: int, limit: int
    ) -> list[DueTimer]:
        """See `Store.overdue`."""
        return await self._read(
            partial(
                segments.overdue,
                key=key,
                until_ms=until_ms,
                after_number=after_number,
                limit=limit,
            )
        )

    async def members(self, segment: str, after_number: int, limit: int) -> list[Member]:
        """See `Store.members`."""
        return await self._read(
            partial(segments.members, segment=segment, after_number=after_number, limit=limit)
        )

    async def member_counts(self) -> dict[str, int]:
        """See `Store.member_counts`."""
        return await self._read(segments.member_counts)

    async def scenario_counts(self, scenario: str | None = None) -> list[ScenarioCount]:
        """See `Store.scenario_counts`."""
        return await self._read(partial(scenarios.scenario_counts, scenario=scenario))

    async def flows(self, segment: str, since_ms: int) -> list[SegmentFlow]:
        """See `Store.flows`."""
        return await self._read(partial(segments.flows, segment=segment, since_ms=since_ms))

    async def group_members(self, key: GroupKey, after_number: int, limit: int) -> list[Member]:
        """See `Store.group_members`."""
        return await self._read(
            partial(groups.group_members, key=key, after_number=after_number, limit=limit)
        )

    async def outbox_due(
        self, owner: str, now_machine_ms: int, limit: int, skip: Sequence[str] = ()
    ) -> list[OutboxItem]:
        """See `Store.outbox_due`."""
        return await self._read(
            partial(outbox.outbox_due, due=DueWhere(owner, now_machine_ms, limit), skip=skip)
        )

    async def outbox_claim(
        self,
        items: Sequence[OutboxItem],
        epochs: dict[int, int],
        now_machine_ms: int,
        check: Check,
    ) -> list[Claim]:
        """See `Store.outbox_claim`."""
        return await self._write(
            partial(
                outbox.outbox_claim, items=items, epochs=epochs, now_ms=now_machine_ms, check=check
            )
        )

    async def outbox_settle(self, results: Sequence[OutboxResult]) -> None:
        """See `Store.outbox_settle`."""
        await self._write(partial(outbox.outbox_settle, results=results))

    async def outbox_stream(
        self, channel: str, after: tuple[int, int, int, int], limit: int
    ) -> list[OutboxItem]:
        """See `Store.outbox_stream`."""
        return await self._read(
            partial(outbox.outbox_stream, channel=channel, after=after, limit=limit)
        )

    async def outbox_of(
        self, numbers: Sequence[int], states: Sequence[int] = ()
    ) -> list[OutboxItem]:
        """See `Store.outbox_of`."""
        return await self._read(partial(outbox.outbox_of, numbers=numbers, states=states))

    async def outbox_counts(self) -> dict[str, int]:
        """See `Store.outbox_counts`."""
        return await self._read(outbox.outbox_counts)

    async def pause(self, name: str, now_machine_ms: int) -> bool:
        """See `Store.pause`."""
        return await self._write(partial(outbox.pause, name=name, now_ms=now_machine_ms))

    async def resume(self, name: str, now_machine_ms: int) -> bool:
        """See `Store.resume`."""
        return await self._write(partial(outbox.resume, name=name, now_ms=now_machine_ms))

    async def pauses(self) -> dict[str, int]:
        """See `Store.pauses`."""
        return await self._read(outbox.pauses)

    async def timeline(
        self, number: int, before_seq: int | None, kinds: Sequence[int], limit: int
    ) -> list[TimelineRow]:
        """See `Store.timeline`."""
        return await self._read(
            partial(reads.timeline, number=number, before_seq=before_seq, kinds=kinds, limit=limit)
        )

    async def history(
        self,
        numbers: Sequence[int],
        before: tuple[int, int] | None,
        kinds: Sequence[int],
        limit: int,
    ) -> list[TimelineRow]:
        """See `Store.history`."""
        return await self._read(
            partial(reads.history, numbers=numbers, before=before, kinds=kinds, limit=limit)
        )

    async def turns_after(self, after_offset: int, limit: int) -> list[TimelineRow]:
        """See `Store.turns_after`."""
        return await self._read(partial(reads.turns_after, after_offset=after_offset, limit=limit))

    async def checkpoint(self, model: str) -> tuple[int, bytes] | None:
        """See `Store.checkpoint`."""
        return await self._read(partial(records.checkpoint, model=model))

    async def save_checkpoint(self, model: str, offset: int, data: bytes) -> bool:
        """See `Store.save_checkpoint`."""
        return await self._write(
            partial(records.save_checkpoint, model=model, offset=offset, data=data)
        )

    async def playbook(self, version: str | None = None) -> tuple[str, bytes] | None:
        """See `Store.playbook`."""
        return await self._read(partial(records.playbook, version=version))

    async def playbook_versions(self) -> list[tuple[str, int, bool]]:
        """See `Store.playbook_versions`."""
        return await self._read(records.playbook_versions)

    async def put_playbook(self, version: str, bundle: bytes, now_machine_ms: int) -> None:
        """See `Store.put_playbook`."""
        await self._write(
            partial(records.put_playbook, version=version, bundle=bundle, now_ms=now_machine_ms)
        )

    async def setting(self, name: str) -> bytes | None:
        """See `Store.setting`."""
        return await self._read(partial(records.setting, name=name))

    async def put_setting(self, name: str, value: bytes) -> None:
        """See `Store.put_setting`."""
        await self._write(partial(records.put_setting, name=name, value=value))

    async def put_setting_if_absent(self, name: str, value: bytes) -> bytes:
        """See `Store.put_setting_if_absent`."""
        return await self._write(partial(records.put_setting_if_absent, name=name, value=value))

    async def keys(self) -> list[tuple[bytes, bytes]]:
        """See `Store.keys`."""
        return await self._read(records.keys)

    async def put_key(self, key_hash: bytes, record: bytes) -> None:
        """See `Store.put_key`."""
        await self._write(partial(records.put_key, key_hash=key_hash, record=record))

    async def revoke_key(self, key_hash: bytes) -> bool:
        """See `Store.revoke_key`."""
        return await self._write(partial(records.revoke_key, key_hash=key_hash))

    async def counts(self) -> dict[str, int]:
        """See `Store.counts`."""
        return await self._read(reads.counts)

    async def forget_messages(self, before_machine_ms: int) -> int:
        """See `Store.forget_messages`. Deletes in portions, so that commits go on in between."""
        forgotten = 0
        while True:
            portion = await self._write(
                partial(records.forget_messages, before_ms=before_machine_ms, limit=_FORGET_AT_ONCE)
            )
            forgotten += portion
            if portion < _FORGET_AT_ONCE:
                return forgotten

    async def oldest_answer(self) -> int | None:
        """See `Store.oldest_answer`."""
        return await self._read(retention.oldest_answer)

    async def forget_turns(self, kind: int, before_ms: int, below_offset: int, limit: int) -> int:
        """See `Store.forget_turns`."""
        return await self._write(
            partial(
                retention.forget_turns,
                kind=kind,
                before_ms=before_ms,
                below_offset=below_offset,
                limit=limit,
            )
        )

    async def forget_effects(self, state: int, before_ms: int, limit: int) -> int:
        """See `Store.forget_effects`."""
        return await self._write(
            partial(retention.forget_effects, state=state, before_ms=before_ms, limit=limit)
        )

    async def forget_flows(self, before_ms: int, limit: int) -> int:
        """See `Store.forget_flows`."""
        return await self._write(partial(retention.forget_flows, before_ms=before_ms, limit=limit))

    async def watch(self, key: str, due_ms: int, after_number: int, limit: int) -> int | None:
        """See `Store.watch`."""
        return await self._write(
            partial(retention.watch, key=key, due_ms=due_ms, after_number=after_number, limit=limit)
        )

    async def check(self) -> list[str]:
        """Return what SQLite finds wrong with the file; nothing is good. May take minutes."""
        return await asyncio.to_thread(self._check)

    def _check(self) -> list[str]:
        try:
            with closing(connect(self.path, self._patience_s, read_only=True)) as connection:
                found: list[Any] = connection.execute("PRAGMA quick_check").fetchall()
        except sqlite3.DatabaseError as error:
            return [str(error)]  # too damaged to be looked through
        return [line for (line,) in found if line != "ok"]

    async def close(self) -> None:
        """See `Store.close`. Waits for what is under way no longer than the patience."""
        if self._closed:
            return
        self._closed = True
        ends = [self._reading.submit(self._reader.close)]
        if self._writer is not None:
            ends.append(self._writing.submit(self._writer.close))
        self._reading.stop()
        self._writing.stop()
        await asyncio.wait([asyncio.wrap_future(end) for end in ends], timeout=self._patience_s)
