"""Bounded bodies, strict JSON, and numbers that are none."""

import asyncio
import gzip
import json
import math

import msgpack
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from serve_app.bodies import (
    MAX_ELEMENTS,
    check_depth,
    check_json,
    may_hold_infinity,
    may_hold_many,
    read_body,
)
from serve_app.problems import MAX_DEPTH, ProblemError
from tests.doubles.cells import jumping

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


def finite(value: object) -> bool:
    if isinstance(value, dict):
        return all(finite(v) for v in value.values())
    if isinstance(value, list):
        return all(finite(v) for v in value)
    return not isinstance(value, float) or math.isfinite(value)


@given(VALUES)
def test_no_number_that_is_none_is_overlooked(value: object):
    packed = msgpack.packb(value)

    if not finite(value):
        assert may_hold_infinity(packed)


@given(st.text())
def test_text_is_never_taken_for_a_number(text: str):
    assert not may_hold_infinity(msgpack.packb({text: text}))


def depth(value: object) -> int:
    if isinstance(value, dict):
        return 1 + max((depth(v) for v in value.values()), default=0)
    if isinstance(value, list):
        return 1 + max((depth(v) for v in value), default=0)
    return 0


@given(VALUES, st.integers(0, MAX_DEPTH + 2))
def test_the_depth_that_is_refused_is_the_depth_there_is(value: object, above: int):
    if depth(value) and depth(value) + above > MAX_DEPTH:
        with pytest.raises(ProblemError, match="422"):
            check_depth(value, above)
    elif not depth(value):
        return
    else:
        check_depth(value, above)


@given(VALUES.filter(finite))
def test_json_that_is_valid_and_shallow_passes(value: object):
    check_json(json.dumps(value).encode())


def read(chunks: list[bytes], limit: int, headers: dict[bytes, bytes] | None = None) -> bytes:
    messages = [
        {"type": "http.request", "body": chunk, "more_body": i < len(chunks) - 1}
        for i, chunk in enumerate(chunks)
    ]

    async def receive():
        return messages.pop(0) if messages else {"type": "http.disconnect"}

    return asyncio.run(read_body(receive, headers or {}, limit))


@given(st.lists(st.binary(max_size=50), min_size=1, max_size=5), st.integers(0, 120))
def test_a_body_is_whole_or_refused(chunks: list[bytes], limit: int):
    whole = b"".join(chunks)

    if len(whole) > limit:
        with pytest.raises(ProblemError, match="413"):
            read(chunks, limit)
    else:
        assert read(chunks, limit) == whole


@given(st.lists(st.binary(max_size=200), min_size=1, max_size=3), st.integers(0, 400))
def test_a_compressed_body_is_measured_unpacked(parts: list[bytes], limit: int):
    whole = b"".join(parts)
    sent = b"".join(gzip.compress(part) for part in parts)  # gzip may have several members
    headers = {b"content-encoding": b"gzip"}

    if max(len(whole), len(sent)) > limit:
        with pytest.raises(ProblemError, match="413"):
            read([sent], limit, headers)
    else:
        assert read([sent], limit, headers) == whole


def test_a_client_that_waits_for_our_word_is_refused_before_it_sends():
    headers = {b"content-length": b"99999999999", b"expect": b"100-continue"}

    with pytest.raises(ProblemError, match="413"):
        read([], 10, headers)


def test_an_absurd_content_length_is_too_large():
    with pytest.raises(ProblemError, match="413"):
        read([b"x"], 10, {b"content-length": b"9" * 5000})


def test_a_client_that_goes_away_is_told_nothing_worse_than_400():
    messages = [{"type": "http.request", "body": b"{", "more_body": True}]

    async def receive():
        return messages.pop(0) if messages else {"type": "http.disconnect"}

    with pytest.raises(ProblemError, match="400"):
        asyncio.run(read_body(receive, {}, 10))


def test_a_body_that_never_ends_is_given_up():
    waits = []

    async def dribble():
        waits.append(1)
        await asyncio.sleep(1.0)
        return {"type": "http.request", "body": b"a", "more_body": True}

    with pytest.raises(ProblemError, match="408"):
        jumping(read_body(dribble, {}, 1_000_000))

    assert len(waits) < 40


@example(70_000, b"")  # from 65,536 on msgpack writes others in front
@given(st.integers(0, 600), st.binary(max_size=20))
def test_no_list_of_very_many_is_overlooked(count: int, noise: bytes):
    for value in ([0] * count, {str(i): 0 for i in range(count)}):
        packed = msgpack.packb([noise.decode("latin-1"), {"a": value}])

        if count > MAX_ELEMENTS:
            assert may_hold_many(packed)
