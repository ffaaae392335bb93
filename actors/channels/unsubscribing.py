"""Tokens that let whoever has a message withdraw from its channel, without a key (RFC 8058)."""

import base64
import hmac
from hashlib import sha256

_MAC_BYTES = 16
_PURPOSE = b"righttime unsubscribe\0"


def token_of(key: bytes, effect_key: str) -> str:
    """Return the token for an effect, under the store's secret key: safe in a URL's path."""
    return f"{effect_key}.{_mac(key, effect_key)}"


def effect_of_token(key: bytes, token: str) -> str | None:
    """Return the key of the effect that a token is for, or None when it is not one of ours."""
    effect_key, _, mac = token.rpartition(".")
    if not effect_key or not token.isascii():
        return None
    return effect_key if hmac.compare_digest(mac, _mac(key, effect_key)) else None


def _mac(key: bytes, effect_key: str) -> str:
    digest = hmac.digest(key, _PURPOSE + effect_key.encode(), sha256)[:_MAC_BYTES]
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
