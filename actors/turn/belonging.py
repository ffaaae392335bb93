"""A `group` call: a customer becomes a member of a group, or leaves it, and says something of it."""

from collections.abc import Sequence
from dataclasses import replace

from actors.domain.events import Event
from actors.domain.groups import (
    GroupKey,
    GroupState,
    GroupTrait,
    current,
    enter,
    leave,
    take_group_traits,
)
from actors.domain.profile import Contact
from actors.playbook.group_model import LEFT, GroupKind
from actors.playbook.model import Playbook
from actors.policies.contact_pressure import caps_over, room_for
from actors.policies.group_pressure import reserve_in_group
from actors.turn.under_way import Turn


def own_groups(turn: Turn) -> Sequence[GroupState]:
    """Return the records at hand of the groups that the customer belongs to, joined last at the end."""
    if not turn.groups or not turn.state.groups:
        return ()
    keys = [each.key for each in current(turn.state.groups)]
    return [turn.groups[key] for key in keys if key in turn.groups]


def belong(turn: Turn, event: Event, at_ms: int, playbook: Playbook) -> None:
    """Take a `group` call. Without the group's record only the customer's own state changes."""
    rules, notes = playbook.groups, turn.record.notes
    if not rules.kinds:
        return
    key = rules.key_of(event.properties, event.traits, event.context)
    if key is None or playbook.identities.is_blocked(key.kind, key.group_id):
        notes.append("not_a_group")
        return
    group = turn.groups.get(key)
    if event.traits.get(LEFT) is True:
        if leave(turn.state.groups, key, at_ms):
            _count(turn, key, -1, at_ms)
            notes.append(f"group_left: {key.kind}")
        return
    if not _join(turn, key, at_ms, rules.kinds[key.kind], playbook) or group is None:
        return
    said = GroupTrait(None, at_ms, event.channel, turn.state.number)
    changed, refused = take_group_traits(group, rules.own_traits(event.traits), said)
    notes += refused
    if changed:
        _touch(turn, key, at_ms)


def _join(turn: Turn, key: GroupKey, at_ms: int, kind: GroupKind, playbook: Playbook) -> bool:
    """Let the membership begin if it may; return whether the customer is a member now."""
    memberships, notes = turn.state.groups, turn.record.notes
    lasting = current(memberships, key.kind)
    if any(each.key == key for each in lasting):
        if enter(memberships, key, at_ms):
            _touch(turn, key, at_ms)
        return True
    group = turn.groups.get(key)
    if group is not None and group.members >= kind.max_members:
        notes.append(f"group_full: {key.kind}")
        return False
    if len(lasting) >= kind.per_customer and at_ms < lasting[0].heard_at_ms:
        notes.append(f"group_joined_before: {key.kind}")
        return False
    if not enter(memberships, key, at_ms):
        notes.append(f"group_left_since: {key.kind}")
        return False
    _count(turn, key, 1, at_ms)
    notes.append(f"group_joined: {key.kind}")
    for each in lasting[: max(0, len(lasting) + 1 - kind.per_customer)]:
        # The first to be joined is the first to be left, and never in time before that.
        leave(memberships, each.key, max(at_ms, each.heard_at_ms))
        _count(turn, each.key, -1, at_ms)
        notes.append(f"group_left: {key.kind}")
    if group is not None:
        contacts = [named(turn, each) for each in turn.state.profile.contacts]
        reserve_in_group(group, playbook.caps, contacts, turn.record.received_at_ms)
    return True


def contact_groups(turn: Turn, playbook: Playbook, contact: Contact) -> None:
    """Count a contact in the groups of the customer, where a cap per group counts it."""
    over = caps_over(playbook, contact.channel, contact.action, contact.purpose)
    kinds = {playbook.caps[i].per for i in over}
    for group in own_groups(turn):
        now_ms = turn.record.received_at_ms
        if group.kind in kinds and reserve_in_group(
            group, playbook.caps, (named(turn, contact),), now_ms
        ):
            turn.touched.add(group.key)


def named(turn: Turn, contact: Contact) -> Contact:
    """Return a contact as a group's record has it: a message with its customer's number."""
    return replace(contact, origin=contact.origin or turn.state.number) if contact.seq else contact


def counters_of(
    turn: Turn, playbook: Playbook, at_ms: int | None = None
) -> tuple[tuple[int, int], ...]:
    """Return what `counters` counts for the customer of a turn, as of that turn or of an instant."""
    when_ms = turn.record.received_at_ms if at_ms is None else at_ms
    return room_for(turn.state.profile, playbook, when_ms, own_groups(turn))


def _count(turn: Turn, key: GroupKey, more: int, at_ms: int) -> None:
    group = turn.groups.get(key)
    if group is not None:
        group.members += more
        _touch(turn, key, at_ms)


def _touch(turn: Turn, key: GroupKey, at_ms: int) -> None:
    group = turn.groups.get(key)
    if group is not None:
        group.seen(at_ms)
        turn.touched.add(key)
