"""Reviews and referrals: what the customer says of us to others."""

from actors.domain.events import Event
from actors.domain.folding.reading import Handler, rating_of
from actors.domain.state import CustomerState

_PRAISE = 4


def _reviewed(
    state: CustomerState, event: Event, at_ms: int, digits: int, notes: list[str]
) -> None:
    voice = state.profile.voice
    voice.reviews += 1
    if rating_of(event.properties.get("rating")) >= _PRAISE:
        voice.praises += 1
    voice.last_review_at_ms = max(voice.last_review_at_ms, at_ms)


def _referred(
    state: CustomerState, event: Event, at_ms: int, digits: int, notes: list[str]
) -> None:
    voice = state.profile.voice
    if event.name == "Referral Converted":
        voice.referrals_converted += 1
    else:
        voice.referrals += 1
    voice.last_referral_at_ms = max(voice.last_referral_at_ms, at_ms)


VOICE: dict[str, Handler] = {
    "Review Submitted": _reviewed,
    "Product Reviewed": _reviewed,
    "Referral Made": _referred,
    "Referral Sent": _referred,
    "Referral Converted": _referred,
}
