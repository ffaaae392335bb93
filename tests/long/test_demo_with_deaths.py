"""The demo on real households while processes are killed under it: the totals stay the same."""

import asyncio
import os
import signal
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest

from scripts.child import NOBODY_APART, Child, start
from scripts.demo.client import Client, HttpTransport
from scripts.demo.households import Story, build, read_wheel, rfc3339
from scripts.demo.run import Outcome, run
from tests.long.households_truth import Truth, ledger, truth
from tests.on_ray.conftest import descendants, pids_of

pytestmark = [pytest.mark.slow, pytest.mark.ray, pytest.mark.fault, pytest.mark.timeout(900)]

HOUSEHOLDS, DAYS = 120, 120
CONNECTIONS = 16
REPLAYS = 40


@pytest.fixture(scope="module")
def story() -> Story:
    return build(read_wheel(), HOUSEHOLDS, DAYS)


@pytest.fixture(scope="module")
def expected() -> Truth:
    return truth(HOUSEHOLDS, DAYS)


def system(data: Path, story: Story) -> Child:
    options = ["--clock", "virtual", "--clock-start", rfc3339(story.starts_ms)]
    return start(data, [*options, *NOBODY_APART])


class Killer:
    """Calls `deed` once for each share of the story that was passed, while requests are under way."""

    def __init__(self, story: Story, shares: list[float], deed) -> None:
        self._due = [share * len(story.calls) for share in shares]
        self._deed = deed
        self._threads: list[threading.Thread] = []
        self.killed: list[int] = []

    def __call__(self, done: int, _at_ms: int) -> None:
        if self._due and done >= self._due[0]:
            self._due.pop(0)
            # The steps between calls to this take tens of ms: a moment later is within one.
            thread = threading.Timer(0.015, lambda: self.killed.extend(self._deed()))
            thread.start()
            self._threads.append(thread)

    def join(self) -> None:
        for thread in self._threads:
            thread.join()


def replay(child: Child, story: Story, killer) -> Outcome:
    return asyncio.run(
        run(
            story,
            child.url,
            child.key,
            connections=CONNECTIONS,
            hours=12,
            alive=child.alive,
            progress=killer,
        )
    )


def differing(child: Child, outcome: Outcome) -> tuple[int, list[str]]:
    """Replay sampled decisions; return how many, and those that do not come out identical."""

    async def ask() -> tuple[int, list[str]]:
        async with HttpTransport(child.url, child.key, 4) as transport:
            client = Client(transport)
            samples = outcome.tally.samples[:: max(1, len(outcome.tally.samples) // REPLAYS)]
            different = []
            for household, decision in samples:
                path = f"/v1/customers/user:hh-{household}/decisions/{decision}/replay"
                reply = await client.post(path, {})
                if reply.status != 200 or reply.body != {"identical": True}:
                    different.append(f"{decision}: {reply.status} {reply.body}")
            return len(samples), different

    return asyncio.run(ask())


def check(child: Child, outcome: Outcome, expected: Truth) -> None:
    """The totals are those of the data, whatever died meanwhile."""
    tally = outcome.tally
    assert tally.problems == []
    assert outcome.wrong() == ""
    assert tally.accepted + tally.duplicates == expected.calls
    assert (tally.rejected, outcome.lost) == (0, 0)
    assert outcome.known.customers == expected.households
    assert round(outcome.known.sales * 100) == expected.cents
    asked, different = differing(child, outcome)
    assert asked >= REPLAYS / 2
    assert different == []
    assert set(ledger(child.data).values()) == {0}


@pytest.mark.parametrize(
    "kind", ["CellHost", "ServeReplica:models", "ServeReplica:front-door"], ids=lambda k: k[-10:]
)
def test_a_process_killed_in_the_middle_of_the_demo_changes_no_total(
    tmp_path, story, expected, kind
):
    with system(tmp_path / "data", story) as child:
        dead: set[int] = set()

        def kill() -> list[int]:
            # The one that takes the place of the first has its title only after some seconds.
            deadline = time.monotonic() + 30
            while not (pids := set(pids_of(child.process.pid, kind)) - dead):
                assert time.monotonic() < deadline, f"no {kind} is there"
                time.sleep(0.1)
            pid = min(pids)
            os.kill(pid, signal.SIGKILL)
            dead.add(pid)
            return [pid]

        killer = Killer(story, [0.3, 0.6], kill)
        began = time.monotonic()
        outcome = replay(child, story, killer)
        killer.join()

        print(f"{kind}: {time.monotonic() - began:.1f} s, {outcome.result()}")
        assert len(set(killer.killed)) == 2
        check(child, outcome, expected)
    assert child.clean


def test_the_whole_system_killed_in_the_middle_goes_on_where_it_was(tmp_path, story, expected):
    first = system(tmp_path / "data", story)

    def kill_all() -> list[int]:
        below = descendants(first.process.pid)
        os.killpg(first.process.pid, signal.SIGKILL)
        for pid in below:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        first.process.wait()
        return list(below)

    killer = Killer(story, [0.5], kill_all)
    try:
        before = replay(first, story, killer)
    finally:
        killer.join()
        first.stop()
    assert killer.killed
    assert 0 < before.tally.answered < expected.calls

    with system(tmp_path / "data", story) as second:
        outcome = replay(second, story, lambda _done, _at_ms: None)

        print(f"before {before.result()}, after {outcome.result()}")
        assert outcome.tally.duplicates >= before.tally.accepted
        check(second, outcome, expected)
    assert second.clean
