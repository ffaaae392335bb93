"""What rules may ask of a profile's histories: the readers of the catalogue's fields of that kind."""

from collections.abc import Callable, Mapping
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
    "profile.discounts": lambda v: _profile(v).ledger.discount_minor / v.scale,
    "profile.open_cases": lambda v: len(_profile(v).service.open_cases()),
    "profile.days_since_case": _days_since_case,
    "profile.last_satisfaction": lambda v: _profile(v).service.last_rating,
    "profile.satisfaction": _satisfaction,
    "profile.credit_limit": lambda v: _profile(v).credit.limit_minor / v.scale,
    "profile.credit_balance": lambda v: _profile(v).credit.balance_minor / v.scale,
    "profile.payments_due": _payments_due,
    "profile.missed_payments": lambda v: _profile(v).credit.missed,
    "profile.days_since_missed_payment": lambda v: _days(_profile(v).credit.last_missed_at_ms, v),
    "profile.reviews": lambda v: _profile(v).voice.reviews,
    "profile.referrals": lambda v: _profile(v).voice.referrals,
    "profile.campaigns": lambda v: len(_profile(v).campaigns),
    "profile.campaign_redemptions": lambda v: sum(
        campaign.redeemed for campaign in _profile(v).campaigns.values()
    ),
    "profile.lead_stage": _lead_stage,
    "profile.preferred_hour": _preferred_hour,
}

Entries = Callable[[Sight], Mapping[str, Any]]
Entry = Callable[[Any, Sight], Any]

MAPS: dict[str, tuple[Entries, Entry]] = {
    "profile.channel_visits": (lambda v: _profile(v).channels, lambda use, _: use.visits),
    "profile.service_contacts": (lambda v: _profile(v).channels, lambda use, _: use.contacts),
    "profile.clicks": (lambda v: _profile(v).interests, lambda i, _: i.clicks),
    "profile.searches": (lambda v: _profile(v).interests, lambda i, _: i.searches),
    "profile.days_since_interest": (
        lambda v: _profile(v).interests,
        lambda i, v: _days(i.last_at_ms, v),
    ),
    "profile.sent": (lambda v: _profile(v).outreach, lambda o, _: o.sent),
    "profile.message_clicks": (lambda v: _profile(v).outreach, lambda o, _: o.clicked),
    "profile.trait_days": (
        lambda v: _profile(v).trait_origins,
        lambda origin, v: _days(origin.at_ms, v),
    ),
}
