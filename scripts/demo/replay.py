"""Replaying a story: time goes forward in steps, households in parallel, each one in its order."""

import asyncio
import math
import time
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from scripts.demo.client import Client, GoneError, Reply
from scripts.demo.households import Call, Story, rfc3339

HOUR_MS = 3600 * 1000
MAX_PROBLEMS = 5
SAMPLES = 200
_NO_CLOCK = frozenset({403, 404, 405, 409, 422})


@dataclass(slots=True)
class Tally:
    """What the front door answered. `latencies_s` has one entry a reply.

    `samples` are (household, decision id) of some decisions, spread evenly over the story.
    """

    accepted: int = 0
    duplicates: int = 0
    rejected: int = 0
    decisions: int = 0
    inline_actions: int = 0
    effects: int = 0
    outcomes: int = 0
    actions: Counter[str] = field(default_factory=Counter)
    samples: list[tuple[int, str]] = field(default_factory=list)
    latencies_s: list[float] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    took_s: float = 0.0
    gone: str = ""
    clock_stood: bool = False

    @property
    def answered(self) -> int:
        """How many calls have an answer of whatever kind."""
        return self.accepted + self.duplicates + self.rejected


def steps(calls: list[Call], hours: int) -> Iterator[tuple[int, list[Call]]]:
    """Yield (end of step, its calls) for every step of the clock in which something happens."""
    span = hours * HOUR_MS
    batch: list[Call] = []
    end_ms = 0
    for call in calls:
        if call.at_ms >= end_ms:
            if batch:
                yield end_ms, batch
            batch = []
            end_ms = (call.at_ms // span + 1) * span
        batch.append(call)
    if batch:
        yield end_ms, batch


def percentile(values: list[float], share: float) -> float:
    """Return the smallest value that `share` of the values do not exceed; 0 when there are none."""
    if not values:
        return 0.0
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


class Replay:
    """Sends a story's calls, and counts what comes back."""

    def __init__(
        self,
        client: Client,
        story: Story,
        *,
        hours: int = 6,
        connections: int = 32,
        progress: Callable[[int, int], None] = lambda _done, _at_ms: None,
    ) -> None:
        self._client = client
        self._story = story
        self._hours = hours
        self._connections = connections
        self._progress = progress
        self._effect_keys: dict[tuple[int, int], str] = {}
        self._every = max(1, story.counts["basket"] // SAMPLES)
        self.tally = Tally()

    async def run(self, now_ms: int | None) -> Tally:
        """Replay everything; `now_ms` is the server's time, or None when its clock is not ours.

        Never raises for what the server does: see `Tally.gone` and `Tally.problems`.
        """
        started = time.perf_counter()
        try:
            for end_ms, calls in steps(self._story.calls, self._hours):
                if now_ms is not None and now_ms < end_ms:
                    now_ms = await self._advance(end_ms)
                await self._step(calls)
                self._progress(self.tally.answered, end_ms)
        except GoneError as error:
            self.tally.gone = error.reason
        self.tally.took_s = time.perf_counter() - started
        return self.tally

    async def _advance(self, end_ms: int) -> int | None:
        reply = await self._client.post("/v1/clock/advance", {"to": rfc3339(end_ms)})
        if reply.status == 200:
            return end_ms
        if reply.status in _NO_CLOCK:
            self.tally.clock_stood = True
            return None
        raise GoneError(f"the clock cannot be moved: {reply.problem()}")

    async def _step(self, calls: list[Call]) -> None:
        chains: defaultdict[int, deque[Call]] = defaultdict(deque)
        for call in calls:
            chains[call.household].append(call)
        waiting = deque(chains.values())

        async def worker() -> None:
            while waiting:
                for call in waiting.popleft():
                    await self._send(call)

        gone: GoneError | None = None
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(min(self._connections, len(waiting))):
                    group.create_task(worker())
        except* GoneError as errors:
            gone = next(error for error in errors.exceptions if isinstance(error, GoneError))
        if gone is not None:
            raise gone

    async def _send(self, call: Call) -> None:
        body = call.body
        if call.kind == "redemption":
            key = self._effect_keys.get((call.household, call.campaign))
            if key is None:
                self._reject(call, "the assignment's reply named no effect to respond to")
                return
            body = {**body, "effectKey": key}
        reply = await self._client.post(call.path, body)
        self._count(call, reply)

    def _reject(self, call: Call, why: str) -> None:
        self.tally.rejected += 1
        if len(self.tally.problems) < MAX_PROBLEMS:
            self.tally.problems.append(f"{call.kind} {call.body['messageId']}: {why}")

    def _count(self, call: Call, reply: Reply) -> None:
        tally = self.tally
        status = reply.body.get("status")
        if reply.status != 200 or status not in {"accepted", "duplicate"}:
            self._reject(call, reply.problem())
            return
        tally.latencies_s.append(reply.took_s)
        if status == "accepted":
            tally.accepted += 1
        else:
            tally.duplicates += 1
        if call.kind == "redemption":
            tally.outcomes += 1
            return
        actions = [a for a in reply.body.get("actions", []) if isinstance(a, dict)]
        tally.effects += int(reply.body.get("outbound", 0))
        if call.kind == "assignment":
            self._remember(call, actions)
        else:
            tally.inline_actions += len(actions)
            tally.actions.update(str(action.get("action")) for action in actions)
        self._sample(call, reply.body)

    def _remember(self, call: Call, actions: list[dict[str, Any]]) -> None:
        keys = [a["effectKey"] for a in actions if isinstance(a.get("effectKey"), str)]
        if keys:
            self._effect_keys[call.household, call.campaign] = keys[0]

    def _sample(self, call: Call, body: dict[str, Any]) -> None:
        decision = body.get("decisionId")
        if not isinstance(decision, str):
            return
        self.tally.decisions += 1
        if call.kind == "basket" and self.tally.decisions % self._every == 0:
            self.tally.samples.append((call.household, decision))
