"""A budget of exactly n under 64 clients and a killed cell: never more than n, and hardly less."""

import json
import sqlite3
import threading
import time
import uuid

import pytest

from tests.on_ray.conftest import Caller, kill

pytestmark = [pytest.mark.ray, pytest.mark.fault, pytest.mark.timeout(300)]

CLIENTS = 64
N = 300
DEMAND = 2 * N
BUDGET = "under_fire"
FILES = {
    "playbook.yaml": {
        "name": "fire",
        "version": "1.0",
        "currency": {"code": "USD"},
        "channels": {"web": {"placements": ["home_hero"]}},
    },
    "actions.yaml": {
        "actions": {
            "offer/web/banner": {
                "value": 5,
                "purpose": "onsite",
                "startingPropensity": 0.2,
                "treatments": {"web": {"placements": ["home_hero"]}},
            }
        }
    },
    "budgets.yaml": {"budgets": {BUDGET: {"limit": N, "unit": "count"}}},
}


@pytest.fixture
def limited(system: Caller):
    """The system under a playbook of one action, which is limited; under its own again afterwards."""
    before = system("GET", "/v1/playbook")[1]["version"]
    files = {name: json.dumps(body) for name, body in FILES.items()}
    status, answer = system("PUT", "/v1/playbook", {"files": files})
    assert status in (200, 202), answer
    yield system
    assert system("POST", "/v1/playbook/rollback", {"version": before})[0] in (200, 202)


class Crowd:
    """Clients who each ask for many new visitors what to show them, until they are answered."""

    def __init__(self, system: Caller) -> None:
        self._system = system
        self._name = uuid.uuid4().hex[:8]
        self._next = iter(range(DEMAND))
        self._lock = threading.Lock()
        self.answered = 0
        self.shown = 0
        self.threads = [threading.Thread(target=self._run, daemon=True) for _ in range(CLIENTS)]

    def _run(self) -> None:
        while True:
            with self._lock:
                i = next(self._next, None)
            if i is None:
                return
            actions = self._ask(i)
            with self._lock:
                self.answered += 1
                self.shown += len(actions)

    def _ask(self, i: int) -> list[object]:
        body = {
            "messageId": f"{self._name}/{i}",
            "anonymousId": f"{self._name}-{i}",
            "channel": "web",
            "placements": ["home_hero"],
            "maxActions": 1,
        }
        while True:
            try:
                status, answer = self._system("POST", "/v1/decide", body)
            except OSError:
                status, answer = 0, {}
            if status == 200:
                return answer["actions"]
            assert status in (0, 429, 503, 500, 502, 504), (status, answer)
            time.sleep(0.1)


def spent(system: Caller) -> float:
    budgets = system("GET", "/v1/budgets")[1]["budgets"]
    return next(each["spent"] for each in budgets if each["name"] == BUDGET)


def test_a_budget_of_exactly_n_gives_n_to_64_clients_though_a_cell_dies(limited: Caller):
    crowd = Crowd(limited)
    for thread in crowd.threads:
        thread.start()
    deadline = time.monotonic() + 120
    while crowd.answered < N // 4:
        assert time.monotonic() < deadline, "the system does not answer"
        time.sleep(0.01)
    kill(limited.pids("CellHost")[0])
    for thread in crowd.threads:
        thread.join(180)

    assert crowd.answered == DEMAND
    assert spent(limited) <= N
    assert crowd.shown <= N
    assert crowd.shown >= 0.99 * N
    with sqlite3.connect(f"file:{limited.child.data}/righttime.db?mode=ro", uri=True) as db:
        rows = db.execute("SELECT sum(spent) FROM budget WHERE name = ?", (BUDGET,)).fetchone()
    assert rows[0] <= N * 1000
