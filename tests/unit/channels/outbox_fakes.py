"""An outbox in memory, time moved by hand, and receivers that do what a test says."""

import asyncio
from collections.abc import Callable
from contextlib import asynccontextmanager
from dataclasses import replace

import msgpack

from actors.domain.errors import StoreUnavailableError
from actors.domain.ids import effect_text
from actors.ports import (
    Claim,
    Delivery,
    DeliveryStatus,
    OutboxItem,
    OutboxState,
    Permit,
)
from actors.runtime.dispatcher import Dispatcher
from tests.contracts.store_support import permitted

START_MS = 1_700_000_000_000
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
DELIVERED = Delivery(DeliveryStatus.DELIVERED)
FAILED = Delivery(DeliveryStatus.RETRY, "the endpoint answered 500")
GONE = Delivery(DeliveryStatus.GONE, "the endpoint answered 410")


class ManualTime:
    """Both clocks and `sleep`: nothing passes unless a test says so."""

    def __init__(self, now_ms=START_MS):
        self.now_ms = now_ms
        self.business_offset_ms = 0
        self._sleepers = []

    def machine_ms(self):
        return self.now_ms

    def business_ms(self):
        return self.now_ms + self.business_offset_ms

    async def sleep(self, seconds):
        if seconds <= 0:
            return
        woken = asyncio.get_running_loop().create_future()
        entry = (self.now_ms + seconds * 1_000, woken)
        self._sleepers.append(entry)
        try:
            await woken
        finally:
            if entry in self._sleepers:
                self._sleepers.remove(entry)

    async def advance(self, by_ms):
        self.now_ms += by_ms
        for until_ms, woken in list(self._sleepers):
            if until_ms <= self.now_ms and not woken.done():
                woken.set_result(None)
        await spin()


async def spin(times=60):
    """Let every task that can run do so."""
    for _ in range(times):
        await asyncio.sleep(0)


def payload(action="retention/loyalty/double-points", **fields):
    return msgpack.packb(
        {
            "action": action,
            "purpose": "marketing",
            "placement": "",
            "content": {"title": "Zwölf % für dich\nheute"},
            "at_ms": START_MS,
            "recipient": {"user": "u-1"},
        }
        | fields
    )


def item(seq=1, n=0, *, number=77, channel="email", partition=3, at_ms=START_MS, **fields):
    values = {
        "state": OutboxState.PENDING,
        "attempts": 0,
        "next_at_ms": at_ms,
        "expires_at_ms": START_MS + 365 * DAY_MS,
        "payload": payload(),
    } | fields
    return OutboxItem(
        number=number,
        seq=seq,
        n=n,
        partition=partition,
        channel=channel,
        committed_at_ms=at_ms,
        **values,
    )


def position(row):
    return row.committed_at_ms, row.number, row.seq, row.n


class FakeOutbox:
    """The outbox methods of a store, as its port describes them.

    `fail_settles` and `fail_claims` count calls still to fail; `after` says whether the failing
    call has written first. `on_claim` runs inside a claim.
    """

    def __init__(self, rows=(), epochs=None):
        self.rows = {}
        self.epochs = dict(epochs or {3: 1})
        self.fail_settles = self.fail_claims = 0
        self.after = False
        self.on_claim: Callable[[], None] = lambda: None
        self.claims = self.settles = 0
        self.settled = []
        self.claimed_at_ms = {}
        for row in rows:
            self.add(row)

    def add(self, row):
        self.rows[row.number, row.seq, row.n] = row

    def states(self):
        return [row.state for row in sorted(self.rows.values(), key=position)]

    def one(self):
        (row,) = self.rows.values()
        return row

    async def outbox_due(self, owner, now_machine_ms, limit, skip=()):
        due = [
            row
            for key, row in self.rows.items()
            if row.channel not in skip
            and (
                (row.state == OutboxState.PENDING and row.next_at_ms <= now_machine_ms)
                or (
                    row.state == OutboxState.SENDING
                    and self.claimed_at_ms[key] < now_machine_ms - 60_000
                )
            )
        ]
        return sorted(due, key=lambda row: (row.next_at_ms, position(row)))[:limit]

    async def outbox_claim(self, items, epochs, now_machine_ms, check):
        self.claims += 1
        self.on_claim()
        if self._fails("fail_claims") and not self.after:
            raise StoreUnavailableError("claim")
        failing, self._failing = getattr(self, "_failing", False), False
        granted = []
        for want in items:
            key = (want.number, want.seq, want.n)
            row = self.rows[key]
            is_granted = self.epochs.get(row.partition) == epochs.get(row.partition) and (
                row.state,
                row.attempts,
            ) == (want.state, want.attempts)
            said = check(row, b"", ()) if is_granted else Permit(Claim.LOST)
            if said.verdict is Claim.MINE:
                self.rows[key] = replace(row, state=OutboxState.SENDING, attempts=row.attempts + 1)
                self.claimed_at_ms[key] = now_machine_ms
            elif is_granted:
                self.rows[key] = replace(
                    row,
                    state=OutboxState.PENDING,
                    next_at_ms=said.next_at_ms,
                    last_error=said.why,
                )
            granted.append(said.verdict)
        if failing:
            raise StoreUnavailableError("claim")
        return granted

    async def outbox_settle(self, results):
        self.settles += 1
        fails = self._fails("fail_settles")
        self._failing = False
        if fails and not self.after:
            raise StoreUnavailableError("settle")
        for result in results:
            key = (result.number, result.seq, result.n)
            if self.rows[key].state == OutboxState.SENDING:
                self.settled.append(result)
                self.rows[key] = replace(
                    self.rows[key],
                    state=result.state,
                    next_at_ms=result.next_at_ms,
                    last_error=result.error,
                )
        if fails:
            raise StoreUnavailableError("settle")

    async def outbox_stream(self, channel, after, limit):
        rows = [
            row
            for row in self.rows.values()
            if row.channel == channel
            and position(row) > after
            and row.attempts
            and row.state not in (OutboxState.CANCELLED, OutboxState.EXPIRED)
        ]
        return sorted(rows, key=position)[:limit]

    def _fails(self, name):
        left = getattr(self, name)
        if left:
            setattr(self, name, left - 1)
        self._failing = bool(left)
        return bool(left)


class Receiver:
    """A channel that answers as told: a list used up in order, then the last one for ever."""

    def __init__(self, *answers, time=None):
        self.answers = list(answers) or [DELIVERED]
        self.posts = []
        self.time = time
        self.hold = None
        self.closed = False

    @property
    def keys(self):
        return [key for key, _, _ in self.posts]

    async def deliver(self, effect_key, body, attempt):
        self.posts.append((effect_key, attempt, self.time.now_ms if self.time else 0))
        if self.hold is not None:
            await self.hold.wait()
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def close(self):
        self.closed = True


def key(seq, n=0, number=77):
    return effect_text(number, seq, n)


def dispatcher_for(store, channels, time, **changes):
    settings = {
        "owner": lambda: "cell-1/a",
        "epochs": lambda: {3: 1},
        "check": permitted,
        "retry_jitter": 0,
        "sleep": time.sleep,
    } | changes
    return Dispatcher(store, channels, time, **settings)


@asynccontextmanager
async def running(store, channels, time, **changes):
    dispatcher = dispatcher_for(store, channels, time, **changes)
    run = asyncio.create_task(dispatcher.run())
    await spin()
    try:
        yield dispatcher
    finally:
        await dispatcher.stop(0)
        await run
