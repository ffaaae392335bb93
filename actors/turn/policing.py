"""Policies in a turn: what they say of this customer now, and reservations that move or are taken back."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import chain

from actors.decisioning.inputs import Proposal
from actors.decisioning.plan import plan_of
from actors.domain.folding.outreach import is_dead
from actors.domain.profile import Contact
from actors.playbook.model import Playbook
from actors.policies.consent import consents_at
from actors.policies.contact_pressure import recent, reserve, room_for
from actors.policies.counting import Room
from actors.policies.group_pressure import release_in_group
from actors.policies.quiet import plan_sends
from actors.policies.suppression import silences_of
from actors.policies.verdicts import Planned, Silence
from actors.turn.belonging import contact_groups, own_groups
from actors.turn.under_way import Turn

Key = tuple[int, int, int]
"""(origin, seq, n) of a message; origin 0 for the customer's own."""


@dataclass(slots=True, kw_only=True, init=False)
class Policing:
    """What policies say; the fields are those of `DecisionInput`."""

    caps: tuple[Room, ...]
    caps_later: dict[int, tuple[Room, ...]] = field(default_factory=dict)
    refused: dict[str, int]
    consents: dict[str, str]
    silences: tuple[Silence, ...] = ()
    planned: dict[str, Planned] = field(default_factory=dict)
    recent: int = 0
    barred: tuple[str, ...] = ()

    def __init__(
        self,
        *,
        caps: tuple[Room, ...],
        refused: dict[str, int],
        consents: dict[str, str],
        silences: tuple[Silence, ...] = (),
        recent: int = 0,
    ) -> None:
        self.caps = caps
        self.caps_later = {}
        self.refused = refused
        self.consents = consents
        self.silences = silences
        self.planned = {}
        self.recent = recent
        self.barred = ()


def police(turn: Turn, playbook: Playbook, proposals: Sequence[Proposal], tier: str) -> Policing:
    """Return what the policies say of this customer at the turn's instant.

    Only for what is proposed it is worked out when it would be sent, and which channels are barred.
    """
    profile, now_ms = turn.state.profile, turn.record.received_at_ms
    silent_ms = playbook.suppress_after_refusal_ms
    groups = own_groups(turn)
    said = Policing(
        caps=room_for(profile, playbook, now_ms, groups),
        refused={
            key: history.last_refused_at_ms + silent_ms
            for key, history in profile.responses.items()
            if history.last_refused_at_ms and history.last_refused_at_ms + silent_ms > now_ms
        },
        consents=consents_at(profile.consents, now_ms),
        silences=silences_of(profile, playbook, now_ms),
        recent=recent(profile, playbook.attention_ms, now_ms) if playbook.attention_ms else 0,
    )
    if not proposals:
        return said
    said.planned = _planned(turn, playbook, proposals)
    if said.planned:
        later = {each.at_ms for each in said.planned.values()}
        said.caps_later = {
            at_ms: room_for(profile, playbook, at_ms, groups)
            for at_ms in sorted(later)
            if at_ms and at_ms != now_ms
        }
    said.barred = barred_channels(turn, playbook, tier)
    return said


def _planned(turn: Turn, playbook: Playbook, proposals: Sequence[Proposal]) -> dict[str, Planned]:
    """Return when each kind of message that is proposed would go, where that is not at once."""
    policies, now_ms = playbook.policies, turn.record.received_at_ms
    if not policies.quiet and not policies.holidays:
        return {}
    plan = plan_of(playbook)
    reach = [plan.outbound(each.actions, each.channels).reach for each in proposals]
    kinds = reach[0] if len(reach) == 1 else tuple(sorted(set(chain(*reach))))
    return plan_sends(turn.state.profile, playbook, kinds, now_ms)


def barred_channels(turn: Turn, playbook: Playbook, tier: str) -> tuple[str, ...]:
    """Return the channels that this customer is not written to on, each with the reason."""
    allowed, dead = playbook.level(tier).channels, turn.state.profile.dead
    if allowed is None and not dead:
        return ()
    barred = []
    for channel in sorted(playbook.placements):
        if allowed is not None and channel not in allowed:
            barred.append(f"{channel}: not for tier {tier}")
        elif dead and is_dead(turn.state.profile, channel):
            barred.append(f"{channel}: address bounced")
    return tuple(barred)


def move_contact(
    turn: Turn, key: Key, to_ms: int, playbook: Playbook, *, attempted: bool = False
) -> None:
    """Move the reservation of a message to another instant, on the customer and on the groups at hand.

    Where an attempt may have arrived it goes on counting when that was, besides.
    """
    now_ms = turn.record.received_at_ms
    mine = [each for each in turn.state.profile.contacts if _key(each) == key]
    if not mine:
        return
    moved = replace(mine[-1], at_ms=to_ms)
    if not (attempted and mine[-1].at_ms <= now_ms < to_ms):
        _take_out(turn, mine[-1])
    reserve(turn.state.profile, playbook, moved, now_ms, is_message=True)
    contact_groups(turn, playbook, moved)


def unreserve(turn: Turn, key: Key) -> None:
    """Take back the reservation of a message that is not going to be sent, wherever it counts."""
    for contact in [each for each in turn.state.profile.contacts if _key(each) == key]:
        _take_out(turn, contact)


def _take_out(turn: Turn, contact: Contact) -> None:
    turn.state.profile.contacts.remove(contact)
    shared = (contact.origin or turn.state.number, contact.seq, contact.n)
    for group in own_groups(turn):
        if release_in_group(group, shared, contact.at_ms):
            turn.touched.add(group.key)


def _key(contact: Contact) -> Key:
    return contact.origin, contact.seq, contact.n
