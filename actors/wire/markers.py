"""What stands in the row of a customer that is none any more: where it went, or that it was erased."""

from dataclasses import dataclass
from typing import Any

import msgpack

from actors.domain.errors import CodecError
from actors.wire.codec import checked, pack

_REDIRECT = "r"
_ERASED = "e"


@dataclass(frozen=True, slots=True)
class Redirect:
    """The customer was merged into `target`."""

    target: int


@dataclass(frozen=True, slots=True)
class Erased:
    """The customer was erased at `at_ms`, on the business clock."""

    at_ms: int


def pack_redirect(target: int) -> bytes:
    """Return what the row of a merged customer holds."""
    return pack(0, [_REDIRECT, target])


def pack_erased(at_ms: int) -> bytes:
    """Return what the row of an erased customer holds."""
    return pack(0, [_ERASED, at_ms])


def read_marker(data: bytes) -> Redirect | Erased | None:
    """Return the marker in a customer's row, or None when it holds a state.

    Raises:
        CodecError: It is damaged, or a marker that this version does not know.
    """
    if not data or data[0]:
        return None
    try:
        kind, value = _values(data)
    except (ValueError, TypeError, msgpack.UnpackException) as error:
        raise CodecError("the marker in a customer's row is damaged") from error
    if kind == _REDIRECT:
        return Redirect(value)
    if kind == _ERASED:
        return Erased(value)
    raise CodecError("the marker in a customer's row is unknown")


def _values(data: bytes) -> Any:
    return msgpack.unpackb(checked(data, "a marker"))
