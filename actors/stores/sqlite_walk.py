"""A walk through all customers of a SQLite file, for jobs that run beside the system."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from actors.stores.sqlite_file import connect, sqlite_errors

_STATES = "SELECT number, state FROM customer WHERE number > ? ORDER BY number LIMIT ?"
_BEFORE_ALL = -(1 << 63)


def walk_states(path: Path, portion: int = 500, patience_s: float = 5.0) -> Iterator[bytes]:
    """Yield every customer's packed state, by number, each as last committed.

    Reads a portion at a time: a reader that stayed for the whole walk would keep the file from
    being checkpointed. A customer who arrives meanwhile may be missed.

    Raises:
        StoreUnavailableError: The file cannot be read.
    """
    with sqlite_errors(), closing(connect(path, patience_s, read_only=True)) as connection:
        after = _BEFORE_ALL
        while rows := connection.execute(_STATES, (after, portion)).fetchall():
            yield from (state for _, state in rows)
            after = rows[-1][0]
