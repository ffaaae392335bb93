"""What of a system here is open to others: settings, files, and ports beyond loopback."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

_LISTENING = "0A"
_EVERYWHERE = frozenset({"00000000", "0" * 32})
_OURS = {8404: "HAProxy's statistics", 9101: "HAProxy's metrics", 8265: "Ray's dashboard"}
_LAX = 0o077


def exposed(
    environment: Mapping[str, str], home: Path, data: Path, proc: Path = Path("/proc")
) -> tuple[tuple[str, str], ...]:
    """Return what is open and what to do about it, from settings and from what listens now."""
    return (
        *_by_settings(environment),
        *_by_files(home, data),
        *_by_ports(proc),
    )


def _by_settings(environment: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    mode = environment.get("RAY_AUTH_MODE", "token")
    if mode != "token":
        yield "Ray runs code for whoever reaches its ports", "unset RAY_AUTH_MODE, or make it token"
    binary = environment.get("RAY_SERVE_HAPROXY_BINARY_PATH", "")
    if binary and not binary.endswith("cluster/haproxy.sh"):
        yield (
            "HAProxy is started past cluster/haproxy.sh: its statistics and metrics are open, and requests unbounded",
            "name the binary in RIGHTTIME_HAPROXY instead of RAY_SERVE_HAPROXY_BINARY_PATH",
        )
    if environment.get("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0").lower() in ("1", "true"):
        yield "Ray listens on all addresses", "let only the cluster's machines reach its ports"
    if environment.get("RIGHTTIME_HAPROXY_INSIDE", "127.0.0.1") != "127.0.0.1":
        yield (
            "HAProxy's statistics and metrics are beyond loopback",
            "let only your monitoring reach them",
        )


def _by_files(home: Path, data: Path) -> Iterator[tuple[str, str]]:
    for path in (home / ".ray" / "auth_token", data / "keys" / "admin"):
        try:
            lax = path.stat().st_mode & _LAX
        except OSError:
            continue
        if lax:
            yield f"{path} can be read by others", f"chmod 600 {path}"


def _by_ports(proc: Path) -> Iterator[tuple[str, str]]:
    found: set[int] = set()
    for name in ("tcp", "tcp6"):
        try:
            lines = (proc / "net" / name).read_text("ascii").splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            _, local, _, state, *_ = line.split()
            address, _, port = local.rpartition(":")
            if state == _LISTENING and address in _EVERYWHERE and int(port, 16) in _OURS:
                found.add(int(port, 16))
    for number in sorted(found):
        yield (
            f"{_OURS[number]} ({number}) listens on all addresses",
            "let a firewall keep others out",
        )


def exposed_here(data: Path) -> tuple[tuple[str, str], ...]:
    """Return what is open on this machine."""
    return exposed(os.environ, Path.home(), data)
