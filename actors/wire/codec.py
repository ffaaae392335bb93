"""Packed bytes with a schema version and a checksum.

Layout: one byte of version, four bytes of CRC-32 over the rest, begun with the version, then msgpack. Older
versions are lifted by upcasts, pure functions from the values of version n to those of n + 1.

What was written before the version was part of the checksum is read as it is: there, a version that was
damaged into another known one is not noticed.
"""

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, TypeVar
from zlib import crc32

import msgpack

from actors.domain.errors import CodecError

T = TypeVar("T")
Upcast = Callable[[Any], Any]
_MASK = 0x52544D45
"""Without it, a row would be the sound old row of a body with one bit flipped: to begin a CRC with a version
is to flip the bits of the version in the first byte."""
HEAD = 5
"""Bytes before the values."""


_MISFITS = (TypeError, ValueError, LookupError, AttributeError)


def fitting(what: str) -> Callable[[Callable[[bytes], T]], Callable[[bytes], T]]:
    """Make a reader say `CodecError` also of bytes that are whole and yet something else."""

    def decorate(read: Callable[[bytes], T]) -> Callable[[bytes], T]:
        @wraps(read)
        def fit(data: bytes) -> T:
            try:
                return read(data)
            except _MISFITS as error:
                raise CodecError(f"{what}: its fields do not fit") from error

        return fit

    return decorate


def pack(version: int, values: object) -> bytes:
    """Pack values under a schema version in 1 … 255; 0 is for markers (`actors.wire.markers`)."""
    body: bytes = msgpack.packb(values)
    return bytes((version,)) + checksum(version, body).to_bytes(4, "big") + body


def checksum(version: int, body: bytes | memoryview) -> int:
    """Return the CRC-32 that the head of packed values holds."""
    return crc32(body, version) ^ _MASK


def checked(data: bytes, what: str) -> memoryview:
    """Return the packed values without their head.

    Raises:
        CodecError: The checksum does not match, or bytes are missing.
    """
    body = memoryview(data)[HEAD:]
    if len(data) < HEAD:
        raise CodecError(f"{what}: it is cut short")
    said = int.from_bytes(data[1:HEAD], "big")
    if checksum(data[0], body) != said and crc32(body) != said:
        raise CodecError(f"{what}: checksum does not match")
    return body


def unpack(data: bytes, current: int, upcasts: Mapping[int, Upcast], what: str) -> Any:
    """Read values back and lift them to the current version.

    Raises:
        CodecError: The checksum does not match, or the bytes were written by a newer version.
    """
    body = checked(data, what)
    version = data[0]
    if version > current:
        raise CodecError(f"{what}: written by version {version}, this is version {current}")
    if not version:
        raise CodecError(f"{what}: this is a marker")
    values = msgpack.unpackb(body, strict_map_key=False)
    while version < current:
        values = upcasts[version](values)
        version += 1
    return values
