"""The reply of the governed read, as the OpenAPI document shows it."""

from typing import Any, Literal

from typing_extensions import TypedDict


class SaidOut(TypedDict):
    """An utterance. Of an offer, `about` is the action and `outcome` how it was taken."""

    at: str | None
    about: str
    intent: str | None
    topic: str | None
    sentiment: Literal["positive", "neutral", "negative"] | None
    outcome: str | None


class ChannelStandOut(TypedDict):
    """Where the conversation stands on a channel: what each side said last."""

    channel: str
    lastSeenAt: str | None
    customer: SaidOut | None
    us: SaidOut | None


class SayOut(TypedDict):
    """Something to take up. `here`: the action has a treatment for the channel that asks."""

    kind: Literal["question", "case", "cart", "offer", "planned"]
    id: str
    channel: str | None
    topic: str | None
    action: str | None
    label: str | None
    until: str | None
    here: bool


class AvoidOut(TypedDict):
    """Something not to say, and until when, if that is known."""

    reason: Literal["refused", "no_consent", "open_case", "negative_sentiment", "contact_limit"]
    about: str | None
    label: str | None
    until: str | None


class ContextOut(TypedDict):
    """A customer as one purpose may see them on one channel.

    `parts` names what the purpose sees. Without permission `refusal` says why and the rest is empty.
    """

    customerId: str
    seq: int
    at: str
    purpose: str
    channel: str
    permitted: bool
    refusal: str | None
    parts: list[str]
    who: dict[str, Any] | None
    tier: str | None
    serviceLevel: str | None
    routing: int | None
    replyWithin: str | None
    segments: list[str]
    relationship: dict[str, Any] | None
    channels: list[ChannelStandOut]
    threads: list[dict[str, Any]]
    scenarios: list[dict[str, Any]]
    offers: list[dict[str, Any]]
    say: list[SayOut]
    avoid: list[AvoidOut]
    narrative: str
