"""What the route of the quarantine shows, as JSON."""

from typing import Literal

from typing_extensions import TypedDict


class SetAsideOut(TypedDict):
    """Something that failed.

    `refused` says that it is not tried any more: an event or a timer until another playbook is active, a
    customer until the record is restored. `what` never says what was in an event.
    """

    id: str
    kind: Literal["event", "timer", "customer"]
    customerId: str
    what: str
    error: str
    count: int
    refused: bool
    playbook: str
    firstAt: str
    lastAt: str


class QuarantineOut(TypedDict):
    """What is set aside, the latest first."""

    items: list[SetAsideOut]


TYPES = (QuarantineOut,)
