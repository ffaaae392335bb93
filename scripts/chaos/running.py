"""One run of `righttime chaos`: system, load, receivers and faults, and then the checker."""

import asyncio
import base64
import os
import random
import secrets
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scripts.bench.http import describe_machine
from scripts.chaos.books import Books, read_books
from scripts.chaos.checking import EpochWatch, check_all
from scripts.chaos.checking_history import unanswered
from scripts.chaos.clock import SystemClock
from scripts.chaos.disk import Disk
from scripts.chaos.faults import HEAVY, Arena, Fault, deck, on_nodes, on_sqlite
from scripts.chaos.findings import Finding, Limits
from scripts.chaos.history import History, Log, read_file_outbox
from scripts.chaos.links import HEAD, own_network
from scripts.chaos.load import Load, Service
from scripts.chaos.nemesis import Nemesis
from scripts.chaos.nodes import Nodes
from scripts.chaos.operating import Operator, private_folder, write_channels
from scripts.chaos.receiving import Receiver
from scripts.chaos.report import Report, habits
from scripts.chaos.storing import Storage, storage_of
from scripts.output import Failure

PLAYBOOK = Path(__file__).parent / "playbook"
HEAVY_FROM_MINUTES = 5.0
"""Shorter runs leave out what stops the whole system."""

CELLS = 2
_DISK_MB = 2_048
_SETTLE_S = 120.0
_LOOK_S = 0.5
_BETWEEN_RESULTS_S = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to do. `only` names faults; empty for all that the run has time for.

    With `nodes` the system runs on a Ray cluster of so many nodes on this machine; 0 lets it start Ray
    itself. With `persistent` the head's GCS keeps its tables on disk; with `links` each node has a network
    and a host name of its own, as if it were another machine.
    """

    minutes: float
    seed: int
    store: str
    cells: int = CELLS
    nodes: int = 0
    persistent: bool = False
    links: bool = False
    only: tuple[str, ...] = ()
    root: Path | None = None
    keep: bool = False

    def command(self) -> str:
        """Return the command line that does the same again."""
        words = ["righttime chaos", f"--minutes {self.minutes:g}", f"--seed {self.seed}"]
        if self.store != "sqlite":
            named = self.store == "postgresql"
            words.append(f"--store {self.store if named else 'URL'}")  # a URL may hold a password
        words += [f"--cells {self.cells}"] if self.cells != CELLS else []
        words += [f"--nodes {self.nodes}"] if self.nodes else []
        words += ["--persistent"] if self.persistent else []
        words += ["--links"] if self.links else []
        return " ".join([*words, *(f'--only "{name}"' for name in self.only)])


@dataclass(slots=True)
class Run:
    """What one run holds together."""

    plan: Plan
    say: Callable[[str], None]
    data: Path
    mark: str = field(default_factory=lambda: secrets.token_hex(8))
    watch: EpochWatch = field(default_factory=lambda: EpochWatch({}))
    seen: list[Finding] = field(default_factory=list)

    @property
    def _history(self) -> Path:
        """Beside the data, not among them: their disk is filled now and then."""
        return self.data.with_name("history.jsonl")

    async def report(self) -> Report:
        """Run, check, and clean up."""
        disk = Disk(self.data, _DISK_MB)
        storage = storage_of(self.plan.store, self.data, HEAD if self.plan.links else None)
        try:
            await asyncio.to_thread(storage.start)
            return await self._run(disk, storage)
        finally:
            await asyncio.to_thread(storage.stop)
            if self.plan.keep:
                kept = private_folder(self.plan.root, "chaos-kept-")
                shutil.copytree(self.data, kept, dirs_exist_ok=True)
                shutil.copy(self._history, kept)
                self.say(f"everything is kept in {kept}")
            disk.close()

    async def _run(self, disk: Disk, storage: Storage) -> Report:
        plan = self.plan
        log = Log(self._history)
        receiver = Receiver(plan.seed, log, now_ms)
        secret = "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
        host = HEAD if plan.links else "127.0.0.1"
        write_channels(self.data, await receiver.start(host), secret)
        clock = SystemClock(self.data)
        operator = Operator(
            data=self.data,
            mark=self.mark,
            playbook=PLAYBOOK,
            store=storage.url,
            cells=plan.cells,
            now_ms=now_ms,
            service=Service(now_ms),
            say=self.say,
            environment=dict(clock.environment),
        )
        if plan.nodes:
            folder = self.data / "gcs" if plan.persistent else None
            log_file = self.data / "logs" / "nodes.log"
            operator.nodes = Nodes(self.mark, plan.nodes, folder, log_file, links=plan.links)
        load = Load(operator.url, operator.key, plan.seed, f"x{plan.seed}", log, now_ms)
        operator.service = load.service
        arena = Arena(
            operator=operator,
            mark=self.mark,
            data=self.data,
            draw=random.Random(f"{plan.seed}/faults"),  # noqa: S311 - a schedule, not secrets
            disk=disk,
            clock=clock,
            storage=storage,
        )
        nemesis = Nemesis(arena, load.service, now_ms, self.say)
        watcher = asyncio.create_task(self._watch_epochs(storage))
        try:
            self.say("Starting the system ...")
            await operator.start("the beginning")
            books = await self._under_load(arena, nemesis, load, receiver)
        finally:
            await _ended(watcher)
            clean = await operator.stop()
            await receiver.stop()
            log.close()
        history = History(load.history.writes, load.history.reads, receiver.deliveries)
        history.deliveries += read_file_outbox(self.data / "outbox" / "print.jsonl", "print")
        self.say("Checking ...")
        findings = nemesis.findings() + self.seen + check_all(books, history, Limits())
        return Report(
            command=plan.command(),
            seed=plan.seed,
            minutes=plan.minutes,
            store=storage.kind,
            machine=describe_machine(self.data) | {"load average": load_average()},
            tried=nemesis.tried,
            findings=findings,
            writes=history.writes,
            counts=_counts(books, history, self.watch),
            untried=untried(arena, nemesis, plan),
            disk=f"a tmpfs of {_DISK_MB} MiB" if disk.mounted else f"shared ({disk.why})",
            clean=clean,
        )

    async def _under_load(
        self, arena: Arena, nemesis: Nemesis, load: Load, receiver: Receiver
    ) -> Books:
        operator, plan = arena.operator, self.plan
        await load.start()
        keeper = asyncio.create_task(operator.keep())
        try:
            faults = faults_of(plan, arena)
            until_ms = now_ms() + int(plan.minutes * 60_000)
            names = endless(faults, arena.draw, heavy=plan.minutes >= HEAVY_FROM_MINUTES)
            doing = asyncio.create_task(nemesis.run(names, faults, until_ms))
            await asyncio.wait({doing, keeper}, return_when=asyncio.FIRST_COMPLETED)
            if keeper.done():  # only by an error: the system does not start any more
                await _ended(doing)
                keeper.result()
            await doing
            self.say("Ending the load, and waiting until everything is delivered ...")
            receiver.calm = True
            await load.stop(_SETTLE_S)
        finally:
            await _ended(keeper)
            if not load.ending:
                await load.stop(0)
        return await self._settled(arena.storage, arena.clock.catch_up() * 1000)

    async def _settled(self, storage: Storage, ahead_ms: int) -> Books:
        """Wait until no timer and no effect waits any more, at most two minutes; return the books.

        `ahead_ms` is how far the system's clock is ahead of the machine's.
        """
        until_ms = now_ms() + int(_SETTLE_S * 1000)
        while now_ms() < until_ms:
            if await asyncio.to_thread(storage.quiet, wall_ms() + ahead_ms):
                break
            await asyncio.sleep(_BETWEEN_RESULTS_S)
        else:
            self.say(f"something still waits after {_SETTLE_S:.0f} s")
        return await asyncio.to_thread(
            lambda: storage.read(lambda fetch: read_books(fetch, wall_ms() + ahead_ms))
        )

    async def _watch_epochs(self, storage: Storage) -> None:
        while True:
            await asyncio.sleep(_LOOK_S)
            rows = await asyncio.to_thread(storage.epochs)
            self.seen += self.watch.look(rows)


async def _ended(task: "asyncio.Task[None]") -> None:
    """Cancel a task and wait for its end, whatever that is."""
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def now_ms() -> int:
    """Return milliseconds of this process's monotonic clock."""
    return time.monotonic_ns() // 1_000_000


def wall_ms() -> int:
    """Return milliseconds since 1970 by the machine's clock."""
    return time.time_ns() // 1_000_000


def load_average() -> str:
    """Return the machine's load over the last fifteen minutes, this run's own included."""
    return f"{os.getloadavg()[2]:.1f}"


def faults_of(plan: Plan, arena: Arena) -> dict[str, Fault]:
    """Return the faults of the plan.

    Raises:
        Failure: One is named that there is not.
    """
    faults = arena.storage.faults(on_sqlite())
    if plan.nodes:
        faults = on_nodes(faults, persistent=plan.persistent, links=plan.links)
    unknown = [name for name in plan.only if name not in faults]
    if unknown:
        raise Failure(f"there is no fault {unknown[0]!r}; there are: {', '.join(faults)}")
    return {name: faults[name] for name in plan.only} if plan.only else faults


def endless(faults: dict[str, Fault], draw: random.Random, *, heavy: bool) -> Iterator[str]:
    """Yield names of faults for ever, each as often as every other."""
    heavy = heavy or all(name in HEAVY for name in faults)
    while True:
        yield from deck(faults, draw, heavy=heavy)


def untried(arena: Arena, nemesis: Nemesis, plan: Plan) -> dict[str, str]:
    """Return what the run did not try, and why."""
    found: dict[str, str] = {}
    hit = {each.fault for each in nemesis.tried if not each.missed}
    for each in nemesis.tried:
        if each.missed and each.fault not in hit:
            found[each.fault] = each.note
    if not plan.only:
        for name in faults_of(plan, arena):
            if name not in hit and name not in found:
                short = name in HEAVY and plan.minutes < HEAVY_FROM_MINUTES
                why = (
                    f"only from {HEAVY_FROM_MINUTES:g} minutes on" if short else "no time was left"
                )
                found[name] = why
    return found


def _counts(books: Books, history: History, watch: EpochWatch) -> dict[str, int]:
    return {
        "acknowledged": len({w.message for w in history.writes if w.seq}),
        "unanswered": unanswered(history),
        **habits(history.writes),
        "customers": len(books.customers),
        "turns": len(books.turns),
        "reads": len(history.reads),
        "deliveries": len(history.deliveries),
        "timers": sum(bool(turn.timer) for turn in books.turns),
        "looks": watch.looks,
        "takeovers": watch.takeovers,
    }


def run(plan: Plan, say: Callable[[str], None]) -> Report:
    """Do one run in a data directory of its own, which is removed afterwards."""
    folder = private_folder(plan.root, "chaos-")
    data = folder / "data"
    data.mkdir(mode=0o700)
    try:
        with own_network() if plan.links else nullcontext():
            return asyncio.run(Run(plan, say, data).report())
    finally:
        shutil.rmtree(folder, ignore_errors=True)


__all__: list[Any] = ["Plan", "Run", "endless", "faults_of", "run", "untried"]
