import asyncio

import pytest

from actors.stores.memory import MemoryStore
from actors.stores.sqlite import SqliteStore
from tests.builders import World
from tests.doubles.faults import FailNext


@pytest.fixture(params=["memory", "sqlite"])
def world(request, tmp_path):
    """A session over each store that there is, with faults to order."""
    file = tmp_path / "store.db"
    truth = SqliteStore.open(file) if request.param == "sqlite" else MemoryStore()
    yield World(FailNext(truth), truth)
    asyncio.run(truth.close())
