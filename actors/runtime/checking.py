"""The check before every attempt: switches, then what the customer's state says now.

It runs inside the claim's transaction, on the store's thread. Whatever is not a clear yes is not sent.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgpack

from actors.domain.actions import CALL, FEED
from actors.domain.errors import CodecError
from actors.playbook.model import Playbook
from actors.policies.sending import may_go
from actors.policies.verdicts import LATE_MS, Verdict
from actors.ports import GRANTED, Check, Claim, Clock, OutboxItem, Permit, paused_by
from actors.wire.checks import unpack_for_check

PAUSED_MS = 60_000
"""How long what a switch holds back is left alone; taking the switch back makes it due at once."""

REVIEWED_MS = 2_000
"""When a message is due again that its customer is to judge; mostly that is done by then."""

UNREADABLE_MS = 60_000
PLANNED_MS = 600_000
"""How long at most what is planned for later is left alone."""
VIRTUAL_MS = 1_000
"""The same, where the business clock stands still until it is moved."""
MOVING_MS = 100
"""The same, for what a virtual clock has released and not yet reached."""


@dataclass(frozen=True, slots=True)
class Message:
    """What the policies ask of a row in the outbox."""

    seq: int
    n: int
    action: str
    channel: str
    purpose: str
    at_ms: int
    expires_at_ms: int
    cause: str = ""

    @property
    def speaks(self) -> bool:
        """Whether it is said to the customer; others are calls of other systems."""
        return not self.action.startswith((CALL, FEED))


def message_of(item: OutboxItem) -> Message:
    """Read what the policies ask.

    Raises:
        CodecError: The payload is not what a turn has written.
    """
    try:
        given: dict[str, Any] = msgpack.unpackb(item.payload)
        return Message(
            item.seq,
            item.n,
            given["action"],
            item.channel,
            given["purpose"],
            given["at_ms"],
            item.expires_at_ms,
            given.get("cause", ""),
        )
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise CodecError(f"the payload of an effect cannot be read: {error!r}") from error


def switch_for(message: Message, pauses: tuple[str, ...]) -> str | None:
    """Return the first switch that stops a message, or None.

    `scenario:NAME` stops what an instance of the scenario has caused: its messages and its calls.
    """
    if not pauses:
        return None
    parts = message.cause.split(":", 1) if message.speaks else message.action.split("/", 2)[1:]
    scenario = parts[0] if len(parts) > 1 else ""
    stops = {"all", f"channel:{message.channel}", f"action:{message.action}"}
    if scenario:
        stops.add(f"scenario:{scenario}")
    return next((each for each in pauses if each in stops), None)


def checking(playbook: Callable[[], Playbook], clock: Clock) -> Check:
    """Return the check of a host, which asks its playbook and its clocks anew each time."""

    def check(item: OutboxItem, state: bytes | None, pauses: tuple[str, ...]) -> Permit:
        now_ms, machine_ms = clock.business_ms(), clock.machine_ms()
        try:
            message = message_of(item)
        except CodecError:
            return GRANTED  # there is nothing in it that could be sent: the attempt parks it
        switch = switch_for(message, pauses)
        if switch is not None:
            return Permit(Claim.LATER, machine_ms + PAUSED_MS, paused_by(switch))
        virtual = bool(getattr(clock, "virtual", False))
        # Also what a turn has just released: its clock may be ahead of this one, as a virtual clock is
        # from the first timer that fires until all have. Judged by this clock it would be held anew.
        planned_ms = max(item.send_at_ms, message.at_ms)
        if planned_ms > now_ms:
            left_ms = min(planned_ms - now_ms, PLANNED_MS)
            if virtual:
                left_ms = VIRTUAL_MS if item.attempts else MOVING_MS
            return Permit(Claim.LATER, machine_ms + left_ms, "planned for later")
        if not message.speaks:
            return GRANTED
        if state is None:
            return Permit(Claim.LATER, machine_ms + UNREADABLE_MS, "the customer is not there")
        try:
            customer = unpack_for_check(state)
        except CodecError:
            why = "the customer's state cannot be read"
            return Permit(Claim.LATER, machine_ms + UNREADABLE_MS, why)
        origin = 0 if item.number == customer.number else item.number
        # In virtual time delivery takes none: the clock may have been moved by days meanwhile.
        at_ms = min(now_ms, planned_ms + LATE_MS) if virtual else now_ms
        said = may_go(customer, message, playbook(), at_ms, origin=origin)
        if said.verdict is Verdict.ALLOW:
            return GRANTED
        return Permit(Claim.REVIEW, machine_ms + REVIEWED_MS, said.why)

    return check
