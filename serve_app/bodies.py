"""Reading request bodies within bounds, before and after decompression."""

import re
import zlib
from collections.abc import Mapping

from pydantic_core import from_json
from starlette.types import Receive

from serve_app.problems import (
    INVALID,
    MALFORMED,
    MAX_DEPTH,
    TOO_DEEP,
    TOO_LARGE,
    UNSUPPORTED,
    ProblemError,
    invalid,
)

JSON_TYPES = re.compile(rb"application/(?:json|[a-z0-9.+-]+\+json)", re.IGNORECASE)
_DRAIN_BYTES = 16 * 1024 * 1024

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
            gzip; 400 for damaged gzip or a client that went away.
    """
    declared = headers.get(b"content-length", b"")
    too_large = declared.isdigit() and (len(declared) > 15 or int(declared) > limit)
    if too_large and b"expect" in headers:
        raise _too_large(limit)  # the client waits for our word before it sends
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ProblemError(MALFORMED, "The body ended early.")
        chunk = message.get("body", b"")
        size += len(chunk)
        if too_large or size > limit:
            # A client that is still sending may never see an answer, so take in a while longer.
            too_large = True
            chunks.clear()
            if size > _DRAIN_BYTES or not message.get("more_body", False):
                raise _too_large(limit)
            continue
        chunks.append(chunk)
        if not message.get("more_body", False):
            break
    body = chunks[0] if len(chunks) == 1 else b"".join(chunks)
    encoding = headers.get(b"content-encoding")
    return body if encoding is None else _decoded(body, encoding, limit)


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


# Infinities and NaN as msgpack writes them: a float whose exponent is all ones. Within text these
# bytes are not UTF-8, and other values hold them by a rare chance only.
_NOT_FINITE = re.compile(rb"\xcb[\x7f\xff][\xf0-\xff]")


def may_hold_infinity(packed: bytes) -> bool:
    """Return whether msgpack bytes may hold a float that is not finite; never wrongly no."""
    return _NOT_FINITE.search(packed) is not None
