"""The other ports: scorer, clocks, and the channels by which effects leave."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Literal, Protocol

from actors.domain.scores import ScoreRow, Scores


class Scorer(Protocol):
    """Scores a whole group in one call, never failing: past its deadline it answers `prior`."""

    async def score(self, rows: Sequence[ScoreRow]) -> Scores:
        """Return one score a row."""
        ...


class Clock(Protocol):
    """The two clocks, in milliseconds since 1970."""

    def business_ms(self) -> int:
        """Return the time that event time, timers, caps and expiry live in; may be virtual."""
        ...

    def machine_ms(self) -> int:
        """Return the machine's time: beats, timeouts, delivery retries, retention."""
        ...


class DeliveryStatus(Enum):
    """What a channel says of one attempt."""

    DELIVERED = 0
    RETRY = 1
    THROTTLED = 2
    GONE = 3
    REFUSED = 4


@dataclass(frozen=True, slots=True)
class Delivery:
    """The result of one attempt: `retry_after_s` is what the receiver asked for, if it did.

    `answer` is the body of a short answer to what was delivered, else empty. `bounce` says of one that was
    refused whether the address is dead (`hard`) or only this message was not taken (`soft`).
    """

    status: DeliveryStatus
    detail: str = ""
    retry_after_s: float | None = None
    answer: bytes = b""
    bounce: Literal["", "hard", "soft"] = ""


class Channel(Protocol):
    """Delivers effects, at least once, always under their key."""

    async def deliver(self, effect_key: str, body: bytes, attempt: int) -> Delivery:
        """Attempt once; never raises for what the receiver does. `body` is JSON."""
        ...

    async def close(self) -> None:
        """Release connections and files."""
        ...
