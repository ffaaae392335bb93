"""No bytes make a decoder fail in a way that its callers do not expect."""

import gzip
from pathlib import Path
from zlib import crc32

import msgpack
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from actors.domain.errors import CodecError
from actors.wire.codec import pack, unpack
from tests.fuzz.targets import TARGETS

CORPUS = Path(__file__).parent / "corpus"
SLOW = {"playbook"}


def seeds(name: str) -> list[bytes]:
    return [path.read_bytes() for path in sorted((CORPUS / name).iterdir())]


@st.composite
def mutated(draw: st.DrawFn, of: list[bytes]) -> bytes:
    """A kept input with a piece cut out and another put in, or any bytes."""
    data = draw(st.sampled_from(of))
    start = draw(st.integers(0, len(data)))
    end = draw(st.integers(start, min(len(data), start + 8)))
    piece = draw(
        st.binary(max_size=6)
        | st.sampled_from([b"{", b"[" * 40, b"null", b"NaN", b"\xff", b"1e999"])
    )
    return data[:start] + piece + data[end:]


@pytest.mark.parametrize("name", TARGETS)
def test_what_was_kept_is_read_without_a_fault(name: str):
    kept = seeds(name)

    assert kept
    for data in kept:
        TARGETS[name](data)


@pytest.mark.parametrize("name", TARGETS)
def test_what_is_changed_a_little_is_read_without_a_fault(name: str):
    @settings(
        max_examples=3 if name in SLOW else 25,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(mutated(seeds(name)) | st.binary(max_size=64))
    def fuzz(data: bytes) -> None:
        TARGETS[name](data)

    fuzz()


def test_every_single_flipped_bit_of_a_row_is_noticed():
    data = pack(2, ["c", 17, {"a": [1, 2.5]}])
    lift = {1: lambda values: values}

    assert unpack(data, 2, lift, "a row") == ["c", 17, {"a": [1, 2.5]}]
    for place in range(len(data) * 8):
        flipped = bytearray(data)
        flipped[place // 8] ^= 1 << (place % 8)
        with pytest.raises(CodecError):
            unpack(bytes(flipped), 2, lift, "a row")


def test_rows_from_before_the_version_was_in_the_checksum_are_read():
    body = msgpack.packb(["old"])
    old = bytes((2,)) + crc32(body).to_bytes(4, "big") + body

    assert unpack(old, 2, {}, "a row") == ["old"]


def test_a_fault_would_be_seen():
    bomb = gzip.compress(b"a" * 100_000)
    TARGETS["gzip"](bomb)  # refused, not unpacked

    with pytest.raises(KeyError):
        {**TARGETS, "stored": lambda data: {}[data]}["stored"](b"x")
