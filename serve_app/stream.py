"""Effects as server-sent events: `GET /v1/actions/stream?channel=web`."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated

from fastapi import FastAPI, Header, Query, Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from actors.channels.body import effect_body, key_of
from actors.domain.errors import (
    CodecError,
    InvalidIdError,
    RetryableError,
    StoreUnavailableError,
)
from actors.domain.ids import parse_effect
from actors.ports import Clock, OutboxItem, Store
from serve_app.problems import MALFORMED, UNAVAILABLE, ProblemError, invalid, response_of

KEPT_MS = 24 * 3_600_000
"""How far back a stream goes, at most."""

STEP_BACK_MS = 10_000
"""How much later than its time of commit a row may become visible: writers' clocks differ."""

RETRY_HINT_MS = 2_000

_RETRY_AFTER_S = 5.0

Authorize = Callable[[Request, str], Awaitable[None]]
"""Returns when this caller may read this channel, else raises the `ProblemError` to answer."""

Position = tuple[int, int, int, int]
"""(committed_at_ms, number, seq, n): the order of the stream."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How often a stream looks for rows, sweeps for late ones, and says that it lives."""

    poll_s: float = 0.2
    sweep_s: float = 2.0
    heartbeat_s: float = 15.0
    page: int = 500


async def _always() -> bool:
    return True


def event_id(item: OutboxItem) -> str:
    """Return the id of an effect's message: when it was committed, and its key."""
    return f"{item.committed_at_ms}.{key_of(item)}"


def parse_event_id(text: str) -> Position:
    """Read `event_id` back.

    Raises:
        InvalidIdError: It is not one of ours.
    """
    committed_at, _, key = text.partition(".")
    if not (committed_at.isascii() and committed_at.isdigit()) or len(committed_at) > 15:
        raise InvalidIdError(text)
    return int(committed_at), *parse_effect(key)


class _Tail:
    """Follows a channel's rows, those that become visible late included."""

    def __init__(self, store: Store, channel: str, start_ms: int, clock: Clock, page: int) -> None:
        self._store = store
        self._channel = channel
        self._clock = clock
        self._page = page
        self._start_ms = start_ms
        self._cursor: Position = (start_ms, -1, -1, -1)
        self._seen: set[Position] = set()
        self.behind = True

    async def ahead(self) -> bytes:
        """Return the messages of the next page; `behind` says whether there may be more."""
        rows = await self._store.outbox_stream(self._channel, self._cursor, self._page)
        self.behind = len(rows) == self._page
        if rows:
            self._cursor = _position(rows[-1])
            self._forget()
        return self._messages(rows)

    async def late(self) -> bytes:
        """Return the messages of rows that became visible behind the ones already read."""
        # Nothing is late any more once even the latest row read lies far back.
        if self._clock.machine_ms() - self._cursor[0] > 2 * STEP_BACK_MS:
            return b""
        found: list[OutboxItem] = []
        at: Position = (max(self._start_ms, self._cursor[0] - STEP_BACK_MS), -1, -1, -1)
        while True:
            rows = await self._store.outbox_stream(self._channel, at, self._page)
            found.extend(row for row in rows if _position(row) <= self._cursor)
            if len(rows) < self._page or _position(rows[-1]) >= self._cursor:
                return self._messages(found)
            at = _position(rows[-1])

    def _messages(self, rows: list[OutboxItem]) -> bytes:
        business_ms = self._clock.business_ms()
        messages = []
        for row in rows:
            position = _position(row)
            if position in self._seen:
                continue
            self._seen.add(position)
            if row.expires_at_ms > business_ms:
                messages.append(_message(row))
        return b"".join(messages)

    def _forget(self) -> None:
        if len(self._seen) > 2 * self._page:
            oldest_ms = self._cursor[0] - STEP_BACK_MS
            self._seen = {position for position in self._seen if position[0] >= oldest_ms}


async def sse_events(
    store: Store,
    channel: str,
    last_event_id: str | None,
    *,
    clock: Clock,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    allowed: Callable[[], Awaitable[bool]] = _always,
    pace: Pace = Pace(),
) -> AsyncGenerator[bytes, None]:
    """Yield a channel's effects as server-sent events, for ever.

    Begins with all effects that have not expired, up to 24 h back; after `last_event_id`, 10 s
    before it. Messages come in order of commit, except those that became visible late. An effect
    comes once per stream, and may come again after a resume: receivers go by its key.

    Args:
        store: Where the rows are. While it fails, the stream stays open and goes on afterwards.
        channel: Whose effects.
        last_event_id: The id of the last message that the receiver has, if any.
        clock: Machine time for age and heartbeats, business time for expiry.
        sleep: Waits that many seconds.
        allowed: Asked at every heartbeat; the stream ends when it answers no.
        pace: How often to look.

    Raises:
        InvalidIdError: `last_event_id` is not one of ours.
    """
    now_ms = clock.machine_ms()
    start_ms = now_ms - KEPT_MS
    if last_event_id:
        start_ms = max(start_ms, parse_event_id(last_event_id)[0] - STEP_BACK_MS)
    tail = _Tail(store, channel, start_ms, clock, pace.page)
    yield f"retry: {RETRY_HINT_MS}\n\n".encode()
    swept_at_ms = beat_at_ms = now_ms
    while True:
        try:
            chunk = await tail.ahead()
            if clock.machine_ms() - swept_at_ms >= pace.sweep_s * 1_000:
                chunk += await tail.late()
                swept_at_ms = clock.machine_ms()
        except StoreUnavailableError:
            chunk, tail.behind = b"", False
        if clock.machine_ms() - beat_at_ms >= pace.heartbeat_s * 1_000:
            beat_at_ms = clock.machine_ms()
            if not await allowed():
                return
            chunk += b": alive\n\n"
        if chunk:
            yield chunk
        if not tail.behind:
            await sleep(pace.poll_s)


def build_stream_app(
    store: Store,
    clock: Clock,
    *,
    authorize: Authorize,
    max_streams: int = 200,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    pace: Pace = Pace(),
) -> FastAPI:
    """Return the app that serves `GET /v1/actions/stream`.

    Args:
        store: Read only.
        clock: See `sse_events`.
        authorize: Asked before a stream begins, and again at each heartbeat, so that a revoked key
            ends it.
        max_streams: Streams at once in this process; past it 503 with `Retry-After`.
        sleep: Waits that many seconds.
        pace: How often to look.
    """
    app = FastAPI(title="Righttime actions", openapi_url=None)
    slots = _Slots(max_streams)

    @app.get("/v1/actions/stream", response_class=StreamingResponse)
    async def stream(
        request: Request,
        channel: Annotated[str, Query(description="Whose effects, such as `web`.")] = "",
        last_event_id: Annotated[str | None, Header()] = None,
    ) -> Response:
        """Stream a channel's effects as server-sent events; `Last-Event-ID` resumes."""
        try:
            if not 1 <= len(channel) <= 64:
                raise invalid("channel", "must have 1 to 64 characters")
            await authorize(request, channel)
            _check_event_id(last_event_id)
            slots.take()
        except ProblemError as problem:
            return response_of(problem)
        except RetryableError as error:
            return response_of(ProblemError(UNAVAILABLE, retry_after_s=error.retry_after_s))

        async def allowed() -> bool:
            try:
                await authorize(request, channel)
            except ProblemError as problem:
                return problem.kind.status >= 500
            except RetryableError:
                return True  # the keys are out of reach for a moment: only a clear no ends it
            return True

        events = sse_events(
            store,
            channel,
            last_event_id,
            clock=clock,
            sleep=sleep,
            allowed=allowed,
            pace=pace,
        )
        return _EventStream(events, slots)

    return app


class _Slots:
    """Counts open streams."""

    def __init__(self, most: int) -> None:
        self._free = most

    def take(self) -> None:
        if self._free <= 0:
            detail = "As many streams are open as this server takes."
            raise ProblemError(UNAVAILABLE, detail, retry_after_s=_RETRY_AFTER_S)
        self._free -= 1

    def give_back(self) -> None:
        self._free += 1


class _EventStream(StreamingResponse):
    """Ends its generator as soon as the client has gone, even between two messages.

    The framework's own response would notice only at the next send, up to a heartbeat later.
    """

    def __init__(self, events: AsyncGenerator[bytes, None], slots: _Slots) -> None:
        super().__init__(
            events,
            media_type="text/event-stream",
            headers={"Cache-Control": "no-cache", "X-Accel-Buffering": "no"},
        )
        self._events = events
        self._slots = slots

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        sending = asyncio.ensure_future(self.stream_response(send))
        leaving = asyncio.ensure_future(self.listen_for_disconnect(receive))
        try:
            await asyncio.wait({sending, leaving}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            sending.cancel()
            leaving.cancel()
            outcomes = await asyncio.gather(sending, leaving, return_exceptions=True)
            await self._events.aclose()
            self._slots.give_back()
        sent = outcomes[0]
        # A client that closed its side while we sent is no error of ours.
        if isinstance(sent, Exception) and not isinstance(sent, OSError):
            raise sent


def _check_event_id(text: str | None) -> None:
    try:
        if text:
            parse_event_id(text)
    except InvalidIdError:
        raise ProblemError(MALFORMED, "Last-Event-ID is not one of ours.") from None


def _position(item: OutboxItem) -> Position:
    return item.committed_at_ms, item.number, item.seq, item.n


def _message(item: OutboxItem) -> bytes:
    try:
        body = effect_body(item)
    except CodecError:
        return b""  # the dispatcher parks such a row where an operator sees it
    return b"id: %b\nevent: action\ndata: %b\n\n" % (event_id(item).encode(), body)
