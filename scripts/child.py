"""A running system of our own: `righttime up` in a child process, with a process group to itself."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO

from scripts.demo.client import read_key
from scripts.output import Failure

NOBODY_APART = ("--dedicated-per-node", "0")
"""Options for a system that is measured: no actors of single customers are made meanwhile."""
READY_WITHIN_S = 180.0
STOP_WITHIN_S = 15.0


@dataclass(slots=True)
class Child:
    """A system that was started by `start`. Leaving the context stops it."""

    process: subprocess.Popen[str]
    url: str
    data: Path
    log: Path
    clean: bool = True

    @property
    def key_path(self) -> Path:
        """The file with the first key."""
        return self.data / "keys" / "admin"

    @property
    def key(self) -> str:
        """The first key."""
        return read_key(self.key_path)

    def alive(self) -> bool:
        """Return whether the process that was started still runs."""
        return self.process.poll() is None

    def stop(self) -> None:
        """Ask it to end, and kill the whole group when it has not after 15 s; see `clean`."""
        if self.alive():
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(STOP_WITHIN_S)
            except subprocess.TimeoutExpired:
                self.clean = False
        if not self.clean or self.process.returncode != 0:
            self.clean = False
            _kill_group(self.process.pid)
            self.process.wait()

    def __enter__(self) -> "Child":
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self.stop()


def start(
    data: Path,
    options: Sequence[str] = (),
    *,
    environment: Mapping[str, str] | None = None,
    command: Sequence[str] = (sys.executable, "-m", "scripts.cli", "up"),
    ready_within_s: float = READY_WITHIN_S,
) -> Child:
    """Start a system on a free port and return when it is ready.

    Its stderr goes to `logs/up.log` in the data directory. It ends by itself when this process
    does, however that happens.

    Raises:
        Failure: It ended, or was not ready in time; the sentence has its last words.
    """
    log = data / "logs" / "up.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("a", encoding="utf-8") as errors:
        process = subprocess.Popen(
            [*command, "--port", "0", "--data", str(data), "--parent", str(os.getpid()), *options],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            start_new_session=True,
            env={**os.environ, **(environment or {})},
        )
    try:
        url = _wait_until_ready(process, ready_within_s)
    except BaseException:
        Child(process, "", data, log).stop()
        raise
    if url is None:
        child = Child(process, "", data, log)
        ended = not child.alive()
        child.stop()
        state = "ended" if ended else f"was not ready after {ready_within_s:.0f} s"
        raise Failure(f"the system {state}: {_last_words(log)} (all of it is in {log})")
    return Child(process, url, data, log)


def _wait_until_ready(process: subprocess.Popen[str], within_s: float) -> str | None:
    found: list[str] = []
    decided = threading.Event()

    def read(lines: IO[str]) -> None:
        # Reading goes on after READY, or the child would block on a full pipe.
        with lines:
            for line in lines:
                if line.startswith("READY ") and not found:
                    found.append(line.split()[1])
                    decided.set()
        decided.set()

    if process.stdout is None:
        raise RuntimeError("the child has no stdout")
    threading.Thread(target=read, args=(process.stdout,), name="up-stdout", daemon=True).start()
    decided.wait(within_s)
    if not found:
        # The pipe closes before the process can be reaped: on a busy machine seconds before.
        try:
            process.wait(10.0 if decided.is_set() else 0.0)
        except subprocess.TimeoutExpired:
            return None
    return found[0] if found else None


def _last_words(log: Path) -> str:
    lines = [line.strip() for line in log.read_text("utf-8", "replace").splitlines()]
    ours = [line for line in lines if line.startswith("righttime: ")]
    words = ours or [line for line in lines if line]
    return words[-1].removeprefix("righttime: ") if words else "it said nothing"


def _kill_group(pid: int) -> None:
    try:
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:
        return
