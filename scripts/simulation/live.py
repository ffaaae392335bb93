"""The same customers against a running system, over HTTP: load from people who think.

They see what replies show them, and act on it as in a simulation. What is sent to them on other channels is not
read here. With a virtual clock the system is moved from instant to instant; with a real one it is only asked.
"""

import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from threading import Event as Flag
from typing import Any

import httpx
from rich.console import Console

from actors.decisioning.journal import TurnRecord
from actors.domain.actions import INLINE, Effect
from actors.domain.events import Event, Response
from actors.domain.ids import parse_customer, parse_effect
from actors.domain.state import CustomerState
from actors.playbook.loader import compile_bundle
from actors.session import Job, TimerJob
from actors.simulation.block import Block
from actors.simulation.learning import Frozen
from actors.simulation.part import World
from actors.simulation.people import DAY_MS
from actors.simulation.population import Population
from actors.simulation.run import Progress
from actors.simulation.spec import Spec
from actors.simulation.worker import behaviour_of
from actors.turn import Turn
from actors.turn import decide as engine_decides
from actors.wire.messages import Answer, Code
from scripts.output import Failure
from scripts.simulation.simulate import Options, bundle_of, population_of

LIVE = "live"
"""What progress is shown under; the file of results in `--out` is `live.json`."""
_RETRIED = (429, 503)
_ATTEMPTS = 40
_TIMEOUT_S = 30.0
_SAID_S = 1.0


@dataclass(slots=True)
class Heard:
    """What a system answered: (customer, instant, keys of the actions shown), and how long it took.

    `unknown` counts the actions shown that the playbook at hand does not have: customers cannot see them.
    """

    shown: list[tuple[int, int, tuple[str, ...]]] = field(default_factory=list)
    calls: int = 0
    seconds: list[float] = field(default_factory=list)
    refused: dict[str, int] = field(default_factory=dict)
    unknown: Counter[str] = field(default_factory=Counter)


class LiveBlock(Block):
    """Customers of a part of the population whose company is somewhere else."""

    def __init__(self, world: World, number: int, client: httpx.Client, *, virtual: bool) -> None:
        super().__init__(world, number, Frozen())
        self.mark = f"p{time.time_ns() // 1_000_000:x}"  # ids of another run would be repetitions
        self._client = client
        self._virtual = virtual
        self._first = world.spec.part(number)[0]
        self.heard = Heard()

    def answer(self, jobs: list[Job]) -> None:
        """Send events and outcomes, one after the other; timers are the system's own affair."""
        for job in jobs:
            item = job.item
            if isinstance(item, TimerJob):
                continue
            if self._virtual:
                self._call("/v1/clock/advance", {"to": rfc3339(self.clock.now_ms)})
            reply = None
            if isinstance(item, Event):
                reply = self._call("/v1/track", event_body(item))
                if reply is not None:
                    self._take(item, reply)
            elif isinstance(item, Response):
                body = {
                    "messageId": item.message_id,
                    "effectKey": item.effect_key,
                    "outcome": item.outcome,
                }
                reply = self._call("/v1/responses", body)
            job.answer = Answer(Code.ACCEPTED if reply is not None else Code.FAILED)

    def _take(self, event: Event, reply: dict[str, Any]) -> None:
        """Let the customer see what the reply shows."""
        number = parse_customer(reply["customerId"])
        index = int(event.identities[0].value.partition("-")[2])
        row = index - self._first
        self.numbers[row] = number
        self.row_of[number] = row
        now_ms = self.clock.now_ms
        record = TurnRecord(at_ms=now_ms, received_at_ms=now_ms, event=event)
        record.effects = [_effect(each, now_ms) for each in reply["actions"]]
        known = self.world.playbook.action_index
        self.heard.unknown.update(e.action for e in record.effects if e.action not in known)
        record.effects = [e for e in record.effects if e.action in known]
        state = CustomerState(number, 0, seq=int(reply["seq"]))
        self.notes.noted(number, Turn(state, record))
        self.turn_count += 1
        self.decisions += bool(reply["decisionId"])
        if event.placements:
            keys = tuple([each["action"] for each in reply["actions"]])
            self.heard.shown.append((index, now_ms, keys))

    def _call(self, path: str, body: dict[str, Any]) -> dict[str, Any] | None:
        """Post until it is taken or refused; return the reply, or None when it was refused."""
        for attempt in range(_ATTEMPTS):
            began = time.perf_counter()
            try:
                reply = self._client.post(path, json=body)
            except httpx.TransportError:
                time.sleep(min(0.05 * 2**attempt, 2.0))
                continue
            self.heard.calls += 1
            self.heard.seconds.append(time.perf_counter() - began)
            if reply.status_code in _RETRIED or reply.status_code >= 500:
                wait = reply.headers.get("Retry-After", "")
                time.sleep(float(wait) if wait.isdigit() else min(0.05 * 2**attempt, 2.0))
                continue
            if reply.status_code < 300:
                found: dict[str, Any] = reply.json()
                return found
            title = f"{path}: {reply.status_code} {reply.json().get('title', '')}"
            self.heard.refused[title] = self.heard.refused.get(title, 0) + 1
            return None
        raise Failure(f"{path} was not answered in {_ATTEMPTS} attempts")


def event_body(event: Event) -> dict[str, Any]:
    """Return an event as a channel sends it."""
    return {
        "messageId": event.message_id,
        "userId": event.identities[0].value,
        "event": event.name,
        "properties": event.properties,
        "context": {**event.context, "placements": list(event.placements)},
    }


def _effect(shown: dict[str, Any], now_ms: int) -> Effect:
    _, seq, n = parse_effect(shown["effectKey"])
    return Effect(
        seq=seq,
        n=n,
        action=shown["action"],
        channel=shown["channel"],
        placement=shown.get("placement") or "",
        mode=INLINE,
        purpose="",
        segment="",
        at_ms=now_ms,
        expires_at_ms=now_ms,
    )


def rfc3339(at_ms: int) -> str:
    """Return an instant as text in UTC, to the millisecond."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds")[:23] + "Z"


def live_world(options: Options, start_ms: int) -> World:
    """Return what customers know of the company: its channels, and what its actions are worth."""
    spec = replace(options.spec, start_ms=start_ms, blocks=max(1, options.workers))
    model = population_of(options.population)
    try:
        behaviour = behaviour_of(options.behaviour, model)
    except ValueError as error:
        raise Failure(str(error)) from error
    return World(
        spec,
        Population(model, spec.seed, spec.start_ms),
        behaviour,
        compile_bundle(bundle_of(options.playbook)),
        engine_decides,
    )


def send(
    options: Options, url: str, key: str, console: Console, said: Callable[[str, Progress], None]
) -> dict[str, Any]:
    """Send a population's visits to a system; return counts and percentiles of answers' times.

    A part of the population is in flight at a time for each worker; a virtual clock has one worker only.

    Raises:
        Failure: The system does not answer, or has a virtual clock and several workers.
    """
    if not key:
        raise Failure(
            "--live needs --key, or RIGHTTIME_KEY: `righttime up` writes one to DIR/keys/admin"
        )
    headers = {"Authorization": f"Bearer {key}"}
    try:
        client = httpx.Client(base_url=url, headers=headers, timeout=_TIMEOUT_S)
    except (httpx.InvalidURL, UnicodeEncodeError) as error:
        raise Failure(f"--live {url} or its --key cannot be used: {error}") from error
    with client:
        try:
            found = client.get("/v1/clock").raise_for_status().json()
            now_ms = int(datetime.fromisoformat(found["now"]).timestamp() * 1000)
        except (httpx.HTTPError, ValueError, LookupError, TypeError) as error:
            raise Failure(f"{url} does not answer as expected: {error}") from error
        virtual = bool(found.get("virtual"))
        if virtual and options.workers > 1:
            raise Failure("a system with a virtual clock takes one worker at a time")
        world = live_world(options, -(-now_ms // 86_400_000) * 86_400_000)
        blocks = [
            LiveBlock(world, number, client, virtual=virtual)
            for number in range(world.spec.block_count())
        ]
        console.print(f"{options.spec.population:,} customers, {options.spec.days} days ...")
        began = time.perf_counter()
        _run(blocks, world.spec, said)
        took = time.perf_counter() - began
    return _told(blocks, took, console)


def _run(blocks: list[LiveBlock], spec: Spec, said: Callable[[str, Progress], None]) -> None:
    """Run all parts at once to the end, and say now and then how far the slowest is."""

    def go(block: LiveBlock) -> None:
        while block.clock.now_ms < spec.end_ms and not stopping.is_set():
            block.run_until(min(spec.end_ms, block.clock.now_ms + spec.barrier_ms))

    def progress() -> Progress:
        days = (min(block.clock.now_ms for block in blocks) - spec.start_ms) / DAY_MS
        turns = sum(block.turn_count for block in blocks)
        return Progress(days, spec.days, turns, sum(block.decisions for block in blocks))

    stopping = Flag()
    with ThreadPoolExecutor(len(blocks)) as pool:
        running = [pool.submit(go, block) for block in blocks]
        try:
            while wait(running, _SAID_S, FIRST_EXCEPTION).not_done:
                said(LIVE, progress())
                if any(each.done() and each.exception() for each in running):
                    break
        finally:
            stopping.set()
        for each in running:
            each.result()
    said(LIVE, progress())


def _told(blocks: list[LiveBlock], took: float, console: Console) -> dict[str, Any]:
    seconds = sorted(s for block in blocks for s in block.heard.seconds)
    calls = sum(block.heard.calls for block in blocks)
    refused: dict[str, int] = {}
    for block in blocks:
        for title, count in block.heard.refused.items():
            refused[title] = refused.get(title, 0) + count

    def at(share: float) -> float:
        return round(1000 * seconds[min(len(seconds) - 1, int(share * len(seconds)))], 2)

    unknown = sum((block.heard.unknown for block in blocks), Counter[str]())
    if unknown:
        console.print(
            f"The system offered what this playbook does not have, {unknown.total():,} times:"
            f" {', '.join(sorted(unknown)[:5])}; is --playbook the one that it runs?",
            style="bold red",
        )
    result = {
        "calls": calls,
        "events": sum(block.turn_count for block in blocks),
        "decisions": sum(block.decisions for block in blocks),
        "seconds": round(took, 2),
        "calls_a_second": round(calls / max(took, 1e-9), 1),
        "p50_ms": at(0.5) if seconds else None,
        "p99_ms": at(0.99) if seconds else None,
        "refused": refused,
        "unknown_actions": dict(sorted(unknown.items())),
    }
    console.print(
        f"{calls:,} calls, {result['calls_a_second']} a second; half within {result['p50_ms']} ms,"
        f" 99 % within {result['p99_ms']} ms; refused: {refused or 'none'}"
    )
    return result
