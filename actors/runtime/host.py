"""Many customers in one place: mailboxes, groups, timers and the way out. No Ray."""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass

from actors.domain.errors import StoreUnavailableError
from actors.domain.ids import PARTITIONS, IdSpace
from actors.playbook.model import Playbook
from actors.ports import CellRow, Clock, DueTimer, PartitionRow, Scorer, Store
from actors.runtime.clocks import VirtualClock
from actors.runtime.dwelling import movable
from actors.runtime.forgetting import RUNNER, Forgetter
from actors.runtime.host_parts import Call, HostStats
from actors.runtime.owning import held_by, lost, to_hand_over
from actors.session import Job, Session, TimerJob
from actors.session.activations import Activations
from actors.session.faults import place_of
from actors.session.quarantine import Quarantine
from actors.wire.messages import Answer, Code, pack_answers, unpack_request

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class HostSettings:
    """Bounds of one host.

    `max_pending` items wait at most; past it new ones are answered BUSY. A group has at most
    `max_group` items and `max_waves` of one customer. Customers idle for `idle_s` are passivated.
    Every `pause_poll_s` the switches that operators have thrown are read, for decisions; sending reads them
    itself. Every `map_poll_s` it is asked whether partitions have changed hands. Every `forget_s` what has
    reached its age is forgotten, where this host is the one to do it.
    """

    max_pending: int = 20_000
    max_group: int = 256
    max_waves: int = 16
    max_active: int = 50_000
    max_active_bytes: int = 512 * 1024 * 1024
    idle_s: float = 900.0
    timer_poll_s: float = 0.25
    timer_batch: int = 256
    forget_s: float = 3600.0
    pause_poll_s: float = 0.25
    map_poll_s: float = 0.5


class Host:
    """Runs one group at a time; what arrives meanwhile makes up the next one.

    That one rule gives every customer a mailbox (two of her items never overlap, and keep their
    order) and every group one scoring call and one commit.
    """

    def __init__(
        self,
        store: Store,
        scorer: Scorer,
        ids: IdSpace,
        clock: Clock,
        playbook: Playbook,
        settings: HostSettings,
        on_outbox: Callable[[], None],
    ) -> None:
        self._store = store
        self._clock = clock
        self._settings = settings
        self._on_outbox = on_outbox
        self._pending: deque[tuple[Call | None, Job]] = deque()
        self._wake = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._turnstile = asyncio.Lock()
        # What is read from the map must not overwrite what was claimed since. Whoever needs both
        # locks takes the turnstile first.
        self._owning = asyncio.Lock()
        self._map_version = -1
        self._epochs: dict[int, int] = {}
        self._owner = ""
        self._closing = False
        self.playbook = playbook
        self.stats = HostStats()
        self.activations = Activations(settings.max_active, settings.max_active_bytes)
        self.forgetter = Forgetter(
            store, clock, lambda: self.playbook, lambda: RUNNER in self._epochs
        )
        self._session = Session(store, scorer, ids, clock, self.activations, self._epochs.get)

    @property
    def owner(self) -> str:
        """What this host's partitions have in their owner column."""
        return self._owner

    @property
    def epochs(self) -> dict[int, int]:
        """Epoch by owned partition."""
        return self._epochs

    @property
    def quarantine(self) -> Quarantine:
        """What failed again and again here."""
        return self._session.quarantine

    @property
    def pending(self) -> int:
        """Items that wait for a group."""
        return len(self._pending)

    async def start(self, cell: CellRow) -> None:
        """Take the partitions that the store says are ours, and begin to serve."""
        self._owner = cell.owner
        await self.reload_ownership()
        await self.reload_pauses()
        self._tasks = [
            asyncio.create_task(self._forever(self._serve), name="groups"),
            asyncio.create_task(self._forever(self._watch_timers), name="timers"),
            asyncio.create_task(self._forever(self._passivate), name="passivation"),
            asyncio.create_task(self._forever(self._forget), name="forgetting"),
            asyncio.create_task(self._forever(self._watch_pauses), name="pauses"),
            asyncio.create_task(self._forever(self._watch_map), name="map"),
        ]

    async def stop(self) -> None:
        """Finish the group under way, answer what waits with RETRY, and end."""
        self._closing = True
        async with self._turnstile:
            for task in self._tasks:
                task.cancel()
        for task in self._tasks:
            with suppress(asyncio.CancelledError):
                await task
        while self._pending:
            call, job = self._pending.popleft()
            job.answer = Answer(Code.RETRY, detail="the cell is stopping", retry_after_s=1.0)
            self._settle(call)

    async def apply(self, request: bytes) -> bytes:
        """Answer a request from a front door; see `actors.wire.messages`."""
        jobs = [Job.of(routed) for routed in unpack_request(request)]
        await self.submit(jobs)
        return pack_answers([job.answer or _LOST for job in jobs])

    async def submit(self, jobs: list[Job]) -> None:
        """Run jobs and return when each is answered."""
        if not jobs:
            return
        if self._closing or len(self._pending) + len(jobs) > self._settings.max_pending:
            self.stats.busy += len(jobs)
            for job in jobs:
                job.answer = Answer(Code.BUSY, detail="the cell is busy", retry_after_s=1.0)
            return
        call = Call(jobs, len(jobs), asyncio.get_running_loop().create_future())
        self._pending.extend((call, job) for job in jobs)
        self._wake.set()
        await call.done

    async def advance(self, to_ms: int) -> int:
        """Fire what is due up to `to_ms`, as `fire_until` does, and move the clock; return how many."""
        fired = await self.fire_until(to_ms)
        self.move_clock(to_ms)
        return fired

    def move_clock(self, to_ms: int) -> None:
        """Move a virtual clock on, when all that is due by then has fired wherever it is owned."""
        if isinstance(self._clock, VirtualClock):
            self._clock.advance_to(to_ms)

    async def fire_until(self, to_ms: int) -> int:
        """Fire every owned timer due up to `to_ms`, each customer's in order of due time.

        Then forget what has reached its age by then. The clock stays: this owner may yet be given
        partitions whose timers have not fired, and would fire them late.

        Returns:
            How many fired.

        Raises:
            StoreUnavailableError: Not all of this could be done.
        """
        fired = 0
        tried: set[DueTimer] = set()
        while True:
            limit = self._settings.timer_batch + len(tried)
            rows = await self._store.due_timers(self._owner, to_ms, limit)
            tried &= set(rows)  # what failed for good is still there, and tried once only
            due = [row for row in rows if row not in tried]
            if not due:
                break
            # One of each customer at a time, for a wake may set others that are due sooner; of
            # different customers together, or a quiet day of many would cost a commit for each.
            first: dict[int, DueTimer] = {}
            for timer in due:
                first.setdefault(timer.number, timer)
            floor_ms = self._clock.business_ms()
            jobs = [
                Job(TimerJob(timer.number, timer.key, max(timer.due_at_ms, floor_ms)))
                for timer in first.values()
            ]
            await self.submit(jobs)
            if any(job.answer is not None and job.answer.code in _LATER for job in jobs):
                raise StoreUnavailableError("timers could not fire")
            tried.update(first.values())
            done = sum(job.taken for job in jobs)  # others were prolonged, or are gone
            fired += done
            self.stats.timers += done
        if isinstance(self._clock, VirtualClock):
            await self.forgetter.run(to_ms)
        return fired

    async def reload_ownership(self) -> None:
        """Read from the store which partitions are ours, and forget the customers of the others."""
        async with self._owning:
            # Before the map, so that it is never newer than what is read.
            version = await self._store.map_version()
            self._take(held_by(self._owner, await self._store.partitions()))
            self._map_version = version

    async def reload_pauses(self) -> None:
        """Read from the store what is paused; turns of the groups that begin from now on know."""
        self._session.paused = tuple(await self._store.pauses())

    async def claim(self, rows: list[PartitionRow]) -> int:
        """Claim partitions by compare-and-set; return how many were won."""
        async with self._owning:
            won = await self._store.claim(
                [(row.partition, row.owner, row.epoch) for row in rows], self._owner
            )
            self._epochs.update(won)
            self.activations.drop_partitions(won.keys())
        self.stats.claimed += len(won)
        self._on_outbox()
        return len(won)

    async def hand_over(self, partitions: list[int], to_owner: str) -> int:
        """Give partitions to another cell, between two groups; return how many went."""
        async with self._turnstile, self._owning:
            offers = to_hand_over(self._owner, self._epochs, partitions)
            given = {p for p, _, _ in offers}
            # Forgotten before the store is asked: when its answer is lost they may be another's, and
            # if they are not, the map says so at its next reading.
            for partition in given:
                del self._epochs[partition]
            self.activations.drop_partitions(given)
            self._map_version = -1
            won = await self._store.claim(offers, to_owner)
        return len(won)

    async def open_partition(self) -> PartitionRow:
        """Add a partition for a single customer, and own it; see `Store.open_partition`."""
        async with self._owning:
            row = await self._store.open_partition(self._owner)
            self._epochs[row.partition] = row.epoch
        return row

    async def rehome(self, number: int, to: tuple[int, int]) -> bool:
        """Move a customer of ours to another (partition, epoch), between two groups; return whether she was.

        When the store's answer is lost only the store knows, and it is asked at her next turn.
        """
        async with self._turnstile, self._owning:
            of = await movable(self._store, number, self._epochs)
            self.activations.drop(number)
            return of is not None and await self._store.rehome(number, of, to)

    def _take(self, epochs: dict[int, int]) -> None:
        gone = lost(self._epochs, epochs)
        self.stats.fenced += len(gone)
        self._epochs.clear()
        self._epochs.update(epochs)
        if gone:
            self.activations.drop_partitions(gone)

    async def _forever(self, loop: Callable[[], Awaitable[None]]) -> None:
        """Keep a loop alive: a store that is away for a while must not end the host."""
        while True:
            try:
                await loop()
            except asyncio.CancelledError:
                raise
            except Exception:
                log.exception("%s failed and is started again", loop.__name__)
                await asyncio.sleep(0.2)

    async def _serve(self) -> None:
        while True:
            if not self._pending:
                self._wake.clear()
                await self._wake.wait()
            async with self._turnstile:
                group = self._next_group()
                await self._run(group)

    def _next_group(self) -> list[tuple[Call | None, Job]]:
        """Take what waits, in order, up to the bounds; a full mailbox keeps its later items."""
        group: list[tuple[Call | None, Job]] = []
        kept: list[tuple[Call | None, Job]] = []
        per_mailbox: dict[object, int] = {}
        while self._pending and len(group) < self._settings.max_group:
            entry = self._pending.popleft()
            mailbox = entry[1].mailbox
            count = per_mailbox.get(mailbox, 0)
            per_mailbox[mailbox] = count + 1
            (group if count < self._settings.max_waves else kept).append(entry)
        self._pending.extendleft(reversed(kept))
        return group

    async def _run(self, group: list[tuple[Call | None, Job]]) -> None:
        jobs = [job for _, job in group]
        try:
            if await self._session.run(jobs, self.playbook):
                self._on_outbox()
        except Exception as error:  # noqa: BLE001  the next group may fare better
            log.error("a group of %d items failed: %s", len(jobs), place_of(error))  # noqa: TRY400
            self.activations.clear()
        self.stats.groups += 1
        self.stats.turns += len(jobs)
        self.stats.largest_group = max(self.stats.largest_group, len(jobs))
        fenced = False
        for call, job in group:
            if job.answer is None and not isinstance(job.item, TimerJob):
                job.answer = _LOST
            fenced |= job.answer is not None and self._believed(job.answer)
            self._settle(call)
        if fenced:
            await self.reload_ownership()

    def _believed(self, answer: Answer) -> bool:
        """Return whether an answer may come from a map that is old: not of a customer who is apart."""
        apart = answer.partition >= PARTITIONS and answer.partition not in self._epochs
        return answer.code is Code.NOT_MINE and not apart

    def _settle(self, call: Call | None) -> None:
        if call is not None:
            call.left -= 1
            if not call.left and not call.done.done():
                call.done.set_result(None)

    async def _watch_timers(self) -> None:
        if getattr(self._clock, "virtual", False):
            await asyncio.Event().wait()  # a virtual clock fires its timers itself
        while True:
            now_ms = self._clock.business_ms()
            due = await self._store.due_timers(self._owner, now_ms, self._settings.timer_batch)
            jobs = [Job(TimerJob(t.number, t.key, now_ms)) for t in due]
            await self.submit(jobs)
            self.stats.timers += sum(job.taken for job in jobs)
            done = sum(job.answer is None for job in jobs)
            if done < self._settings.timer_batch:
                await asyncio.sleep(self._settings.timer_poll_s)

    async def _watch_pauses(self) -> None:
        while True:
            await asyncio.sleep(self._settings.pause_poll_s)
            await self.reload_pauses()

    async def _watch_map(self) -> None:
        """Learn of what was claimed for us when nobody could tell: the store's answer was lost, say.

        Events of such a partition would tell, but its effects and timers wait for their owner.
        """
        while True:
            await asyncio.sleep(self._settings.map_poll_s)
            if await self._store.map_version() != self._map_version:
                await self.reload_ownership()
                self._on_outbox()

    async def _forget(self) -> None:
        """Begin a minute after the start: who has just come back has better things to do."""
        wait_s = min(60.0, self._settings.forget_s)
        while True:
            await asyncio.sleep(wait_s)
            wait_s = self._settings.forget_s
            await self.forgetter.run()

    async def _passivate(self) -> None:
        while True:
            await asyncio.sleep(min(30.0, self._settings.idle_s))
            before_ms = self._clock.machine_ms() - int(self._settings.idle_s * 1000)
            self.stats.passivated += self.activations.passivate(before_ms)


_LATER = (Code.BUSY, Code.RETRY)
_LOST = Answer(Code.RETRY, detail="the outcome is unknown", retry_after_s=1.0)
