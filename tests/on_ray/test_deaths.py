"""Whatever dies, nothing acknowledged is lost and nothing happens twice."""

import sqlite3
import threading
import time

import pytest

from tests.on_ray.conftest import Caller, kill

pytestmark = [pytest.mark.ray, pytest.mark.fault, pytest.mark.timeout(240)]


class Load:
    """Clients that post orders of 1.00 and retry under the same message id until acknowledged."""

    def __init__(self, system: Caller, name: str, clients: int = 4) -> None:
        self._system = system
        self._name = name
        self._stop = threading.Event()
        self.acknowledged: dict[str, int] = {}
        self._threads = [
            threading.Thread(target=self._run, args=(i,), daemon=True) for i in range(clients)
        ]

    def __enter__(self) -> "Load":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(120)
            assert not thread.is_alive()

    def _run(self, client: int) -> None:
        count = 0
        while not self._stop.is_set():
            count += 1
            user = f"{self._name}-{client}-{count % 5}"
            message = f"{self._name}/{client}/{count}"
            while not self._post(user, message):
                time.sleep(0.1)
            self.acknowledged[user] = self.acknowledged.get(user, 0) + 1

    def _post(self, user: str, message: str) -> bool:
        try:
            status, _ = self._system.track(
                user, "Order Completed", message, properties={"order_id": message, "total": 1.0}
            )
        except OSError:
            return False
        return status == 200

    def wait_for(self, more: int, within_s: float = 60.0) -> None:
        """Return when that many more orders were acknowledged."""
        goal = sum(self.acknowledged.values()) + more
        deadline = time.monotonic() + within_s
        while sum(self.acknowledged.values()) < goal:
            assert time.monotonic() < deadline, "the system does not answer any more"
            time.sleep(0.02)


def check(system: Caller, load: Load) -> None:
    """Every acknowledged order counts exactly once, and no turn's number is missing."""
    for user, orders in load.acknowledged.items():
        customer = system("GET", f"/v1/customers/user:{user}")[1]
        assert customer["purchases"]["orders"] == orders
        assert customer["purchases"]["spend"]["amount"] == pytest.approx(orders)
    with sqlite3.connect(f"file:{system.child.data}/righttime.db?mode=ro", uri=True) as db:
        gaps = db.execute(
            "SELECT count(*) FROM customer c WHERE c.seq != "
            "(SELECT count(*) FROM journal j WHERE j.customer = c.number)"
        ).fetchone()[0]
        twice = db.execute(
            "SELECT count(*) FROM (SELECT 1 FROM journal GROUP BY customer, seq HAVING count(*) > 1)"
        ).fetchone()[0]
        keys = db.execute(
            "SELECT count(*) - count(DISTINCT customer || '/' || seq || '/' || n) FROM outbox"
        ).fetchone()[0]
    assert (gaps, twice, keys) == (0, 0, 0)


@pytest.mark.parametrize(
    "kind", ["CellHost", "ServeReplica:models", "ServeReplica:front-door", "Supervisor"]
)
def test_a_killed_process_costs_time_but_no_event(system, kind):
    with Load(system, f"kill-{kind[-10:]}") as load:
        load.wait_for(20)
        kill(system.pids(kind)[0])
        load.wait_for(60)

    check(system, load)


def test_the_dead_cell_comes_back_and_takes_its_share_again(system):
    def shares():
        cells = system("GET", "/v1/status")[1]["cells"]
        return sorted(cell["partitions"] for cell in cells)

    before = shares()
    with Load(system, "rejoin") as load:
        load.wait_for(10)
        kill(system.pids("CellHost")[0])
        load.wait_for(20)
        deadline = time.monotonic() + 60
        while shares() != before and time.monotonic() < deadline:
            time.sleep(0.2)

    assert shares() == before
    check(system, load)
