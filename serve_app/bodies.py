"""Reading request bodies within bounds, before and after decompression."""

import asyncio
import re
import zlib
from collections.abc import Mapping

from pydantic_core import from_json
from starlette.types import Message, Receive

from serve_app.problems import (
    INVALID,
    MALFORMED,
    MAX_DEPTH,
    TOO_DEEP,
    TOO_LARGE,
    TOO_SLOW,
    UNSUPPORTED,
    ProblemError,
    invalid,
)

JSON_TYPES = re.compile(rb"application/(?:json|[a-z0-9.+-]+\+json)", re.IGNORECASE)
_DRAIN_BYTES = 16 * 1024 * 1024
_WHOLE_WITHIN_S = 30.0
"""From its first piece on. The proxy hangs up on who is silent, but not on who sends a byte now and then."""

Headers = Mapping[bytes, bytes]


def media_type(headers: Headers) -> bytes:
    """Return the content type without parameters, in lower case; empty when there is none.

    Raises:
        ProblemError: 415, for a charset other than UTF-8.
    """
    value = headers.get(b"content-type", b"")
    if b";" not in value:
        return value.strip().lower()
    base, _, parameters = value.partition(b";")
    for parameter in parameters.split(b";"):
        name, _, text = parameter.partition(b"=")
        charset = text.strip().strip(b'"').lower()
        if name.strip().lower() == b"charset" and charset not in (b"utf-8", b"utf8", b"us-ascii"):
            raise ProblemError(UNSUPPORTED, "Send the body as UTF-8.")
    return base.strip().lower()


def require_json(headers: Headers) -> None:
    """Refuse a body that says it is something other than JSON; saying nothing is accepted.

    Raises:
        ProblemError: 415.
    """
    kind = media_type(headers)
    if kind != b"application/json" and kind and not JSON_TYPES.fullmatch(kind):
        raise ProblemError(UNSUPPORTED, "Send application/json.")


async def read_body(receive: Receive, headers: Headers, limit: int) -> bytes:
    """Return the whole body, decompressed, of at most `limit` bytes.

    Raises:
        ProblemError: 413 when it is larger, as sent or decompressed; 415 for an encoding other than
            gzip; 400 for damaged gzip or a client that went away; 408 when it does not end.
    """
    declared = headers.get(b"content-length", b"")
    too_large = declared.isdigit() and (len(declared) > 15 or int(declared) > limit)
    if too_large and b"expect" in headers:
        raise _too_large(limit)  # the client waits for our word before it sends
    first = await receive()
    body = first.get("body", b"")
    if first.get("more_body", False) or first["type"] == "http.disconnect":
        try:
            async with asyncio.timeout(_WHOLE_WITHIN_S):
                body = await _collected(first, receive, 0 if too_large else limit, limit)
        except TimeoutError:
            raise ProblemError(TOO_SLOW) from None
    elif too_large or len(body) > limit:
        raise _too_large(limit)
    encoding = headers.get(b"content-encoding")
    return body if encoding is None else _decoded(body, encoding, limit)


async def _collected(message: Message, receive: Receive, most: int, limit: int) -> bytes:
    """Return a body of several pieces, of which the first is given; `most` is 0 when it is too large as declared."""
    chunks: list[bytes] = []
    size, too_large = 0, False
    while True:
        if message["type"] == "http.disconnect":
            raise ProblemError(MALFORMED, "The body ended early.")
        chunk = message.get("body", b"")
        size += len(chunk)
        if too_large or size > most:
            # A client that is still sending may never see an answer, so take in a while longer.
            too_large = True
            chunks.clear()
            if size > _DRAIN_BYTES or not message.get("more_body", False):
                raise _too_large(limit)
        else:
            chunks.append(chunk)
            if not message.get("more_body", False):
                return b"".join(chunks)
        message = await receive()


def _too_large(limit: int) -> ProblemError:
    return ProblemError(TOO_LARGE, f"The body is larger than {limit} bytes.")


def _decoded(body: bytes, encoding: bytes, limit: int) -> bytes:
    match encoding.strip().lower():
        case b"" | b"identity":
            return body
        case b"gzip" | b"x-gzip":
            return _gunzip(body, limit)
        case _:
            headers = {"Accept-Encoding": "gzip"}
            raise ProblemError(UNSUPPORTED, "Only gzip is understood.", headers=headers)


def _gunzip(body: bytes, limit: int) -> bytes:
    plain = bytearray()
    rest = body
    while rest:
        unzip = zlib.decompressobj(wbits=31)
        try:
            plain += unzip.decompress(rest, limit + 1 - len(plain))
        except zlib.error:
            raise ProblemError(MALFORMED, "The body is not valid gzip.") from None
        if len(plain) > limit:
            raise _too_large(limit)
        if not unzip.eof:
            raise ProblemError(MALFORMED, "The gzip body ended early.")
        rest = unzip.unused_data
    return bytes(plain)


def check_json(body: bytes) -> None:
    """Refuse what the fast parser lets pass: NaN and Infinity, and deep nesting anywhere.

    Cheap when there is nothing to find: deep nesting needs many brackets.

    Raises:
        ProblemError: 400 for the words, 422 for the depth.
    """
    if b"NaN" in body or b"Infinity" in body:
        strictly(body)
    if body.count(b"{") + body.count(b"[") > MAX_DEPTH:
        check_depth(strictly(body))


def strictly(body: bytes) -> object:
    """Parse JSON as RFC 8259 has it, which knows no NaN and no Infinity.

    Raises:
        ProblemError: 400 when it is not JSON, 422 when it nests too deeply to parse.
    """
    try:
        value: object = from_json(body, allow_inf_nan=False)
    except ValueError as error:
        if "recursion limit" in str(error):
            raise ProblemError(INVALID, TOO_DEEP) from None
        raise ProblemError(MALFORMED, f"Invalid JSON: {error}.") from None
    return value


def check_depth(value: object, above: int = 0) -> None:
    """Refuse more than `MAX_DEPTH` levels of objects and arrays, counting those `above`.

    Raises:
        ProblemError: 422.
    """
    level = [value]
    depth = above
    while level:
        below: list[object] = []
        nests = False
        for item in level:
            if isinstance(item, dict):
                nests = True
                below.extend(v for v in item.values() if isinstance(v, dict | list))
            elif isinstance(item, list):
                nests = True
                below.extend(v for v in item if isinstance(v, dict | list))
        depth += nests
        if depth > MAX_DEPTH:
            raise invalid("", TOO_DEEP)
        level = below


MAX_ELEMENTS = 500
"""Of any one object or array of an event: rules may go over all of them, and over all pairs."""

# Arrays and objects of 256 elements or more as msgpack writes them; a text may hold these bytes too.
_MANY = re.compile(rb"[\xdc\xde][\x01-\xff]|[\xdd\xdf]")


def may_hold_many(packed: bytes) -> bool:
    """Return whether msgpack bytes may hold more than 255 elements in one place; never wrongly no."""
    # Looking for one byte is a tenth of the work of a pattern that begins with a choice, and mostly none is there.
    may = b"\xdc" in packed or b"\xdd" in packed or b"\xde" in packed or b"\xdf" in packed
    return may and _MANY.search(packed) is not None


# Infinities and NaN as msgpack writes them: a float whose exponent is all ones. Within text these
# bytes are not UTF-8, and other values hold them by a rare chance only.
_NOT_FINITE = re.compile(rb"\xcb[\x7f\xff][\xf0-\xff]")


def may_hold_infinity(packed: bytes) -> bool:
    """Return whether msgpack bytes may hold a float that is not finite; never wrongly no."""
    return _NOT_FINITE.search(packed) is not None
