"""What reads bytes from outside, each as a function that raises only when something is wrong.

A decoder may say no in the one way that its callers expect; whatever else it raises is a bug.
"""

from collections.abc import Callable
from contextlib import suppress

from actors.domain.errors import CodecError, PlaybookError
from actors.playbook.checks import compile_rule
from actors.playbook.loader import bundle_from_bytes, compile_bundle, library
from actors.playbook.templates import parse_text
from actors.wire.markers import read_marker
from actors.wire.records import unpack_turn
from actors.wire.state import unpack_state
from serve_app.api.batches import parse_batch, validated
from serve_app.api.events import parse_envelope
from serve_app.auth import Key, credential_of
from serve_app.bodies import _gunzip, strictly
from serve_app.cloud_events import from_binary, from_structured
from serve_app.envelope import build_event, kind_of, packed
from serve_app.instants import parse_instant
from serve_app.problems import ProblemError
from serve_app.schemas import Envelope

KEY = Key("k", b"", frozenset({"ingest"}), frozenset())
LIMIT = 32 * 1024


def _event(envelope: Envelope, kind: str = "track") -> None:
    packed(build_event(kind, envelope, KEY, lambda: "new"))


def envelope(data: bytes) -> None:
    """`POST /v1/track`."""
    with suppress(ProblemError):
        _event(parse_envelope(data))


def batch(data: bytes) -> None:
    """`POST /v1/batch`: every item by itself."""
    with suppress(ProblemError):
        for item in parse_batch(data, 2500)["batch"]:
            with suppress(ProblemError):
                one = validated(item, LIMIT)
                _event(one, kind_of(one))


def cloud_event(data: bytes) -> None:
    """`POST /v1/events`, structured and binary: header lines, a blank line, the body."""
    with suppress(ProblemError):
        value = strictly(data)
        for each in value if isinstance(value, list) else [value]:
            with suppress(ProblemError):
                _event(validated(from_structured(each), LIMIT))
    head, _, body = data.partition(b"\n\n")
    headers = dict(line.partition(b":")[::2] for line in head.split(b"\n"))
    with suppress(ProblemError):
        _event(validated(from_binary(headers, body), LIMIT))


def gzip(data: bytes) -> None:
    """A compressed body."""
    with suppress(ProblemError):
        assert len(_gunzip(data, LIMIT)) <= LIMIT


def stored(data: bytes) -> None:
    """A row of the store, whatever a disk has made of it."""
    for read in (unpack_state, unpack_turn, read_marker):
        with suppress(CodecError):
            read(data)


def bundle(data: bytes) -> None:
    """A stored playbook."""
    with suppress(CodecError):
        bundle_from_bytes(data)


def playbook(data: bytes) -> None:
    """`PUT /v1/playbook`: the retail playbook with one file replaced by this."""
    name, _, text = data.decode("utf-8", "replace").partition("\n")
    files = dict(library("retail"))
    with suppress(PlaybookError):
        compile_bundle({**files, name if name in files else "actions.yaml": text})


def rule(data: bytes) -> None:
    """A rule, and the same text as a template; what compiles fails closed."""
    text = data.decode("utf-8", "replace")
    compiled = compile_rule(text, lambda _offset, _text: None)
    if compiled is not None:
        assert compiled.holds({}) in (True, False)
        assert compiled.met({}) in (True, False)
    parse_text(text)


def header(data: bytes) -> None:
    """The Authorization header, and a time."""
    credential_of(data)
    with suppress(ValueError):
        parse_instant(data.decode("utf-8", "replace"))


TARGETS: dict[str, Callable[[bytes], None]] = {
    each.__name__: each
    for each in (envelope, batch, cloud_event, gzip, stored, bundle, playbook, rule, header)
}
