"""What we send to a customer and what comes back, by channel; the turn says so, not an event."""

from actors.domain.folding.reading import OTHER, bounded
from actors.domain.histories import MAX_OUTREACH, Outreach
from actors.domain.profile import Profile

_MILLI = 1000


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
