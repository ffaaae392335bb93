"""Contact caps: how often a customer may be addressed, in elapsed time and in calendar windows.

A contact counts at its planned time. One that is a message may go up to `LATE_MS` after it, and fills
windows for as long: so no window is overfull at the instant of sending, whenever it goes.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from actors.domain.groups import GroupState
from actors.domain.profile import MAX_CONTACTS, Contact, Profile
from actors.playbook.model import Cap, Playbook
from actors.policies.counting import Room, Times, room_in, room_in_all
from actors.policies.verdicts import LATE_MS
from actors.policies.whereabouts import zones_of

FullCap = tuple[Cap, int]
"""A cap that is full, and when a contact fits under it again."""

_UTC = ("UTC",)
_NONE: Room = (0, 0)


def group_of(action: str) -> str:
    """Return the middle part of an action's key."""
    parts = action.split("/", 2)
    return parts[1] if len(parts) > 1 else ""


def cap_covers(cap: Cap, channel: str, action: str, purpose: str) -> bool:
    """Return whether a contact of this kind counts under the cap."""
    return (
        (cap.channels is None or channel in cap.channels)
        and (cap.purposes is None or purpose in cap.purposes)
        and (cap.groups is None or group_of(action) in cap.groups)
        and (cap.actions is None or action in cap.actions)
    )


@lru_cache(maxsize=16_384)
def caps_over(playbook: Playbook, channel: str, action: str, purpose: str) -> tuple[int, ...]:
    """Return the places of the caps that cover a kind of contact."""
    return tuple(
        i for i, cap in enumerate(playbook.caps) if cap_covers(cap, channel, action, purpose)
    )


def room_for(
    profile: Profile, playbook: Playbook, at_ms: int, groups: Sequence[GroupState] = ()
) -> tuple[Room, ...]:
    """Return for each cap how full it is for a contact at an instant, reservations included.

    That is (contacts in the fullest window of the cap that holds the instant, the first instant from
    then on at which one more fits, or 0 when it does now). A cap per group counts in the fullest of
    `groups` of its kind, and never less than the customer's own contacts; without such a group these
    alone. Calendar windows are those of every zone in which the customer may be.
    """
    caps, contacts = playbook.caps, profile.contacts
    if not contacts and not groups:
        return (_NONE,) * len(caps)
    zones = zones_of(profile, playbook) if playbook.policies.calendar else _UTC
    if groups:
        shared = [(group.kind, group.contacts) for group in groups]
        counts = tallies(contacts, playbook, range(len(caps)), shared)
        return tuple([tally.room(at_ms, zones) for tally in counts])
    rooms = [_NONE] * len(caps)
    for i, times in _by_cap(contacts, playbook).items():
        rooms[i] = room_in(times, caps[i], at_ms, zones)
    return tuple(rooms)


def _by_cap(contacts: Sequence[Contact], playbook: Playbook) -> dict[int, Times]:
    """Return the times of contacts by the place of each cap that covers any."""
    kinds: dict[tuple[int, ...], Times] = {}  # what the same caps cover is counted once
    for each in contacts:
        first = each.at_ms
        last = first + LATE_MS if each.seq else first
        over = caps_over(playbook, each.channel, each.action, each.purpose)
        times = kinds.get(over)
        if times is None:
            kinds[over] = ([first], [last])
        else:
            times[0].append(first)
            times[1].append(last)
    found: dict[int, Times] = {}
    for over, times in kinds.items():
        times[1].sort()
        for i in over:
            known = found.get(i)
            found[i] = times if known is None else _both(known, times)
    return found


def _both(one: Times, other: Times) -> Times:
    return sorted([*one[0], *other[0]]), sorted([*one[1], *other[1]])


def counters(
    profile: Profile,
    caps: Sequence[Cap],
    at_ms: int,
    groups: Sequence[GroupState] = (),
    zones: Sequence[str] = _UTC,
) -> tuple[Room, ...]:
    """Return what `room_for` does, for some caps and in some zones."""
    rooms = []
    for cap in caps:
        shared = [group.contacts for group in groups if cap.per and group.kind == cap.per]
        all_ = [_times(contacts, cap) for contacts in (profile.contacts, *shared)]
        rooms.append(room_in_all(all_, cap, at_ms, zones))
    return tuple(rooms)


class Tally(NamedTuple):
    """The contacts under one cap, of all who count it: made once, asked for any instant."""

    cap: Cap
    all_times: list[Times]

    def room(self, at_ms: int, zones: Sequence[str]) -> Room:
        """Return how full the cap is for a contact at an instant."""
        if not self.all_times:
            return _NONE
        return room_in_all(self.all_times, self.cap, at_ms, zones)


def tallies(
    contacts: Sequence[Contact],
    playbook: Playbook,
    over: Sequence[int],
    groups: Sequence[tuple[str, Sequence[Contact]]],
) -> list[Tally]:
    """Return the tallies of a playbook's caps at the places `over`.

    `contacts` are a customer's own, oldest first; `groups` the kinds of groups and their contacts.
    """
    own = _by_cap(contacts, playbook)
    shared = [(kind, _by_cap(theirs, playbook)) for kind, theirs in groups]
    found = []
    for i in over:
        cap = playbook.caps[i]
        all_ = [theirs[i] for kind, theirs in shared if kind == cap.per and i in theirs]
        if i in own:
            all_.append(own[i])
        found.append(Tally(cap, all_))
    return found


def counted(contacts: Sequence[Contact], cap: Cap, at_ms: int, zones: Sequence[str] = _UTC) -> Room:
    """Return how full a cap is for a contact at an instant; `contacts` are oldest first."""
    return room_in(_times(contacts, cap), cap, at_ms, zones)


def _times(contacts: Sequence[Contact], cap: Cap) -> Times:
    here = [c for c in contacts if cap_covers(cap, c.channel, c.action, c.purpose)]
    return (
        [each.at_ms for each in here],
        sorted([each.at_ms + LATE_MS if each.seq else each.at_ms for each in here]),
    )


def full_caps(caps: Sequence[Cap], counts: Sequence[Room]) -> list[FullCap]:
    """Return the caps that have no room, in the playbook's order, from what `counters` counted."""
    return [
        (cap, retry_at_ms)
        for cap, (count, retry_at_ms) in zip(caps, counts, strict=True)
        if count >= cap.limit
    ]


def is_capped(playbook: Playbook, contact: Contact) -> bool:
    """Return whether any cap covers a contact."""
    return bool(caps_over(playbook, contact.channel, contact.action, contact.purpose))


def reserve(
    profile: Profile,
    playbook: Playbook,
    contact: Contact,
    now_ms: int | None = None,
    *,
    is_message: bool = False,
) -> None:
    """Count a contact at its planned time, if any cap covers it, or if it is a message and attention has a price.

    Contacts that no window can reach any more after `now_ms` (by default, the contact's own time) are
    forgotten. The list is bounded; a playbook whose caps allow more contacts than it holds is refused
    when it is loaded, and those that no cap counts make room first.
    """
    if not (is_message and playbook.attention_ms) and not is_capped(playbook, contact):
        return
    longest_ms = max(playbook.policies.longest_ms + LATE_MS, playbook.attention_ms)
    since_ms = min(contact.at_ms, contact.at_ms if now_ms is None else now_ms) - longest_ms
    contacts = profile.contacts
    while contacts and contacts[0].at_ms <= since_ms:
        del contacts[0]
    if len(contacts) >= MAX_CONTACTS:
        spare = (i for i, each in enumerate(contacts) if not is_capped(playbook, each))
        del contacts[next(spare, 0)]
    contacts.append(contact)
    if len(contacts) > 1 and contacts[-2].at_ms > contact.at_ms:
        contacts.sort(key=_time)


def recent(profile: Profile, attention_ms: int, now_ms: int) -> int:
    """Return how many contacts there were within some time before now; what is planned is none yet."""
    since_ms = now_ms - attention_ms
    return len([1 for each in profile.contacts if since_ms < each.at_ms <= now_ms])


def excess_of(profile: Profile, playbook: Playbook, now_ms: int) -> list[Contact]:
    """Return the reserved messages that are to be cancelled for every cap to hold, newest first.

    Only what is planned for later can be: the rest has gone, or is judged when it is claimed.
    """
    zones = zones_of(profile, playbook) if playbook.policies.calendar else _UTC
    kept = list(profile.contacts)
    cancelled: list[Contact] = []
    for contact in sorted(profile.contacts, key=_planned_order, reverse=True):
        if not contact.seq or contact.at_ms <= now_ms:
            continue
        others = [each for each in kept if each is not contact]
        if any(
            counted(others, cap, contact.at_ms, zones)[0] >= cap.limit
            for cap in playbook.caps
            if cap_covers(cap, contact.channel, contact.action, contact.purpose)
        ):
            kept = others
            cancelled.append(contact)
    return cancelled


def _time(contact: Contact) -> int:
    return contact.at_ms


def _planned_order(contact: Contact) -> tuple[int, int, int, int]:
    """Return the order in which messages were planned to go."""
    return contact.at_ms, contact.origin, contact.seq, contact.n
