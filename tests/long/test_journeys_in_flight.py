"""10,000 customers on their way while the scenario is edited twice and cells are killed."""

import json
import sqlite3
import time
from pathlib import Path

import pytest

from actors.wire.records import unpack_turn
from scripts.child import start
from tests.long.journeys_bundle import FIRST, LAST, ONE, SECOND, THREE, TWO
from tests.on_ray.conftest import Caller, kill

pytestmark = [pytest.mark.slow, pytest.mark.ray, pytest.mark.fault, pytest.mark.timeout(900)]

CUSTOMERS = 10_000
BATCH = 500
START = "2026-03-02T10:00:00Z"
ENDS = {"one", "two", "three"}


def written(folder: Path, files: dict[str, str]) -> Path:
    folder.mkdir()
    for name, text in files.items():
        (folder / name).write_text(text)
    return folder


def told(system: Caller, method: str, path: str, body: object = None) -> dict:
    """Call until it is answered: cells are killed under it."""
    deadline = time.monotonic() + 120
    while True:
        try:
            status, answer = system(method, path, body)
        except OSError:
            status, answer = 0, None
        if 200 <= status < 300:
            return answer
        assert status in {0, 429, 500, 502, 503, 504}, (status, answer)
        assert time.monotonic() < deadline, (status, answer)
        time.sleep(0.2)


def join(system: Caller, numbers: range) -> None:
    """Let customers join, in batches, each under its own message id."""
    for first in range(numbers.start, numbers.stop, BATCH):
        batch = [
            {"type": "track", "event": "Joined", "userId": f"u{i}", "messageId": f"joined-{i}"}
            for i in range(first, min(first + BATCH, numbers.stop))
        ]
        answer = told(system, "POST", "/v1/batch", {"batch": batch})
        statuses = {result["status"] for result in answer["results"]}
        assert statuses <= {"accepted", "duplicate"}, statuses


def read_lines(data: Path) -> dict[int, list]:
    """Return the lines of every customer's turns, in order."""
    lines: dict[int, list] = {}
    with sqlite3.connect(f"file:{data}/righttime.db?mode=ro", uri=True) as db:
        for number, payload in db.execute("SELECT customer, payload FROM journal ORDER BY seq"):
            lines.setdefault(number, []).extend(unpack_turn(payload).lines)
    return lines


def test_edits_and_deaths_on_the_way_strand_nobody_and_send_nothing_twice(tmp_path):
    options = ["--clock", "virtual", "--clock-start", START, "--cells", "2"]
    options += ["--playbook", str(written(tmp_path / "one", ONE))]
    with start(tmp_path / "data", options) as child:
        system = Caller(child)

        def advance(to: str) -> None:
            told(system, "POST", "/v1/clock/advance", {"to": to})

        def put(files: dict[str, str]) -> None:
            told(system, "PUT", "/v1/playbook", {"files": files})

        join(system, range(5_000))
        advance("2026-03-03T04:00:00Z")
        join(system, range(5_000, 8_000))
        advance("2026-03-03T12:00:00Z")  # the first 5,000 have had their second note
        put(TWO)  # who waits for the second note moves along
        kill(system.pids("CellHost")[0])
        advance("2026-03-04T08:00:00Z")
        join(system, range(8_000, CUSTOMERS))
        kill(system.pids("CellHost")[-1])
        advance("2026-03-04T20:00:00Z")
        put(THREE)
        kill(system.pids("CellHost")[0])
        advance("2026-03-20T00:00:00Z")
        counts = told(system, "GET", "/v1/scenarios/notes")

    assert child.clean
    lines = read_lines(tmp_path / "data")
    ended: dict[str, int] = {}
    for mine in lines.values():
        assert [line.what for line in mine].count("started") == 1
        last = mine[-1]
        assert last.what == "ended", mine
        ended[last.why] = ended.get(last.why, 0) + 1
    with sqlite3.connect(f"file:{tmp_path}/data/righttime.db?mode=ro", uri=True) as db:
        rows = db.execute("SELECT customer, payload FROM outbox").fetchall()
    notes: dict[str, int] = {}
    seen = set()
    for number, payload in rows:
        action = next(key for key in (FIRST, SECOND, LAST) if key.encode() in payload)
        assert (number, action) not in seen, "a note was sent twice"
        seen.add((number, action))
        notes[action] = notes.get(action, 0) + 1
    print(json.dumps({"ended": ended, "notes": notes}))
    assert len(lines) == CUSTOMERS
    # Had the second note already, so they stay on edition one: there is no such step in two.
    assert ended == {"one": 5_000, "two": 5_000}
    assert notes == {FIRST: CUSTOMERS, SECOND: CUSTOMERS, LAST: 5_000}
    assert sum(step["waiting"] for step in counts["steps"]) == 0
