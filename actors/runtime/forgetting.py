"""Forgetting by age what the store keeps: one runner for all of it, a portion at a time."""

import asyncio
import json
import logging
from collections import Counter
from collections.abc import Awaitable, Callable

from actors.playbook.model import Playbook
from actors.playbook.retention_model import Retention
from actors.ports import Clock, JournalKind, OutboxState, Store
from actors.turn import RETENTION

log = logging.getLogger(__name__)

PORTION = 500
"""Rows a transaction: a few milliseconds under the lock, then others may write."""

RUNNER = 0
"""The partition whose owner is the runner: there is always one, and it is one at a time."""

_PAUSE_S = 0.01
_SPREAD_MS = 2_000
_WATCHED = "retention_watched"
_NO_OFFSET = (1 << 63) - 1
_KINDS = {
    "event": JournalKind.EVENT,
    "decide": JournalKind.DECIDE,
    "outcome": JournalKind.OUTCOME,
    "wake": JournalKind.WAKE,
    "command": JournalKind.COMMAND,
}
_STATES = {
    "sent": OutboxState.SENT,
    "parked": OutboxState.PARKED,
    "cancelled": OutboxState.CANCELLED,
    "expired": OutboxState.EXPIRED,
}

Portion = Callable[[], Awaitable[int]]


class Forgetter:
    """Applies the active playbook's ages to journal, outbox, segments' days and message ids.

    Two runners at once, for a moment after a takeover, forget the same and nothing more. What was
    forgotten is counted in `forgotten`, by what it was, since the start.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        playbook: Callable[[], Playbook],
        is_runner: Callable[[], bool],
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._store = store
        self._clock = clock
        self._playbook = playbook
        self._is_runner = is_runner
        self._pause = pause
        self._turnstile = asyncio.Lock()
        self.forgotten: Counter[str] = Counter()

    async def run(self, until_ms: int = 0) -> int:
        """Forget all that is too old now, or at a later instant; return how many things that were.

        Raises:
            StoreUnavailableError: Not everything could be forgotten; the next run goes on.
        """
        if not self._is_runner():
            return 0
        async with self._turnstile:
            before = self.forgotten.total()
            known = Counter(self.forgotten)
            try:
                await self._run(max(self._clock.business_ms(), until_ms))
            finally:
                told = {name: n for name, n in (self.forgotten - known).items() if name != "dedupe"}
                if told:
                    log.info("forgotten by age: %s", ", ".join(f"{k} {n}" for k, n in told.items()))
        return self.forgotten.total() - before

    async def _run(self, now_ms: int) -> None:
        store, retention = self._store, self._playbook().retention
        machine_ms = self._clock.machine_ms()
        # Message ids first: a turn is kept while it may have to be told again.
        self.forgotten["dedupe"] += await store.forget_messages(machine_ms - retention.dedupe_ms)
        for name, age_ms in retention.journal_ms.items():
            await self._all(f"journal.{name}", self._turns(_KINDS[name], now_ms - age_ms))
        for name, age_ms in retention.outbox_ms.items():
            await self._all(f"outbox.{name}", self._effects(_STATES[name], now_ms - age_ms))
        await self._watch_everybody(retention, now_ms)
        if retention.segments_ms:
            await self._all("segments", self._days(now_ms - retention.segments_ms))

    async def _all(self, name: str, portion: Portion) -> None:
        """Take portion after portion, so that commits go on in between."""
        while True:
            count = await portion()
            self.forgotten[name] += count
            if count < PORTION:
                return
            await self._pause(_PAUSE_S)

    async def _watch_everybody(self, retention: Retention, now_ms: int) -> None:
        """Have every customer looked at once when the ages of what a state keeps are new.

        Who comes by sets the timer alone; this is for those who stay away. They are spread over time,
        so that other timers are not kept waiting.
        """
        wanted = b""
        if retention.touches_state:
            ages = [sorted(retention.traits_ms.items()), retention.conversation_ms]
            wanted = json.dumps(ages).encode()
        if wanted == (await self._store.setting(_WATCHED) or b""):
            return
        last: int | None = -1
        while wanted and last is not None:
            last = await self._store.watch(RETENTION, now_ms, last, PORTION)
            now_ms += _SPREAD_MS
            await self._pause(_PAUSE_S)
        await self._store.put_setting(_WATCHED, wanted)

    def _turns(self, kind: int, before_ms: int) -> Portion:
        async def portion() -> int:
            below = await self._below()
            return await self._store.forget_turns(kind, before_ms, below, PORTION)

        return portion

    async def _below(self) -> int:
        """Return the offset below which turns need not be told again.

        A virtual clock runs ahead of the machine's, on which messages are remembered: there a repeated
        message is told that it was taken, and no more.
        """
        if getattr(self._clock, "virtual", False):
            return _NO_OFFSET
        oldest = await self._store.oldest_answer()
        return _NO_OFFSET if oldest is None else oldest

    def _effects(self, state: int, before_ms: int) -> Portion:
        return lambda: self._store.forget_effects(state, before_ms, PORTION)

    def _days(self, before_ms: int) -> Portion:
        return lambda: self._store.forget_flows(before_ms, PORTION)
