"""Contact caps: how often a customer may be addressed, in windows of elapsed time."""

from collections.abc import Sequence

from actors.domain.groups import GroupState
from actors.domain.profile import MAX_CONTACTS, Contact, Profile
from actors.playbook.model import Cap, Playbook

FullCap = tuple[Cap, int]
"""A cap that is full, and when the oldest contact leaves its window."""


def _group(action: str) -> str:
    parts = action.split("/")
    return parts[1] if len(parts) > 1 else ""


def cap_covers(cap: Cap, channel: str, action: str, purpose: str) -> bool:
    """Return whether a contact of this kind counts under the cap."""
    return (
        (cap.channels is None or channel in cap.channels)
        and (cap.purposes is None or purpose in cap.purposes)
        and (cap.groups is None or _group(action) in cap.groups)
        and (cap.actions is None or action in cap.actions)
    )


def counters(
    profile: Profile, caps: Sequence[Cap], now_ms: int, groups: Sequence[GroupState] = ()
) -> tuple[tuple[int, int], ...]:
    """Return for each cap (contacts in its window that ends now, when the oldest leaves it, or 0).

    A cap per group counts in the fullest of `groups` of its kind, and never less than the customer's
    own contacts; without such a group these alone.
    """
    if not profile.contacts and not groups:
        return ((0, 0),) * len(caps)
    result = []
    for cap in caps:
        count, retry_at_ms = counted(profile.contacts, cap, now_ms)
        if cap.per:
            for group in groups:
                if group.kind == cap.per:
                    of_group, later_ms = counted(group.contacts, cap, now_ms)
                    count, retry_at_ms = max(count, of_group), max(retry_at_ms, later_ms)
        result.append((count, retry_at_ms))
    return tuple(result)


def counted(contacts: Sequence[Contact], cap: Cap, now_ms: int) -> tuple[int, int]:
    """Return (contacts under a cap in its window that ends now, when the oldest leaves it, or 0).

    `contacts` are oldest first.
    """
    since = now_ms - cap.window_ms
    count, oldest = 0, 0
    for contact in contacts:
        if contact.at_ms > since and cap_covers(
            cap, contact.channel, contact.action, contact.purpose
        ):
            count += 1
            oldest = oldest or contact.at_ms
    return count, oldest + cap.window_ms if count >= cap.limit else 0


def full_caps(caps: Sequence[Cap], counts: Sequence[tuple[int, int]]) -> list[FullCap]:
    """Return the caps that have no room, in the playbook's order, from what `counters` counted."""
    return [
        (cap, retry_at_ms)
        for cap, (count, retry_at_ms) in zip(caps, counts, strict=True)
        if count >= cap.limit
    ]


def reserve(profile: Profile, playbook: Playbook, contact: Contact) -> None:
    """Count a contact at its planned send time, if any cap covers it.

    Contacts that no cap's window can reach any more are forgotten. The list is bounded; a playbook
    whose caps allow more contacts than it holds is refused when it is loaded.
    """
    for cap in playbook.caps:
        if cap_covers(cap, contact.channel, contact.action, contact.purpose):
            break
    else:
        return
    longest_ms = max(cap.window_ms for cap in playbook.caps)
    contacts = profile.contacts
    while contacts and (
        contacts[0].at_ms <= contact.at_ms - longest_ms or len(contacts) >= MAX_CONTACTS
    ):
        del contacts[0]
    contacts.append(contact)
    contacts.sort(key=lambda c: c.at_ms)
