from tests.contracts.store_contract import StoreContract
from tests.sqlite_files import new_sqlite


class TestSqliteStore(StoreContract):
    def make_store(self, tmp_path):
        return new_sqlite(tmp_path / "store.db")
