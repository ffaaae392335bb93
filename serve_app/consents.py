"""Consents as the contract shows them, and what a withdrawal does to effects on their way."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass

from actors.briefing.purposes import purposes_of
from actors.channels.body import purpose_of
from actors.domain.instants import format_instant
from actors.domain.profile import ConsentState
from actors.domain.state import CustomerState
from actors.playbook.model import Playbook
from actors.policies.consent import consent_refusal, consents_at
from actors.ports import OutboxItem, OutboxState, Store
from serve_app.privacy_bodies import ConsentOut, PermissionOut

POLL_S = 0.05
POLLS = 100
"""Effects that are being sent are waited for five seconds at most."""

RECENT_MS = 24 * 3_600_000

Effects = set[tuple[int, int, int]]


def consents_json(state: CustomerState) -> list[ConsentOut]:
    """Return all consents, in order of channel and purpose."""
    return [_consent(key, each) for key, each in sorted(state.profile.consents.items())]


def _consent(key: str, consent: ConsentState) -> ConsentOut:
    channel, _, purpose = key.partition("|")
    return {
        "channel": channel,
        "purpose": purpose,
        "status": "granted" if consent.status == "granted" else "denied",
        "at": format_instant(consent.at_ms),
        "source": consent.source,
        "basis": consent.basis or None,
        "expiresAt": format_instant(consent.expires_at_ms) if consent.expires_at_ms else None,
    }


def refusal_of(
    state: CustomerState, channel: str, purpose: str, exempt: frozenset[str], now_ms: int
) -> str | None:
    """Return why nothing may be said now, or None; `exempt` purposes need no consent."""
    holding = consents_at(state.profile.consents, now_ms)
    return consent_refusal(holding, channel, purpose, exempt)


def effective_json(
    state: CustomerState, playbook: Playbook | None, now_ms: int
) -> list[PermissionOut]:
    """Return what the consents mean for each channel and purpose of the playbook and of their own."""
    keys = [key.partition("|") for key in state.profile.consents]
    channels = {channel for channel, _, _ in keys if channel != "*"}
    purposes = {purpose for _, _, purpose in keys}
    exempt: frozenset[str] = frozenset()
    if playbook is not None:
        exempt = playbook.purposes_without_consent
        channels |= playbook.placements.keys()
        channels |= {name for action in playbook.actions for name in action.treatments}
        purposes |= purposes_of(playbook)
    found: list[PermissionOut] = []
    for channel in sorted(channels):
        for purpose in sorted(purposes):
            reason = refusal_of(state, channel, purpose, exempt, now_ms)
            found.append(
                {
                    "channel": channel,
                    "purpose": purpose,
                    "permitted": reason is None,
                    "reason": reason,
                }
            )
    return found


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """The outbox rows of some customers that one act of consent is about. `channel` `*` is any."""

    store: Store
    numbers: Sequence[int]
    channel: str
    purpose: str
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep

    def _mine(self, items: Iterable[OutboxItem]) -> list[OutboxItem]:
        return [
            item
            for item in items
            if self.channel in ("*", item.channel) and purpose_of(item) == self.purpose
        ]

    async def cancelled(self) -> Effects:
        """Return the effects that have been cancelled so far."""
        found = await self.store.outbox_of(self.numbers, (OutboxState.CANCELLED,))
        return {(item.number, item.seq, item.n) for item in self._mine(found)}

    async def settled(self) -> int:
        """Wait until nothing is being sent, or as long as is allowed; return what still is."""
        polls = 0
        while left := await self._sending():
            if polls == POLLS:
                return left
            await self.sleep(POLL_S)
            polls += 1
        return 0

    async def _sending(self) -> int:
        return len(self._mine(await self.store.outbox_of(self.numbers, (OutboxState.SENDING,))))

    async def pending(self) -> bool:
        """Return whether anything is queued: an attempt that failed puts its effect back."""
        return bool(self._mine(await self.store.outbox_of(self.numbers, (OutboxState.PENDING,))))

    async def sent_since(self, machine_ms: int) -> int:
        """Return how many effects were sent since an instant of the machine clock."""
        sent = await self.store.outbox_of(self.numbers, (OutboxState.SENT,))
        return sum(
            1 for i in self._mine(sent) if max(i.next_at_ms, i.committed_at_ms) >= machine_ms
        )
