"""The faults, one function each. Each returns a word on what was hit, or raises `Missed`."""

import asyncio
import json
import random
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from scripts.chaos.clock import SystemClock
from scripts.chaos.disk import Disk
from scripts.chaos.nodes import Nodes
from scripts.chaos.operating import Operator
from scripts.chaos.processes import Process, end_all, lock_holder, of_kind, trees_of
from scripts.chaos.storing import Storage

SILENCE_S = 5.0
"""After so long without a beat a cell is taken for dead (cluster/supervisor.py)."""

PAUSE_S = 2 * SILENCE_S
_INSIDE_WITHIN_S = 5.0
_FULL_S = 6.0
_GCS_AWAY_S = 3.0
_WEATHER_S = 20.0
_LOOK_S = 0.2
_COMES_WITHIN_S = 20.0
_ENDS_WITHIN_S = 120.0
_BUSY_S = 6.0
_SLOW_S = 0.1
_LONG_S = 45.0
_STEPS_S = (-3_600, -300, -45, 45, 300, 7_200)


class Missed(Exception):  # noqa: N818 - nothing went wrong: the fault found nothing to hit
    """There was nothing to hit: no process of the kind, or nobody inside a transaction."""


@dataclass(slots=True)
class Arena:
    """What faults may touch: our own system, and what was made for it."""

    operator: Operator
    mark: str
    data: Path
    draw: random.Random
    disk: Disk
    clock: SystemClock
    storage: Storage

    @property
    def database(self) -> Path:
        """The SQLite file."""
        return self.data / "righttime.db"


Fault = Callable[[Arena], Awaitable[str]]


async def _one(arena: Arena, kind: str) -> Process:
    """Return one process of a kind; what was just killed has a while to come back."""
    until_s = time.monotonic() + _COMES_WITHIN_S
    while True:
        found = await asyncio.to_thread(of_kind, arena.mark, kind)
        if found:
            return arena.draw.choice(found)
        if time.monotonic() > until_s:
            raise Missed(f"no {kind} is there")
        await asyncio.sleep(_LOOK_S)


async def kill(arena: Arena, kind: str) -> str:
    """Kill one process of a kind at any moment."""
    process = await _one(arena, kind)
    process.signal(signal.SIGKILL)
    return f"pid {process.pid}"


async def kill_for_good(arena: Arena, kind: str) -> str:
    """Kill what nobody in the system starts again, and wait until the operator had to start all of it.

    Customers go on being served for about a minute, until the last of Ray's own processes has given up.
    """
    starts = len(arena.operator.restarts)
    began_s = time.monotonic()
    what = await kill(arena, kind)
    while time.monotonic() - began_s < _ENDS_WITHIN_S:
        if len(arena.operator.restarts) > starts:
            return f"{what}, and the system ended after {time.monotonic() - began_s:.0f} s"
        await asyncio.sleep(_LOOK_S)
    return f"{what}, and the system went on for {_ENDS_WITHIN_S:.0f} s"


async def pause(arena: Arena, kind: str) -> str:
    """Stop one process for twice the silence limit, then let it go on, if it is still there."""
    process = await _one(arena, kind)
    process.signal(signal.SIGSTOP)
    await asyncio.sleep(PAUSE_S)
    went_on = process.signal(signal.SIGCONT)
    return f"pid {process.pid}, {'went on' if went_on else 'was killed meanwhile'}"


def _inside(arena: Arena, number: signal.Signals) -> Process | None:
    """Send a signal to a cell that holds the writers' lock, as soon as one is seen to.

    The kernel lists who holds a lock; looking takes tens of microseconds, a commit takes milliseconds.
    """
    cells = {cell.pid: cell for cell in of_kind(arena.mark, "cell")}
    lock = arena.database.with_name(arena.database.name + ".lock")
    until = time.monotonic() + _INSIDE_WITHIN_S
    while time.monotonic() < until:
        holder = cells.get(lock_holder(lock))
        if holder is not None:
            holder.signal(number)
            if number == signal.SIGKILL or lock_holder(lock) == holder.pid:
                return holder
            holder.signal(signal.SIGCONT)  # it had just let go: not what was wanted
    return None


async def kill_inside(arena: Arena) -> str:
    """Kill a cell while it is inside a transaction."""
    process = await asyncio.to_thread(_inside, arena, signal.SIGKILL)
    if process is None:
        raise Missed("no cell was seen inside a transaction")
    return f"pid {process.pid}"


async def pause_inside(arena: Arena) -> str:
    """Stop a cell inside a transaction, for twice the silence limit; it is seen to hold the lock."""
    process = await asyncio.to_thread(_inside, arena, signal.SIGSTOP)
    if process is None:
        raise Missed("no cell was seen inside a transaction")
    await asyncio.sleep(PAUSE_S)
    went_on = process.signal(signal.SIGCONT)
    return f"pid {process.pid}, {'went on' if went_on else 'was killed meanwhile'}"


async def crash(arena: Arena) -> str:
    """Kill every process of the system at once."""
    count = await asyncio.to_thread(end_all, arena.mark)
    return f"{count} processes"


async def fill_disk(arena: Arena) -> str:
    """Leave no room on the store's disk for some seconds."""
    if not arena.disk.mounted:
        raise Missed(arena.disk.why)
    size = await asyncio.to_thread(arena.disk.fill)
    try:
        await asyncio.sleep(_FULL_S)
    finally:
        await asyncio.to_thread(arena.disk.empty)
    return f"{size >> 20} MiB taken"


_HOLD = """
import sqlite3, sys, time
connection = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=30)
connection.execute("BEGIN IMMEDIATE")
print("held", flush=True)
time.sleep(float(sys.argv[2]))
connection.execute("ROLLBACK")
"""


async def busy(arena: Arena) -> str:
    """Let another program hold the database's write lock: every BEGIN meets SQLITE_BUSY."""
    command = [sys.executable, "-c", _HOLD, str(arena.database), str(_BUSY_S)]

    def hold() -> str:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        return done.stdout.strip()

    if await asyncio.to_thread(hold) != "held":
        raise Missed("the lock was never free")
    return f"{_BUSY_S:.0f} s"


async def step_clock(arena: Arena) -> str:
    """Let the processes' clock jump, for some seconds, and jump back."""
    if not arena.clock.usable:
        raise Missed(arena.clock.why)
    step_s = arena.draw.choice(_STEPS_S)
    arena.clock.jump(step_s)
    try:
        await asyncio.sleep(SILENCE_S + 1)
    finally:
        arena.clock.step(0)
    return f"{step_s:+,} s"


def on_sqlite() -> dict[str, Fault]:
    """Return what is done to a system on one node with the SQLite store, by the name in the report."""
    return {
        "cell killed": partial(kill, kind="cell"),
        "cell killed inside a transaction": kill_inside,
        "cell paused": partial(pause, kind="cell"),
        "cell paused inside a transaction": pause_inside,
        "front door killed": partial(kill, kind="front door"),
        "HAProxy killed": partial(kill, kind="HAProxy"),
        "disk full": fill_disk,
        "store busy": busy,
        "model server killed": partial(kill, kind="model server"),
        "supervisor killed": partial(kill, kind="supervisor"),
        "clock stepped": step_clock,
        "front door paused": partial(pause, kind="front door"),
        "HAProxy paused": partial(pause, kind="HAProxy"),
        "model server paused": partial(pause, kind="model server"),
        "supervisor paused": partial(pause, kind="supervisor"),
        "Serve's controller killed": partial(kill, kind="controller"),
        "raylet paused": partial(pause, kind="raylet"),
        "GCS paused": partial(pause, kind="GCS"),
        "raylet killed": partial(kill_for_good, kind="raylet"),
        "head killed (GCS, not persistent)": partial(kill_for_good, kind="GCS"),
        "everything killed": crash,
        **{name: partial(weather, name=name) for name in WEATHER},
    }


_LOSSES = {"num_failures": 30, "req_failure_prob": 1, "resp_failure_prob": 1}
_PUSHED = "CoreWorkerService.grpc_server.PushTask=0:20000"
_ANSWERED = "CoreWorkerService.grpc_client.PushTask.OnReplyReceived=0:20000"
WEATHER = {
    "Ray's calls delayed": {"RAY_testing_asio_delay_us": f"{_PUSHED},{_ANSWERED}"},
    "Ray's calls and their answers lost": {
        "RAY_testing_rpc_failure": json.dumps({"CoreWorkerService.grpc_client.PushTask": _LOSSES})
    },
}
"""Ray's own hooks for tests: calls between actors, and their answers, up to 20 ms late; one in a hundred of them
lost, at most thirty a process. With every handler late (`*`) the raylet of Ray 2.60 aborts by itself."""


async def weather(arena: Arena, name: str) -> str:
    """Kill the whole system, let it run under one of Ray's hooks for some time, and kill it again."""
    operator = arena.operator
    plain = dict(operator.environment)
    try:
        for environment in (plain | WEATHER[name], plain):
            operator.environment = environment
            starts = len(operator.restarts)
            await asyncio.to_thread(end_all, arena.mark)
            while len(operator.restarts) == starts or operator.starting:  # noqa: ASYNC110 - it is its own task
                await asyncio.sleep(_LOOK_S)
            if environment is not plain:
                await asyncio.sleep(_WEATHER_S)
    finally:
        operator.environment = plain
    return f"{_WEATHER_S:.0f} s of it"


async def kill_node(arena: Arena) -> str:
    """Kill every process of one node that is not the head, and add an empty one five seconds later."""
    nodes = _nodes(arena)
    answer = await asyncio.to_thread(nodes.ask, "kill node")
    await asyncio.sleep(SILENCE_S)
    await asyncio.to_thread(nodes.ask, "add node")
    return f"node {str(answer['node'])[:8]}"


async def pause_node(arena: Arena) -> str:
    """Stop every process of one node that is not the head, for twice the silence limit."""
    nodes = _nodes(arena)
    which = arena.draw.randint(1, nodes.others)
    answer = await asyncio.to_thread(nodes.ask, f"pids {which}")
    processes = await asyncio.to_thread(trees_of, answer["pids"])
    for each in processes:
        each.signal(signal.SIGSTOP)
    await asyncio.sleep(PAUSE_S)
    went_on = sum(each.signal(signal.SIGCONT) for each in processes)
    return f"node {which}, {went_on} of {len(processes)} processes went on"


async def restart_gcs(arena: Arena) -> str:
    """Kill the head's GCS, and start it again where it was three seconds later."""
    nodes = _nodes(arena)
    await asyncio.to_thread(nodes.ask, "kill gcs")
    await asyncio.sleep(_GCS_AWAY_S)
    await asyncio.to_thread(nodes.ask, "start gcs")
    return f"{_GCS_AWAY_S:g} s away"


async def slow_links(arena: Arena) -> str:
    """Let every packet between nodes take a tenth of a second each way, for twice the silence limit."""
    await _linked(arena, f"slow {_SLOW_S}", PAUSE_S)
    return f"{_SLOW_S * 1000:.0f} ms each way for {PAUSE_S:.0f} s"


async def part(arena: Arena, how: str) -> str:
    """Cut a node that is not the head off from all others; `how` is `cut`, or one way `mute` or `deaf`.

    For twice the silence limit: the supervisor gives it up, Ray does not yet.
    """
    nodes = _nodes(arena)
    which = arena.draw.randint(1, nodes.others)
    await _linked(arena, f"{how} {which}", PAUSE_S)
    return f"node {which} for {PAUSE_S:.0f} s"


async def part_for_long(arena: Arena) -> str:
    """Cut a node off until Ray has given it up too; then an empty one comes in its place."""
    nodes = _nodes(arena)
    which = arena.draw.randint(1, nodes.others)
    await _linked(arena, f"cut {which}", _LONG_S)
    await asyncio.sleep(SILENCE_S)  # what has gone on there meanwhile meets everybody again
    await asyncio.to_thread(nodes.ask, f"kill {which}")
    await asyncio.to_thread(nodes.ask, "add node")
    return f"node {which} for {_LONG_S:.0f} s"


async def _linked(arena: Arena, what: str, for_s: float) -> None:
    nodes = _nodes(arena)
    await asyncio.to_thread(nodes.ask, what)
    try:
        await asyncio.sleep(for_s)
    finally:
        await asyncio.to_thread(nodes.ask, "heal")


def _nodes(arena: Arena) -> Nodes:
    if arena.operator.nodes is None:
        raise Missed("the run has one node")
    return arena.operator.nodes


LINKS: dict[str, Fault] = {
    "node cut off": partial(part, how="cut"),
    "node cut off one way: it is not heard": partial(part, how="mute"),
    "node cut off one way: it hears nothing": partial(part, how="deaf"),
    "node cut off until Ray gives it up": part_for_long,
    "links slow": slow_links,
}
"""What nodes suffer that have links of their own."""


def on_nodes(
    faults: dict[str, Fault], *, persistent: bool, links: bool = False
) -> dict[str, Fault]:
    """Return what is done to a cluster of several nodes: what is common, and what only it can suffer."""
    alone = {
        "raylet killed",
        "raylet paused",
        "head killed (GCS, not persistent)",
        "everything killed",
    }
    how = "persistent" if persistent else "not persistent"
    apart: dict[str, Fault] = {
        "node killed": kill_node,
        "node paused": pause_node,
        f"head's GCS killed and started again ({how})": restart_gcs,
        **(LINKS if links else {}),
    }
    return apart | {name: fault for name, fault in faults.items() if name not in alone}


def deck(faults: dict[str, Fault], draw: random.Random, *, heavy: bool) -> list[str]:
    """Return the names in a drawn order, those that stop everything last.

    Without `heavy` these are left out: starting again takes tens of seconds, which a short run has not.
    """
    ends = [name for name in faults if name in HEAVY]
    rest = [name for name in faults if name not in HEAVY]
    draw.shuffle(rest)
    draw.shuffle(ends)
    return rest + (ends if heavy else [])


HEAVY = {
    *WEATHER,
    "raylet killed",
    "head killed (GCS, not persistent)",
    "everything killed",
    "GCS paused",
    "raylet paused",
}
