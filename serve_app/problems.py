"""RFC 9457 problems: the one form in which this API says no.

Neither a value that a client sent nor a path may be repeated in a problem: both can hold personal
data. Field names are repeated only when they look like identifiers.
"""

import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError
from starlette.responses import Response

MEDIA_TYPE = "application/problem+json"
_MAX_ERRORS = 50


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of problem: its stable `type` is `/problems/` and the slug."""

    slug: str
    status: int
    title: str

    @property
    def uri(self) -> str:
        """The problem's `type`."""
        return f"/problems/{self.slug}"


MALFORMED = Kind("malformed", 400, "The request is malformed")
UNAUTHORIZED = Kind("unauthorized", 401, "A valid key is needed")
FORBIDDEN = Kind("forbidden", 403, "The key does not allow this")
NOT_FOUND = Kind("not-found", 404, "There is no such thing")
UNKNOWN_EFFECT = Kind("unknown-effect", 404, "Nothing was ever sent under this key")
METHOD_NOT_ALLOWED = Kind("method-not-allowed", 405, "This method is not allowed here")
TOO_SLOW = Kind("too-slow", 408, "The request took too long to arrive")
CONFLICT = Kind("message-conflict", 409, "This messageId was used for another body")
REFUSED = Kind("refused", 409, "This cannot be done to this customer")
LAST_ADMIN = Kind("last-admin-key", 409, "The last admin key cannot be revoked")
GONE = Kind("gone", 410, "This customer was erased")
FORGOTTEN = Kind("forgotten", 410, "This was forgotten by age")
TOO_LARGE = Kind("too-large", 413, "The request is too large")
UNSUPPORTED = Kind("unsupported-media-type", 415, "This content type or encoding is not supported")
INVALID = Kind("invalid", 422, "The request is well-formed but not valid")
POISON = Kind("poison", 422, "This message cannot be processed")
BUSY = Kind("busy", 429, "Too many requests")
INTERNAL = Kind("internal", 500, "Something went wrong on our side")
UNAVAILABLE = Kind("unavailable", 503, "Not available right now")
SET_ASIDE = Kind("set-aside", 503, "This customer is set aside until the record is restored")

KINDS = {
    kind.slug: kind
    for kind in (
        MALFORMED,
        UNAUTHORIZED,
        FORBIDDEN,
        NOT_FOUND,
        UNKNOWN_EFFECT,
        METHOD_NOT_ALLOWED,
        TOO_SLOW,
        CONFLICT,
        REFUSED,
        LAST_ADMIN,
        GONE,
        FORGOTTEN,
        TOO_LARGE,
        UNSUPPORTED,
        INVALID,
        POISON,
        BUSY,
        INTERNAL,
        UNAVAILABLE,
        SET_ASIDE,
    )
}

FieldError = dict[str, str]


class ProblemError(Exception):
    """Ends a request with a problem. `retry_after_s` becomes the header, rounded up."""

    def __init__(
        self,
        kind: Kind,
        detail: str = "",
        errors: Sequence[FieldError] = (),
        retry_after_s: float | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(kind, detail, errors, retry_after_s, headers)
        self.kind = kind
        self.detail = detail
        self.errors = errors
        self.retry_after_s = retry_after_s
        self.headers = headers

    def __str__(self) -> str:
        return f"{self.kind.status} {self.kind.slug}: {self.detail}"


def body_of(kind: Kind, detail: str = "", errors: Sequence[FieldError] = ()) -> dict[str, Any]:
    """Return the members of a problem document."""
    body: dict[str, Any] = {"type": kind.uri, "title": kind.title, "status": kind.status}
    if detail:
        body["detail"] = detail
    if errors:
        body["errors"] = list(errors[:_MAX_ERRORS])
    return body


def response_of(error: ProblemError) -> Response:
    """Return the HTTP response for a problem."""
    headers = dict(error.headers or {})
    kind = error.kind
    if kind is UNAUTHORIZED:
        headers.setdefault("WWW-Authenticate", 'Bearer realm="righttime"')
    if error.retry_after_s is not None or kind in (BUSY, UNAVAILABLE, SET_ASIDE):
        headers["Retry-After"] = str(max(1, math.ceil(error.retry_after_s or 1.0)))
    headers["Cache-Control"] = "no-store"
    content = json.dumps(body_of(kind, error.detail, error.errors), ensure_ascii=False)
    return Response(content, kind.status, headers, MEDIA_TYPE)


def invalid(loc: str, msg: str) -> ProblemError:
    """Return the problem of one field that is not valid."""
    return ProblemError(INVALID, "The request is not valid.", [{"loc": loc, "msg": msg}])


_PLAIN_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,39}")


def location(parts: Iterable[int | str]) -> str:
    """Return `a.b.0`; names that are no identifiers become `*`, for they may be anything."""
    return ".".join(
        str(part) if isinstance(part, int) or _PLAIN_NAME.fullmatch(part) else "*" for part in parts
    )


def field_errors(errors: Iterable[Mapping[str, Any]], prefix: str = "") -> list[FieldError]:
    """Reduce pydantic's error list to where and what, without any input."""
    found = []
    for error in errors:
        loc = location(error["loc"])
        where = f"{prefix}.{loc}" if prefix and loc else prefix or loc
        msg = "Unknown field" if error["type"] == "extra_forbidden" else str(error["msg"])
        found.append({"loc": where, "msg": msg})
    return found


def from_validation(error: ValidationError) -> ProblemError:
    """Tell malformed JSON (400) from a body that does not fit its schema (422)."""
    errors = error.errors(include_url=False, include_context=False, include_input=False)
    first = errors[0]
    if first["type"] == "json_invalid":
        if "recursion limit" in first["msg"]:
            return invalid("", TOO_DEEP)
        return ProblemError(MALFORMED, f"{first['msg']}.")
    return ProblemError(INVALID, "The request is not valid.", field_errors(errors))


MAX_DEPTH = 32
TOO_DEEP = f"Nested more than {MAX_DEPTH} levels"
