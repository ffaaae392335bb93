"""`bench http`: the running system against the baseline, alternating, in one run."""

import json
import os
import platform
import shutil
import tempfile
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from scripts.bench import ceiling
from scripts.bench.baseline_route import PATH, SWITCH
from scripts.bench.load import BATCH, Generator, Target
from scripts.bench.payloads import events
from scripts.bench.processes import MARK, new_mark, usage
from scripts.bench.report import Results, Rounds, Stretch
from scripts.child import NOBODY_APART, Child, start
from scripts.machine.checks import GIB
from scripts.machine.probes import haproxy_binary, try_disk
from scripts.output import Failure

WARM_UP_S = 2.0
BATCH_CONNECTIONS = 4
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Plan:
    """How much to measure, and with how many cells; None leaves their number to the system."""

    rounds: int
    seconds: float
    connections: int
    data: Path | None
    cells: int | None = None


def run(generator: Generator, plan: Plan, core: Callable[[], float] | None, say: Say) -> Results:
    """Start the system with the baseline beside it, measure both in turn, and stop it.

    Both run in one Ray, behind one HAProxy, under the same flags; only one is loaded at a time.

    Raises:
        Failure: The system does not start, or does not answer as it should.
    """
    root = plan.data or Path(".righttime/bench")
    root.mkdir(parents=True, exist_ok=True)
    results = Results(
        machine=describe_machine(root),
        generator=generator.name,
        connections=plan.connections,
        seconds=plan.seconds,
        cells=plan.cells,
    )
    if core is not None:
        say("The core alone ...")
        results.core_us = round(core(), 1)
    binary = haproxy_binary()
    if binary is not None:
        say("The load generator's ceiling ...")
        results.ceiling = round(
            ceiling.measure(generator, binary, plan.connections, min(plan.seconds, 3.0)).rate
        )
    data = Path(tempfile.mkdtemp(prefix="run-", dir=root)).absolute()
    mark = new_mark()
    environment = {SWITCH: "1", MARK: mark}
    try:
        say("Starting the system, with the baseline beside it (10 to 40 s) ...")
        options = ["--clock", "real", *NOBODY_APART]
        if plan.cells is not None:
            options += ["--cells", str(plan.cells)]
        with start(data, options, environment=environment) as child:
            _measure(Bench(generator, plan, child, mark, say), results)
        if not child.clean:
            raise Failure(f"the system did not end cleanly; see {child.log}", results.as_json())
    finally:
        if (data / "logs").is_dir():
            shutil.copytree(data / "logs", root / "logs", dirs_exist_ok=True)
        shutil.rmtree(data, ignore_errors=True)
    return results


class Bench:
    """One run under way."""

    def __init__(self, generator: Generator, plan: Plan, child: Child, mark: str, say: Say) -> None:
        self.generator = generator
        self.plan = plan
        self.say = say
        self._mark = mark
        key = child.key
        self._status = Target(child.url + "/v1/status", key)
        self.single = Target(child.url + "/v1/track", key)
        self.batch = Target(child.url + "/v1/batch", key, BATCH)
        self.baseline = Target(child.url + PATH, key)
        _check_echo(self.baseline)
        _check(self.single)

    def stretch(self, into: Rounds, target: Target, connections: int, seconds: float) -> None:
        """Load once, and keep what was seen together with the CPU time spent meanwhile."""
        groups, turns = self._taken()
        before = usage(self._mark)
        load = self.generator.run(target, connections, seconds)
        after = usage(self._mark)
        more_groups, more_turns = self._taken()
        seen = (after.since(before), target.batch, after.by_kind(before))
        into.stretches.append(Stretch(load, *seen, more_groups - groups, more_turns - turns))

    def _taken(self) -> tuple[int, int]:
        """Return how many groups the cells have had, and how many turns in them."""
        status, reply = _ask(self._status)
        if status != 200:
            raise Failure(f"{self._status.url} answered {status}")
        return sum(cell["groups"] for cell in reply["cells"]), sum(
            cell["turns"] for cell in reply["cells"]
        )

    def warm_up(self) -> None:
        """Load everything for a moment and forget it."""
        for target in (self.baseline, self.single):
            self.generator.run(target, self.plan.connections, WARM_UP_S)
        self.generator.run(self.batch, BATCH_CONNECTIONS, WARM_UP_S)


def _measure(bench: Bench, results: Results) -> None:
    plan = bench.plan
    bench.say("Warming up ...")
    bench.warm_up()
    alone_s = max(1.0, plan.seconds / 2)
    for number in range(1, plan.rounds + 1):
        bench.say(f"Round {number} of {plan.rounds} ...")
        bench.stretch(results.baseline, bench.baseline, plan.connections, plan.seconds)
        bench.stretch(results.single, bench.single, plan.connections, plan.seconds)
        bench.stretch(results.baseline_alone, bench.baseline, 1, alone_s)
        bench.stretch(results.single_alone, bench.single, 1, alone_s)
    bench.say("Batches, and single events again ...")
    for _ in range(plan.rounds):
        bench.stretch(results.batch, bench.batch, BATCH_CONNECTIONS, plan.seconds)
        bench.stretch(results.single_after, bench.single, plan.connections, plan.seconds)


def _post(target: Target, value: Any) -> tuple[int, Any]:
    return _ask(target, json.dumps(value).encode())


def _ask(target: Target, data: bytes | None = None) -> tuple[int, Any]:
    """Send a request, a GET without `data`; return the status, and the reply if it is a good one."""
    request = urllib.request.Request(  # noqa: S310 - always our own http URL
        target.url,
        data=data,
        headers={"Authorization": f"Bearer {target.key}", "Content-Type": "application/json"},
        method="GET" if data is None else "POST",
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as reply:  # noqa: S310
            return reply.status, json.loads(reply.read())
    except urllib.error.HTTPError as error:
        return error.code, None
    except (OSError, ValueError) as error:
        raise Failure(f"{target.url} does not answer ({error})") from error


def _check_echo(target: Target) -> None:
    status, reply = _post(target, {"probe": 1})
    if status != 200 or reply != {"probe": 1}:
        raise Failure(f"the baseline answered {status} at {target.url}")


def _check(target: Target) -> None:
    """Make sure that what is measured is the real thing: accepted, decided, with an action."""
    source = events("check", 1, 0)
    for _ in range(10):
        status, reply = _post(target, next(source))
        if status != 200 or not isinstance(reply, dict) or reply.get("status") != "accepted":
            raise Failure(f"an event of the benchmark was answered with {status}")
        if not reply.get("decisionId"):
            raise Failure("an event of the benchmark led to no decision")


def describe_machine(data: Path) -> dict[str, str]:
    """Return what a reader needs to know to judge the figures."""
    _, fsync_ms, _ = try_disk(data)
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / GIB
    return {
        "CPU": _cpu_model(),
        "cores": str(os.cpu_count()),
        "memory": f"{memory:.0f} GiB",
        "fsync": "unknown" if fsync_ms is None else f"{fsync_ms:.2f} ms",
        "kernel": platform.release(),
        "Python": platform.python_version(),
        "Ray": version("ray"),
        "Righttime": version("righttime"),
    }


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8", "replace").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
