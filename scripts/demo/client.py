"""A channel's client: keeps connections, and retries what may have been lost under the same id."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol

import aiohttp

from scripts.output import Failure

FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 5.0


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back: decimals as `Decimal`, and how long the last attempt took."""

    status: int
    body: dict[str, Any]
    took_s: float

    def problem(self) -> str:
        """Return what the server had to say about a refusal, in one line."""
        title = self.body.get("detail") or self.body.get("title") or "no reason given"
        return f"{self.status} {title}"


class GoneError(Exception):
    """The system stopped answering, and will not come back by itself."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class RawReply:
    """One attempt's answer, before anything is made of it."""

    status: int
    retry_after_s: float | None
    data: bytes


class Transport(Protocol):
    """One attempt at a call; raises `ConnectionError` or `TimeoutError` when the outcome is unknown."""

    async def attempt(self, method: str, path: str, body: bytes | None) -> RawReply:
        """Send once."""
        ...


class HttpTransport:
    """Transport over aiohttp with keep-alive; use it as an async context manager."""

    def __init__(self, url: str, key: str, connections: int) -> None:
        self._url = url.rstrip("/")
        self._headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        self._connections = connections
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> "HttpTransport":
        self._session = aiohttp.ClientSession(
            headers=self._headers,
            connector=aiohttp.TCPConnector(limit=self._connections),
            timeout=aiohttp.ClientTimeout(total=30),
        )
        return self

    async def __aexit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        if self._session is not None:
            await self._session.close()

    async def attempt(self, method: str, path: str, body: bytes | None) -> RawReply:
        """Send once over a kept connection."""
        if self._session is None:
            raise RuntimeError("enter the transport first")
        try:
            async with self._session.request(method, self._url + path, data=body) as response:
                data = await response.read()
                return RawReply(response.status, _seconds(response.headers), data)
        except aiohttp.ClientError as error:
            raise ConnectionError(type(error).__name__) from error


def _seconds(headers: Any) -> float | None:
    try:
        return float(headers["Retry-After"])
    except (KeyError, ValueError):
        return None


class Client:
    """Calls with retries: 429, 5xx and broken connections, until `deadline_s` after the first try.

    `alive` says whether waiting makes sense at all.
    """

    def __init__(
        self,
        transport: Transport,
        *,
        deadline_s: float = 60.0,
        alive: Callable[[], bool] = lambda: True,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        monotonic: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._transport = transport
        self._deadline_s = deadline_s
        self._alive = alive
        self._sleep = sleep
        self._monotonic = monotonic
        self.retries = 0

    async def get(self, path: str) -> Reply:
        """Read something."""
        return await self._call("GET", path, None)

    async def post(self, path: str, body: dict[str, Any]) -> Reply:
        """Send something that has a message id, or may be sent twice."""
        return await self._call("POST", path, json.dumps(body, ensure_ascii=False).encode())

    async def _call(self, method: str, path: str, body: bytes | None) -> Reply:
        first = self._monotonic()
        pause = FIRST_PAUSE_S
        while True:
            sent = self._monotonic()
            wanted: float | None = None
            try:
                raw = await self._transport.attempt(method, path, body)
            except (ConnectionError, TimeoutError) as error:
                reason = f"no answer ({str(error) or type(error).__name__})"
            else:
                if raw.status != 429 and raw.status < 500:
                    return Reply(raw.status, _object(raw.data), self._monotonic() - sent)
                reason = f"status {raw.status}"
                wanted = raw.retry_after_s
            waited = self._monotonic() - first
            if not self._alive():
                raise GoneError("the system has ended")
            if waited >= self._deadline_s:
                raise GoneError(f"{reason} for {waited:.0f} s")
            self.retries += 1
            await self._sleep(min(max(pause, wanted or 0.0), LONGEST_PAUSE_S))
            pause = min(pause * 2, LONGEST_PAUSE_S)


def _object(data: bytes) -> dict[str, Any]:
    try:
        value = json.loads(data, parse_float=Decimal)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def read_key(path: Path) -> str:
    """Read an API key from its file.

    Raises:
        Failure: There is none, or it may not be read.
    """
    try:
        return path.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise Failure(f"cannot read the key in {path} ({error.strerror})") from error
