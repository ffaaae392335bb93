"""Policies in a turn: what they say of this customer now, gathered for the decision's input."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from actors.decisioning.inputs import Planned, Proposal, Silence
from actors.playbook.model import Playbook
from actors.policies.consent import consents_at
from actors.policies.contact_pressure import counters
from actors.turn.belonging import own_groups
from actors.turn.under_way import Turn


@dataclass(frozen=True, slots=True, kw_only=True)
class Policing:
    """What policies say; the fields are those of `DecisionInput`."""

    caps: tuple[tuple[int, int], ...]
    caps_later: dict[int, tuple[tuple[int, int], ...]] = field(default_factory=dict)
    refused: dict[str, int]
    consents: dict[str, str]
    silences: tuple[Silence, ...] = ()
    planned: dict[str, Planned] = field(default_factory=dict)
    recent: int = 0
    barred: tuple[str, ...] = ()


def police(turn: Turn, playbook: Playbook, proposals: Sequence[Proposal], tier: str) -> Policing:
    """Return what the policies say of this customer at the turn's instant."""
    profile, now_ms = turn.state.profile, turn.record.received_at_ms
    silent_ms = playbook.suppress_after_refusal_ms
    return Policing(
        caps=counters(profile, playbook.caps, now_ms, own_groups(turn)),
        refused={
            key: history.last_refused_at_ms + silent_ms
            for key, history in profile.responses.items()
            if history.last_refused_at_ms and history.last_refused_at_ms + silent_ms > now_ms
        },
        consents=consents_at(profile.consents, now_ms),
    )
