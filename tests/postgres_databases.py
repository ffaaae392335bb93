"""A PostgreSQL server for a session of tests, and new databases on it, copied from one with the schema."""

import asyncio
import atexit
from contextlib import ExitStack
from functools import lru_cache
from itertools import count

from actors.stores.postgres import PostgresStore
from scripts.own_postgres import OwnPostgres, own_postgres

_numbers = count()
_stack = ExitStack()
FAST = {"fsync": "off", "full_page_writes": "off", "wal_level": "minimal", "max_wal_senders": "0"}


@lru_cache(maxsize=1)
def server() -> OwnPostgres:
    """Start the server at the first call; it ends with the process. It forgets: tests want it quick."""
    started = _stack.enter_context(own_postgres(FAST))
    atexit.register(stop)
    started.create("model")
    asyncio.run(PostgresStore.open(started.url("model", durability="unsafe")).close())
    return started


def stop() -> None:
    """Stop the server, if there is one; tests/conftest.py calls it at the end of a session."""
    _stack.close()


def new_database() -> str:
    """Return the URL of a database that has the schema and nothing in it."""
    name = f"test_{next(_numbers)}"
    server().create(name, "model")
    return server().url(name, durability="unsafe", pool="2")


@lru_cache(maxsize=1)
def _shared() -> PostgresStore:
    store = PostgresStore.open(new_database())
    _stack.callback(lambda: asyncio.run(store.close()))
    return store


def emptied_postgres() -> PostgresStore:
    """Return the one store of this process as if it were new: a database of its own takes half a second.

    Nobody closes it. Its counters of rows and the months of its journal stay where they are.
    """
    store = _shared()
    asyncio.run(store._pool.run(lambda connection: connection.execute(_EMPTY)))
    return store


_EMPTY = """
    DELETE FROM cell; DELETE FROM customer; DELETE FROM identity; DELETE FROM journal;
    DELETE FROM dedupe; DELETE FROM tombstone; DELETE FROM timer; DELETE FROM outbox;
    DELETE FROM pause; DELETE FROM membership; DELETE FROM segment_flow; DELETE FROM scenario_step;
    DELETE FROM customer_group; DELETE FROM group_member; DELETE FROM budget;
    DELETE FROM budget_lease; DELETE FROM launch; DELETE FROM launch_part; DELETE FROM playbook;
    DELETE FROM setting; DELETE FROM api_key; DELETE FROM checkpoint;
    DELETE FROM partition WHERE p >= 4096;
    UPDATE partition SET owner = '', epoch = 0 WHERE epoch > 0;
    UPDATE counter SET n = 0 WHERE n > 0;
"""
