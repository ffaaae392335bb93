"""Who may call: API keys with scopes, kept only as keyed hashes, revocable within a second.

A key reads `rt_<id>_<secret>`. The id is public and names the key for revocation; the secret carries
256 bits, so the limit on failed attempts is about load and noise, not about guessing: a valid key
is let through even from an address that fails a lot, because many clients can share one proxy.
"""

import asyncio
import base64
import binascii
import hmac
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import msgpack
from starlette.requests import Request

from actors.ports import Store
from serve_app.gateway import EdgeSettings
from serve_app.problems import BUSY, FORBIDDEN, UNAUTHORIZED, ProblemError

SCOPES = ("ingest", "decide", "read", "admin")
_KEY = re.compile(r"rt_([a-z2-7]{13})_([a-z2-7]{52})", re.ASCII)
_RECEIVE = frozenset({"read", "decide"})
_MISS_REFRESH_MS = 100
_WINDOW_MS = 60_000
_MAX_ADDRESSES = 4096


@dataclass(frozen=True, slots=True)
class Key:
    """An API key without its secret. Empty `channels`: it may speak for all of them."""

    id: str
    hash: bytes
    scopes: frozenset[str]
    channels: frozenset[str]
    name: str = ""
    created_at_ms: int = 0

    def allows(self, scopes: frozenset[str]) -> bool:
        """Return whether any one of `scopes` is granted; `admin` grants all."""
        return "admin" in self.scopes or not self.scopes.isdisjoint(scopes)


def hash_of(key_id: str, secret: str) -> bytes:
    """Return what is stored of a key: a hash of its secret, keyed by its id."""
    return blake2b(
        secret.encode(), digest_size=32, key=key_id.encode(), person=b"righttime.apikey"
    ).digest()


def _letters(data: bytes) -> str:
    return base64.b32encode(data).decode().rstrip("=").lower()


def new_key(
    scopes: Iterable[str],
    channels: Iterable[str],
    rng_bytes: Callable[[int], bytes],
    *,
    name: str = "",
    created_at_ms: int = 0,
) -> tuple[str, bytes, bytes]:
    """Make a key; the caller stores hash and record with `Store.put_key`.

    Returns:
        The key's text, to be shown once; its hash; its record, msgpack.
    """
    text = f"rt_{_letters(rng_bytes(8))}_{_letters(rng_bytes(32))}"
    return text, *record_of(text, scopes, channels, name=name, created_at_ms=created_at_ms)


def record_of(
    text: str,
    scopes: Iterable[str],
    channels: Iterable[str],
    *,
    name: str = "",
    created_at_ms: int = 0,
) -> tuple[bytes, bytes]:
    """Return what `Store.put_key` takes for a key whose text is known: hash and record.

    Raises:
        ValueError: The text is not a key.
    """
    match = _KEY.fullmatch(text)
    if match is None:
        raise ValueError("not an API key")
    record: bytes = msgpack.packb(
        {
            "id": match[1],
            "scopes": sorted(set(scopes)),
            "channels": sorted(set(channels)),
            "name": name,
            "created_at_ms": created_at_ms,
        }
    )
    return hash_of(match[1], match[2]), record


def key_from_record(key_hash: bytes, record: bytes) -> Key:
    """Read a stored key."""
    values = msgpack.unpackb(record)
    return Key(
        id=values["id"],
        hash=key_hash,
        scopes=frozenset(values["scopes"]),
        channels=frozenset(values["channels"]),
        name=values.get("name", ""),
        created_at_ms=values.get("created_at_ms", 0),
    )


def credential_of(authorization: bytes) -> str:
    """Return the key that an Authorization header carries, or an empty string.

    Bearer KEY, or Basic with the key as user name, as Segment's libraries send their write key.
    """
    scheme, _, rest = authorization.partition(b" ")
    rest = rest.strip()
    match scheme.lower():
        case b"bearer":
            return rest.decode("latin-1")
        case b"basic":
            try:
                user, _, _ = base64.b64decode(rest, validate=True).partition(b":")
            except (binascii.Error, ValueError):
                return ""
            return user.decode("latin-1")
        case _:
            return ""


class _Failures:
    """Failed attempts by client address in fixed windows of a minute; bounded, the oldest go."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._counts: dict[str, tuple[int, int]] = {}

    def add(self, address: str, now_ms: int) -> float:
        """Count one; return how many seconds to wait, or 0."""
        started_ms, count = self._counts.pop(address, (now_ms, 0))
        if now_ms - started_ms >= _WINDOW_MS:
            started_ms, count = now_ms, 0
        self._counts[address] = (started_ms, count + 1)
        if len(self._counts) > _MAX_ADDRESSES:
            del self._counts[next(iter(self._counts))]
        if count < self._limit:
            return 0.0
        return max(1.0, (started_ms + _WINDOW_MS - now_ms) / 1000)


class KeyRing:
    """Checks keys against a copy of the store's that is never older than `key_cache_ms`."""

    def __init__(self, store: Store, settings: EdgeSettings, machine_ms: Callable[[], int]) -> None:
        self._store = store
        self._settings = settings
        self._machine_ms = machine_ms
        self._keys: dict[str, Key] = {}
        self._loaded_at_ms: int | None = None
        self._loading = asyncio.Lock()
        self._failures = _Failures(settings.failures_per_minute)

    def forget(self) -> None:
        """Read the keys again before the next request, because they have just been changed."""
        self._loaded_at_ms = None

    async def all(self) -> list[Key]:
        """Return the keys as they are in the store now."""
        return [key_from_record(key_hash, record) for key_hash, record in await self._store.keys()]

    async def _refresh(self, max_age_ms: int) -> None:
        if self._fresh(max_age_ms):
            return
        async with self._loading:
            if self._fresh(max_age_ms):
                return
            now_ms = self._machine_ms()
            self._keys = {key.id: key for key in await self.all()}
            self._loaded_at_ms = now_ms

    def _fresh(self, max_age_ms: int) -> bool:
        loaded = self._loaded_at_ms
        return loaded is not None and 0 <= self._machine_ms() - loaded < max_age_ms

    async def _find(self, text: str) -> Key | None:
        match = _KEY.fullmatch(text)
        if match is None:
            return None
        key_id, secret = match[1], match[2]
        given = hash_of(key_id, secret)
        await self._refresh(self._settings.key_cache_ms)
        if key_id not in self._keys:  # perhaps it was made a moment ago by another replica
            await self._refresh(_MISS_REFRESH_MS)
        key = self._keys.get(key_id)
        same = hmac.compare_digest(given, b"\0" * 32 if key is None else key.hash)
        return key if same else None

    async def check(self, text: str, scopes: frozenset[str], scope: Mapping[str, Any]) -> Key:
        """Return the key whose text this is.

        Args:
            text: The credential, or an empty string.
            scopes: Any one of these must be granted.
            scope: The ASGI scope, for the client's address.

        Raises:
            ProblemError: 401 for no or a wrong key, 429 after too many of them from one address,
                403 when the scope is missing.
        """
        key = await self._find(text) if text else None
        if key is None:
            if text:
                wait_s = self._failures.add(self._address(scope), self._machine_ms())
                if wait_s:
                    raise ProblemError(BUSY, "Too many attempts with wrong keys.", (), wait_s)
            raise ProblemError(UNAUTHORIZED, "Send `Authorization: Bearer KEY` or Basic `KEY:`.")
        if not key.allows(scopes):
            needed = " or ".join(sorted(scopes))
            raise ProblemError(FORBIDDEN, f"The key lacks the scope {needed}.")
        return key

    def _address(self, scope: Mapping[str, Any]) -> str:
        client = scope.get("client")
        host = str(client[0]) if client else ""
        if host in self._settings.trusted_proxies or not host:
            for name, value in scope["headers"]:
                if name == b"x-forwarded-for":
                    # The last entry is the one that our own proxy wrote; the others are claims.
                    host = value.rpartition(b",")[2].strip().decode("latin-1")[:64]
        return host

    async def authorize(self, request: Request, channel: str) -> None:
        """Let the request pass if its key may receive what is meant for a channel.

        Raises:
            ProblemError: As `check`; 403 also when the key is bound to other channels.
        """
        text = credential_of(request.headers.get("authorization", "").encode("latin-1"))
        key = await self.check(text, _RECEIVE, request.scope)
        if key.channels and channel not in key.channels:
            raise ProblemError(FORBIDDEN, "The key is bound to other channels.")
