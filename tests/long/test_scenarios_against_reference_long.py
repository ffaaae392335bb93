"""Twenty thousand random lives with scenarios: engine and reference agree on every one."""

import pytest

from tests.properties.scenarios.cases import life
from tests.properties.scenarios.drive import Drive
from tests.properties.scenarios.shrink import difference, shrunk, told

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

CASES = 20_000
FIRST = 1_000


def test_twenty_thousand_lives_show_no_difference(capsys):
    done = lines = crashes = 0
    for seed in range(FIRST, FIRST + CASES):
        case = life(seed)
        drive = Drive(case)
        try:
            drive.run()
        except AssertionError:
            smallest = shrunk(case)
            pytest.fail(told(smallest, difference(smallest)))
        done += 1
        lines += len(drive.lines)
        crashes += drive.crashes

    with capsys.disabled():
        print(f"\n{done} lives, {lines} lines of timeline, {crashes} crashes: no difference")
    assert done == CASES
