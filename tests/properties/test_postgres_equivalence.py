"""Whatever is done to them in whatever order, the database and the memory answer the same."""

import pytest
from hypothesis import settings

from actors.stores.memory import MemoryStore
from tests.postgres_databases import emptied_postgres
from tests.properties.test_store_equivalence import Stores

pytestmark = pytest.mark.postgres


class Kept:
    """A store that is used again: it does not close."""

    def __init__(self, store):
        self._store = store

    def __getattr__(self, name):
        return getattr(self._store, name)

    async def close(self):
        pass


class StoresOfACluster(Stores):
    def __init__(self):
        super().__init__()
        self.runner.run(self.stores[1].close())
        self.stores = (MemoryStore(), Kept(emptied_postgres()))


StoresOfACluster.TestCase.settings = settings(
    max_examples=10, stateful_step_count=25, deadline=None, derandomize=True
)
test_database_and_memory_agree = StoresOfACluster.TestCase
