"""`bench memory`: what an active customer costs, and what reading back a passive one takes."""

import asyncio
import random
import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from rich.console import Console
from rich.table import Table

from actors.domain.ids import Identity, IdSpace
from actors.ports import Lookup
from actors.stores.opening import KEY_SETTING
from actors.stores.sqlite import SqliteStore
from actors.wire.state import unpack_state
from scripts.bench.http import describe_machine
from scripts.bench.memory_load import (
    CONNECTIONS,
    Progress,
    history,
    history_length,
    one_each,
    send,
    user,
)
from scripts.bench.payloads import view
from scripts.child import Child, start
from scripts.demo.client import Client, HttpTransport
from scripts.demo.replay import percentile
from scripts.output import Failure

MAX_BYTES = 16_000
MAX_READ_MS = 3.0
READS = 1000
PAIRS = 500
WARM_UP = 400
"""Customers that are active before the first measurement, so that no code runs for its first time."""

Say = Callable[[str], None]
Shown = Callable[[str], AbstractContextManager[Progress]]
_PROC = Path("/proc")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cells:
    """All cells at one moment, in bytes. `packed` is the sum of the active customers' states."""

    active: int
    packed: int
    pss: int
    rss: int
    by_cell: dict[str, int]


@dataclass(slots=True, kw_only=True)
class Memory:
    """Everything that one run measured; times in ms."""

    machine: dict[str, str]
    known: int
    loaded_events: int
    loading_s: float
    before: Cells
    after: Cells
    file_bytes: int
    reads_ms: list[float] = field(default_factory=list)
    passive_ms: list[float] = field(default_factory=list)
    active_ms: list[float] = field(default_factory=list)

    @property
    def activated(self) -> int:
        """How many more customers were active at the second measurement."""
        return self.after.active - self.before.active

    @property
    def bytes_per_active(self) -> float:
        """What the cells grew by, per customer that became active: PSS, everything included."""
        return (self.after.pss - self.before.pss) / max(1, self.activated)

    @property
    def packed_per_active(self) -> float:
        """The packed state's part in that."""
        return (self.after.packed - self.before.packed) / max(1, self.activated)

    def as_json(self) -> dict[str, Any]:
        """Return the result as the command prints it."""
        return {
            "machine": self.machine,
            "known": self.known,
            "active": self.after.active,
            "activeByCell": self.after.by_cell,
            "loadedEvents": self.loaded_events,
            "loadingEventsPerSecond": round(self.loaded_events / self.loading_s)
            if self.loading_s
            else 0,
            "fileBytes": self.file_bytes,
            "pssBefore": self.before.pss,
            "pssAfter": self.after.pss,
            "rssBefore": self.before.rss,
            "rssAfter": self.after.rss,
            "bytesPerActive": round(self.bytes_per_active),
            "packedBytesPerActive": round(self.packed_per_active),
            "limitBytes": MAX_BYTES,
            "readP50Ms": round(median(self.reads_ms), 3),
            "readP99Ms": round(percentile(self.reads_ms, 0.99), 3),
            "limitReadMs": MAX_READ_MS,
            "passiveHttpP50Ms": round(median(self.passive_ms), 2),
            "activeHttpP50Ms": round(median(self.active_ms), 2),
            "met": not self.missed(),
        }

    def missed(self) -> list[str]:
        """Return the targets that were missed."""
        found = []
        if self.bytes_per_active > MAX_BYTES:
            found.append("memory per active customer")
        if median(self.reads_ms) > MAX_READ_MS:
            found.append("reading back a passive customer")
        return found


def run(known: int, active: int, data: Path | None, say: Say, shown: Shown) -> Memory:
    """Load customers, make all of them passive by a restart, activate some, and measure.

    Raises:
        Failure: The system does not start, refuses an event or does not end cleanly.
    """
    if active + WARM_UP + PAIRS > known:
        raise Failure(
            f"of {known:,} customers at most {known - WARM_UP - PAIRS:,} can be activated"
        )
    root = data or Path(".righttime/bench")
    root.mkdir(parents=True, exist_ok=True)
    place = Path(tempfile.mkdtemp(prefix="memory-", dir=root)).absolute()
    try:
        say("Starting the system (10 to 40 s) ...")
        with start(place, ["--clock", "real"]) as child:
            began = time.perf_counter()
            with shown("Loading") as progress:
                asyncio.run(_load(child, known, progress))
            loading_s = time.perf_counter() - began
        _require_clean(child)
        say("Starting it again: now every customer is passive ...")
        with start(place, ["--clock", "real"]) as child:
            measured = asyncio.run(_measure(child, known, active, say, shown))
        _require_clean(child)
    finally:
        shutil.rmtree(place, ignore_errors=True)
    measured.machine = describe_machine(root)
    measured.loaded_events = history_length(known)
    measured.loading_s = loading_s
    return measured


def _require_clean(child: Child) -> None:
    if not child.clean:
        raise Failure(f"the system did not end cleanly; see {child.log}")


async def _load(child: Child, known: int, progress: Progress) -> None:
    async with HttpTransport(child.url, child.key, CONNECTIONS) as transport:
        await send(transport, history("load", known), history_length(known), progress)


async def _measure(child: Child, known: int, active: int, say: Say, shown: Shown) -> Memory:
    numbers = list(range(known))
    random.Random(active).shuffle(numbers)  # noqa: S311 - load, not secrets
    first, chosen = numbers[:WARM_UP], numbers[WARM_UP : WARM_UP + active]
    passive = numbers[WARM_UP + active :]
    path = child.data / "righttime.db"
    async with HttpTransport(child.url, child.key, CONNECTIONS) as transport:
        client = Client(transport)
        with shown("Warming up") as progress:
            await send(transport, one_each("warm", first), len(first), progress)
        before = await cells_now(client)
        with shown("Activating") as progress:
            await send(transport, one_each("wake", chosen), len(chosen), progress)
        after = await cells_now(client)
        say("Reading back passive customers ...")
        reads_ms = await read_back(path, passive[-READS:])
        passive_ms, active_ms = await _alternate(client, passive[:PAIRS], chosen)
    return Memory(
        machine={},
        known=known,
        loaded_events=0,
        loading_s=0.0,
        before=before,
        after=after,
        file_bytes=path.stat().st_size,
        reads_ms=reads_ms,
        passive_ms=passive_ms,
        active_ms=active_ms,
    )


async def cells_now(client: Client, proc: Path = _PROC) -> Cells:
    """Return what the cells say of themselves and what the kernel says of their processes."""
    reply = await client.get("/v1/status")
    if reply.status != 200 or reply.body.get("cellsSilent"):
        raise Failure(f"the status is not complete: {reply.problem()}")
    cells = reply.body["cells"]
    sizes = [process_memory(cell["pid"], proc) for cell in cells]
    return Cells(
        active=sum(cell["active"] for cell in cells),
        packed=sum(cell["activeBytes"] for cell in cells),
        pss=sum(pss for pss, _ in sizes),
        rss=sum(rss for _, rss in sizes),
        by_cell={str(cell["name"]): int(cell["active"]) for cell in cells},
    )


def process_memory(pid: int, proc: Path = _PROC) -> tuple[int, int]:
    """Return a process's (PSS, RSS) in bytes; PSS counts a shared page by its share.

    Raises:
        Failure: This kernel does not say, or the process is gone.
    """
    path = proc / str(pid) / "smaps_rollup"
    try:
        lines = path.read_text("ascii", "replace").splitlines()
    except OSError as error:
        raise Failure(f"cannot read {path} ({error.strerror})") from error
    sizes = {
        words[0]: int(words[1]) * 1024
        for words in (line.split() for line in lines)
        if len(words) == 3 and words[2] == "kB"
    }
    return sizes["Pss:"], sizes["Rss:"]


async def read_back(path: Path, numbers: Sequence[int]) -> list[float]:
    """Return how long activation takes in ms, for each customer: the lookup and the decoding.

    The lookup is the one that a cell makes for an event of a customer whom it does not have in
    memory: by identity, by the number derived from it and by message, in one call.

    Raises:
        Failure: A customer is not there.
    """
    store = SqliteStore.open(path, read_only=True)
    try:
        key = await store.setting(KEY_SETTING)
        if key is None:
            raise Failure("the store of the system has no key for ids")
        ids = IdSpace(key)
        took = []
        for number in numbers:
            identity = Identity("user", user(number))
            began = time.perf_counter()
            found = await store.lookup(
                Lookup(
                    (identity,),
                    (ids.customer_number(identity),),
                    (ids.message_hash(f"r-{number}"),),
                )
            )
            states = [unpack_state(row.state) for row in found.customers.values()]
            took.append((time.perf_counter() - began) * 1000)
            if [identity] != [state.identities[0] for state in states]:
                raise Failure(f"{identity} is not in the store")
        return took
    finally:
        await store.close()


async def _alternate(
    client: Client, passive: Sequence[int], active: Sequence[int]
) -> tuple[list[float], list[float]]:
    """Send one event to a passive and one to an active customer, in turn, over one connection."""
    draw = random.Random(0)  # noqa: S311 - load, not secrets
    took: tuple[list[float], list[float]] = ([], [])
    for pair in zip(passive, active, strict=False):
        for number, times in zip(pair, took, strict=True):
            reply = await client.post("/v1/track", view(f"alone-{number}", user(number), draw))
            if reply.status != 200:
                raise Failure(f"an event was refused: {reply.problem()}")
            times.append(reply.took_s * 1000)
    return took


def show(console: Console, found: Memory) -> None:
    """Print what was measured, and what it was to be."""
    result = found.as_json()
    cells = Table(title="All cells", title_justify="left", show_edge=False)
    for name in ("", "active customers", "packed states", "PSS", "RSS"):
        cells.add_column(name, justify="left" if not name else "right")
    for name, at in (("before", found.before), ("after", found.after)):
        cells.add_row(name, f"{at.active:,}", *(_mb(n) for n in (at.packed, at.pss, at.rss)))
    console.print(cells)
    rows = [
        (
            "memory per active customer",
            f"{result['bytesPerActive']:,} bytes",
            f"≤ {MAX_BYTES:,}",
            found.bytes_per_active <= MAX_BYTES,
        ),
        ("of which its packed state", f"{result['packedBytesPerActive']:,} bytes", "", None),
        (
            f"reading back a passive one, median of {len(found.reads_ms):,}",
            f"{result['readP50Ms']:.2f} ms (p99 {result['readP99Ms']:.2f})",
            f"≤ {MAX_READ_MS:g} ms",
            result["readP50Ms"] <= MAX_READ_MS,
        ),
        ("event of a passive customer over HTTP", f"{result['passiveHttpP50Ms']:.2f} ms", "", None),
        ("event of an active customer over HTTP", f"{result['activeHttpP50Ms']:.2f} ms", "", None),
    ]
    table = Table(title="\nTargets", title_justify="left", show_edge=False)
    for name in ("", "measured", "wanted", ""):
        table.add_column(name)
    for name, measured, wanted, met in rows:
        verdict = {True: "[green]met[/]", False: "[bold red]missed[/]", None: ""}[met]
        table.add_row(name, measured, wanted, verdict)
    console.print(table)
    console.print(
        f"\n{found.known:,} customers, loaded with {found.loaded_events:,} events at "
        f"{result['loadingEventsPerSecond']:,} a second; the store's file has "
        f"{_mb(found.file_bytes)}."
    )
    console.print("; ".join(f"{k}: {v}" for k, v in found.machine.items()))


def _mb(size: int) -> str:
    return f"{size / 1e6:,.1f} MB"
