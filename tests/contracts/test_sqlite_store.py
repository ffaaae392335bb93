from actors.stores.sqlite import SqliteStore
from tests.contracts.store_contract import StoreContract


class TestSqliteStore(StoreContract):
    def make_store(self, tmp_path):
        return SqliteStore.open(tmp_path / "store.db")
