import asyncio

import pytest

from actors.stores.memory import MemoryStore
from tests.builders import World
from tests.doubles.faults import FailNext
from tests.group_books import HOMES, KEYS, sound_groups
from tests.sqlite_files import new_sqlite

# Where it matters what a store does: there the fast tests try both, elsewhere `--long` does. That the
# stores do the same is what their contract and `test_store_equivalence` say.
BOTH = {
    "events",
    "failures",
    "timers",
    "unsent",
    "retention",
    "duplicates",
    "groups",
    "merging",
    "trusting",
}


def pytest_generate_tests(metafunc):
    if "world" in metafunc.fixturenames:
        both = metafunc.module.__name__.rpartition("test_session_")[2] in BOTH
        sqlite = pytest.param("sqlite", marks=() if both else pytest.mark.slow)
        metafunc.parametrize("world", ["memory", sqlite], indirect=True)


@pytest.fixture
def world(request, tmp_path):
    """A session over each store that there is, with faults to order."""
    file = tmp_path / "store.db"
    truth = new_sqlite(file) if request.param == "sqlite" else MemoryStore()
    yield World(FailNext(truth), truth)
    asyncio.run(truth.close())


@pytest.fixture
def home(world):
    """The session under the playbook with groups; afterwards its records are found sound."""
    world.playbook = HOMES
    yield world
    sound_groups(world.truth, *KEYS)
