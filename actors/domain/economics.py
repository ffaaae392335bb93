"""What a customer is worth and costs: her own profit and loss."""

from collections.abc import Mapping
from dataclasses import dataclass

from actors.domain.profile import ChannelUse, Profile

CONTACT_COSTS: Mapping[str, float] = {
    "telephone": 33.0,
    "email": 9.99,
    "chat": 7.80,
    "message_board": 4.57,
    "self_service": 1.17,
}
"""What one handled service contact costs by its way, in currency units: the client's figures, in dollars."""

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
"""Gross margin as a share of net revenue where orders do not state the cost of their goods."""

_MILLI = 1000


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
    channel: str, use: ChannelUse, scale: float, costs: Mapping[str, float] = CONTACT_COSTS
) -> int:
    """Return what the handled service contacts of one channel cost.

    Stated costs count as stated. `costs` is by channel or else by way, in currency units of `scale`
    minor units each.
    """
    price = costs.get(channel)
    if price is None:
        price = costs.get(CHANNEL_WAYS.get(channel, ""), 0.0)
    return use.contact_cost_minor + (use.contacts - use.costed) * round(price * scale)


def cost_to_serve_minor(
    profile: Profile, scale: float, costs: Mapping[str, float] = CONTACT_COSTS
) -> int:
    """Return what service cost over all channels; see `contact_cost_minor`."""
    return sum(
        contact_cost_minor(channel, use, scale, costs)
        for channel, use in profile.channels.items()
        if use.contacts
    )


def send_cost_minor(profile: Profile) -> int:
    """Return what messages to the customer cost."""
    return round(sum(each.cost_millis for each in profile.outreach.values()) / _MILLI)


def profit_and_loss(
    profile: Profile,
    scale: float,
    margin: float = DEFAULT_MARGIN,
    costs: Mapping[str, float] = CONTACT_COSTS,
) -> ProfitAndLoss:
    """Return a customer's profit and loss.

    Goods cost what orders stated, and `1 - margin` of the net revenue of all other orders: refunds
    are taken to be of those. `scale` and `costs` are as for `contact_cost_minor`.
    """
    ledger, net_minor = profile.ledger, profile.purchases.spend_minor
    unknown_minor = max(0, net_minor - ledger.goods_known_minor)
    return ProfitAndLoss(
        revenue_minor=net_minor + ledger.refunded_minor,
        discounts_minor=ledger.discount_minor,
        refunds_minor=ledger.refunded_minor,
        goods_minor=ledger.goods_minor + round(unknown_minor * (1.0 - margin)),
        sends_minor=send_cost_minor(profile),
        service_minor=cost_to_serve_minor(profile, scale, costs),
    )
