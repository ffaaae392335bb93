"""CPU time of a whole system: all processes that carry our mark in their environment."""

import os
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

MARK = "RIGHTTIME_BENCH_RUN"
_PROC = Path("/proc")

REST = "Ray's daemons and the rest"
KINDS = (
    ("ServeReplica:front-door:", "front door"),
    ("ray::CellHost", "cells"),
    ("ServeReplica:models:", "model server"),
    ("ServeReplica:", "other replicas"),
    ("ray::Supervisor", "supervisor"),
    ("haproxy", "HAProxy"),
)
"""Kinds of processes, by what their command line holds; the first that fits."""


def new_mark() -> str:
    """Return a value for `MARK` that no other process has."""
    return secrets.token_hex(8)


@dataclass(frozen=True, slots=True)
class Usage:
    """CPU time by process, in ms, at one moment."""

    by_pid: dict[int, float]
    kinds: dict[int, str] = field(default_factory=dict)

    def since(self, before: "Usage") -> float:
        """Return the CPU-ms spent in between; a process that was born in between counts whole."""
        return sum(self.by_kind(before).values())

    def by_kind(self, before: "Usage") -> dict[str, float]:
        """Return the CPU-ms spent in between by kind of process, the greatest first."""
        found: dict[str, float] = {}
        for pid, spent in self.by_pid.items():
            kind = self.kinds.get(pid, REST)
            more = max(0.0, spent - before.by_pid.get(pid, 0.0))
            found[kind] = found.get(kind, 0.0) + more
        return dict(sorted(found.items(), key=lambda each: -each[1]))


def usage(mark: str, proc: Path = _PROC) -> Usage:
    """Return what every process with this mark has used so far: user and system time.

    The mark is inherited, so Ray's daemons and workers and HAProxy have it, however they were
    started; the load generator has not. The time of children that were reaped is left out.
    """
    tick_ms = 1000.0 / os.sysconf("SC_CLK_TCK")
    spent, kinds = {}, {}
    for entry in _marked(mark, proc):
        try:
            stat = (entry / "stat").read_text("utf-8", "replace")
            line = (entry / "cmdline").read_bytes().decode("utf-8", "replace")
        except OSError:  # it ended meanwhile
            continue
        # The command's name is in parentheses and may hold blanks.
        fields = stat[stat.rindex(")") + 2 :].split()
        spent[int(entry.name)] = (int(fields[11]) + int(fields[12])) * tick_ms
        kinds[int(entry.name)] = next((kind for word, kind in KINDS if word in line), REST)
    return Usage(spent, kinds)


def memory(mark: str, proc: Path = _PROC) -> float:
    """Return the resident memory of all processes with this mark, in MiB; what they share counts for each."""
    pages = 0
    for entry in _marked(mark, proc):
        try:
            pages += int((entry / "statm").read_text("ascii").split()[1])
        except OSError:
            continue
    return pages * os.sysconf("SC_PAGE_SIZE") / (1024 * 1024)


def _marked(mark: str, proc: Path) -> Iterator[Path]:
    wanted = f"{MARK}={mark}".encode()
    for entry in proc.iterdir():
        if not entry.name.isdigit():
            continue
        try:
            if wanted in (entry / "environ").read_bytes().split(b"\0"):
                yield entry
        except OSError:  # it ended meanwhile, or is another user's
            continue
