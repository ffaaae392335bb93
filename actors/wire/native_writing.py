"""Msgpack, value by value, into a buffer: for a core that runs as machine code.

Flattening objects to lists of values makes a number object of every instant, only for the packer to take
it apart. Here numbers go from a field to the buffer. As Python it is several times slower than
flattening. What is written is what `msgpack.packb` writes: always the shortest form.
"""

from typing import Any, Final

import msgpack
from librt.strings import (
    BytesWriter,
    write_f64_be,
    write_i16_be,
    write_i32_be,
    write_i64_be,
)
from mypy_extensions import i16, i32, i64, u8

from actors.wire.codec import checksum

_LEAST: Final = -(1 << 62)
_MOST: Final = (1 << 62) - 1
"""What a number of machine code holds without an object; msgpack takes twice as much, and refuses what is beyond."""
_DEEP: Final = 16
_SHORT: Final = 16
"""Letters; not more than 31."""


def put_int(w: BytesWriter, number: int) -> None:
    """Write a whole number."""
    if number < _LEAST or number > _MOST:
        _put_other(w, number)
        return
    n: i64 = number
    if n < 128 and n >= -32:
        w.append(u8(n & 255))
    elif n > 0:
        _put_natural(w, n)
    elif n >= -128:
        w.append(0xD0)
        w.append(u8(n & 255))
    elif n >= -32768:
        w.append(0xD1)
        write_i16_be(w, i16(n))
    elif n >= -2147483648:
        w.append(0xD2)
        write_i32_be(w, i32(n))
    else:
        w.append(0xD3)
        write_i64_be(w, n)


def _put_natural(w: BytesWriter, n: i64) -> None:
    if n < 256:
        w.append(0xCC)
        w.append(u8(n))
    elif n < 65536:
        w.append(0xCD)
        _put_16(w, n)
    elif n < 4294967296:
        w.append(0xCE)
        _put_32(w, n)
    else:
        w.append(0xCF)
        write_i64_be(w, n)


def _put_16(w: BytesWriter, n: i64) -> None:
    write_i16_be(w, i16(n if n < 32768 else n - 65536))


def _put_32(w: BytesWriter, n: i64) -> None:
    write_i32_be(w, i32(n if n < 2147483648 else n - 4294967296))


def put_text(w: BytesWriter, text: str) -> None:
    """Write a text; a short one letter by letter, which costs less than to make bytes of it first.

    Raises:
        UnicodeEncodeError: It holds half of a surrogate pair.
    """
    n: i64 = len(text)
    if n > _SHORT:
        _put_long_text(w, text)
        return
    start: i64 = len(w)
    w.append(u8(0xA0 | n))
    for i in range(n):
        letter: i64 = ord(text[i])
        if letter >= 128:
            w.truncate(start)
            _put_long_text(w, text)
            return
        w.append(u8(letter))


def _put_long_text(w: BytesWriter, text: str) -> None:
    data = text.encode("utf-8")
    n: i64 = len(data)
    if n < 32:
        w.append(u8(0xA0 | n))
    elif n < 256:
        w.append(0xD9)
        w.append(u8(n))
    elif n < 65536:
        w.append(0xDA)
        _put_16(w, n)
    else:
        w.append(0xDB)
        _put_32(w, n)
    w.write(data)


def put_flag(w: BytesWriter, flag: bool) -> None:
    """Write a truth value."""
    w.append(0xC3 if flag else 0xC2)


def sealed(version: int, body: bytes) -> bytes:
    """Put the head before packed values, as `codec.sealed` does."""
    w = BytesWriter()
    w.append(u8(version))
    _put_32(w, checksum(version, body))
    w.write(body)
    return w.getvalue()


def put_none(w: BytesWriter) -> None:
    """Write that there is nothing."""
    w.append(0xC0)


def begin_list(w: BytesWriter, n: i64) -> None:
    """Write that the next `n` values are those of a list."""
    if n < 16:
        w.append(u8(0x90 | n))
    elif n < 65536:
        w.append(0xDC)
        _put_16(w, n)
    else:
        w.append(0xDD)
        _put_32(w, n)


def begin_map(w: BytesWriter, n: i64) -> None:
    """Write that the next `n` keys and values, in turns, are those of a mapping."""
    if n < 16:
        w.append(u8(0x80 | n))
    elif n < 65536:
        w.append(0xDE)
        _put_16(w, n)
    else:
        w.append(0xDF)
        _put_32(w, n)


def put_2(w: BytesWriter, a: int, b: int) -> None:
    """Write two numbers: one call for several is less code to fetch, and fetching code is what a turn pays for."""
    put_int(w, a)
    put_int(w, b)


def put_3(w: BytesWriter, a: int, b: int, c: int) -> None:
    """Write three numbers."""
    put_int(w, a)
    put_int(w, b)
    put_int(w, c)


def put_row_of_6(w: BytesWriter, a: int, b: int, c: int, d: int, e: int, f: int) -> None:
    """Write a list of six numbers."""
    w.append(0x96)
    put_int(w, a)
    put_int(w, b)
    put_int(w, c)
    put_int(w, d)
    put_int(w, e)
    put_int(w, f)


def put(w: BytesWriter, value: object, depth: i64 = 0) -> None:
    """Write a value of any kind; those that are rare, and those that do not fit, are left to msgpack.

    Raises:
        TypeError: It is of a kind that cannot be packed.
    """
    if isinstance(value, str):
        put_text(w, value)
    elif isinstance(value, bool):
        put_flag(w, value)
    elif isinstance(value, int):
        put_int(w, value)
    elif value is None:
        w.append(0xC0)
    else:
        _put_many(w, value, depth + 1)


def _put_many(w: BytesWriter, value: object, depth: i64) -> None:
    if depth > _DEEP:
        _put_other(w, value)
    elif isinstance(value, list):
        put_list(w, value, depth)
    elif isinstance(value, dict):
        put_map(w, value, depth)
    elif isinstance(value, float):  # the only kind that takes a call to tell, so almost the last
        w.append(0xCB)
        write_f64_be(w, value)
    elif type(value) is tuple:
        _put_tuple(w, value, depth)
    else:
        _put_other(w, value)


def put_list(w: BytesWriter, values: list[Any], depth: i64 = 0) -> None:
    """Write a list of values of any kind."""
    begin_list(w, len(values))
    for each in values:
        put(w, each, depth)


def put_map(w: BytesWriter, values: dict[Any, Any], depth: i64 = 0) -> None:
    """Write a mapping of values of any kind."""
    if not values:
        w.append(0x80)
        return
    begin_map(w, len(values))
    for key, each in values.items():
        put(w, key, depth)
        put(w, each, depth)


def _put_tuple(w: BytesWriter, values: tuple[Any, ...], depth: i64) -> None:
    begin_list(w, len(values))
    for each in values:
        put(w, each, depth)


def _put_other(w: BytesWriter, value: object) -> None:
    data: bytes = msgpack.packb(value)
    w.write(data)
