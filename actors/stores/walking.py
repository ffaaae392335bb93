"""A walk through all customers of a store, for jobs that run beside the system."""

import asyncio
from collections.abc import Iterator

from actors.stores.opening import open_store
from actors.stores.sqlite import SqliteStore
from actors.stores.sqlite_walk import walk_states


def walk(url: str, portion: int = 500) -> Iterator[bytes]:
    """Yield every customer's packed state, by number, each as last committed.

    Reads a portion at a time: a customer who arrives meanwhile may be missed. Call it from a thread
    without an event loop.

    Raises:
        ValueError: The URL names no store.
        StoreUnavailableError: It cannot be read.
    """
    store = open_store(url, read_only=True)
    try:
        if isinstance(store, SqliteStore):
            yield from walk_states(store.path, portion)
            return
        from actors.stores.postgres import PostgresStore  # noqa: PLC0415 - see `opening`

        if isinstance(store, PostgresStore):  # one in memory has no customers yet
            yield from store.walk_states(portion)
    finally:
        asyncio.run(store.close())
