"""Msgpack, value by value, out of bytes: for a core that runs as machine code.

The counterpart of `native_writing`: numbers and texts go from the bytes to a field, without lists of
values in between. It reads what it knows the form of, and says ValueError, IndexError or TypeError of all else: whoever
calls it leaves such bytes to msgpack, which reads them or says what is wrong.

A length is never believed before so many bytes are there.
"""

from typing import Any, Final, final

from librt.strings import read_f64_be, read_i16_be, read_i32_be, read_i64_be
from mypy_extensions import i64

_DEEP: Final = 16
_KEPT: Final = 1024
"""How many places there are for texts that come again and again."""
_LONGEST: Final = 40
"""Bytes of a text that is kept: those of five words of eight."""
_WORD: Final = 8
_SEVEN: Final = 0x00FF_FFFF_FFFF_FFFF
"""Seven bytes of a word. (It is shifted to the right: mypyc 2.4 shifts a 1 to the left in half a word.)"""


@final
class Reader:
    """Packed bytes, and how far they are read.

    A byte is read as the second half of a pair, because a pair is what can be read without making an
    object. So something has to be before the first: the head of packed values is.
    """

    def __init__(self, data: bytes, at: i64) -> None:
        self.data = data
        self.at = at
        self.size: i64 = len(data)


@final
class _Kept:
    """A text, and its bytes as numbers."""

    def __init__(
        self, text: str, n: i64, last: i64, first: i64, second: i64, third: i64, fourth: i64
    ) -> None:
        self.text = text
        self.n = n
        self.last = last
        self.first = first
        self.second = second
        self.third = third
        self.fourth = fourth


_kept: Final = [_Kept("", 0, 0, 0, 0, 0, 0)] * _KEPT
"""Nearly all texts of a state are names, the same for all customers: found here they cost no new text, and as
keys they have been hashed. A text is at the place that its bytes give, or at the one beside it."""


def get_int(r: Reader) -> int:
    """Read a whole number."""
    at = r.at
    tag = i64(read_i16_be(r.data, at - 1)) & 255
    if tag < 0x80:
        r.at = at + 1
        return tag
    if tag == 0xCF:
        n = read_i64_be(r.data, at + 1)
        r.at = at + 9
        if n < 0:
            beyond: int = n
            return beyond + (1 << 64)
        return n
    return _other_int(r, tag, at + 1)


def _other_int(r: Reader, tag: i64, at: i64) -> i64:
    data = r.data
    if tag >= 0xE0:
        r.at = at
        return tag - 256
    if tag == 0xCD or tag == 0xD1:
        r.at = at + 2
        two = i64(read_i16_be(data, at))
        return two & 0xFFFF if tag == 0xCD else two
    if tag == 0xCE or tag == 0xD2:
        r.at = at + 4
        four = i64(read_i32_be(data, at))
        return four & 0xFFFFFFFF if tag == 0xCE else four
    if tag == 0xCC or tag == 0xD0:
        r.at = at + 1
        one = i64(read_i16_be(data, at - 1)) & 255
        return one - 256 if tag == 0xD0 and one >= 128 else one
    if tag == 0xD3:
        r.at = at + 8
        return read_i64_be(data, at)
    raise ValueError("not a whole number")


def get_flag(r: Reader) -> bool:
    """Read a truth value."""
    tag = i64(read_i16_be(r.data, r.at - 1)) & 255
    if tag != 0xC2 and tag != 0xC3:
        raise ValueError("not a truth value")
    r.at += 1
    return tag == 0xC3


def get_name(r: Reader) -> str:
    """Read a text that comes again and again."""
    n = _begin_text(r, i64(read_i16_be(r.data, r.at - 1)) & 255)
    return _name(r, n)


def get_text(r: Reader) -> str:
    """Read a text that is somebody's own."""
    n = _begin_text(r, i64(read_i16_be(r.data, r.at - 1)) & 255)
    return _text(r, n)


def _begin_text(r: Reader, tag: i64) -> i64:
    data = r.data
    at = r.at + 1
    if tag >= 0xA0 and tag < 0xC0:
        n = tag & 31
    elif tag == 0xD9:
        n = i64(read_i16_be(data, at - 1)) & 255
        at += 1
    elif tag == 0xDA:
        n = i64(read_i16_be(data, at)) & 0xFFFF
        at += 2
    elif tag == 0xDB:
        n = i64(read_i32_be(data, at)) & 0xFFFFFFFF
        at += 4
    else:
        raise ValueError("not a text")
    if n > r.size - at:
        raise ValueError("cut short")
    r.at = at
    return n


def _text(r: Reader, n: i64) -> str:
    if n == 0:
        return ""
    at = r.at
    r.at = at + n
    return r.data[at : at + n].decode("utf-8")


def _name(r: Reader, n: i64) -> str:
    if n == 0:
        return ""
    data = r.data
    at = r.at
    if n > _LONGEST or at < _WORD:
        return _text(r, n)
    last = read_i64_be(data, at + n - _WORD)
    first: i64 = 0
    second: i64 = 0
    third: i64 = 0
    fourth: i64 = 0
    if n < _WORD:
        last &= _SEVEN >> (56 - 8 * n)
    elif n > _WORD:
        first = read_i64_be(data, at)
        if n > 2 * _WORD:
            second = read_i64_be(data, at + 8)
            if n > 3 * _WORD:
                third = read_i64_be(data, at + 16)
                if n > 4 * _WORD:
                    fourth = read_i64_be(data, at + 24)
    place = last ^ (first >> 3) ^ (second >> 5) ^ (third >> 7) ^ (fourth >> 9)
    place ^= place >> 32
    place ^= place >> 15
    place = (place ^ (place >> 7) ^ n) & (_KEPT - 1)
    found = _kept[place]
    if not _is(found, n, last, first, second, third, fourth):
        beside = _kept[place ^ 1]
        if _is(beside, n, last, first, second, third, fourth):
            found = beside
        else:
            _kept[place ^ 1] = found
            found = _Kept(_text(r, n), n, last, first, second, third, fourth)
            _kept[place] = found
    r.at = at + n
    return found.text


def _is(found: _Kept, n: i64, last: i64, first: i64, second: i64, third: i64, fourth: i64) -> bool:
    return (
        found.last == last
        and found.n == n
        and found.first == first
        and found.second == second
        and found.third == third
        and found.fourth == fourth
    )


def list_length(r: Reader) -> i64:
    """Read how many values a list has; they are the next ones."""
    at = r.at
    tag = i64(read_i16_be(r.data, at - 1)) & 255
    if tag & 0xF0 == 0x90:
        r.at = at + 1
        return tag & 15
    return _length(r, tag, 0xDC)


def map_length(r: Reader) -> i64:
    """Read how many keys a mapping has; they and their values, in turns, are the next ones."""
    at = r.at
    tag = i64(read_i16_be(r.data, at - 1)) & 255
    if tag & 0xF0 == 0x80:
        r.at = at + 1
        return tag & 15
    return _length(r, tag, 0xDE)


def _length(r: Reader, tag: i64, short: i64) -> i64:
    at = r.at
    if tag == short:
        n = i64(read_i16_be(r.data, at + 1)) & 0xFFFF
        at += 3
    elif tag == short + 1:
        n = i64(read_i32_be(r.data, at + 1)) & 0xFFFFFFFF
        at += 5
    else:
        raise ValueError("not so many values")
    if n > r.size - at:
        raise ValueError("cut short")
    r.at = at
    return n


def expect(r: Reader, n: i64) -> None:
    """Begin a list of so many values.

    Raises:
        ValueError: It has more or fewer.
    """
    if list_length(r) != n:
        raise ValueError("more or fewer values")


def among(n: i64, one: i64, other: i64) -> i64:
    """Return how many fields a row has.

    Raises:
        ValueError: It is neither of two numbers of fields.
    """
    if n != one and n != other:
        raise ValueError("more or fewer fields")
    return n


def between(n: i64, least: i64, most: i64) -> i64:
    """Return how many fields a row has.

    Raises:
        ValueError: It has fewer than the least, or more than the most.
    """
    if n < least or n > most:
        raise ValueError("more or fewer fields")
    return n


def is_place(r: Reader) -> bool:
    """Return whether the next value is a small number, as it stands for an action, or for the customer."""
    return read_i16_be(r.data, r.at - 1) & 0x80 == 0


def is_none(r: Reader) -> bool:
    """Read that there is nothing, if so; otherwise the next value stays the next one."""
    if i64(read_i16_be(r.data, r.at - 1)) & 255 != 0xC0:
        return False
    r.at += 1
    return True


def get(r: Reader, depth: i64) -> Any:
    """Read a value of any kind, except those that are rare."""
    tag = i64(read_i16_be(r.data, r.at - 1)) & 255
    if tag < 0x80:
        r.at += 1
        return tag
    if tag >= 0xA0 and tag < 0xC0:
        n = tag & 31
        if n > r.size - r.at - 1:
            raise ValueError("cut short")
        r.at += 1
        return _name(r, n) if n <= _WORD else _text(r, n)
    if (tag >= 0xCC and tag < 0xD4) or tag >= 0xE0:
        return get_int(r)
    return _get_many(r, tag, depth + 1)


def _get_many(r: Reader, tag: i64, depth: i64) -> Any:
    if depth > _DEEP:
        raise ValueError("too deep")
    if tag < 0x90 or tag >= 0xDE:
        return get_map(r, depth)
    if tag < 0xA0 or tag >= 0xDC:
        return get_list(r, depth)
    if tag == 0xCB:
        number = read_f64_be(r.data, r.at + 1)
        r.at += 9
        return number
    if tag == 0xC0:
        r.at += 1
        return None
    if tag == 0xC2 or tag == 0xC3:
        return get_flag(r)
    return get_text(r)


def get_list(r: Reader, depth: i64 = 0) -> list[Any]:
    """Read a list of values of any kind."""
    found: list[Any] = []
    for _ in range(list_length(r)):
        found.append(get(r, depth))  # noqa: PERF401 - a list that is written out needs no iterator
    return found


def get_map(r: Reader, depth: i64 = 0) -> dict[Any, Any]:
    """Read a mapping of values of any kind."""
    found: dict[Any, Any] = {}
    for _ in range(map_length(r)):
        tag = i64(read_i16_be(r.data, r.at - 1)) & 255
        if tag >= 0xA0 and tag < 0xC0:
            name = get_name(r)
            found[name] = get(r, depth)
        else:
            key = get(r, depth)
            found[key] = get(r, depth)
    return found
