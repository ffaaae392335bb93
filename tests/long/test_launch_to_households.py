"""A launch to all 2,469 real households: paced, stopped, resumed, with a cell killed on the way."""

import json
import time

import pytest

from scripts.child import start
from scripts.demo.households import build, read_wheel, rfc3339
from tests.long.journeys_bundle import ONE
from tests.long.test_journeys_in_flight import read_lines, told, written
from tests.on_ray.conftest import Caller, kill

pytestmark = [pytest.mark.slow, pytest.mark.ray, pytest.mark.fault, pytest.mark.timeout(900)]

HOUSEHOLDS = 2_469
PER_SECOND = 400.0


def until(system: Caller, what, within_s: float = 120.0) -> dict:
    """Return the launch once `what` is so of it."""
    deadline = time.monotonic() + within_s
    while True:
        launch = told(system, "GET", "/v1/launches/spring-1")
        if what(launch):
            return launch
        assert time.monotonic() < deadline, launch
        time.sleep(0.2)


def test_every_household_enters_once_however_the_launch_is_interrupted(tmp_path):
    story = build(read_wheel(), HOUSEHOLDS, 366)
    households = [f"hh-{number}" for number in story.households]
    assert len(households) == HOUSEHOLDS
    options = ["--clock", "virtual", "--clock-start", rfc3339(story.starts_ms), "--cells", "2"]
    options += ["--playbook", str(written(tmp_path / "one", ONE))]
    with start(tmp_path / "data", options) as child:
        system = Caller(child)
        for first in range(0, len(households), 500):
            batch = [
                {"type": "identify", "userId": name, "messageId": f"known-{name}"}
                for name in households[first : first + 500]
            ]
            told(system, "POST", "/v1/batch", {"batch": batch})

        order = {"id": "spring-1", "segment": "everybody", "perSecond": PER_SECOND}
        began = time.monotonic()
        launch = told(system, "POST", "/v1/scenarios/spring/launches", order)
        assert launch["members"] == HOUSEHOLDS
        until(system, lambda one: one["entered"] >= 500)
        told(system, "POST", "/v1/launches/spring-1/stop")
        time.sleep(2.5)
        stopped = told(system, "GET", "/v1/launches/spring-1")
        time.sleep(2.5)
        assert told(system, "GET", "/v1/launches/spring-1")["seen"] == stopped["seen"] < HOUSEHOLDS
        rested_s = 5.0
        kill(system.pids("CellHost")[0])
        told(system, "POST", "/v1/launches/spring-1/resume")
        told(system, "POST", "/v1/scenarios/spring/launches", order)  # an operator who is not sure
        done = until(system, lambda one: one["state"] == "done")
        took_s = time.monotonic() - began - rested_s
        counts = told(system, "GET", "/v1/scenarios/spring")

    lines = read_lines(tmp_path / "data")
    starts = {
        number: [line.what for line in mine].count("started") for number, mine in lines.items()
    }
    entered = [number for number, times in starts.items() if times]
    print(json.dumps({"entered": len(entered), "stoppedAt": stopped["seen"], "tookS": took_s}))
    assert len(entered) == HOUSEHOLDS
    assert max(starts.values()) == 1
    assert took_s >= HOUSEHOLDS / PER_SECOND * 0.9  # it kept to its pace
    assert sum(step["waiting"] for step in counts["steps"]) == HOUSEHOLDS
    assert done["state"] == "done"
