"""Permission per channel and purpose. Unknown means no."""

from collections.abc import Mapping

from actors.domain.profile import ConsentState

GRANTED = "granted"


def consents_at(consents: Mapping[str, ConsentState], now_ms: int) -> dict[str, str]:
    """Return the statuses that hold now: a grant that has expired is as if it had never been given."""
    if not consents:
        return {}
    return {
        key: consent.status
        for key, consent in consents.items()
        if not 0 < consent.expires_at_ms <= now_ms
    }


def consent_refusal(
    consents: Mapping[str, str], channel: str, purpose: str, without_consent: frozenset[str]
) -> str | None:
    """Return why nothing may be said for this purpose on this channel, or None when it may.

    Purposes in `without_consent` need none, but an explicit denial is honoured for them too. A
    denial for all channels (`*`) holds on each of them, whatever was granted there.
    """
    if not consents:
        return None if purpose in without_consent else f"unknown: {channel}|{purpose}"
    here, everywhere = consents.get(f"{channel}|{purpose}"), consents.get(f"*|{purpose}")
    for status, name in ((everywhere, "*"), (here, channel)):
        if status is not None and status != GRANTED:
            return f"denied: {name}|{purpose}"
    if GRANTED in (here, everywhere) or purpose in without_consent:
        return None
    return f"unknown: {channel}|{purpose}"
