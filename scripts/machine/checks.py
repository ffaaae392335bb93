"""What a machine needs, judged from facts: pure, so that every verdict can be tested."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

Level = Literal["ok", "warn", "fail"]
MIB = 1024 * 1024
GIB = 1024 * MIB

MIN_PYTHON = (3, 11)
MIN_MEMORY = 2 * GIB
ROOM_FOR_ACTORS = 3 * GIB
"""Eight customers of the top tier have an actor each by default, of 90 MB."""
MIN_FILES = 4096
MIN_DISK = 1 * GIB
MIN_SHARED_MEMORY = 64 * MIB
SLOW_FSYNC_MS = 20.0
FIRST_SANE_MS = 1_735_689_600_000
"""2025-01-01: an earlier clock was never set."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One verdict: what was looked at, what was found, and what to do when it is not well."""

    what: str
    level: Level
    found: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Package:
    """A package that we need: `installed` is None when it is missing."""

    name: str
    required: str
    installed: str | None
    fits: bool


@dataclass(frozen=True, slots=True)
class Port:
    """A port that something of ours listens on. `error` is empty when it is free."""

    number: int
    purpose: str
    needed: bool
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What was found on a machine. None stands for what could not be found out."""

    system: str = "Linux"
    python: tuple[int, int, int] = (3, 11, 0)
    packages: tuple[Package, ...] = ()
    haproxy: str | None = ""
    ports: tuple[Port, ...] = ()
    cores: int = 2
    memory_available: int | None = None
    files_soft: int | None = None
    files_hard: int | None = None
    data_error: str = ""
    disk_free: int | None = None
    fsync_ms: float | None = None
    file_system: str = ""
    shared_memory_free: int | None = None
    temporary_error: str = ""
    leftovers: tuple[tuple[int, str], ...] = ()
    now_ms: int = FIRST_SANE_MS
    file_clock_skew_ms: int | None = None
    wrk: str | None = None
    compiled: bool = False
    """Whether there is machine code of this very core."""
    tuned: bool = False
    exposed: tuple[tuple[str, str], ...] = ()
    """What is open to others, each with what to do about it."""


def judge(facts: Facts) -> list[Finding]:
    """Return one finding a check, in the order in which a person would look."""
    return [finding for check in _CHECKS for finding in check(facts)]


def _python(facts: Facts) -> Iterator[Finding]:
    found = ".".join(map(str, facts.python))
    if facts.python[:2] < MIN_PYTHON:
        yield Finding("Python", "fail", found, "install Python 3.11 or newer")
    else:
        yield Finding("Python", "ok", f"{found} on {facts.system}")


def _packages(facts: Facts) -> Iterator[Finding]:
    wrong = [package for package in facts.packages if not package.fits]
    for package in wrong:
        yield Finding(
            f"package {package.name}",
            "fail",
            package.installed or "missing",
            f"needs {package.required or 'any version'}: run `uv sync --frozen`",
        )
    if not wrong:
        yield Finding("packages", "ok", f"{len(facts.packages)} as required")


def _core(facts: Facts) -> Iterator[Finding]:
    if facts.compiled:
        yield Finding("core", "ok", "machine code, tuned" if facts.tuned else "machine code")
    else:
        yield Finding("core", "ok", "Python", "`righttime compile` makes a turn cost about half")


def _haproxy(facts: Facts) -> Iterator[Finding]:
    if facts.haproxy is None:
        yield Finding(
            "HAProxy",
            "fail",
            "the binary that comes with Ray Serve does not run",
            "use Linux on x86-64 or arm64, or name one in RAY_SERVE_HAPROXY_BINARY_PATH",
        )
    else:
        yield Finding("HAProxy", "ok", facts.haproxy or "runs")


def _ports(facts: Facts) -> Iterator[Finding]:
    for port in facts.ports:
        what = f"port {port.number}"
        if not port.error:
            yield Finding(what, "ok", f"free ({port.purpose})")
        elif port.needed:
            yield Finding(
                what,
                "fail",
                f"{port.error} ({port.purpose})",
                "stop what listens there, or choose another with --port",
            )
        else:
            yield Finding(
                what,
                "warn",
                f"{port.error} ({port.purpose})",
                "another system may be running here already; `righttime up` takes another port then",
            )


def _memory(facts: Facts) -> Iterator[Finding]:
    free = facts.memory_available
    if free is None:
        yield Finding("memory", "warn", "unknown", "at least 2 GiB should be available")
    elif free < MIN_MEMORY:
        yield Finding(
            "memory", "fail", f"{_size(free)} available", "free some; at least 2 GiB are needed"
        )
    elif free < ROOM_FOR_ACTORS:
        remedy = "leave out actors of single customers: `righttime up --dedicated-per-node 0`"
        yield Finding("memory", "warn", f"{_size(free)} available", remedy)
    else:
        yield Finding("memory", "ok", f"{_size(free)} available, {facts.cores} cores")


def _files(facts: Facts) -> Iterator[Finding]:
    soft, hard = facts.files_soft, facts.files_hard
    if soft is None:
        yield Finding("open files", "warn", "unknown", f"the limit should be {MIN_FILES} or more")
    elif soft >= MIN_FILES:
        yield Finding("open files", "ok", f"limit {soft}")
    elif hard is not None and hard >= MIN_FILES:
        yield Finding("open files", "fail", f"limit {soft}", f"run `ulimit -n {MIN_FILES}` before")
    else:
        yield Finding(
            "open files",
            "fail",
            f"limit {soft}, at most {hard}",
            f"raise the hard limit to {MIN_FILES} or more (limits.conf, or LimitNOFILE)",
        )


def _data(facts: Facts) -> Iterator[Finding]:
    if facts.data_error:
        yield Finding("data directory", "fail", facts.data_error, "choose another with --data")
        return
    if facts.disk_free is not None and facts.disk_free < MIN_DISK:
        yield Finding("disk", "fail", f"{_size(facts.disk_free)} free", "free at least 1 GiB")
    elif facts.disk_free is not None:
        yield Finding("disk", "ok", f"{_size(facts.disk_free)} free")
    if facts.file_system in {"nfs", "nfs4", "cifs", "smb3", "9p", "fuse.sshfs"}:
        yield Finding(
            "file system",
            "fail",
            f"{facts.file_system} is remote",
            "SQLite needs a local disk: choose another with --data",
        )
    elif facts.file_system in {"tmpfs", "ramfs"}:
        yield Finding(
            "file system",
            "warn",
            f"{facts.file_system} is memory",
            "what is acknowledged will not outlive this machine: choose another with --data",
        )
    yield _fsync(facts.fsync_ms)


def _fsync(took_ms: float | None) -> Finding:
    if took_ms is None:
        return Finding("fsync", "warn", "unknown", "the disk's speed bounds the rate of commits")
    if took_ms > SLOW_FSYNC_MS:
        return Finding(
            "fsync",
            "warn",
            f"{took_ms:.1f} ms",
            "a slow disk: every reply waits for one fsync, so choose a faster one with --data",
        )
    return Finding("fsync", "ok", f"{took_ms:.1f} ms")


def _shared_memory(facts: Facts) -> Iterator[Finding]:
    free = facts.shared_memory_free
    if free is None:
        if facts.system == "Linux":
            yield Finding(
                "shared memory", "warn", "no /dev/shm", "Ray will use files in /tmp instead"
            )
    elif free < MIN_SHARED_MEMORY:
        yield Finding(
            "shared memory",
            "warn",
            f"{_size(free)} free in /dev/shm",
            "give it more (docker run --shm-size=1g), or Ray uses slower files in /tmp",
        )
    else:
        yield Finding("shared memory", "ok", f"{_size(free)} free")
    if facts.temporary_error:
        yield Finding(
            "temporary files",
            "fail",
            facts.temporary_error,
            "make it writable, or remove what another user left there",
        )


def _leftovers(facts: Facts) -> Iterator[Finding]:
    if not facts.leftovers:
        yield Finding("earlier runs", "ok", "nothing of Ray is running")
        return
    shown = ", ".join(f"{name} ({pid})" for pid, name in facts.leftovers[:4])
    more = f" and {len(facts.leftovers) - 4} more" if len(facts.leftovers) > 4 else ""
    yield Finding(
        "earlier runs",
        "warn",
        f"Ray processes: {shown}{more}",
        "if no system should be running here, end these by their numbers",
    )


def _clock(facts: Facts) -> Iterator[Finding]:
    if facts.now_ms < FIRST_SANE_MS:
        yield Finding("clock", "fail", "shows a time before 2025", "set this machine's clock")
    elif facts.file_clock_skew_ms is not None and abs(facts.file_clock_skew_ms) > 2000:
        yield Finding(
            "clock",
            "warn",
            f"the disk's clock differs by {facts.file_clock_skew_ms / 1000:.1f} s",
            "synchronise this machine with the one that serves the disk",
        )
    else:
        yield Finding("clock", "ok", "plausible")


def _exposed(facts: Facts) -> Iterator[Finding]:
    for found, remedy in facts.exposed:
        yield Finding("open to others", "warn", found, f"{remedy}; see docs/security.md")
    if not facts.exposed:
        yield Finding("open to others", "ok", "nothing that can be closed")


def _wrk(facts: Facts) -> Iterator[Finding]:
    if facts.wrk:
        yield Finding("wrk", "ok", facts.wrk)
    else:
        yield Finding(
            "wrk", "ok", "not installed", "optional; `righttime bench http` is sharper with it"
        )


def _size(octets: int) -> str:
    return f"{octets / GIB:.1f} GiB" if octets >= GIB else f"{octets / MIB:.0f} MiB"


_CHECKS: tuple[Callable[[Facts], Iterator[Finding]], ...] = (
    _python,
    _packages,
    _core,
    _haproxy,
    _ports,
    _memory,
    _files,
    _data,
    _shared_memory,
    _leftovers,
    _clock,
    _exposed,
    _wrk,
)
