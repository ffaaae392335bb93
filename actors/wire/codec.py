"""Packed bytes with a schema version and a checksum.

Layout: one byte of version, four bytes of CRC-32 over the rest, then msgpack. Older versions are
lifted by upcasts, pure functions from the values of version n to those of n + 1.
"""

from collections.abc import Callable, Mapping
from typing import Any
from zlib import crc32

import msgpack

from actors.domain.errors import CodecError

Upcast = Callable[[Any], Any]
HEAD = 5
"""Bytes before the values."""


def pack(version: int, values: object) -> bytes:
    """Pack values under a schema version in 1 … 255; 0 is for markers (`actors.wire.markers`)."""
    body: bytes = msgpack.packb(values)
    return bytes((version,)) + crc32(body).to_bytes(4, "big") + body


def checked(data: bytes, what: str) -> memoryview:
    """Return the packed values without their head.

    Raises:
        CodecError: The checksum does not match.
    """
    body = memoryview(data)[HEAD:]
    if len(data) < HEAD or crc32(body) != int.from_bytes(data[1:HEAD], "big"):
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
