"""Cells are added and removed while customers are served: only what must move does, and events wait little."""

import sqlite3
import threading
import time
from collections import Counter
from itertools import pairwise

import pytest

from tests.on_ray.conftest import Caller
from tests.on_ray.test_deaths import Load, check

pytestmark = [pytest.mark.ray, pytest.mark.timeout(240)]


class TimedLoad(Load):
    """Remembers from when to when each order waited for its acknowledgement, retries included."""

    def __init__(self, system: Caller, name: str) -> None:
        super().__init__(system, name)
        self.waits: list[tuple[float, float]] = []
        self._began: dict[str, float] = {}
        self._lock = threading.Lock()

    def _post(self, user: str, message: str) -> bool:
        began_s = self._began.setdefault(message, time.monotonic())
        done = super()._post(user, message)
        if done:
            with self._lock:
                self.waits.append((began_s, time.monotonic()))
        return done

    def p99_s(self, since_s: float, until_s: float) -> tuple[float, int]:
        """Return the 99th percentile of those that waited in a span of time, and how many did."""
        waits = sorted(
            end - began for began, end in self.waits if end >= since_s and began <= until_s
        )
        return waits[min(len(waits) - 1, int(len(waits) * 0.99))], len(waits)


def owners(system: Caller) -> dict[int, tuple[str, int]]:
    """Return (cell, epoch) by partition, as the store has them."""
    with sqlite3.connect(f"file:{system.child.data}/righttime.db?mode=ro", uri=True) as db:
        rows = db.execute("SELECT p, owner, epoch FROM partition").fetchall()
    return {p: (owner.split("/")[0], epoch) for p, owner, epoch in rows}


def change_to(system: Caller, count: int) -> tuple[float, float]:
    """Ask for a number of cells and wait until they are settled; return from when to when."""
    began_s = time.monotonic()
    status, body = system("PUT", "/v1/cells", {"count": count})
    assert (status, body["count"]) == (202, count)
    while not system("GET", "/v1/cells")[1]["settled"]:
        assert time.monotonic() < began_s + 60, "the cells did not become as wanted"
        time.sleep(0.1)
    return began_s, time.monotonic()


def test_a_cell_that_comes_or_goes_moves_only_its_share_and_nobody_waits_for_long(
    system: Caller,
) -> None:
    before = system("GET", "/v1/cells")[1]["count"]
    newest = f"cell-{before}"
    # Whoever died in an earlier test has left its share with others: once there and back, and each has its own.
    change_to(system, before + 1)
    change_to(system, before)
    maps = [owners(system)]
    with TimedLoad(system, "coming") as load:
        load.wait_for(50)
        try:
            spans = [change_to(system, before + 1)]
            maps.append(owners(system))
            load.wait_for(50)
        finally:
            spans.append(change_to(system, before))
        maps.append(owners(system))
        load.wait_for(50)

    usual_s, _ = load.p99_s(0.0, spans[0][0])
    pairs = pairwise(maps)
    for what, (old, new), span in zip(("added", "removed"), pairs, spans, strict=True):
        with_it = new if what == "added" else old
        least = Counter(name for name, _ in with_it.values())[newest]
        changed = sum(1 for p in old if old[p][0] != new[p][0])
        times = sum(new[p][1] - old[p][1] for p in old)
        p99_s, waited = load.p99_s(*span)
        print(
            f"{newest} {what}: {times} moves of {changed} partitions, least possible {least}; "
            f"settled after {span[1] - span[0]:.1f} s; p99 of {waited} events {p99_s * 1000:.0f} ms, before {usual_s * 1000:.0f} ms"
        )
        assert times == changed == least > 0
        # Beyond what events wait on this machine at this moment anyhow.
        assert p99_s - usual_s <= 1.0
    assert newest not in {name for name, _ in maps[2].values()}
    assert newest not in {cell["name"] for cell in system("GET", "/v1/cells")[1]["cells"]}
    assert {p: name for p, (name, _) in maps[0].items()} == {
        p: name for p, (name, _) in maps[2].items()
    }
    check(system, load)
