"""What we send to a customer and what comes back, by channel; the turn says so, not an event."""

from hashlib import blake2b

from actors.domain.folding.reading import OTHER, bounded
from actors.domain.histories import MAX_OUTREACH, Outreach
from actors.domain.profile import MAX_ANSWERS, Profile

_MILLI = 1000

ADDRESSES = (
    "address",
    "deviceToken",
    "device_token",
    "email",
    "phone",
    "pushToken",
    "push_token",
)
"""Traits that may hold an address; when one of them changes, a dead channel gets another chance."""


def outreach_on(profile: Profile, channel: str) -> Outreach:
    """Return what was sent on a channel; beyond the limit, on all others together."""
    outreach = profile.outreach.get(channel)
    if outreach is None:
        if len(profile.outreach) >= MAX_OUTREACH:
            channel = OTHER
        outreach = profile.outreach.setdefault(channel, Outreach())
    return outreach


def note_sent(profile: Profile, channel: str, cost_minor: float) -> None:
    """Count one effect on a channel, with what it costs in minor units or parts of one."""
    outreach = outreach_on(profile, channel)
    outreach.sent += 1
    if cost_minor:
        outreach.cost_millis = bounded(outreach.cost_millis + round(cost_minor * _MILLI))


def note_outcome(profile: Profile, channel: str, outcome: str, at_ms: int) -> None:
    """Count an impression, a click or a bounce of something sent on a channel; others count nothing."""
    if outcome == "impression":
        outreach_on(profile, channel).seen += 1
    elif outcome == "click":
        outreach = outreach_on(profile, channel)
        outreach.clicked += 1
        outreach.last_clicked_at_ms = max(outreach.last_clicked_at_ms, at_ms)
    elif outcome == "bounce":
        outreach_on(profile, channel).bounced += 1


def note_answer(profile: Profile, outcome: str, action: str, channel: str, at_ms: int) -> None:
    """Remember when an answer came that silence may follow; beyond the limit the oldest is forgotten."""
    answers, key = profile.answers, f"{outcome}|{action}|{channel}"
    if key not in answers and len(answers) >= MAX_ANSWERS:
        del answers[min(answers, key=lambda each: (answers[each], each))]
    answers[key] = max(answers.get(key, 0), at_ms)


def note_bounced(profile: Profile, channel: str) -> None:
    """Let a channel be dead until an address of the customer changes."""
    profile.dead[channel] = _addresses(profile)


def is_dead(profile: Profile, channel: str) -> bool:
    """Return whether the address behind a channel bounced for good, and none has changed since."""
    mark = profile.dead.get(channel) if profile.dead else None
    return mark is not None and mark == _addresses(profile)


def _addresses(profile: Profile) -> int:
    """Return a mark of 53 bits of the addresses that the traits say."""
    said = [(name, str(profile.traits[name])) for name in ADDRESSES if name in profile.traits]
    return int.from_bytes(blake2b(repr(said).encode(), digest_size=8).digest(), "big") >> 11
