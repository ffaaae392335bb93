"""Load and what it measured: `wrk` where it is installed, else a generator of our own."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from scripts.output import Failure

BATCH = 200
_HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Target:
    """Where to send: an absolute URL and the key to send with. `batch` is events a request."""

    url: str
    key: str
    batch: int = 1


@dataclass(frozen=True, slots=True)
class Load:
    """What one stretch of load saw. `failed` counts broken connections and statuses ≥ 400."""

    requests: int
    seconds: float
    failed: int
    p50_ms: float
    p90_ms: float
    p99_ms: float

    @property
    def rate(self) -> float:
        """Requests per second."""
        return self.requests / self.seconds if self.seconds else 0.0


class Generator(Protocol):
    """Sends events, each with an id of its own, over kept connections as fast as they return."""

    name: str

    def run(self, target: Target, connections: int, seconds: float) -> Load:
        """Load for so long and return what was seen."""
        ...


class Wrk:
    """Load by wrk and our Lua scripts. `customers` is how many different customers there are."""

    def __init__(self, binary: str, run: str, customers: int) -> None:
        self._binary = binary
        self._run = run
        self._customers = customers
        self._stretch = 0
        self.name = wrk_name(binary)

    def run(self, target: Target, connections: int, seconds: float) -> Load:
        """Load for so long; ids never repeat, over all stretches of one run."""
        self._stretch += 1
        script = "batch.lua" if target.batch > 1 else "event.lua"
        threads = max(1, min(connections, (os.cpu_count() or 2) // 2, 8))
        command = [self._binary, f"-t{threads}", f"-c{connections}", f"-d{max(1, round(seconds))}s"]
        command += ["--timeout", "10s", "-s", str(_HERE / script), target.url, "--"]
        command += [f"{self._run}-{self._stretch}", str(self._customers), str(self._stretch)]
        if target.batch > 1:
            command.append(str(target.batch))
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            check=False,
            timeout=seconds + 60,
            env={**os.environ, "RIGHTTIME_KEY": target.key},
        )
        return parse_result(done.stdout, done.stderr)


def parse_result(stdout: str, stderr: str) -> Load:
    """Read the line that our script prints at the end.

    Raises:
        Failure: There is none.
    """
    found = re.search(r"^RESULT (\{.*\})$", stdout, re.MULTILINE)
    if found is None:
        words = (stderr.strip() or stdout.strip() or "it said nothing").splitlines()[-1]
        raise Failure(f"wrk did not finish: {words}")
    # A stretch without any reply has no percentiles, which Lua prints as nan.
    value = json.loads(re.sub(r"-?nan", "0", found[1]))
    return Load(
        value["requests"],
        value["seconds"],
        value["failed"],
        value["p50Ms"],
        value["p90Ms"],
        value["p99Ms"],
    )


def wrk_name(binary: str) -> str:
    """Return what this wrk calls itself, such as `wrk 4.1.0`."""
    said = subprocess.run([binary, "-v"], capture_output=True, text=True, check=False).stdout
    return " ".join(said.split()[:2]) or "wrk"


def choose(
    run: str, customers: int, kind: str, find: Callable[[str], str | None] = shutil.which
) -> Generator:
    """Return the generator asked for: `auto`, `wrk` or `python`.

    Raises:
        Failure: wrk was asked for and is not installed.
    """
    binary = find("wrk") if kind != "python" else None
    if binary is not None:
        return Wrk(binary, run, customers)
    if kind == "wrk":
        raise Failure("wrk is not installed; --generator python works without it")
    from scripts.bench.asyncio_load import AsyncioLoad

    return AsyncioLoad(run, customers)
