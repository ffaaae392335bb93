"""Contact caps: how often a customer may be addressed, in elapsed time and in calendar windows.

A contact counts at its planned time. One that is a message may go up to `LATE_MS` after it, and fills
windows for as long: so no window is overfull at the instant of sending, whenever it goes.
"""

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache

from actors.domain.groups import GroupState
from actors.domain.profile import MAX_CONTACTS, Contact, Profile
from actors.playbook.model import Cap, Playbook
from actors.policies.verdicts import LATE_MS
from actors.policies.whereabouts import period, zones_of

FullCap = tuple[Cap, int]
"""A cap that is full, and when a contact fits under it again."""
Room = tuple[int, int]
"""How many contacts the fullest window holds that another one would be in; when one fits, or 0."""

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


Span = tuple[int, int]
"""The first and the last instant at which a contact may be: they differ for a message, which may be late."""


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
    spans: list[list[Span]] = [[] for _ in caps]
    for each in contacts:
        span = _span(each)
        for i in caps_over(playbook, each.channel, each.action, each.purpose):
            spans[i].append(span)
    if not groups:
        return tuple([_judged(of, cap, at_ms, zones) for cap, of in zip(caps, spans, strict=True)])
    return tuple(
        [
            _shared([of, *_of_groups(groups, cap)], cap, at_ms, zones)
            for cap, of in zip(caps, spans, strict=True)
        ]
    )


def counters(
    profile: Profile,
    caps: Sequence[Cap],
    at_ms: int,
    groups: Sequence[GroupState] = (),
    zones: Sequence[str] = _UTC,
) -> tuple[Room, ...]:
    """Return what `room_for` does, for some caps and in some zones."""
    if not profile.contacts and not groups:
        return (_NONE,) * len(caps)
    return tuple(
        [
            _shared([_spans(profile.contacts, cap), *_of_groups(groups, cap)], cap, at_ms, zones)
            for cap in caps
        ]
    )


def counted(contacts: Sequence[Contact], cap: Cap, at_ms: int, zones: Sequence[str] = _UTC) -> Room:
    """Return how full a cap is for a contact at an instant; `contacts` are oldest first."""
    return _judged(_spans(contacts, cap), cap, at_ms, zones)


def _span(contact: Contact) -> Span:
    at_ms = contact.at_ms
    return (at_ms, at_ms + LATE_MS) if contact.seq else (at_ms, at_ms)


def _spans(contacts: Iterable[Contact], cap: Cap) -> list[Span]:
    return [
        _span(each) for each in contacts if cap_covers(cap, each.channel, each.action, each.purpose)
    ]


def _of_groups(groups: Sequence[GroupState], cap: Cap) -> list[list[Span]]:
    if not cap.per:
        return []
    return [_spans(group.contacts, cap) for group in groups if group.kind == cap.per]


def _shared(all_: Sequence[list[Span]], cap: Cap, at_ms: int, zones: Sequence[str]) -> Room:
    """Return how full a cap is that several count: the fullest, and when there is room in each."""
    if len(all_) == 1:
        return _judged(all_[0], cap, at_ms, zones)
    count = max(_judged(spans, cap, at_ms, zones)[0] for spans in all_)
    if count < cap.limit:
        return count, 0
    retry_at_ms, again = at_ms, True
    while again:
        again = False
        for spans in all_:
            later_ms = _judged(spans, cap, retry_at_ms, zones)[1]
            if later_ms > retry_at_ms:
                retry_at_ms, again = later_ms, True
    return count, retry_at_ms


def _judged(spans: Sequence[Span], cap: Cap, at_ms: int, zones: Sequence[str]) -> Room:
    if not spans:
        return _NONE
    if not cap.unit:
        return _elapsed(spans, cap, at_ms)
    count, until_ms = _fullest(spans, cap, at_ms, zones)
    retry_at_ms = 0
    while until_ms:
        retry_at_ms = until_ms
        until_ms = _fullest(spans, cap, retry_at_ms, zones)[1]
    return count, retry_at_ms


def _fullest(spans: Sequence[Span], cap: Cap, at_ms: int, zones: Iterable[str]) -> Room:
    """Return (contacts in the fullest calendar window, the end of the last full one, or 0)."""
    most, until_ms = 0, 0
    for begins_ms, ends_ms in _periods(cap.unit, at_ms, zones):
        count = sum(1 for first, last in spans if first < ends_ms and last >= begins_ms)
        most = max(most, count)
        if count >= cap.limit:
            until_ms = max(until_ms, ends_ms)
    return most, until_ms


def _periods(unit: str, at_ms: int, zones: Iterable[str]) -> Iterator[tuple[int, int]]:
    """Yield the calendar windows in which a message planned for an instant may be sent."""
    for zone in zones:
        window = period(unit, at_ms, zone)
        yield window
        if at_ms + LATE_MS >= window[1]:
            yield period(unit, window[1], zone)


def _elapsed(spans: Sequence[Span], cap: Cap, at_ms: int) -> Room:
    window_ms, limit = cap.window_ms, cap.limit
    since_ms, before_ms = at_ms - window_ms, at_ms + window_ms + LATE_MS
    near = [span for span in spans if span[1] > since_ms and span[0] < before_ms]
    count = len(near)
    if count >= limit and near[-1][0] > at_ms:  # something is planned: not all in one window
        count = _peak(near, window_ms, at_ms)
    if count < limit:
        return count, 0
    if spans[-1][0] <= at_ms:
        return count, sorted([last for _, last in near])[count - limit] + window_ms
    left = [span for span in spans if span[1] > since_ms]
    ends = sorted({last + window_ms for _, last in left})
    return count, next(end for end in ends if _peak(left, window_ms, end) < limit)


def _peak(spans: Sequence[Span], window_ms: int, at_ms: int) -> int:
    """Return the most that any window holds in which a message planned for `at_ms` may be sent."""
    before_ms = at_ms + window_ms + LATE_MS
    instants = [at_ms, *(first for first, _ in spans if at_ms < first < before_ms)]
    return max(
        sum([first <= instant < last + window_ms for first, last in spans]) for instant in instants
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
    return sum(1 for each in profile.contacts if since_ms < each.at_ms <= now_ms)


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
