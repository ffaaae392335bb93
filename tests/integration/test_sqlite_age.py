"""The step by which a file learns to forget by age."""

import sqlite3
from contextlib import closing

from actors.ports import Erasure, JournalKind
from actors.stores.sqlite import SqliteStore
from actors.stores.sqlite_schema import MIGRATIONS
from actors.wire.markers import pack_erased, pack_redirect
from tests.contracts.store_support import NOW, change, commit, owned, run, turn


def test_receipts_of_before_are_told_from_other_commands(tmp_path):
    """Once a receipt was a command like others, which may be forgotten."""
    path = tmp_path / "store.db"
    store = owned(SqliteStore.open(path))
    command = JournalKind.COMMAND
    commit(store, change(1, 0, 2, journal=[turn(1, command), turn(2, command)]))
    gone = {"state": pack_erased(NOW), "erasure": Erasure((2,), (), NOW)}
    commit(store, change(2, journal=[turn(1, command)]))
    commit(store, change(2, 1, journal=[turn(2, command)], **gone))
    commit(store, change(3, journal=[turn(1, command)], state=pack_redirect(1)))
    run(store.close())
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for index in ("journal_age", "outbox_age", "segment_flow_day"):
            connection.execute(f"DROP INDEX {index}")

        dict(MIGRATIONS)["age"](connection)

        rows = connection.execute("SELECT customer, seq FROM journal WHERE kind = 8").fetchall()
    assert rows == [(2, 2)]
