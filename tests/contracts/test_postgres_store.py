import pytest

from tests.contracts.store_contract import StoreContract
from tests.postgres_databases import emptied_postgres

pytestmark = pytest.mark.postgres


class TestPostgresStore(StoreContract):
    @pytest.fixture
    def store(self):
        return emptied_postgres()
