"""The merging machine for more than ten thousand steps, over each store, and the dense walk for thousands."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from actors.stores.sqlite import SqliteStore
from tests.merging_dense import walk_densely
from tests.properties.test_merging_machine import Merging, WithLimits

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

STEPS = 50


class OnSqlite(Merging):
    """The same over files."""

    steps = 0

    def make_store(self):
        self.folder = tempfile.TemporaryDirectory()
        return SqliteStore.open(Path(self.folder.name) / "store.db")

    def teardown(self):
        super().teardown()
        self.folder.cleanup()


def steps_of(machine, examples):
    machine.steps = 0
    asked = settings(
        max_examples=examples,
        stateful_step_count=STEPS,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],  # the shrinker needs longer than a reader
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(machine, settings=asked)
    return machine.steps


@pytest.mark.parametrize(
    ("machine", "examples", "least"),
    [(Merging, 240, 10_000), (WithLimits, 60, 2_000), (OnSqlite, 40, 1_000)],
)
def test_thousands_of_steps_make_no_difference(machine, examples, least):
    steps = steps_of(machine, examples)

    print(f"{machine.__name__}: {steps} steps without a difference")
    assert steps >= least


def test_thousands_of_merges_and_unmerges_among_few_make_no_difference():
    met = [walk_densely(seed, 120) for seed in range(100, 130)]

    unmerges, elsewhere = sum(m.unmerges for m in met), sum(m.elsewhere for m in met)
    print(f"{unmerges} unmerges, {elsewhere} of them of what came in another one's journal too")
    assert unmerges >= 600
    assert elsewhere >= 40
