"""What rules may ask of a profile's histories: the readers of the catalogue's fields of that kind."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Protocol

from actors.domain.economics import Economics, cost_to_serve_minor, profit_and_loss
from actors.domain.habits import local_hours, preferred_hours, total_hours
from actors.domain.histories import Lead
from actors.domain.loyalty import gap_ms, loyalty_stage
from actors.domain.profile import Profile
from actors.domain.state import CustomerState
from actors.playbook.fields import NEVER_DAYS

_DAY_MS = 86_400_000.0


class Sight(Protocol):
    """What a reader looks at; `scale` is minor units per currency unit."""

    @property
    def state(self) -> CustomerState:
        """The customer."""

    @property
    def now_ms(self) -> int:
        """The instant of the question."""

    @property
    def scale(self) -> float:
        """Minor units per currency unit."""

    @property
    def economics(self) -> Economics:
        """What the playbook says of costs."""

    @property
    def local(self) -> datetime:
        """The customer's local time."""


def _profile(sight: Sight) -> Profile:
    return sight.state.profile


def _days(at_ms: int, sight: Sight) -> float:
    return (sight.now_ms - at_ms) / _DAY_MS if at_ms else NEVER_DAYS


def _days_since_case(sight: Sight) -> float:
    cases = _profile(sight).service.cases
    return _days(max((case.changed_at_ms for case in cases), default=0), sight)


def _satisfaction(sight: Sight) -> float:
    service = _profile(sight).service
    return service.rating_sum / service.ratings if service.ratings else 0.0


def _profit(sight: Sight) -> float:
    return profit_and_loss(_profile(sight), sight.scale, sight.economics).profit_minor / sight.scale


def _payments_due(sight: Sight) -> float:
    credit = _profile(sight).credit
    return max(0, credit.due_minor - credit.paid_minor) / sight.scale


def _lead_stage(sight: Sight) -> str:
    leads: list[Lead] = _profile(sight).leads
    return max(leads, key=lambda lead: (lead.at_ms, lead.lead_id)).stage if leads else ""


def _preferred_hour(sight: Sight) -> int:
    ahead = sight.local.utcoffset() or timedelta()
    hours = total_hours(use.hours for use in _profile(sight).channels.values())
    preferred = preferred_hours(local_hours(hours, int(ahead.total_seconds()) * 1000))
    return preferred[0] if preferred else -1


SCALARS: dict[str, Callable[[Sight], Any]] = {
    "profile.gap_days": lambda v: gap_ms(_profile(v)) / _DAY_MS,
    "profile.loyalty_stage": lambda v: loyalty_stage(_profile(v), v.now_ms),
    "profile.profit": _profit,
    "profile.cost_to_serve": lambda v: (
        cost_to_serve_minor(_profile(v), v.scale, v.economics) / v.scale
    ),
    "profile.days_since_case": _days_since_case,
    "profile.satisfaction": _satisfaction,
    "profile.payments_due": _payments_due,
    "profile.campaign_redemptions": lambda v: sum(
        campaign.redeemed for campaign in _profile(v).campaigns.values()
    ),
    "profile.lead_stage": _lead_stage,
    "profile.preferred_hour": _preferred_hour,
}


def since_code(instant: str) -> str:
    """Return code for days from an instant to now, `NEVER_DAYS` when it never was."""
    return f"((now_ms - {instant}) / {_DAY_MS} if {instant} else {NEVER_DAYS})"


PLAIN: dict[str, str] = {
    "profile.discounts": "profile.ledger.discount_minor / scale",
    "profile.open_cases": "len(profile.service.open_cases())",
    "profile.last_satisfaction": "profile.service.last_rating",
    "profile.credit_limit": "profile.credit.limit_minor / scale",
    "profile.credit_balance": "profile.credit.balance_minor / scale",
    "profile.missed_payments": "profile.credit.missed",
    "profile.days_since_missed_payment": since_code("profile.credit.last_missed_at_ms"),
    "profile.reviews": "profile.voice.reviews",
    "profile.referrals": "profile.voice.referrals",
    "profile.campaigns": "len(profile.campaigns)",
}
"""Fields of one value, as code: see `PLAIN` in actors/decisioning/reading.py."""

MAPS: dict[str, tuple[str, str]] = {
    "profile.channel_visits": ("profile.channels", "{0}.visits"),
    "profile.service_contacts": ("profile.channels", "{0}.contacts"),
    "profile.clicks": ("profile.interests", "{0}.clicks"),
    "profile.searches": ("profile.interests", "{0}.searches"),
    "profile.days_since_interest": ("profile.interests", since_code("{0}.last_at_ms")),
    "profile.sent": ("profile.outreach", "{0}.sent"),
    "profile.message_clicks": ("profile.outreach", "{0}.clicked"),
    "profile.trait_days": ("profile.trait_origins", since_code("{0}.at_ms")),
}
"""Maps, as code: see `KEPT` in actors/decisioning/reading.py."""
