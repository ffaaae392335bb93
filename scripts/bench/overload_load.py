"""Load that tells accepted from refused: closed loop, or at a fixed rate whatever the answers do."""

import asyncio
import itertools
import time
from collections import Counter, deque
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Self
from urllib.parse import urlsplit

from scripts.bench.load import Target
from scripts.bench.payloads import body, events
from scripts.demo.replay import percentile

REFUSALS = (429, 503)
BROKEN = 0
_LIMIT = 1 << 20
_MOST_OPEN = 3000
"""Connections at once in an open loop: below what the proxy holds, so that it is the system that refuses."""
_PREPARED = 2000


@dataclass(slots=True)
class Seen:
    """What one stretch saw: answers by status, seconds of accepted and refused, refusals without Retry-After.

    `late` are requests of an open loop that had no connection to go on; they were never sent.
    """

    seconds: float = 0.0
    statuses: Counter[int] = field(default_factory=Counter)
    accepted_s: list[float] = field(default_factory=list)
    refused_s: list[float] = field(default_factory=list)
    unhelpful: int = 0
    late: int = 0

    def add(self, status: int, took_s: float, *, helpful: bool) -> None:
        """Count one answer."""
        self.statuses[status] += 1
        if status == 200:
            self.accepted_s.append(took_s)
        elif status in REFUSALS:
            self.refused_s.append(took_s)
            self.unhelpful += not helpful

    @property
    def accepted_rate(self) -> float:
        """Accepted requests per second."""
        return self.statuses[200] / self.seconds if self.seconds else 0.0

    @property
    def refused(self) -> int:
        """Requests that were refused as they should be."""
        return sum(self.statuses[status] for status in REFUSALS)

    @property
    def broken(self) -> int:
        """Requests that got neither: other statuses and broken connections."""
        return sum(self.statuses.values()) - self.statuses[200] - self.refused

    def dump(self) -> dict[str, Any]:
        """Return everything, for another process."""
        return {**asdict(self), "statuses": sorted(self.statuses.items())}

    @classmethod
    def load(cls, dumped: Mapping[str, Any]) -> Self:
        """Return what `dump` gave."""
        statuses = Counter({int(status): count for status, count in dumped["statuses"]})
        return cls(**{**dumped, "statuses": statuses})

    def as_json(self) -> dict[str, float | int]:
        """Return the figures, latencies in ms."""
        return {
            "seconds": round(self.seconds, 2),
            "acceptedPerSecond": round(self.accepted_rate, 1),
            "accepted": self.statuses[200],
            "refused": self.refused,
            "broken": self.broken,
            "neverSent": self.late,
            "acceptedP50Ms": round(percentile(self.accepted_s, 0.5) * 1000, 1),
            "acceptedP99Ms": round(percentile(self.accepted_s, 0.99) * 1000, 1),
            "refusedP50Ms": round(percentile(self.refused_s, 0.5) * 1000, 1),
            "refusedP99Ms": round(percentile(self.refused_s, 0.99) * 1000, 1),
            "refusedWithoutRetryAfter": self.unhelpful,
        }


class Wire:
    """One kept connection."""

    def __init__(self, target: Target) -> None:
        url = urlsplit(target.url)
        self._host, self._port = url.hostname, url.port
        self._head = (
            f"POST {url.path} HTTP/1.1\r\nHost: {url.netloc}\r\nAuthorization: Bearer {target.key}\r\n"
            "Content-Type: application/json\r\nContent-Length: "
        ).encode()
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, payload: bytes, seen: Seen) -> int:
        """Send one request, count its answer, and return the status; a broken connection is 0."""
        began = time.perf_counter()
        try:
            if self._streams is None:
                self._streams = await asyncio.open_connection(self._host, self._port, limit=_LIMIT)
            reader, writer = self._streams
            writer.write(self._head + str(len(payload)).encode() + b"\r\n\r\n" + payload)
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            length = head.partition(b"content-length:")[2].partition(b"\r")[0]
            await reader.readexactly(int(length or 0))
        except (OSError, asyncio.IncompleteReadError, ValueError):
            self.close()
            seen.add(BROKEN, 0.0, helpful=False)
            return BROKEN
        if b"connection: close" in head or not length:
            self.close()
        status = int(head.split(b" ", 2)[1])
        seen.add(status, time.perf_counter() - began, helpful=b"\r\nretry-after:" in head)
        return status

    def close(self) -> None:
        """Close it; the next request opens another."""
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None


def payloads(run: str, customers: int, seed: int) -> Iterator[bytes]:
    """Yield bodies of events without end, each with an id of its own."""
    source = events(run, customers, seed)
    return (body(source, 1) for _ in itertools.count())


async def closed_loop(
    target: Target, connections: int, seconds: float, run: str, customers: int
) -> Seen:
    """Send over so many connections, each the next event as soon as the last is answered."""
    seen = Seen()
    ends = time.perf_counter() + seconds

    async def client(number: int) -> None:
        wire, source = Wire(target), payloads(run, customers, number)
        while time.perf_counter() < ends:
            await wire.ask(next(source), seen)
        wire.close()

    began = time.perf_counter()
    await asyncio.gather(*(client(number) for number in range(1, connections + 1)))
    seen.seconds = time.perf_counter() - began
    return seen


async def open_loop(target: Target, rate: float, seconds: float, source: Iterator[bytes]) -> Seen:
    """Send so many events a second, however long the answers take."""
    seen = Seen()
    idle: list[Wire] = []
    under_way: set[asyncio.Task[None]] = set()
    ready = deque(itertools.islice(source, min(_PREPARED, int(rate * seconds))))

    async def one(payload: bytes) -> None:
        wire = idle.pop() if idle else Wire(target)
        await wire.ask(payload, seen)
        idle.append(wire)

    began = time.perf_counter()
    sent = 0
    while (now := time.perf_counter() - began) < seconds:
        while sent < now * rate:
            sent += 1
            if len(under_way) >= _MOST_OPEN:
                seen.late += 1
                continue
            task = asyncio.create_task(one(ready.popleft() if ready else next(source)))
            under_way.add(task)
            task.add_done_callback(under_way.discard)
        await asyncio.sleep(0.002)
    await asyncio.gather(*under_way)
    # With what was answered while it emptied, and the time that this took.
    seen.seconds = time.perf_counter() - began
    for wire in idle:
        wire.close()
    return seen
