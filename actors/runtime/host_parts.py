"""What a host keeps of its calls and of itself."""

import asyncio
from dataclasses import dataclass

from actors.session import Job


@dataclass(slots=True)
class Call:
    """One request under way: its jobs, how many still lack an answer, and who waits."""

    jobs: list[Job]
    left: int
    done: asyncio.Future[None]


@dataclass(slots=True)
class HostStats:
    """Counters since the host began."""

    groups: int = 0
    turns: int = 0
    busy: int = 0
    timers: int = 0
    passivated: int = 0
    largest_group: int = 0
    claimed: int = 0
    fenced: int = 0
