"""Tables: however the rows of a day are divided, what is read and the digest are the same."""

from hashlib import blake2b
from pathlib import Path
from typing import Any

import msgpack
import pytest

pq = pytest.importorskip("pyarrow.parquet")

from actors.simulation.ledger import EVENTS  # noqa: E402
from actors.simulation.tables import Writer, file_of  # noqa: E402


def _rows(count: int, day: int = 0) -> list[tuple[Any, ...]]:
    return [
        (k, day, 86_400_000 * day + k, "track", f"n{k % 3}", "web", 1.5 * k) for k in range(count)
    ]


@pytest.mark.parametrize("cuts", [[], [0], [1, 2], [17, 17, 39]])
def test_rows_of_a_day_may_be_written_in_any_number_of_pieces(
    tmp_path: Path, cuts: list[int]
) -> None:
    days = [_rows(40, 0), [], _rows(70_000, 2)]
    writer = Writer(tmp_path, 3)
    digest = b""
    for rows in days:
        last = 0
        for cut in cuts:
            writer.add(EVENTS, rows[last:cut], 0)
            last = cut
        writer.write(EVENTS, rows[last:], 0)
        if rows:
            digest = blake2b(digest + msgpack.packb(rows), digest_size=16).digest()
        assert writer.digests[EVENTS] == digest
    writer.close()
    found = pq.read_table(file_of(tmp_path, EVENTS, 0, 3)).to_pylist()
    assert [tuple(row.values()) for row in found] == [row for rows in days for row in rows]
