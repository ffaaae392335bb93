"""Statements over many rows that run in one step, with few distinct texts.

Python gives up its global lock at every step of a statement, and a busy event loop gives it back
only after the switch interval (5 ms). Thirty-two rows written or read one by one took 750 ms beside
a busy loop, and 6 ms in one statement. So every write names all its rows at once, and every read
returns one row that holds them all: as JSON, or as one column a value where values are large blobs.
"""

import json
import sqlite3
from collections.abc import Iterator, Sequence
from typing import Any

_SIZES = (64, 32, 16, 8, 4, 2, 1)

Row = Sequence[Any]


class Batched:
    """A statement with `{rows}` where a list of rows of `width` values belongs.

    Texts exist for powers of two only, so that all stay prepared.
    """

    def __init__(self, text: str, width: int) -> None:
        one = "(" + ",".join("?" * width) + ")"
        self._texts = {size: text.replace("{rows}", ",".join([one] * size)) for size in _SIZES}
        self._nothing = (None,) * width

    def insert(self, connection: sqlite3.Connection, rows: Sequence[Row]) -> None:
        """Run for exactly these rows."""
        start = 0
        for size in _SIZES:
            while len(rows) - start >= size:
                values = [value for row in rows[start : start + size] for value in row]
                connection.execute(self._texts[size], values)
                start += size

    def run(self, connection: sqlite3.Connection, rows: Sequence[Row], *first: Any) -> int:
        """Run for these rows and rows of NULL, which match nothing; return how many it touched.

        `first` are the values of placeholders that stand before the rows.
        """
        touched = 0
        for size, values in self._padded(rows):
            touched += connection.execute(self._texts[size], [*first, *values]).rowcount
        return touched

    def select(self, connection: sqlite3.Connection, rows: Sequence[Row]) -> list[Any]:
        """Run a query that returns one JSON array; join the arrays."""
        found: list[Any] = []
        for size, values in self._padded(rows):
            found += one_json(connection, self._texts[size], values)
        return found

    def _padded(self, rows: Sequence[Row]) -> Iterator[tuple[int, list[Any]]]:
        for start in range(0, len(rows), _SIZES[0]):
            part = rows[start : start + _SIZES[0]]
            size = 1 << (len(part) - 1).bit_length()
            values = [value for row in part for value in row]
            values += self._nothing * (size - len(part))
            yield size, values


class Pivot:
    """Queries of one value each, with `?1` … for a row's values, that answer as one row."""

    def __init__(self, width: int, *queries: str) -> None:
        self._width = width
        self._queries = queries
        self._texts = {size: self._text(size) for size in _SIZES}

    def _text(self, size: int) -> str:
        columns = []
        for row in range(size):
            for query in self._queries:
                for i in range(self._width, 0, -1):
                    query = query.replace(f"?{i}", f"?_{row * self._width + i}")  # noqa: PLW2901
                columns.append(f"({query})".replace("?_", "?"))
        return "SELECT " + ", ".join(columns)

    def select(self, connection: sqlite3.Connection, rows: Sequence[Row]) -> Iterator[list[Any]]:
        """Yield, for each row in order, the answers to the queries; None is no answer."""
        per_row = len(self._queries)
        for start in range(0, len(rows), _SIZES[0]):
            part = rows[start : start + _SIZES[0]]
            size = 1 << (len(part) - 1).bit_length()
            values = [value for row in part for value in row]
            values += [None] * (self._width * (size - len(part)))
            answer = connection.execute(self._texts[size], values).fetchone()
            for i in range(len(part)):
                yield list(answer[i * per_row : (i + 1) * per_row])


def one_json(connection: sqlite3.Connection, text: str, values: Row = ()) -> list[Any]:
    """Run a query that returns one JSON array, and return its elements."""
    rows: list[Any] = json.loads(connection.execute(text, values).fetchone()[0])
    return rows


def one_row(connection: sqlite3.Connection, text: str, values: Row = ()) -> Any:
    """Run a query for at most one row and return that row, or None."""
    cursor = connection.execute(text, values)
    row = cursor.fetchone()
    cursor.close()
    return row
