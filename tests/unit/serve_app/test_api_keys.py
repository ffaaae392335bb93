"""Making and reading API keys."""

import asyncio
import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.stores.memory import MemoryStore
from serve_app.auth import KeyRing, credential_of, hash_of, key_from_record, new_key
from serve_app.gateway import EdgeSettings
from serve_app.problems import ProblemError

READ = frozenset({"read"})
SCOPE = {"headers": [], "client": ("192.0.2.1", 1)}


def test_a_key_reads_back_from_its_record():
    text, key_hash, record = new_key(
        ["read", "ingest"], ["web"], lambda n: b"\x01" * n, name="shop", created_at_ms=5
    )

    key = key_from_record(key_hash, record)

    prefix, key_id, secret = text.split("_")
    assert prefix == "rt"
    assert key.id == key_id
    assert key.hash == hash_of(key_id, secret)
    assert key.scopes == {"ingest", "read"}
    assert key.channels == {"web"}
    assert (key.name, key.created_at_ms) == ("shop", 5)


def test_admin_implies_every_scope_and_no_other_does():
    _, key_hash, record = new_key(["admin"], [], lambda n: b"a" * n)
    _, other_hash, other = new_key(["decide"], [], lambda n: b"b" * n)

    assert key_from_record(key_hash, record).allows(READ)
    assert not key_from_record(other_hash, other).allows(READ)


@given(st.binary(max_size=100))
def test_any_authorization_header_has_a_credential_or_none(value: bytes):
    assert isinstance(credential_of(value), str)


def test_the_credential_is_found_in_both_schemes():
    assert credential_of(b"Bearer k") == "k"
    assert credential_of(b"bearer  k ") == "k"
    assert credential_of(b"BASIC " + base64.b64encode(b"k:")) == "k"
    assert credential_of(b"Basic " + base64.b64encode(b"k:password")) == "k"
    assert credential_of(b"Basic !!") == ""
    assert credential_of(b"") == ""


class CountingStore(MemoryStore):
    """Counts how often the keys are read."""

    reads = 0

    async def keys(self):
        self.reads += 1
        await asyncio.sleep(0)
        return await super().keys()


def test_many_requests_at_once_read_the_keys_once():
    store = CountingStore()
    now = [0]
    text, key_hash, record = new_key(["read"], [], lambda n: b"a" * n)

    async def scenario() -> None:
        await store.put_key(key_hash, record)
        ring = KeyRing(store, EdgeSettings(), lambda: now[0])
        await asyncio.gather(*(ring.check(text, READ, SCOPE) for _ in range(50)))
        assert store.reads == 1
        now[0] = 999
        await ring.check(text, READ, SCOPE)
        assert store.reads == 1
        now[0] = 1000
        await ring.check(text, READ, SCOPE)
        assert store.reads == 2

    asyncio.run(scenario())


def test_unknown_keys_cannot_make_the_ring_read_at_will():
    store = CountingStore()
    wrong, _, _ = new_key(["read"], [], lambda n: b"z" * n)

    async def scenario() -> None:
        ring = KeyRing(store, EdgeSettings(failures_per_minute=10_000), lambda: 50)
        for _ in range(100):
            with pytest.raises(ProblemError, match="401"):
                await ring.check(wrong, READ, SCOPE)

    asyncio.run(scenario())

    assert store.reads == 1


def test_the_table_of_failures_is_bounded():
    store = MemoryStore()

    async def scenario() -> None:
        ring = KeyRing(store, EdgeSettings(failures_per_minute=1), lambda: 0)
        for i in range(5000):
            with pytest.raises(ProblemError, match="401"):
                await ring.check("wrong", READ, {"headers": [], "client": (f"h{i}", 1)})
        assert len(ring._failures._counts) <= 4096

    asyncio.run(scenario())
