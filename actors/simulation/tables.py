"""Tables as Parquet, streamed: a file a table, part of the population and period. Needs pyarrow."""

from collections.abc import Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any

import msgpack
import pyarrow as pa
import pyarrow.parquet as pq

from actors.simulation.ledger import COLUMNS, CUSTOMERS, DECISIONS, EVENTS, FEATURES, OUTCOMES

_TEXT = pa.dictionary(pa.int32(), pa.string())
_TYPES: dict[str, Any] = {
    **dict.fromkeys(("customer", "at_ms", "reward_minor"), pa.int64()),
    **dict.fromkeys(("seq", "n", "chosen"), pa.int32()),
    "taken": pa.int32(),
    "value_minor": pa.float64(),
    **dict.fromkeys(
        ("kind", "name", "channel", "slot", "tier", "arms", "action", "outcome"), _TEXT
    ),
    **dict.fromkeys(("segments", "actions"), pa.list_(pa.string())),
    **dict.fromkeys(
        ("probabilities", "priorities", "scores", "truth", "gains", "costs", "features"),
        pa.list_(pa.float64()),
    ),
    "active": pa.bool_(),
}


def schema_of(table: str) -> Any:
    """Return the schema of a table; `decisions` says in its metadata what its features are."""
    fields = [pa.field(name, _TYPES.get(name, pa.float64())) for name in COLUMNS[table]]
    notes = {b"features": ",".join(FEATURES).encode()} if table == DECISIONS else None
    return pa.schema(fields, metadata=notes)


_SCHEMAS = {name: schema_of(name) for name in COLUMNS}
MANY = 5_000
"""Rows of a part's table from which on they are written before the day is over."""
STREAMED = (EVENTS, DECISIONS, OUTCOMES)


def file_of(folder: Path, table: str, period: int, block: int) -> Path:
    """Return where the rows of a table, a period and a part of the population are."""
    return folder / table / f"{period:04d}-{block:04d}.parquet"


def _packer() -> Any:
    return msgpack.Packer(autoreset=True)


class Writer:
    """The tables of one part of the population; `digests` tell in few bytes what has been written so far.

    A digest is over the rows, not over the file, so that it stays when a library writes files otherwise.
    """

    def __init__(self, folder: Path, block: int) -> None:
        self._folder = folder
        self._block = block
        self._open: dict[str, Any] = {}
        self._unsealed = {table: bytearray() for table in COLUMNS}
        self._counts = dict.fromkeys(COLUMNS, 0)
        self.digests: dict[str, bytes] = dict.fromkeys(COLUMNS, b"")

    def write(self, table: str, rows: Sequence[Sequence[Any]], period: int) -> None:
        """Append the last rows of a day, and take all rows of the day into the digest."""
        self.add(table, rows, period)
        count, body = self._counts[table], self._unsealed[table]
        if count:
            packed = self.digests[table] + _packer().pack_array_header(count) + body
            self.digests[table] = blake2b(packed, digest_size=16).digest()
            self._counts[table], self._unsealed[table] = 0, bytearray()

    def add(self, table: str, rows: Sequence[Sequence[Any]], period: int) -> None:
        """Append rows to the file of a period before their day is over: packed they take a fifth.

        However a day's rows are divided, the digest is the same: it is over the rows of a day, as one list.
        """
        if not rows:
            return
        header = len(_packer().pack_array_header(len(rows)))
        self._unsealed[table] += memoryview(msgpack.packb(list(rows)))[header:]
        self._counts[table] += len(rows)
        schema = _SCHEMAS[table]
        columns = zip(*rows, strict=True)
        arrays = [
            pa.array(list(values), each.type) for values, each in zip(columns, schema, strict=True)
        ]
        writer = self._open.get(table)
        if writer is None:
            path = file_of(self._folder, table, period, self._block)
            path.parent.mkdir(parents=True, exist_ok=True)
            writer = self._open[table] = pq.ParquetWriter(path, schema, compression="zstd")
        writer.write_table(pa.Table.from_arrays(arrays, schema=schema))

    def close(self) -> None:
        """End the files of a period."""
        for writer in self._open.values():
            writer.close()
        self._open.clear()


def drop_periods(folder: Path, first: int) -> None:
    """Delete what was written of a period and all later ones: it will be written again."""
    for table in (*STREAMED, CUSTOMERS):
        for path in sorted((folder / table).glob("*.parquet")):
            if int(path.name[:4]) >= first:
                path.unlink()
