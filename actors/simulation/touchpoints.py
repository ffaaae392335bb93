"""What customers do, as events from touchpoints: Segment's e-commerce names, and those of `actors.domain`."""

from dataclasses import dataclass
from typing import Any

from actors.domain.events import Event
from actors.domain.ids import Identity
from actors.playbook.model import Playbook
from actors.simulation.behaviour import Basket

ORDER_COMPLETED = "Order Completed"
PRODUCT_VIEWED = "Product Viewed"
COMPLAINT_OPENED = "Complaint Opened"
CASE_CLOSED = "Case Closed"
CALL_CENTER = "call_center"


@dataclass(frozen=True, slots=True)
class Channels:
    """The channels of a playbook as customers use them.

    `places` are what a reply on a channel may fill, in the order in which they are looked at; `outbound` are
    the channels by which customers are written to; `returns` is the channel on which a message taken brings
    them back.
    """

    places: dict[str, tuple[str, ...]]
    outbound: tuple[str, ...]
    service: str

    @classmethod
    def of(cls, playbook: Playbook) -> "Channels":
        """Read them from a playbook."""
        places = {
            channel: tuple(playbook.default_placements.get(channel) or sorted(found)[:1])
            for channel, found in playbook.placements.items()
        }
        outbound = {
            treatment.channel
            for action in playbook.actions
            for treatment in action.treatments.values()
            if treatment.outbound
        }
        service = CALL_CENTER if CALL_CENTER in places else next(iter(places), "web")
        return cls(places, tuple(sorted(outbound)), service)

    def returns(self, channel: str) -> str:
        """Return where somebody arrives who follows a message of a channel."""
        if self.places.get(channel):
            return channel
        return "web" if "web" in self.places else next(iter(self.places), "web")


def identity_of(index: int) -> Identity:
    """Return how customer `index` of a population is known to the company."""
    return Identity("user", f"p-{index}")


def event_of(
    index: int,
    message_id: str,
    name: str,
    channel: str,
    properties: dict[str, Any],
    places: tuple[str, ...] = (),
) -> Event:
    """Return a track event of a customer, received when it happens."""
    return Event(
        message_id=message_id,
        type="track",
        name=name,
        identities=(identity_of(index),),
        channel=channel,
        properties=properties,
        context={"channel": channel},
        placements=places,
        max_actions=len(places),
    )


def introduce(event: Event, outbound: tuple[str, ...], *, consents: bool) -> None:
    """Let a customer's first event say whether she may be written to."""
    if consents and outbound:
        event.context["consent"] = {"categoryPreferences": dict.fromkeys(outbound, True)}


def view(category: str, number: int) -> dict[str, Any]:
    """Return the properties of a product view; `number` names the product within its category."""
    return {"product_id": f"{category}-{number % 50}", "category": category}


def order(order_id: str, basket: Basket, store: str, digits: int, currency: str) -> dict[str, Any]:
    """Return the properties of an order, with decimals at the edge."""
    scale = 10**digits
    return {
        "order_id": order_id,
        "store_id": store,
        "total": basket.total_minor / scale,
        "currency": currency,
        "items": basket.items,
        "departments": {
            name: {"items": max(1, basket.items // len(basket.categories)), "total": minor / scale}
            for name, minor in basket.categories.items()
        },
        "coupons_used": 0,
    }


def basket_fields(basket: Basket) -> list[Any]:
    """Flatten a basket for what waits."""
    return [basket.total_minor, basket.categories, basket.items]
