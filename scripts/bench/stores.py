"""One group commit on SQLite and on PostgreSQL, in alternating pairs, both durable."""

import asyncio
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from hashlib import blake2b
from pathlib import Path
from statistics import median
from typing import Any

from actors.domain.ids import PARTITIONS
from actors.ports import (
    Change,
    JournalKind,
    JournalRow,
    Lookup,
    Message,
    OutboxRow,
    Store,
    TimerRow,
    Verdict,
)
from actors.stores.opening import open_store
from scripts.own_postgres import own_postgres

SIZES = (16, 64, 256)
_CUSTOMERS = 5_000
_NOW_MS = 1_800_000_000_000
_STATE, _TURN, _EFFECT = 1_800, 700, 700
_OWNER = "bench/one"


def _bytes(size: int, *key: object) -> bytes:
    """Return bytes that no page compression makes smaller."""
    block = blake2b(repr(key).encode()).digest()
    return (block * (size // len(block) + 1))[:size]


class _Load:
    """Commits groups of events of known customers, who come round in turn."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._seqs = dict.fromkeys(range(_CUSTOMERS), 0)
        self._next = 0

    async def begin(self) -> None:
        """Own all partitions and let every customer have a first turn."""
        await self.store.claim([(p, "", 0) for p in range(PARTITIONS)], _OWNER)
        for _ in range(_CUSTOMERS // 250):
            await self.commit(250)

    async def commit(self, size: int) -> None:
        """Look a group up, as a cell does, and commit it."""
        numbers = [(self._next + i) % _CUSTOMERS for i in range(size)]
        self._next += size
        group = [self._change(number) for number in numbers]
        hashes = tuple(message.hash for change in group for message in change.messages)
        await self.store.lookup(Lookup(numbers=tuple(numbers), messages=hashes))
        verdicts = await self.store.commit(group, _NOW_MS)
        if set(verdicts) != {Verdict.COMMITTED}:
            raise RuntimeError("a change was not committed")

    def _change(self, number: int) -> Change:
        """An event: a turn, a message, every third time a timer, every second time an effect."""
        before = self._seqs[number]
        seq = self._seqs[number] = before + 1
        hashed = blake2b(b"%d %d" % (number, seq), digest_size=16).digest()
        effect = OutboxRow(
            seq, 0, "email", _NOW_MS, _NOW_MS + 86_400_000, _bytes(_EFFECT, number, seq)
        )
        return Change(
            number,
            number % PARTITIONS,
            1,
            before,
            seq,
            _bytes(_STATE, number, seq, "state"),
            [JournalRow(seq, _NOW_MS + seq, JournalKind.EVENT, _bytes(_TURN, number, seq, "turn"))],
            [Message(hashed, hashed, seq)],
            timers_set=[TimerRow("t", _NOW_MS + seq)] if (number + seq) % 3 == 0 else [],
            outbox=[effect] if (number + seq) % 2 else [],
        )


def measure(url: str | None, pairs: int, sizes: Sequence[int] = SIZES) -> dict[str, Any]:
    """Return, for each size, the median milliseconds and CPU time of a group on both stores.

    `cpuMs` is of this process alone: what a cell pays, not the database's server.
    """
    with (
        _database(url) as database,
        tempfile.TemporaryDirectory(prefix="righttime-bench-") as folder,
    ):
        urls = {"sqlite": f"sqlite://{Path(folder) / 'store.db'}", "postgresql": database}
        loads = {name: _Load(open_store(each)) for name, each in urls.items()}

        async def run() -> list[dict[str, Any]]:
            try:
                for load in loads.values():
                    await load.begin()
                return [await _pairs(loads, size, pairs) for size in sizes]
            finally:
                for load in loads.values():
                    await load.store.close()

        return {"pairs": pairs, "groups": asyncio.run(run())}


async def _pairs(loads: dict[str, _Load], size: int, pairs: int) -> dict[str, Any]:
    wall: dict[str, list[float]] = {name: [] for name in loads}
    cpu: dict[str, list[float]] = {name: [] for name in loads}
    for i in range(pairs + 1):
        order = list(loads) if i % 2 else list(loads)[::-1]
        for name in order:
            begun, used = time.perf_counter(), time.process_time()
            await loads[name].commit(size)
            if i:  # the first of a size prepares statements
                wall[name].append(time.perf_counter() - begun)
                cpu[name].append(time.process_time() - used)
    found: dict[str, Any] = {"size": size}
    for name in loads:
        found[name] = {
            "ms": round(median(wall[name]) * 1000, 2),
            "eventsPerSecond": round(size / median(wall[name])),
            "cpuMs": round(median(cpu[name]) * 1000, 2),
        }
    ratios = [p / s for p, s in zip(wall["postgresql"], wall["sqlite"], strict=True)]
    found["ratio"] = round(median(ratios), 2)
    return found


@contextmanager
def _database(url: str | None) -> Iterator[str]:
    if url is not None:
        yield url
        return
    with own_postgres() as server:
        server.create("bench")
        yield server.url("bench")
