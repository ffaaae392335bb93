"""`bench timers`: a cell's durable timers, among a million that are pending."""

import asyncio
import gc
import shutil
import sqlite3
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

from actors.domain.events import Event
from actors.domain.ids import PARTITIONS, Identity, IdSpace
from actors.playbook.loader import compile_bundle
from actors.playbook.model import Playbook
from actors.ports import CellRow, JournalKind
from actors.runtime.clocks import RealClock, VirtualClock
from actors.runtime.host import Host, HostSettings
from actors.runtime.process import tune_process
from actors.session import Job
from actors.stores.sqlite import SqliteStore
from actors.wire.messages import Code, Routed
from actors.wire.records import unpack_turn
from scripts.bench.http import describe_machine
from scripts.demo.replay import percentile
from scripts.output import Failure
from scripts.trials.trial import PriorScorer

MIN_RATE = 2_000.0
START_MS = 1_767_225_600_000
_CELL = CellRow("bench", "one", 0, 0, "", 0)
_IDS = IdSpace(b"benchmark")
_FAR_MS = 10 * 365 * 86_400_000
_GROUP = 500
_LOAD_S = 10.0
Say = Callable[[str], None]

_PLAYBOOK = {
    "playbook.yaml": (
        "name: timers\nversion: '1'\ncurrency: {code: USD, minorDigits: 2}\n"
        "channels: {email: {outbound: true}}\n"
    ),
    "actions.yaml": (
        "actions:\n  service/note/hello:\n    value: 1\n    purpose: service\n"
        "    startingPropensity: 0.5\n    treatments: {email: {outbound: true}}\n"
    ),
    "scenarios.yaml": (
        "scenarios:\n  wait:\n    start: {on: Joined}\n    steps:\n"
        "      a_while: {wait: PT1H}\n      hello: {send: service/note/hello}\n"
        "  soon:\n    start: {on: Came}\n    steps:\n"
        "      a_moment: {wait: PT1S}\n      hello: {send: service/note/hello}\n"
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Timers:
    """What one run measured. Lags are from due to committed, on a real clock, under that load."""

    machine: dict[str, str]
    pending: int
    fired: int
    start_empty_s: float
    start_full_s: float
    fires_per_second: float
    cpu_ms_per_fire: float
    lag_p50_ms: float
    lag_p99_ms: float
    lag_fires: int
    lag_events_per_second: float

    def as_json(self) -> dict[str, Any]:
        """Return the result as the command prints it."""
        found = {_camel(name): value for name, value in asdict(self).items()}
        return found | {"minFiresPerSecond": MIN_RATE, "met": self.fires_per_second >= MIN_RATE}


def _camel(name: str) -> str:
    head, *tail = name.split("_")
    return head + "".join(part.title() for part in tail)


def run(pending: int, fires: int, data: Path | None, say: Say) -> Timers:
    """Measure a cell's host over SQLite, in this process: no Ray, no network.

    Raises:
        Failure: The system refused something.
    """
    root = data or Path(".righttime/bench")
    root.mkdir(parents=True, exist_ok=True)
    place = Path(tempfile.mkdtemp(prefix="timers-", dir=root)).absolute()
    try:
        return asyncio.run(_run(place, pending, fires, say))
    finally:
        shutil.rmtree(place, ignore_errors=True)


async def _run(place: Path, pending: int, fires: int, say: Say) -> Timers:
    playbook = compile_bundle(_PLAYBOOK)
    gc.collect()
    gc.freeze()
    tune_process()
    say(f"{fires:,} customers begin to wait ...")
    file = place / "righttime.db"
    async with _host(file, VirtualClock(START_MS), playbook) as host:
        await _tell(host, "Joined", "a", fires)
    empty_s = median([await _start_s(file, playbook) for _ in range(5)])
    say(f"{pending:,} more timers, for others ...")
    _add_pending(file, pending)
    full_s = median([await _start_s(file, playbook) for _ in range(5)])
    say("They are all due ...")
    async with _host(file, VirtualClock(START_MS), playbook) as host:
        began, cpu = time.perf_counter(), time.process_time()
        fired = await host.advance(START_MS + 3_600_000)
        took_s, cpu_s = time.perf_counter() - began, time.process_time() - cpu
    if fired != fires:
        raise Failure(f"{fired:,} timers fired, expected {fires:,}")
    say("Timers under load, on a real clock ...")
    lags, events, lasted_s = await _lags(place / "load.db", playbook, pending)
    return Timers(
        machine=describe_machine(place),
        pending=pending,
        fired=fired,
        start_empty_s=round(empty_s, 4),
        start_full_s=round(full_s, 4),
        fires_per_second=round(fired / took_s, 1),
        cpu_ms_per_fire=round(cpu_s / fired * 1000, 3),
        lag_p50_ms=round(median(lags), 1),
        lag_p99_ms=round(percentile(sorted(lags), 0.99), 1),
        lag_fires=len(lags),
        lag_events_per_second=round(events / lasted_s, 1),
    )


@asynccontextmanager
async def _host(
    file: Path, clock: RealClock | VirtualClock, playbook: Playbook
) -> AsyncIterator[Host]:
    store = SqliteStore.open(file)
    mine = [p for p in await store.partitions() if p.owner == _CELL.owner]
    if len(mine) < PARTITIONS:
        rows = [(p.partition, p.owner, p.epoch) for p in await store.partitions()]
        await store.claim(rows, _CELL.owner)
    host = Host(store, PriorScorer(), _IDS, clock, playbook, HostSettings(), lambda: None)
    await host.start(_CELL)
    try:
        yield host
    finally:
        await host.stop()
        await store.close()


async def _start_s(file: Path, playbook: Playbook) -> float:
    """Return how long it takes from opening the file to the first look at what is due."""
    began = time.perf_counter()
    async with _host(file, VirtualClock(START_MS), playbook) as host:
        await host.advance(START_MS)
        return time.perf_counter() - began


async def _tell(host: Host, name: str, prefix: str, count: int) -> None:
    for first in range(0, count, _GROUP):
        jobs = [
            Job.of(Routed(_event(name, f"{prefix}{i}")))
            for i in range(first, min(first + _GROUP, count))
        ]
        await host.submit(jobs)
        refused = [job for job in jobs if job.answer is None or job.answer.code > Code.DUPLICATE]
        if refused:
            raise Failure("an event was refused")


def _event(name: str, user: str) -> Event:
    return Event(
        message_id=f"{name}-{user}",
        type="track",
        name=name,
        identities=(Identity("user", user),),
        channel="web",
    )


def _add_pending(file: Path, pending: int) -> None:
    """Add rows that are due in many years, for customers of all partitions."""
    with sqlite3.connect(file) as db:
        db.executemany(
            "INSERT INTO timer (p, customer, key, due) VALUES (?, ?, ?, ?)",
            (
                (i % PARTITIONS, 2**50 + i, "scenario/1", START_MS + _FAR_MS + i)
                for i in range(pending)
            ),
        )
        db.execute("UPDATE counter SET n = n + ? WHERE name = 'timers'", (pending,))
        db.commit()
    db.close()


async def _lags(file: Path, playbook: Playbook, pending: int) -> tuple[list[float], int, float]:
    """Start short waits at a steady pace beside a closed loop of events.

    Returns:
        The lags in ms, how many events there were, and for how long.
    """
    clock = RealClock()
    async with _host(file, clock, playbook):
        pass
    _add_pending(file, pending)
    async with _host(file, clock, playbook) as host:
        done = asyncio.Event()
        events = 0

        async def load() -> None:
            nonlocal events
            while not done.is_set():
                jobs = [Job.of(Routed(_event("Seen", f"l{i}-{events}"))) for i in range(32)]
                await host.submit(jobs)
                events += len(jobs)

        loads = [asyncio.create_task(load()) for _ in range(2)]
        began_ms, began = clock.business_ms(), time.perf_counter()
        for i in range(int(_LOAD_S * 20)):
            await host.submit([Job.of(Routed(_event("Came", f"c{j}-{i}"))) for j in range(10)])
            await asyncio.sleep(0.05)
        done.set()
        await asyncio.gather(*loads)
        lasted_s = time.perf_counter() - began
        await asyncio.sleep(2.0)  # the last waits end too
    found = []
    with sqlite3.connect(f"file:{file}?mode=ro", uri=True) as db:
        rows = db.execute(
            "SELECT payload FROM journal WHERE kind = ? AND at >= ?", (JournalKind.WAKE, began_ms)
        )
        turns = [unpack_turn(payload) for (payload,) in rows]
    db.close()
    found = [float(turn.received_at_ms - turn.at_ms) for turn in turns]
    if not found:
        raise Failure("no timer fired under load")
    return found, events, lasted_s
