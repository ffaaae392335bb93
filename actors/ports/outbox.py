"""What crosses the store's port about effects on their way out."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple


class OutboxState:
    """Life of an outbox row: (held →) pending → sending → sent; or back to pending; or an end.

    A held row waits for its customer's turn, which releases it; until then no dispatcher sees it.
    """

    PENDING = 0
    SENDING = 1
    SENT = 2
    PARKED = 3
    CANCELLED = 4
    EXPIRED = 5
    HELD = 6


@dataclass(frozen=True, slots=True)
class OutboxItem:
    """An outbox row as the dispatcher and the stream see it.

    `state` is one of `OutboxState`. `committed_at_ms` and `next_at_ms` are on the machine clock: the
    former is when the row was written, and from its first attempt on when that began. `send_at_ms` is
    the instant, on the business clock, at which it counts as a contact.
    """

    number: int
    seq: int
    n: int
    partition: int
    channel: str
    state: int
    attempts: int
    committed_at_ms: int
    next_at_ms: int
    expires_at_ms: int
    payload: bytes
    last_error: str = ""
    send_at_ms: int = 0


@dataclass(frozen=True, slots=True)
class OutboxResult:
    """How one attempt ended: the state to store, when to try again, and a word on why.

    `next_at_ms` of one that was sent is when it was.
    """

    number: int
    seq: int
    n: int
    state: int
    next_at_ms: int = 0
    error: str = ""


class Claim(IntEnum):
    """What became of the claim of one row; only `MINE` may be attempted.

    `LOST`: it is another's, or not as it was. `LATER`: it may not go now, and is due again later.
    `REVIEW`: so it is, and its customer is to judge it in a turn meanwhile.
    """

    LOST = 0
    MINE = 1
    LATER = 2
    REVIEW = 3


class Permit(NamedTuple):
    """What a check says of a row: `MINE`, or why not and when it is due again, on the machine clock."""

    verdict: Claim
    next_at_ms: int = 0
    why: str = ""


GRANTED = Permit(Claim.MINE)


def paused_by(switch: str) -> str:
    """Return the reason with which a check holds back what a switch stops, until it is taken back."""
    return f"paused: {switch}"


Check = Callable[[OutboxItem, bytes | None, tuple[str, ...]], Permit]
"""Asked inside the claim, on the store's thread, before an attempt: pure, and quick.

It is given the row, the packed state of the customer who has it now (None: there is none) and the
switches thrown, in order.
"""
