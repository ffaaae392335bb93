"""One customer under a playbook, in this process: the real session over a store in memory."""

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import Any

from actors.decisioning.journal import TurnRecord
from actors.domain.actions import CALL, Effect
from actors.domain.events import ANSWER, Command, Event, Response
from actors.domain.ids import Identity, IdSpace, effect_text, parse_customer
from actors.domain.scores import NO_SCORES, ScoreRow, Scores
from actors.domain.state import CustomerState
from actors.playbook.model import Playbook
from actors.playbook.scenario_model import Split
from actors.ports import CellRow, DueTimer, Lookup
from actors.runtime.clocks import VirtualClock
from actors.runtime.host import Host, HostSettings
from actors.scenarios.walking import arm_of
from actors.session import Job
from actors.stores.memory import MemoryStore
from actors.wire.messages import Code, Routed
from actors.wire.records import unpack_turn
from actors.wire.state import unpack_state
from scripts.trials.cases import Answer

_CELL = CellRow("trial", "trial", 0, 0, "", 0)
_IDS = IdSpace(b"a playbook is tried on one customer"[:32])
_MANY = 1_000_000
_TRIES = 100_000


class PriorScorer:
    """Gives every action the propensity that the playbook says it starts with."""

    async def score(self, rows: Sequence[ScoreRow]) -> Scores:
        """See `Scorer.score`."""
        return NO_SCORES


@dataclass(frozen=True, slots=True)
class Happened:
    """One turn of a trial, in order."""

    number: int
    seq: int
    record: TurnRecord

    def key_of(self, effect: Effect) -> str:
        """Return the key of an effect of this turn."""
        return effect_text(self.number, effect.seq, effect.n)


@dataclass(slots=True)
class Trial:
    """A host in this process. `refusals` are sentences on what was not taken, and why.

    `answers` are what webhooks answer, by channel; the calls of others are never answered.
    """

    host: Host
    store: MemoryStore
    clock: VirtualClock
    answers: Mapping[str, Answer] = field(default_factory=dict)
    numbers: list[int] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)
    _coming: list[tuple[int, int, Command]] = field(default_factory=list)
    _called: set[str] = field(default_factory=set)

    async def tell(self, item: Event | Response | Command) -> None:
        """Let the system have an event, an outcome or an order for the last customer, now."""
        number = self.numbers[-1] if isinstance(item, Command) and self.numbers else 0
        job = Job.of(Routed(item, number))
        await self.host.submit([job])
        answer = job.answer
        if answer is None or answer.code > Code.DUPLICATE:
            why = answer.detail if answer is not None else "no answer"
            self.refusals.append(f"{_name(item)} was not taken: {why}")
            return
        if isinstance(item, Event):
            number = parse_customer(json.loads(answer.body)["customerId"])
            if number in self.numbers:
                self.numbers.remove(number)
            self.numbers.append(number)
        await self._listen()

    async def advance(self, to_ms: int) -> None:
        """Let time pass; what becomes due on the way happens at its time.

        An answer comes after the timers that are due at the same time, as it would from outside.
        """
        tried: set[DueTimer] = set()
        while self.answers:
            rows = await self.store.due_timers(self.host.owner, to_ms, len(tried) + 1)
            due = next((row for row in rows if row not in tried), None)
            if due is None and (not self._coming or self._coming[0][0] > to_ms):
                break
            if due is not None and (not self._coming or due.due_at_ms <= self._coming[0][0]):
                tried.add(due)
                await self.host.advance(max(due.due_at_ms, self.clock.business_ms()))
                await self._listen()
            else:
                at_ms, _, command = heappop(self._coming)
                await self.host.advance(at_ms)
                await self.tell(command)
        await self.host.advance(to_ms)

    async def past(self) -> list[Happened]:
        """Return every turn so far, in the order in which they were committed."""
        rows = [
            row
            for number in self.numbers
            for row in await self.store.timeline(number, None, (), _MANY)
        ]
        rows.sort(key=lambda row: row.offset)
        return [Happened(row.number, row.seq, unpack_turn(row.payload)) for row in rows]

    async def response(self, outcome: str, action: str | None, message_id: str) -> Response | None:
        """Return how the last message, or the last of an action, was taken; None if none was sent."""
        for turn in reversed(await self.past()):
            for effect in reversed(turn.record.effects):
                if action in {None, effect.action} and not effect.action.startswith(CALL):
                    key = turn.key_of(effect)
                    return Response(message_id=message_id, effect_key=key, outcome=outcome)
        self.refusals.append(f"outcome {outcome}: {_missing(action)} before it")
        return None

    async def state(self) -> CustomerState | None:
        """Return how the customer is now; None before the first event."""
        found = await self.store.lookup(Lookup(numbers=tuple(self.numbers)))
        rows = [found.customers[number] for number in self.numbers if number in found.customers]
        return unpack_state(rows[-1].state) if rows else None

    async def _listen(self) -> None:
        """Note the answers to calls that were made since, for when they will come."""
        if not self.answers:
            return
        for turn in await self.past():
            for effect in turn.record.effects:
                key, answer = turn.key_of(effect), self.answers.get(effect.channel)
                if answer is None or key in self._called or not effect.action.startswith(CALL):
                    continue
                self._called.add(key)
                arguments = {
                    "number": turn.number,
                    "seq": effect.seq,
                    "n": effect.n,
                    "ok": not answer.fails,
                    "properties": dict(answer.properties),
                }
                command = Command(message_id=f"answer:{key}", kind=ANSWER, arguments=arguments)
                heappush(self._coming, (effect.at_ms + answer.after, len(self._called), command))


@asynccontextmanager
async def trying(
    playbook: Playbook, start_ms: int, answers: Mapping[str, Answer] | None = None
) -> AsyncIterator[Trial]:
    """Yield a trial whose clock stands at an instant."""
    store, clock = MemoryStore(), VirtualClock(start_ms)
    await store.claim([(p.partition, "", 0) for p in await store.partitions()], _CELL.owner)
    host = Host(store, PriorScorer(), _IDS, clock, playbook, HostSettings(), lambda: None)
    await host.start(_CELL)
    try:
        yield Trial(host, store, clock, answers or {})
    finally:
        await host.stop()


def user_in_arms(user_id: str, arms: Mapping[str, str], scenario: str, playbook: Playbook) -> str:
    """Return the first of `user_id`, `user_id-1`, … who goes these ways at the scenario's splits.

    Raises:
        ValueError: Nobody does: an arm's weight is next to nothing.
    """
    steps = playbook.scenarios_by_name[scenario].steps
    splits = [(step, arms[name]) for name, step in steps.items() if name in arms]
    for i in range(_TRIES):
        found = f"{user_id}-{i}" if i else user_id
        number = _IDS.customer_number(Identity("user", found))
        if all(isinstance(s, Split) and arm_of(number, scenario, s).name == a for s, a in splits):
            return found
    raise ValueError(f"of {_TRIES:,} customers none goes the ways {dict(arms)}")


def _missing(action: str | None) -> str:
    return "nothing was sent" if action is None else f"{action} was not sent"


def _name(item: Event | Response | Command) -> str:
    if isinstance(item, Event):
        return item.name or item.type
    return item.outcome if isinstance(item, Response) else item.kind


def flat(values: Mapping[str, Any]) -> str:
    """Return short values in a line, as they are in YAML."""
    return ", ".join(f"{name}: {value}" for name, value in values.items())
