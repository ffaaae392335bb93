"""Knowing at once that a process of this machine has died."""

import asyncio
import os
from contextlib import suppress
from pathlib import Path


def started_at(pid: int) -> int:
    """Return when a process started, in clock ticks since boot, or 0 when there is none.

    Together with the pid it names a process for good: pids are used again.
    """
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return 0
    return int(stat.rsplit(")", 1)[1].split()[19])


def is_stopped(pid: int) -> bool:
    """Return whether a process is there and stopped: by a signal, or by a debugger."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rsplit(")", 1)[1].split()[0] in {"T", "t"}


async def death_of(pid: int, pid_started: int) -> None:
    """Return when the process has died; at once when it is not there any more.

    Without pidfd (old kernels, other systems) it looks every 200 ms.
    """
    if started_at(pid) != pid_started:
        return
    try:
        fd = os.pidfd_open(pid)
    except (OSError, AttributeError):
        while started_at(pid) == pid_started:  # noqa: ASYNC110  nothing tells us but looking
            await asyncio.sleep(0.2)
        return
    loop = asyncio.get_running_loop()
    gone = asyncio.Event()
    try:
        if started_at(pid) != pid_started:
            return
        loop.add_reader(fd, gone.set)
        await gone.wait()
    finally:
        with suppress(OSError, ValueError):
            loop.remove_reader(fd)
        os.close(fd)
