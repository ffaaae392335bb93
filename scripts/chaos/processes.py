"""The processes of our own system, found by a mark in their environment: nothing else is ever ended."""

import os
import signal
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

MARK = "RIGHTTIME_CHAOS_RUN"
_PROC = Path("/proc")

TITLES = {
    "cell": "ray::CellHost",
    "front door": "ServeReplica:front-door",
    "model server": "ServeReplica:models",
    "supervisor": "ray::Supervisor",
    "controller": "ray::ServeController",
    "HAProxy": "bin/haproxy",
    "raylet": "raylet/raylet",
    "GCS": "gcs/gcs_server",
    "system": "scripts.cli up",
}
"""What stands in the command line of each kind of process."""


@dataclass(frozen=True, slots=True)
class Process:
    """One process; pid and start together name it for good."""

    pid: int
    started: int
    title: str

    def alive(self) -> bool:
        """Return whether it still is this process."""
        return _started(self.pid) == self.started

    def signal(self, number: signal.Signals) -> bool:
        """Send a signal if it is still there; return whether it was."""
        if not self.alive():
            return False
        with suppress(ProcessLookupError):
            os.kill(self.pid, number)
            return True
        return False


def process_of(pid: int) -> Process | None:
    """Return the living process with a pid."""
    started = _started(pid)
    return Process(pid, started, "") if started else None


def _started(pid: int) -> int:
    try:
        stat = (_PROC / str(pid) / "stat").read_text("utf-8", "replace")
    except OSError:
        return 0
    fields = stat[stat.rindex(")") + 2 :].split()
    return 0 if fields[0] == "Z" else int(fields[19])


def ours(mark: str) -> Iterator[Process]:
    """Yield every living process with this mark in its environment."""
    wanted = f"{MARK}={mark}".encode()
    for entry in _PROC.iterdir():
        if not entry.name.isdigit():
            continue
        try:
            if wanted not in (entry / "environ").read_bytes().split(b"\0"):
                continue
            title = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
        except OSError:  # it ended meanwhile, or is another user's
            continue
        pid = int(entry.name)
        started = _started(pid)
        if started:
            yield Process(pid, started, title.strip())


def of_kind(mark: str, kind: str) -> list[Process]:
    """Return our processes of a kind in `TITLES`, by pid."""
    found = [each for each in ours(mark) if TITLES[kind] in each.title]
    return sorted(found, key=lambda each: each.pid)


def end_all(mark: str) -> int:
    """Kill what is left of a system; return how many processes that was."""
    count = 0
    for _ in range(5):  # what is being born while we look is seen in the next round
        left = list(ours(mark))
        if not left:
            break
        for each in left:
            count += each.signal(signal.SIGKILL)
    return count


def lock_holder(path: Path) -> int:
    """Return the pid that holds the exclusive `flock` of a file, or 0: it is inside a transaction."""
    try:
        inode = f":{path.stat().st_ino}"
        for line in (_PROC / "locks").read_text().splitlines():
            fields = line.split()
            # A waiter's line has an arrow in second place.
            if fields[1] == "FLOCK" and fields[3] == "WRITE" and fields[5].endswith(inode):
                return int(fields[4])
    except (OSError, IndexError, ValueError):
        return 0
    return 0


def children_of(pid: int, only: int | None = None) -> list[Process]:
    """Return the living children of a process; or of them only one."""
    found = []
    for entry in _PROC.iterdir():
        if not entry.name.isdigit() or (only is not None and int(entry.name) != only):
            continue
        try:
            stat = (entry / "stat").read_text("utf-8", "replace")
        except OSError:
            continue
        fields = stat[stat.rindex(")") + 2 :].split()
        if int(fields[1]) == pid and fields[0] != "Z":
            found.append(Process(int(entry.name), int(fields[19]), stat[: stat.rindex(")") + 1]))
    return found


def trees_of(roots: Collection[int]) -> list[Process]:
    """Return living processes and all that descend from them, parents before children."""
    found: list[Process] = []
    ahead = [each for each in map(process_of, roots) if each is not None]
    while ahead:
        found += ahead
        ahead = [child for each in ahead for child in children_of(each.pid)]
    return found


def ports_of(pid: int) -> set[int]:
    """Return the local ports of a process's TCP connections over IPv4."""
    inodes = set()
    with suppress(OSError):
        for descriptor in (_PROC / str(pid) / "fd").iterdir():
            with suppress(OSError):
                target = str(descriptor.readlink())
                if target.startswith("socket:["):
                    inodes.add(target[8:-1])
    ports = set()
    with suppress(OSError):
        for line in (_PROC / str(pid) / "net" / "tcp").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[9] in inodes:
                ports.add(int(fields[1].rsplit(":", 1)[1], 16))
    return ports
