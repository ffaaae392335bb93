"""What experiments need of a journal row, read at a fraction of the cost of all of it."""

from typing import Any, NamedTuple

from actors.wire.codec import unpack
from actors.wire.records import REACHED, UPCASTS, VERSION

_EVENT, _MERGE, _RESULT = 2, 10, 11
_LOSER = 2


class Glimpse(NamedTuple):
    """A turn's times, event, merge and the experiments that it reached.

    `event` is (type, name, properties) or None; `loser` who was merged into somebody, or parted again,
    else 0; `result` what a command answered.
    """

    at_ms: int
    received_at_ms: int
    event: tuple[str, str, dict[str, Any]] | None
    loser: int
    result: dict[str, Any]
    reached: dict[str, str]


def glimpse(data: bytes) -> Glimpse:
    """Read a row of the journal.

    Raises:
        CodecError: The bytes are damaged or from a newer version.
    """
    v = unpack(data, VERSION, UPCASTS, "journal row")
    event = v[_EVENT]
    merge = v[_MERGE] if len(v) > _MERGE else None
    return Glimpse(
        v[0],
        v[1],
        None if event is None else (event[1], event[2], event[5]),
        0 if merge is None else merge[_LOSER],
        v[_RESULT] if len(v) > _RESULT else {},
        v[REACHED] if len(v) > REACHED else {},
    )
