import asyncio

import pytest

from actors.stores.memory import MemoryStore
from tests.builders import World
from tests.doubles.faults import FailNext
from tests.group_books import HOMES, KEYS, sound_groups
from tests.sqlite_files import new_sqlite


@pytest.fixture(params=["memory", "sqlite"])
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
