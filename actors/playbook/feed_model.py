"""What a playbook feeds back to other systems, compiled."""

from dataclasses import dataclass

ENTERED, LEFT, OUTCOME = "segment.entered", "segment.left", "outcome"
"""What a feed may tell of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """One feed: to which channel, of what. A filter that is None lets everything through."""

    name: str
    channel: str
    on: frozenset[str]
    segments: frozenset[str] | None
    outcomes: frozenset[str] | None
    expires_after_ms: int


@dataclass(frozen=True, slots=True)
class Feeds:
    """All feeds, by what they tell of, in the order of the file."""

    entered: tuple[Feed, ...] = ()
    left: tuple[Feed, ...] = ()
    outcome: tuple[Feed, ...] = ()


NO_FEEDS = Feeds()
