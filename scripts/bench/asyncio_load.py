"""A load generator on raw asyncio connections, for machines without wrk. Slower than wrk."""

import asyncio
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from scripts.bench.load import Load, Target
from scripts.bench.payloads import body, events
from scripts.demo.replay import percentile

_CHUNK = 65_536


class AsyncioLoad:
    """Closed loop: each connection sends its next request when the last was answered."""

    name = "asyncio generator"

    def __init__(self, run: str, customers: int) -> None:
        self._run = run
        self._customers = customers
        self._stretch = 0

    def run(self, target: Target, connections: int, seconds: float) -> Load:
        """Load for so long and return what was seen."""
        self._stretch += 1
        return asyncio.run(self._load(target, connections, seconds))

    async def _load(self, target: Target, connections: int, seconds: float) -> Load:
        latencies: list[float] = []
        failed = 0
        ends = time.perf_counter() + seconds

        async def connection(number: int) -> None:
            nonlocal failed
            source = events(f"{self._run}-{self._stretch}", self._customers, number)
            while time.perf_counter() < ends:
                try:
                    failed += await _converse(target, source, ends, latencies)
                except (OSError, asyncio.IncompleteReadError, ValueError):
                    failed += 1
                    await asyncio.sleep(0.01)

        started = time.perf_counter()
        await asyncio.gather(*(connection(number) for number in range(1, connections + 1)))
        took = time.perf_counter() - started
        return Load(
            len(latencies),
            took,
            failed,
            *(percentile(latencies, share) * 1000 for share in (0.5, 0.9, 0.99)),
        )


async def _converse(
    target: Target, source: Iterator[dict[str, Any]], ends: float, latencies: list[float]
) -> int:
    """Use one connection until the time is up; return how many replies were refusals."""
    url = urlsplit(target.url)
    reader, writer = await asyncio.open_connection(url.hostname, url.port, limit=_CHUNK * 64)
    head = (
        f"POST {url.path} HTTP/1.1\r\nHost: {url.netloc}\r\nAuthorization: Bearer {target.key}\r\n"
        "Content-Type: application/json\r\nContent-Length: "
    ).encode()
    refused = 0
    try:
        while time.perf_counter() < ends:
            payload = body(source, target.batch)
            sent = time.perf_counter()
            writer.write(head + str(len(payload)).encode() + b"\r\n\r\n" + payload)
            status = await _read_reply(reader)
            latencies.append(time.perf_counter() - sent)
            refused += status >= 400
    finally:
        writer.close()
    return refused


async def _read_reply(reader: asyncio.StreamReader) -> int:
    head = await reader.readuntil(b"\r\n\r\n")
    lines = head.lower().split(b"\r\n")
    status = int(lines[0].split()[1])
    for line in lines[1:]:
        if line.startswith(b"content-length:"):
            await reader.readexactly(int(line.split(b":")[1]))
            return status
    if b"transfer-encoding: chunked" in lines:
        while size := int((await reader.readuntil(b"\r\n")).split(b";")[0], 16):
            await reader.readexactly(size + 2)
        await reader.readexactly(2)
    return status
