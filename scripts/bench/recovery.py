"""`bench recovery`: how long a cell's customers wait when its process is killed."""

import asyncio
import json
import os
import shutil
import signal
import tempfile
import time
from collections import Counter
from collections.abc import Callable
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
from scripts.bench.payloads import order
from scripts.child import Child, start
from scripts.demo.client import Client, HttpTransport, RawReply, Transport
from scripts.output import Failure

MAX_MEDIAN_S = 3.0
PROBES = 4
"""Customers of the killed cell that send at once; all of them must have been answered."""

_CUSTOMERS = 64
_PAUSE_S = 0.005
_GIVE_UP_S = 60.0
_BACK_WITHIN_S = 120.0
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kill:
    """One kill. Times are from the signal, in seconds.

    `first_s` is the first 200 of any of the killed cell's customers, `gap_s` that of the last of
    them, `back_s` when the cell served its share of the partitions again.
    """

    cell: str
    first_s: float
    gap_s: float
    attempts: int
    back_s: float


@dataclass(slots=True, kw_only=True)
class Recovery:
    """Everything that one run saw. `wrong` lists what was lost or counted twice; empty is good."""

    machine: dict[str, str]
    cells: int
    kills: list[Kill] = field(default_factory=list)
    acknowledged: int = 0
    wrong: list[str] = field(default_factory=list)

    @property
    def median_s(self) -> float:
        """The median gap."""
        return median(kill.gap_s for kill in self.kills) if self.kills else 0.0

    def as_json(self) -> dict[str, Any]:
        """Return the result as the command prints it."""
        gaps = [kill.gap_s for kill in self.kills]
        return {
            "machine": self.machine,
            "cells": self.cells,
            "kills": [
                {
                    "cell": kill.cell,
                    "firstS": round(kill.first_s, 3),
                    "gapS": round(kill.gap_s, 3),
                    "attempts": kill.attempts,
                    "backS": round(kill.back_s, 3),
                }
                for kill in self.kills
            ],
            "medianS": round(self.median_s, 3),
            "maxS": round(max(gaps, default=0.0), 3),
            "limitS": MAX_MEDIAN_S,
            "acknowledged": self.acknowledged,
            "wrong": self.wrong,
            "met": self.median_s <= MAX_MEDIAN_S and not self.wrong and bool(gaps),
        }


def run(kills: int, cells: int | None, data: Path | None, say: Say) -> Recovery:
    """Start a system, kill its cells one after the other, and stop it.

    Raises:
        Failure: The system does not start, does not come back or does not end cleanly.
    """
    root = data or Path(".righttime/bench")
    root.mkdir(parents=True, exist_ok=True)
    place = Path(tempfile.mkdtemp(prefix="recovery-", dir=root)).absolute()
    options = ["--clock", "real"] + (["--cells", str(cells)] if cells else [])
    try:
        say("Starting the system (10 to 40 s) ...")
        with start(place, options) as child:
            found = asyncio.run(_run(child, kills, describe_machine(root), say))
        if not child.clean:
            raise Failure(f"the system did not end cleanly; see {child.log}", found.as_json())
    finally:
        shutil.rmtree(place, ignore_errors=True)
    return found


async def _run(child: Child, kills: int, machine: dict[str, str], say: Say) -> Recovery:
    store = SqliteStore.open(child.data / "righttime.db", read_only=True)
    try:
        async with HttpTransport(child.url, child.key, 2 * PROBES) as transport:
            bench = await Bench.prepare(transport, store)
            found = Recovery(machine=machine, cells=len(bench.shares))
            for number in range(kills):
                kill = await bench.kill(number)
                found.kills.append(kill)
                say(
                    f"Kill {number + 1} of {kills}, {kill.cell}: its customers were answered again "
                    f"after {kill.gap_s:.2f} s, it was back after {kill.back_s:.1f} s"
                )
            found.acknowledged = bench.acknowledged.total()
            found.wrong = await bench.check()
            return found
    finally:
        await store.close()


class Bench:
    """One run under way. `shares` is how many partitions each cell serves when all is well."""

    def __init__(
        self, transport: Transport, store: SqliteStore, ids: IdSpace, shares: dict[str, int]
    ) -> None:
        self._transport = transport
        self._store = store
        self._ids = ids
        self._sent = 0
        self.shares = shares
        self.acknowledged: Counter[str] = Counter()

    @classmethod
    async def prepare(cls, transport: Transport, store: SqliteStore) -> "Bench":
        """Make some customers and note who serves how much."""
        key = await store.setting(KEY_SETTING)
        if key is None:
            raise Failure("the store of the system has no key for ids")
        cells = await _cells(transport)
        shares = {cell["name"]: cell["partitions"] for cell in cells}
        bench = cls(transport, store, IdSpace(key), shares)
        for number in range(_CUSTOMERS):
            await bench.send(f"recovery-{number}", time.perf_counter())
        return bench

    async def send(self, user: str, since_s: float) -> tuple[float, int]:
        """Send an order of 1.00 until it is acknowledged; return (seconds since then, attempts).

        Raises:
            Failure: It was refused, or nobody took it within a minute.
        """
        self._sent += 1
        event = order(f"recovery-{self._sent}", user, 0)
        event["properties"] |= {"total": 1.0, "departments": {}}
        data = json.dumps(event).encode()
        attempts = 0
        while True:
            attempts += 1
            reply = await _attempt(self._transport, data)
            passed_s = time.perf_counter() - since_s
            if reply is not None and reply.status == 200:
                self.acknowledged[user] += 1
                return passed_s, attempts
            if reply is not None and reply.status < 500 and reply.status != 429:
                raise Failure(f"an order was refused with {reply.status}")
            if passed_s > _GIVE_UP_S:
                raise Failure(f"a customer had no answer for {passed_s:.0f} s")
            await asyncio.sleep(_PAUSE_S)

    async def kill(self, number: int) -> Kill:
        """Kill one cell, take turns over the cells, and return when it serves its share again."""
        cells = {cell["name"]: cell for cell in await _cells(self._transport)}
        # A standby serves nobody as long as all is well: its death would show nothing.
        names = sorted(name for name, share in self.shares.items() if share)
        victim = cells[names[number % len(names)]]
        users = await self._users_of(victim["owner"])
        if not users:
            raise Failure(f"{victim['name']} has none of the {_CUSTOMERS} customers")
        os.kill(victim["pid"], signal.SIGKILL)
        killed_s = time.perf_counter()
        first = (number * PROBES) % len(users)
        chosen = (users[first:] + users[:first])[:PROBES]
        answered = await asyncio.gather(*(self.send(user, killed_s) for user in chosen))
        return Kill(
            cell=victim["name"],
            first_s=min(passed_s for passed_s, _ in answered),
            gap_s=max(passed_s for passed_s, _ in answered),
            attempts=sum(attempts for _, attempts in answered),
            back_s=await self._back(victim["pid"], killed_s),
        )

    async def _users_of(self, owner: str) -> list[str]:
        owners = {row.partition: row.owner for row in await self._store.partitions()}
        users = [f"recovery-{number}" for number in range(_CUSTOMERS)]
        return [u for u in users if owners[self._ids.partition_of(Identity("user", u))] == owner]

    async def _back(self, pid: int, killed_s: float) -> float:
        while True:
            cells = await _cells(self._transport)
            passed_s = time.perf_counter() - killed_s
            served = {cell["name"]: cell["partitions"] for cell in cells}
            # Equal in sum, too: a share that is being moved may be counted nowhere or twice.
            if pid not in {cell["pid"] for cell in cells} and settled(served, self.shares):
                return passed_s
            if passed_s > _BACK_WITHIN_S:
                raise Failure(f"the killed cell was not back after {passed_s:.0f} s: {served}")
            await asyncio.sleep(0.05)

    async def check(self) -> list[str]:
        """Return what is not as it must be: an order lost or counted twice, a turn missing."""
        wrong = []
        identities = tuple(Identity("user", user) for user in self.acknowledged)
        found = await self._store.lookup(Lookup(identities=identities))
        for identity in identities:
            wanted = self.acknowledged[identity.value]
            row = found.customers.get(found.owners.get(identity, 0))
            if row is None:
                wrong.append(f"{identity.value}: unknown, with {wanted} orders acknowledged")
                continue
            bought = unpack_state(row.state).profile.purchases
            if (bought.orders, bought.spend_minor) != (wanted, 100 * wanted):
                wrong.append(f"{identity.value}: {bought.orders} orders, {wanted} acknowledged")
            turns = await self._store.timeline(row.number, None, range(8), row.seq + 1)
            if [turn.seq for turn in turns] != list(range(row.seq, 0, -1)):
                wrong.append(f"{identity.value}: {len(turns)} turns of {row.seq}")
        return wrong


def settled(served: dict[str, int], shares: dict[str, int]) -> bool:
    """Return whether those serve who did before, a standby not among them, and as much in all."""
    serving = {name for name, share in served.items() if share}
    return (
        served.keys() == shares.keys()
        and serving == {name for name, share in shares.items() if share}
        and sorted(served.values()) == sorted(shares.values())
    )


async def _attempt(transport: Transport, data: bytes) -> RawReply | None:
    """Send one event; None when the outcome is unknown."""
    try:
        return await transport.attempt("POST", "/v1/track", data)
    except (ConnectionError, TimeoutError):
        return None


async def _cells(transport: Transport) -> list[dict[str, Any]]:
    reply = await Client(transport).get("/v1/status")
    if reply.status != 200:
        raise Failure(f"the status cannot be read: {reply.problem()}")
    cells: list[dict[str, Any]] = reply.body["cells"]
    return cells


def show(console: Console, found: Recovery) -> None:
    """Print what was seen."""
    table = Table(title="A cell killed with kill -9", title_justify="left", show_edge=False)
    for name in ("kill", "cell", "first answer s", "all answered s", "attempts", "back s"):
        table.add_column(name, justify="left" if name == "cell" else "right")
    for number, kill in enumerate(found.kills, 1):
        table.add_row(
            str(number),
            kill.cell,
            f"{kill.first_s:.2f}",
            f"{kill.gap_s:.2f}",
            f"{kill.attempts:,}",
            f"{kill.back_s:.1f}",
        )
    result = found.as_json()
    met = "[green]met[/]" if found.median_s <= MAX_MEDIAN_S else "[bold red]missed[/]"
    console.print(table)
    console.print(
        f"\nMedian {result['medianS']:.2f} s, longest {result['maxS']:.2f} s; "
        f"wanted: a median of at most {MAX_MEDIAN_S:g} s, {met}."
    )
    if found.wrong:
        console.print(f"[bold red]{len(found.wrong)} customers are not as they must be.[/]")
    else:
        console.print(f"All {found.acknowledged:,} acknowledged orders are there, each once.")
    console.print("; ".join(f"{k}: {v}" for k, v in found.machine.items()))
