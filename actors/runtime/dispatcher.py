"""Sends what committed turns left in the outbox: at least once, always under the effect's key."""

import asyncio
import logging
import traceback
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace

from actors.channels.body import effect_body, key_of
from actors.channels.lane import Lane
from actors.domain.errors import CodecError, StoreUnavailableError
from actors.ports import (
    Channel,
    Check,
    Claim,
    Clock,
    Delivery,
    DeliveryStatus,
    OutboxItem,
    OutboxResult,
    OutboxState,
    Store,
)
from actors.runtime.answering import is_call
from actors.runtime.dispatch_stats import DispatcherStats
from actors.runtime.owning import may_send
from actors.runtime.retrying import RETRY_SCHEDULE_S, wait_ms
from actors.runtime.reviewing import Review, Reviews

CLAIM_LIVES_MS = 60_000
"""The store offers a claimed row again after this long."""

CLAIMED_AT_ONCE = 32
"""Each row's customer is read and judged under the store's write lock, which others wait for meanwhile."""

_READ_AHEAD = 4
_SHORTEST_NAP_S = 0.02
_LONGEST_NAP_S = 1.0
_LONGEST_ERROR = 200

_ENDED = frozenset({DeliveryStatus.GONE, DeliveryStatus.REFUSED})

_Key = tuple[int, int, int]

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Ended:
    """How an attempt ended, until the store knows."""

    result: OutboxResult
    claimed_at_ms: int


class Dispatcher:
    """Delivers the due outbox rows of one owner's partitions. Lives in one event loop.

    Each attempt is claimed in the store under its partition's epoch before anything is sent, and
    settled there afterwards; claims and settlements go in batches. A success is remembered until
    it is settled, so that a failing store never makes this process send twice. Between the claim
    and the receiver a process can be paused without noticing: then a new owner may send the same
    effect again, under the same key.
    """

    def __init__(  # noqa: PLR0913 - each is a separate thing that tests and hosts choose
        self,
        store: Store,
        channels: Mapping[str, Channel],
        clock: Clock,
        *,
        owner: Callable[[], str],
        epochs: Callable[[], dict[int, int]],
        check: Check,
        review: Review | None = None,
        answered: Callable[[OutboxItem, bool, bytes], Awaitable[None]] | None = None,
        bounced: Callable[[OutboxItem, str], Awaitable[None]] | None = None,
        max_in_flight: int = 64,
        retry_jitter: float = 0.1,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """Prepare; nothing happens before `run`.

        Args:
            store: Where the rows are.
            channels: By name, read at every attempt. `channels[name]` raising KeyError parks; a
                new object under a name starts with a clean slate.
            clock: Machine time for retries, business time for expiry.
            owner: The owner as the store's partitions name it.
            epochs: Partitions owned now, with their epochs.
            check: Asked inside every claim whether the row may be attempted.
            review: Told which rows their customers are to judge; returns when they have.
            answered: Told how a call ended for which an instance of a scenario waits: whether it
                was delivered, and the answer. It runs before the row is settled; when it raises,
                the attempt counts as failed, and the receiver is asked again under the same key.
            bounced: Told what a channel says of an address that took nothing: `hard` or `soft`. As above.
            max_in_flight: Attempts under way at once per channel, so that none starves another.
            retry_jitter: Each wait grows by up to this share, the same for an effect and attempt
                wherever it is computed, so that what failed together does not return together.
            sleep: Waits that many seconds.
        """
        self._store = store
        self._channels = channels
        self._clock = clock
        self._owner = owner
        self._epochs = epochs
        self._wakeup = asyncio.Event()
        self._check = check
        self._reviews = Reviews(review, self._wakeup.set)
        self._answered = answered
        self._bounced = bounced
        self._max_in_flight = max_in_flight
        self._jitter = retry_jitter
        self._sleep = sleep
        self._lanes: dict[str, Lane] = {}
        self._in_flight: dict[_Key, asyncio.Task[None]] = {}
        self._ended: dict[_Key, _Ended] = {}
        self._counts: Counter[str] = Counter()
        self._finished = asyncio.Event()
        self._running = False
        self._stopping = False
        self._drain_s = 0.0
        self._nap_s = _SHORTEST_NAP_S

    async def run(self) -> None:
        """Dispatch until `stop`. A store that fails is tried again; rows stay where they are."""
        self._running = True
        try:
            while not self._stopping:
                self._wakeup.clear()
                if await self._round():
                    self._nap_s = _SHORTEST_NAP_S
                    await asyncio.sleep(0)  # a store in memory never yields by itself
                else:
                    await self._nap()
            await self._drain()
        finally:
            for task in self._in_flight.values():
                task.cancel()
            self._reviews.cancel()
            self._running = False
            self._finished.set()

    def wake(self) -> None:
        """Look for due rows now: call it after a commit that wrote some, from the same loop."""
        self._nap_s = _SHORTEST_NAP_S
        self._wakeup.set()

    async def stop(self, drain_s: float) -> None:
        """Claim nothing more, wait up to `drain_s` for attempts under way, and store their ends.

        What is still under way then is interrupted and, its outcome being unknown, put back.
        """
        self._stopping = True
        self._drain_s = drain_s
        self._wakeup.set()
        if self._running:
            await self._finished.wait()

    def stats(self) -> DispatcherStats:
        """Return counts for status and metrics."""
        now_ms = self._clock.machine_ms()
        count = self._counts
        return DispatcherStats(
            sent=count["sent"],
            retried=count["retried"],
            throttled=count["throttled"],
            parked=count["parked"],
            expired=count["expired"],
            dropped=count["dropped"],
            refused_claims=count["refused_claims"],
            held_back=count["held_back"],
            reviewed=self._reviews.done,
            store_errors=count["store_errors"],
            in_flight=len(self._in_flight),
            unsettled=len(self._ended),
            channels={name: lane.condition(now_ms) for name, lane in sorted(self._lanes.items())},
        )

    async def _nap(self) -> None:
        """Wait for a call, an attempt's end or a while that grows while nothing happens."""
        sleeper = asyncio.ensure_future(self._sleep(self._nap_s))
        caller = asyncio.ensure_future(self._wakeup.wait())
        try:
            await asyncio.wait({sleeper, caller}, return_when=asyncio.FIRST_COMPLETED)
            if not caller.done():
                self._nap_s = min(_LONGEST_NAP_S, self._nap_s * 2)
        finally:
            sleeper.cancel()
            caller.cancel()

    async def _round(self) -> bool:
        """Settle what ended, then claim and start what is due; return whether anything moved."""
        try:
            settled = await self._settle()
            return await self._claim() or settled
        except StoreUnavailableError as error:
            self._counts["store_errors"] += 1
            _log.warning("outbox: %s", error)
            return False

    async def _settle(self) -> bool:
        """Store ends; when that fails they stay, and nothing new is claimed before they went."""
        now_ms = self._clock.machine_ms()
        for key, ended in list(self._ended.items()):
            # Late, anything but a success could undo the claim of a newer attempt.
            late = now_ms - ended.claimed_at_ms >= CLAIM_LIVES_MS
            if late and ended.result.state != OutboxState.SENT:
                del self._ended[key]
        if not self._ended:
            return False
        batch = dict(self._ended)
        await self._store.outbox_settle([ended.result for ended in batch.values()])
        for key in batch:
            del self._ended[key]
        return True

    async def _claim(self) -> bool:
        now_ms = self._clock.machine_ms()
        full = sorted(name for name in self._lanes if not self._lanes[name].room(now_ms))
        limit = self._max_in_flight * _READ_AHEAD
        due = await self._store.outbox_due(self._owner(), now_ms, limit, full)
        epochs = self._epochs()
        chosen = self._choose(due, epochs, now_ms)
        if not chosen:
            return False
        under = {item.partition: epochs[item.partition] for item in chosen}
        claimed_at_ms = self._clock.machine_ms()  # before the commit: never younger than it says
        claims = await self._store.outbox_claim(chosen, under, claimed_at_ms, self._check)
        to_judge = []
        for item, claim in zip(chosen, claims, strict=True):
            if claim is Claim.MINE:
                first = replace(item, committed_at_ms=claimed_at_ms)
                self._begin(item if item.attempts else first, claimed_at_ms, under[item.partition])
            elif claim is Claim.LOST:
                self._counts["refused_claims"] += 1
            else:
                self._counts["held_back"] += 1
                if claim is Claim.REVIEW:
                    to_judge.append(item)
        self._reviews.ask(to_judge)
        return any(claim is not Claim.LOST for claim in claims)

    def _choose(
        self, due: list[OutboxItem], epochs: Mapping[int, int], now_ms: int
    ) -> list[OutboxItem]:
        chosen = []
        taken: Counter[str] = Counter()
        for item in due:
            key = (item.number, item.seq, item.n)
            busy = key in self._in_flight or key in self._ended or self._reviews.busy(key)
            if busy or item.partition not in epochs:
                continue
            lane = self._lane(item.channel)
            if lane is not None and taken[item.channel] >= lane.room(now_ms):
                continue
            taken[item.channel] += 1
            chosen.append(item)
            if len(chosen) == CLAIMED_AT_ONCE:
                break
        return chosen

    def _lane(self, name: str) -> Lane | None:
        try:
            channel = self._channels[name]
        except KeyError:
            self._lanes.pop(name, None)
            return None
        lane = self._lanes.get(name)
        if lane is None or lane.channel is not channel:
            lane = self._lanes[name] = Lane(channel, self._max_in_flight)
        return lane

    def _begin(self, item: OutboxItem, claimed_at_ms: int, epoch: int) -> None:
        """Start an attempt, or end it at once when there is nothing to send or nowhere to."""
        lane = self._lane(item.channel)
        if item.expires_at_ms <= self._clock.business_ms():
            self._end(item, claimed_at_ms, OutboxState.EXPIRED, "expired before it was sent")
        elif lane is None:
            self._end(
                item, claimed_at_ms, OutboxState.PARKED, f"no channel {item.channel!r} is set up"
            )
        elif lane.gone:
            self._end(item, claimed_at_ms, OutboxState.PARKED, lane.gone)
        else:
            try:
                body = effect_body(item)
            except CodecError as error:
                self._end(item, claimed_at_ms, OutboxState.PARKED, error.reason)
                return
            lane.in_flight += 1
            self._in_flight[item.number, item.seq, item.n] = asyncio.create_task(
                self._attempt(item, lane, body, claimed_at_ms, epoch)
            )

    async def _attempt(
        self, item: OutboxItem, lane: Lane, body: bytes, claimed_at_ms: int, epoch: int
    ) -> None:
        started_at_ms = self._clock.machine_ms()
        try:
            held = self._epochs().get(item.partition)
            if not may_send(claimed_at_ms, started_at_ms, epoch, held):
                self._counts["dropped"] += 1
                self._end(item, claimed_at_ms, OutboxState.PENDING, "", started_at_ms)
                return
            delivery = await lane.channel.deliver(key_of(item), body, item.attempts + 1)
            await self._tell(item, delivery)
        except asyncio.CancelledError:
            delivery = Delivery(DeliveryStatus.RETRY, "interrupted by a shutdown")
        except StoreUnavailableError as error:
            delivery = Delivery(DeliveryStatus.RETRY, str(error))
        except Exception as error:  # noqa: BLE001 - one channel's mistake may not stop the others
            # What errors say can name the recipient; the places they come from cannot.
            where = "".join(traceback.format_tb(error.__traceback__))
            what = (item.channel, type(error).__name__, key_of(item), where)
            _log.error("channel %r raised %s for effect %s\n%s", *what)
            delivery = Delivery(DeliveryStatus.RETRY, f"the channel raised {type(error).__name__}")
        finally:
            lane.in_flight -= 1
            del self._in_flight[item.number, item.seq, item.n]
            self._wakeup.set()
        lane.heard(delivery, started_at_ms, self._clock.machine_ms())
        self._judge(item, delivery, claimed_at_ms)

    async def _tell(self, item: OutboxItem, delivery: Delivery) -> None:
        """Let the instance that made a call know how it ended, if it has."""
        ok = delivery.status is DeliveryStatus.DELIVERED
        ended = delivery.status in _ENDED or item.attempts + 1 >= len(RETRY_SCHEDULE_S)
        if self._answered is not None and (ok or ended) and is_call(item):
            await self._answered(item, ok, delivery.answer)
        if self._bounced is not None and delivery.bounce:
            await self._bounced(item, delivery.bounce)

    def _judge(self, item: OutboxItem, delivery: Delivery, claimed_at_ms: int) -> None:
        match delivery.status:
            case DeliveryStatus.DELIVERED:
                sent_at_ms = self._clock.machine_ms()
                self._end(item, claimed_at_ms, OutboxState.SENT, next_at_ms=sent_at_ms)
            case DeliveryStatus.GONE | DeliveryStatus.REFUSED:
                self._end(item, claimed_at_ms, OutboxState.PARKED, delivery.detail)
            case DeliveryStatus.RETRY | DeliveryStatus.THROTTLED:
                if delivery.status is DeliveryStatus.THROTTLED:
                    self._counts["throttled"] += 1
                attempt = item.attempts + 1
                if attempt >= len(RETRY_SCHEDULE_S):
                    reason = f"{delivery.detail}; gave up after attempt {attempt}"
                    self._end(item, claimed_at_ms, OutboxState.PARKED, reason)
                    return
                next_at_ms = self._clock.machine_ms() + wait_ms(
                    item, attempt, delivery, self._jitter
                )
                self._end(item, claimed_at_ms, OutboxState.PENDING, delivery.detail, next_at_ms)
                self._counts["retried"] += 1

    def _end(
        self,
        item: OutboxItem,
        claimed_at_ms: int,
        state: int,
        error: str = "",
        next_at_ms: int = 0,
    ) -> None:
        if state == OutboxState.SENT:
            self._counts["sent"] += 1
        elif state == OutboxState.EXPIRED:
            self._counts["expired"] += 1
        elif state == OutboxState.PARKED:
            self._counts["parked"] += 1
            _log.warning("outbox: parked %s for %r: %s", key_of(item), item.channel, error)
        result = OutboxResult(
            item.number, item.seq, item.n, state, next_at_ms, error[:_LONGEST_ERROR]
        )
        self._ended[item.number, item.seq, item.n] = _Ended(result, claimed_at_ms)
        self._wakeup.set()

    async def _drain(self) -> None:
        under_way = set(self._in_flight.values())
        if under_way:
            everyone = asyncio.ensure_future(asyncio.wait(under_way))
            sleeper = asyncio.ensure_future(self._sleep(self._drain_s))
            await asyncio.wait({everyone, sleeper}, return_when=asyncio.FIRST_COMPLETED)
            sleeper.cancel()
            for task in under_way:
                task.cancel()
            await everyone
        for _ in range(2):
            try:
                await self._settle()
            except StoreUnavailableError as error:
                self._counts["store_errors"] += 1
                _log.warning("outbox: %s", error)
            else:
                return
