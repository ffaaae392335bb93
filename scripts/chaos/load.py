"""Many clients with retries, and with the bad habits that clients have."""

import asyncio
import json
import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import aiohttp

from scripts.chaos.history import NEVER_MS, ORDER, VIEW, History, Log, Read, Write

CLIENTS = 48
OWN_CUSTOMERS = 4
SHARED_CUSTOMERS = 8
THINK_S = 0.35
_ATTEMPT_S = 12.0
_PAUSE_S = (0.05, 0.5)
_DROPPED_WITHIN_S = 0.03
_AGAIN_OF = 500


@dataclass(slots=True)
class Service:
    """What the load sees of the service. `open` are the first attempts' instants of what is under way."""

    now_ms: Callable[[], int]
    open: dict[int, int] = field(default_factory=dict)
    answered: int = 0
    last_answer_ms: int = 0
    waits: deque[tuple[int, int]] = field(default_factory=deque)

    def longest_wait_ms(self, since_ms: int) -> int:
        """Return the longest that one request took, or takes, of those under way since then."""
        over = [ended - began for began, ended in self.waits if ended >= since_ms]
        return max([*over, *(self.now_ms() - began for began in self.open.values())], default=0)


class Load:
    """Clients against one URL. `stop` ends them when all that they have begun is acknowledged."""

    def __init__(
        self,
        url: str,
        key: Callable[[], str],
        seed: int,
        run: str,
        log: Log,
        now_ms: Callable[[], int],
    ) -> None:
        self._url = url
        self._key = key
        self._seed = seed
        self._run = run
        self._log = log
        self._now_ms = now_ms
        self._count = 0
        self._answered_before: deque[Write] = deque(maxlen=_AGAIN_OF)
        self._ending = False
        self._tasks: list[asyncio.Task[None]] = []
        self._session: aiohttp.ClientSession | None = None
        self.service = Service(now_ms)
        self.history = History([], [], [])

    @property
    def ending(self) -> bool:
        """Whether `stop` was called."""
        return self._ending

    async def start(self) -> None:
        """Begin all clients."""
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=4 * CLIENTS),
            timeout=aiohttp.ClientTimeout(total=_ATTEMPT_S),
        )
        self._tasks = [asyncio.create_task(self._client(i)) for i in range(CLIENTS)]

    async def stop(self, within_s: float) -> None:
        """Begin nothing more, wait until all is acknowledged, at most so long, and log what was not."""
        self._ending = True
        _, late = await asyncio.wait(self._tasks, timeout=within_s)
        for task in late:
            task.cancel()
        results = await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._session is not None:
            await self._session.close()
        for result in results:
            if isinstance(result, Exception):
                raise result

    async def _client(self, i: int) -> None:
        draw = random.Random(f"{self._seed}/client/{i}")  # noqa: S311 - load, not secrets
        while not self._ending:
            habit = draw.random()
            user = self._user(i, draw)
            if habit < 0.15:
                await self._read(user, draw)
            elif habit < 0.23:  # two of one customer at once: they arrive in any order
                both = [self._message(user, draw, "pair") for _ in range(2)]
                await asyncio.gather(*(self._write(each, draw) for each in both))
            elif habit < 0.28:
                once = self._message(user, draw, "twice")
                await asyncio.gather(self._write(once, draw), self._write(once, draw))
            elif habit < 0.31 and self._answered_before:
                before = draw.choice(self._answered_before)
                again = replace(before, how="again", began_ms=self._now_ms(), ended_ms=NEVER_MS)
                await self._write(again, draw)
            elif habit < 0.36:
                await self._write(self._message(user, draw, "dropped"), draw)
            else:
                await self._write(self._message(user, draw, "plain"), draw)
            await asyncio.sleep(draw.expovariate(1 / THINK_S))

    def _user(self, i: int, draw: random.Random) -> str:
        if draw.random() < 0.1:
            return f"{self._run}-shared-{draw.randrange(SHARED_CUSTOMERS)}"
        return f"{self._run}-{i}-{draw.randrange(OWN_CUSTOMERS)}"

    def _message(self, user: str, draw: random.Random, how: str) -> Write:
        self._count += 1
        orders = draw.random() < 0.5
        return Write(
            user=user,
            message=f"{self._run}-m{self._count}",
            name=ORDER if orders else VIEW,
            minor=draw.randint(1, 9_999) if orders else 0,
            began_ms=self._now_ms(),
            how=how,
        )

    async def _write(self, write: Write, draw: random.Random) -> None:
        """Send one message until it is acknowledged, and note how that went."""
        body = json.dumps(body_of(write)).encode()
        began_ms = self._now_ms()
        drops = write.how == "dropped"
        done = write
        with _Open(self.service, began_ms):
            while True:
                status, answer, _ = await self._attempt("POST", "/v1/track", body, drops, draw)
                drops = False
                if status == 200:
                    done = replace(done, ended_ms=self._now_ms(), seq=int(answer.get("seq", 0)))
                    break
                if status is not None and 400 <= status < 500 and status != 429:
                    done = replace(done, problem=f"refused with {status}: {str(answer)[:200]}")
                    break
                done = replace(done, attempts=done.attempts + 1)
                try:
                    await asyncio.sleep(draw.uniform(*_PAUSE_S))
                except asyncio.CancelledError:
                    self._note(done)
                    raise
        self._note(done)
        if write.how != "again" and not done.problem:
            self._answered_before.append(done)

    def _note(self, done: Write) -> None:
        self.history.writes.append(done)
        self._log.note(done)

    async def _read(self, user: str, draw: random.Random) -> None:
        began_ms = self._now_ms()
        with _Open(self.service, began_ms):
            while True:
                status, answer, tag = await self._attempt(
                    "GET", f"/v1/customers/user:{user}", None, False, draw
                )
                if status in (200, 404):
                    break
                await asyncio.sleep(draw.uniform(*_PAUSE_S))
        bought = answer.get("purchases", {}) if status == 200 else {}
        amount = (bought.get("spend") or {}).get("amount", 0)
        read = Read(
            user=user,
            began_ms=began_ms,
            ended_ms=self._now_ms(),
            seq=int(tag.strip('W/"') or 0) if status == 200 else 0,
            orders=int(bought.get("orders", 0)),
            spend_minor=round(float(amount) * 100),
        )
        self.history.reads.append(read)
        self._log.note(read)

    async def _attempt(
        self, method: str, path: str, body: bytes | None, drops: bool, draw: random.Random
    ) -> tuple[int | None, dict[str, Any], str]:
        """Try once; the status is None when the outcome is not known."""
        if self._session is None:
            raise RuntimeError("start the load first")
        limit_s = draw.uniform(0, _DROPPED_WITHIN_S) if drops else None
        headers = {"Authorization": f"Bearer {self._key()}", "Content-Type": "application/json"}
        try:
            async with (
                asyncio.timeout(limit_s),
                self._session.request(
                    method, self._url + path, data=body, headers=headers
                ) as reply,
            ):
                value = await reply.json(content_type=None)
                tag = reply.headers.get("ETag", "")
                return reply.status, value if isinstance(value, dict) else {}, tag
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError):
            return None, {}, ""


class _Open:
    """Notes a request as under way while it is."""

    def __init__(self, service: Service, began_ms: int) -> None:
        self._service = service
        self._began_ms = began_ms

    def __enter__(self) -> None:
        self._service.open[id(self)] = self._began_ms

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        service = self._service
        del service.open[id(self)]
        ended_ms = service.now_ms()
        service.waits.append((self._began_ms, ended_ms))
        if kind is None:
            service.answered += 1
            service.last_answer_ms = ended_ms


def body_of(write: Write) -> dict[str, Any]:
    """Return the envelope of a message: the same bytes at every attempt."""
    properties: dict[str, Any] = {"product_id": "p-1", "price": 9.5}
    if write.name == ORDER:
        properties = {"order_id": write.message, "total": write.minor / 100, "currency": "USD"}
    return {
        "messageId": write.message,
        "userId": write.user,
        "event": write.name,
        "properties": properties,
        "context": {"channel": "web"},
    }
