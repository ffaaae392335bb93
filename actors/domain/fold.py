"""Folding events into the profile and the conversation.

Everything is applied at its event time. Sums, counts and consents do not depend on the order of
arrival; of every trait the value that was said last holds; of time zone and locale the newest event's,
and an older one that arrives late fills only what is not known.
"""

from actors.domain.dialogue import converse
from actors.domain.events import Event
from actors.domain.folding import HANDLERS
from actors.domain.folding.commerce import department_amounts
from actors.domain.folding.reading import MAX_NAME, MAX_SUM, OTHER, channel_use
from actors.domain.folding.traits import take_traits
from actors.domain.histories import TraitOrigin
from actors.domain.profile import VISIT_GAP_MS, ConsentState, Profile
from actors.domain.state import CustomerState

__all__ = ["MAX_SUM", "OTHER", "department_amounts", "fold", "set_consent"]

MAX_CONSENTS = 32

_LATE_MS = 24 * 3600 * 1000
_HOUR_MS = 3600 * 1000


def fold(state: CustomerState, event: Event, at_ms: int, now_ms: int, digits: int) -> list[str]:
    """Apply one event that happened at `at_ms`; return notes on what was not taken as it came.

    `digits` is the number of minor digits of the book currency. Mutates `state`, which the caller
    has decoded for this turn.
    """
    notes: list[str] = []
    profile = state.profile
    newest = at_ms >= profile.last_seen_at_ms
    _seen(profile, event.channel, at_ms)
    if now_ms - at_ms > _LATE_MS:
        profile.late_events += 1
        notes.append("late")
    _context(profile, event, at_ms, newest, notes)
    if event.traits and event.type != "group":  # which says them of the group
        take_traits(profile, event.traits, TraitOrigin(at_ms, event.channel), newest, notes)
    handler = HANDLERS.get(event.name) if event.type == "track" else None
    if handler is not None:
        handler(state, event, at_ms, digits, notes)
    converse(state.conversation, event, at_ms, state.seq + 1, digits)
    return notes


def _seen(profile: Profile, channel: str, at_ms: int) -> None:
    if not profile.first_seen_at_ms or at_ms < profile.first_seen_at_ms:
        profile.first_seen_at_ms = at_ms
    profile.last_seen_at_ms = max(profile.last_seen_at_ms, at_ms)
    use = channel_use(profile, channel)
    if not use.events or at_ms > use.last_seen_at_ms + VISIT_GAP_MS:
        use.visits += 1
    use.events += 1
    use.hours[at_ms // _HOUR_MS % 24] += 1
    if at_ms > use.last_seen_at_ms:
        use.last_seen_at_ms = at_ms


def _context(profile: Profile, event: Event, at_ms: int, newest: bool, notes: list[str]) -> None:
    context = event.context
    if not context:
        return
    timezone = context.get("timezone")
    if isinstance(timezone, str) and len(timezone) <= MAX_NAME and (newest or not profile.timezone):
        profile.timezone = timezone
    locale = context.get("locale")
    if isinstance(locale, str) and len(locale) <= MAX_NAME and (newest or not profile.locale):
        profile.locale = locale
    traits = context.get("traits")
    if isinstance(traits, dict) and traits:
        take_traits(profile, traits, TraitOrigin(at_ms, event.channel), newest, notes)
    consent = context.get("consent")
    if isinstance(consent, dict):
        preferences = consent.get("categoryPreferences")
        if isinstance(preferences, dict):
            for category, granted in preferences.items():
                if isinstance(granted, bool) and isinstance(category, str):
                    set_consent(profile, category, granted, at_ms, event.channel)


def set_consent(
    profile: Profile,
    category: str,
    granted: bool,
    at_ms: int,
    source: str,
    *,
    expires_at_ms: int = 0,
    basis: str = "",
) -> None:
    """Record an explicit act: `email` means marketing by e-mail, `email|service` names the purpose.

    The latest act wins; of two at the same instant the denial.
    """
    key = category[:MAX_NAME] if "|" in category else f"{category[:MAX_NAME]}|marketing"
    known = profile.consents.get(key)
    if known is not None and (
        known.at_ms > at_ms or (known.at_ms == at_ms and known.status == "denied")
    ):
        return
    if known is None and len(profile.consents) >= MAX_CONSENTS:
        granted_keys = [k for k, c in profile.consents.items() if c.status == "granted"]
        if granted or not granted_keys:
            return
        del profile.consents[granted_keys[0]]  # a denial always finds room: unknown means no too
    status = "granted" if granted else "denied"
    profile.consents[key] = ConsentState(
        status, at_ms, source[:MAX_NAME], expires_at_ms if granted else 0, basis[:MAX_NAME]
    )
