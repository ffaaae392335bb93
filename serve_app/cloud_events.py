"""CloudEvents 1.0 over HTTP, mapped onto the envelope.

| CloudEvent | envelope |
| --- | --- |
| `type` is identify, track, page, screen, group or alias | that type; `data` is the envelope |
| any other `type` | a track event of that name |
| `data` | the envelope, if it has `properties`, `traits` or `context`; else the properties |
| `subject` | identity, when `data` has none: `user:…`, `anon:…`, or a bare userId |
| `source` and `id` | `messageId` |
| `time` | `timestamp` |
| extension `channel` | `context.channel`, unless `data` has one |
"""

import base64
import binascii
from collections.abc import Mapping
from datetime import timedelta
from hashlib import blake2b
from typing import Any

from cloudevents.core.bindings.common import decode_header_value
from cloudevents.core.exceptions import CloudEventValidationError
from cloudevents.core.v1.event import CloudEvent

from actors.domain.events import EVENT_TYPES
from actors.domain.instants import EPOCH, LATEST_MS
from serve_app.bodies import JSON_TYPES, strictly
from serve_app.instants import parse_instant
from serve_app.problems import INVALID, UNSUPPORTED, FieldError, ProblemError, invalid, location
from serve_app.schemas import MAX_MESSAGE_ID

STRUCTURED = b"application/cloudevents+json"
BATCHED = b"application/cloudevents-batch+json"
_PREFIX = b"ce-"


def is_binary(headers: Mapping[bytes, bytes]) -> bool:
    """Return whether a request is in binary mode."""
    return b"ce-specversion" in headers


def message_id(source: str, event_id: str) -> str:
    """Return the message id of a CloudEvent: one to one with the pair, at most 100 characters."""
    plain = f"{source}#{event_id}"
    # With another "#" the pair could not be told from a different one; hash it, as the long ones.
    if len(plain) <= MAX_MESSAGE_ID and plain.count("#") == 1 and plain.isprintable():
        return plain
    pair = f"{len(source)}:{source}{event_id}".encode()
    return "ce-" + blake2b(pair, digest_size=32).hexdigest()


def from_binary(headers: Mapping[bytes, bytes], body: bytes) -> dict[str, Any]:
    """Return the envelope of a binary-mode request: attributes in `ce-` headers, data in the body.

    Raises:
        ProblemError: 415 for data that is not JSON, 400 for broken JSON, 422 for the rest.
    """
    attributes: dict[str, Any] = {}
    for name, value in headers.items():
        if name.startswith(_PREFIX):
            attribute = name[len(_PREFIX) :].decode("latin-1")
            text = value.decode("latin-1")
            # `time` is read by our own parser, which refuses what has no zone.
            attributes[attribute] = decode_header_value("text", text)
    content_type = headers.get(b"content-type")
    if content_type:
        attributes["datacontenttype"] = content_type.decode("latin-1")
        if not JSON_TYPES.fullmatch(content_type.partition(b";")[0].strip()):
            raise ProblemError(UNSUPPORTED, "The data of an event must be JSON.")
    return _envelope(attributes, strictly(body) if body else None)


def from_structured(value: object) -> dict[str, Any]:
    """Return the envelope of one parsed structured-mode event.

    Raises:
        ProblemError: 422, or 400 for base64 data that is not JSON.
    """
    if not isinstance(value, dict):
        raise ProblemError(INVALID, "An event must be an object.")
    attributes = {name: given for name, given in value.items() if given is not None}
    data = attributes.pop("data", None)
    encoded = attributes.pop("data_base64", None)
    if encoded is not None:
        if data is not None:
            raise invalid("data_base64", "give either data or data_base64")
        data = _decoded(encoded)
    kind = attributes.get("datacontenttype", "application/json")
    if isinstance(kind, str) and not JSON_TYPES.fullmatch(kind.partition(";")[0].encode()):
        raise invalid("datacontenttype", "the data of an event must be JSON")
    return _envelope(attributes, data)


def _decoded(encoded: object) -> object:
    if not isinstance(encoded, str):
        raise invalid("data_base64", "must be base64 text")
    try:
        data = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        raise invalid("data_base64", "must be base64 text") from None
    return strictly(data)


def _checked(attributes: dict[str, Any]) -> tuple[CloudEvent, str | None]:
    """Validate attributes; return the event and its `time` as it was written."""
    for name in ("specversion", "id", "source", "type"):
        if not isinstance(attributes.get(name), str) or not attributes[name]:
            # The library would make up an id and a version of its own.
            raise invalid(name, "is needed, as text")
    attributes = dict(attributes)
    time = attributes.pop("time", None)
    at_ms = 0
    if time is not None:
        try:
            at_ms = parse_instant(time if isinstance(time, str) else "")
        except ValueError as error:
            raise invalid("time", str(error)) from None
    attributes["time"] = EPOCH + timedelta(milliseconds=min(max(at_ms, 0), LATEST_MS))
    try:
        return CloudEvent(attributes), time
    except CloudEventValidationError as error:
        errors: list[FieldError] = [
            {"loc": location([name]), "msg": "is not a valid CloudEvents attribute"}
            for name in error.errors
        ]
        raise ProblemError(INVALID, "Not a valid CloudEvent 1.0.", errors) from None


def _envelope(attributes: dict[str, Any], data: object) -> dict[str, Any]:
    event, time = _checked(attributes)
    if data is None:
        data = {}
    if not isinstance(data, dict):
        raise invalid("data", "must be an object")
    kind = event.get_type()
    whole = kind in EVENT_TYPES or any(
        isinstance(data.get(part), dict) for part in ("properties", "traits", "context")
    )
    envelope: dict[str, Any]
    if whole:
        envelope = dict(data)
    else:
        envelope = {"properties": data}
        for name in ("userId", "anonymousId"):
            if name in data:
                envelope[name] = data[name]
    envelope["type"] = kind if kind in EVENT_TYPES else "track"
    if kind not in EVENT_TYPES:
        envelope["event"] = kind
    envelope["messageId"] = message_id(event.get_source(), event.get_id())
    if time is not None:
        envelope["timestamp"] = time
    _identify(envelope, event.get_subject())
    channel = event.get_extension("channel")
    if channel is not None:
        context = envelope.get("context")
        if context is None or isinstance(context, dict):
            envelope["context"] = {"channel": channel, **(context or {})}
    return envelope


def _identify(envelope: dict[str, Any], subject: str | None) -> None:
    if subject is None or envelope.get("userId") or envelope.get("anonymousId"):
        return
    prefix, _, rest = subject.partition(":")
    if prefix == "anon" and rest:
        envelope["anonymousId"] = rest
    elif prefix == "user" and rest:
        envelope["userId"] = rest
    else:
        envelope["userId"] = subject
