"""What a customer is worth and costs: her own profit and loss."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from actors.domain.profile import ChannelUse, Profile

CONTACT_COSTS: Mapping[str, float] = {
    "telephone": 33.0,
    "email": 9.99,
    "chat": 7.80,
    "message_board": 4.57,
    "self_service": 1.17,
}
"""What one handled service contact costs by its way, in currency units, unless a playbook says otherwise."""

CHANNEL_WAYS: Mapping[str, str] = {
    "call_center": "telephone",
    "call_centre": "telephone",
    "phone": "telephone",
    "voice": "telephone",
    "live_chat": "chat",
    "messaging": "chat",
    "forum": "message_board",
    "community": "message_board",
    "web": "self_service",
    "app": "self_service",
    "kiosk": "self_service",
    "ivr": "self_service",
}
"""The way of a channel whose name is none of `CONTACT_COSTS`. Any other channel's contacts are free."""

DEFAULT_MARGIN = 0.25
"""Gross margin as a share of net revenue where neither orders nor a playbook say what goods cost."""

_MILLI = 1000


@dataclass(frozen=True, slots=True)
class Economics:
    """What a playbook says of costs: `margin` in 0 … 1, `contact_costs` as `CONTACT_COSTS`."""

    margin: float = DEFAULT_MARGIN
    contact_costs: Mapping[str, float] = field(default_factory=lambda: CONTACT_COSTS)


STANDARD = Economics()
"""What holds where a playbook says nothing."""


def economics_of(margin: float, costs: Mapping[str, float]) -> Economics:
    """Return what a playbook states, with the standard costs of all that it does not name."""
    return Economics(margin, {**CONTACT_COSTS, **costs})


@dataclass(frozen=True, slots=True)
class ProfitAndLoss:
    """Over all time, in minor units. `discounts_minor` tells only: revenue is what is left of them."""

    revenue_minor: int
    discounts_minor: int
    refunds_minor: int
    goods_minor: int
    sends_minor: int
    service_minor: int

    @property
    def net_minor(self) -> int:
        """Revenue less refunds."""
        return self.revenue_minor - self.refunds_minor

    @property
    def profit_minor(self) -> int:
        """Net revenue less the costs of goods, of messages and of service."""
        return self.net_minor - self.goods_minor - self.sends_minor - self.service_minor


def contact_cost_minor(
    channel: str, use: ChannelUse, scale: float, economics: Economics = STANDARD
) -> int:
    """Return what the handled service contacts of one channel cost.

    Stated costs count as stated; of all others the price is that of the channel or else of its way, in
    currency units of `scale` minor units each.
    """
    costs = economics.contact_costs
    price = costs.get(channel)
    if price is None:
        price = costs.get(CHANNEL_WAYS.get(channel, ""), 0.0)
    return use.contact_cost_minor + (use.contacts - use.costed) * round(price * scale)


def cost_to_serve_minor(profile: Profile, scale: float, economics: Economics = STANDARD) -> int:
    """Return what service cost over all channels; see `contact_cost_minor`."""
    return sum(
        contact_cost_minor(channel, use, scale, economics)
        for channel, use in profile.channels.items()
        if use.contacts
    )


def send_cost_minor(profile: Profile) -> int:
    """Return what messages to the customer cost."""
    return round(sum(each.cost_millis for each in profile.outreach.values()) / _MILLI)


def profit_and_loss(
    profile: Profile, scale: float, economics: Economics = STANDARD
) -> ProfitAndLoss:
    """Return a customer's profit and loss.

    Goods cost what orders stated, and `1 - margin` of the net revenue of all other orders: refunds
    are taken to be of those. `scale` is as for `contact_cost_minor`.
    """
    ledger, net_minor = profile.ledger, profile.purchases.spend_minor
    unknown_minor = max(0, net_minor - ledger.goods_known_minor)
    return ProfitAndLoss(
        revenue_minor=net_minor + ledger.refunded_minor,
        discounts_minor=ledger.discount_minor,
        refunds_minor=ledger.refunded_minor,
        goods_minor=ledger.goods_minor + round(unknown_minor * (1.0 - economics.margin)),
        sends_minor=send_cost_minor(profile),
        service_minor=cost_to_serve_minor(profile, scale, economics),
    )
