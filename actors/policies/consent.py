"""Permission per channel and purpose. Unknown means no."""

from collections.abc import Mapping

GRANTED = "granted"


def consent_refusal(
    consents: Mapping[str, str], channel: str, purpose: str, without_consent: frozenset[str]
) -> str | None:
    """Return why nothing may be said for this purpose on this channel, or None when it may.

    Purposes in `without_consent` need none, but an explicit denial is honoured for them too.
    """
    status = consents.get(f"{channel}|{purpose}") or consents.get(f"*|{purpose}")
    if status == GRANTED:
        return None
    if status is not None:
        return f"denied: {channel}|{purpose}"
    if purpose in without_consent:
        return None
    return f"unknown: {channel}|{purpose}"
