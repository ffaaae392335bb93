"""Posts effects to an HTTP endpoint, signed as the Standard Webhooks specification says."""

import asyncio
import base64
import binascii
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import aiohttp
from aiohttp.abc import AbstractResolver
from standardwebhooks.webhooks import Webhook
from yarl import URL

from actors.channels.addresses import (
    GuardedResolver,
    PrivateAddressError,
    is_public,
    literal_address,
)
from actors.ports import Delivery, DeliveryStatus

MOST_BODY_BYTES = 4_096
"""How much of an answer's body is read; the rest is never waited for."""

_DRAIN_S = 1.0
_CONNECTIONS = 64
_SECRET_PREFIX = "whsec_"  # noqa: S105 - the prefix that marks a secret, not one
_SECRET_BYTES = range(24, 65)
_GONE = 410
_THROTTLED = frozenset({429, 502, 504})


class WebhookChannel:
    """Delivers effects by POST; the effect key is `webhook-id`, the receiver's idempotency key.

    2xx is DELIVERED, 410 GONE, 429/502/504 THROTTLED (with `Retry-After` when given), a private
    address REFUSED, everything else RETRY. Redirects are not followed: the guard against private
    addresses, and the signature's audience, hold for the configured endpoint only.
    """

    def __init__(
        self,
        url: str,
        secrets: Sequence[str],
        *,
        now: Callable[[], float],
        resolver: AbstractResolver | None = None,
        allow_private: bool = False,
        timeout_s: float = 15,
    ) -> None:
        """Prepare an endpoint; nothing is resolved or opened before the first delivery.

        Args:
            url: http or https, with a host, without user name or password.
            secrets: `whsec_…`, at least one. Each signs every message, so that a receiver may
                know either of two while they rotate.
            now: Seconds since 1970 on the machine clock; receivers refuse what is minutes off.
            resolver: Looks names up; the system's when None. Always wrapped by the guard.
            allow_private: Permits private, loopback and link-local addresses.
            timeout_s: For a whole attempt: look-up, connection, request and answer.

        Raises:
            ValueError: The URL or a secret is not usable.
        """
        self._url = _checked_url(url, allow_private)
        if not secrets:
            raise ValueError("a webhook needs at least one secret")
        self._signers = [Webhook(_checked_secret(secret)) for secret in secrets]
        self._now = now
        self._resolver = resolver
        self._allow_private = allow_private
        self._timeout_s = timeout_s
        self._session: aiohttp.ClientSession | None = None

    async def deliver(self, effect_key: str, body: bytes, attempt: int) -> Delivery:
        """Post once. Never raises for what the receiver or the network does."""
        try:
            async with self._client().post(
                self._url,
                data=body,
                headers=self._headers(effect_key, body),
                allow_redirects=False,
            ) as answer:
                delivery = self._judge(answer)
                body = await _drain(answer)
                if delivery.status is DeliveryStatus.DELIVERED:
                    return Delivery(DeliveryStatus.DELIVERED, answer=body)
                return delivery
        except TimeoutError:
            detail = f"no answer within {self._timeout_s:g} s"
        except aiohttp.ClientConnectorError as error:
            if isinstance(error.os_error, PrivateAddressError):
                return Delivery(DeliveryStatus.REFUSED, str(error.os_error))
            detail = f"cannot connect: {error.os_error.strerror or type(error).__name__}"
        except (aiohttp.ClientError, OSError, ValueError) as error:
            detail = f"broken answer: {type(error).__name__}"
        return Delivery(DeliveryStatus.RETRY, detail)

    async def close(self) -> None:
        """Close connections; a later `deliver` would open new ones."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _client(self) -> aiohttp.ClientSession:
        if self._session is None:
            resolver = self._resolver or aiohttp.ThreadedResolver()
            connector = aiohttp.TCPConnector(
                resolver=resolver if self._allow_private else GuardedResolver(resolver),
                limit=_CONNECTIONS,
            )
            self._session = aiohttp.ClientSession(
                connector=connector,
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(total=self._timeout_s),
                auto_decompress=False,  # a small body must not unpack into a large one
                trust_env=False,  # a proxy would resolve the name itself, past the guard
            )
        return self._session

    def _headers(self, effect_key: str, body: bytes) -> dict[str, str]:
        at = datetime.fromtimestamp(int(self._now()), UTC)
        text = body.decode()
        return {
            "content-type": "application/json",
            "user-agent": "righttime",
            "accept-encoding": "identity",
            "webhook-id": effect_key,
            "webhook-timestamp": str(int(at.timestamp())),
            "webhook-signature": " ".join(
                signer.sign(effect_key, at, text) for signer in self._signers
            ),
        }

    def _judge(self, answer: aiohttp.ClientResponse) -> Delivery:
        status = answer.status
        if 200 <= status < 300:
            return Delivery(DeliveryStatus.DELIVERED)
        detail = f"the endpoint answered {status}"
        if status == _GONE:
            return Delivery(DeliveryStatus.GONE, detail)
        if 300 <= status < 400:
            return Delivery(DeliveryStatus.RETRY, f"{detail}; redirects are not followed")
        wait_s = retry_after_s(answer.headers.get("Retry-After"), self._now())
        kind = DeliveryStatus.THROTTLED if status in _THROTTLED else DeliveryStatus.RETRY
        return Delivery(kind, detail, wait_s)


def retry_after_s(header: str | None, now_s: float) -> float | None:
    """Read `Retry-After`, seconds or an HTTP date, as seconds from now; None when unreadable."""
    if header is None:
        return None
    text = header.strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        at = parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError):
        return None
    if at.tzinfo is None:
        at = at.replace(tzinfo=UTC)
    return max(0.0, at.timestamp() - now_s)


async def _drain(answer: aiohttp.ClientResponse) -> bytes:
    """Read a short body, so that its connection can serve again; the verdict is known already.

    Returns:
        The body, or nothing when it is not whole: it is too long, too slow or broken.
    """
    body = b""
    try:
        async with asyncio.timeout(_DRAIN_S):
            while len(body) < MOST_BODY_BYTES:
                chunk = await answer.content.read(MOST_BODY_BYTES - len(body))
                if not chunk:
                    break
                body += chunk
    except (TimeoutError, aiohttp.ClientError, OSError):
        pass
    if not answer.content.is_eof():
        answer.close()
    return body if answer.content.at_eof() else b""


def _checked_url(text: str, allow_private: bool) -> URL:
    url = URL(text)
    if url.scheme not in ("http", "https") or not url.host:
        raise ValueError(f"{text!r} is not an http or https URL with a host")
    if url.user is not None or url.password is not None:
        raise ValueError("a webhook URL has no user name or password: receivers check signatures")
    try:
        address = literal_address(url.host)
    except ValueError:
        raise ValueError(f"{url.host!r} is not an address in its usual form") from None
    if address is not None and not allow_private and not is_public(address):
        raise ValueError(f"{url.host!r} is a private, loopback or link-local address")
    return url


def _checked_secret(secret: str) -> str:
    """Return a secret without its prefix; its text never appears in an error."""
    if not secret.startswith(_SECRET_PREFIX):
        raise ValueError(f"a webhook secret starts with {_SECRET_PREFIX!r}")
    encoded = secret.removeprefix(_SECRET_PREFIX)
    try:
        raw = base64.b64decode(encoded + "=" * (-len(encoded) % 4), validate=True)
    except binascii.Error:
        raise ValueError("a webhook secret is base64 after its prefix") from None
    if len(raw) not in _SECRET_BYTES:
        raise ValueError(f"a webhook secret has 24 to 64 bytes, this one has {len(raw)}")
    return encoded
