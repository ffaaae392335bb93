"""Contact caps per group: which contacts its record keeps, so that all its members share the limits."""

from collections.abc import Iterable, Sequence

from actors.domain.groups import GroupState
from actors.domain.profile import Contact
from actors.playbook.model import Cap
from actors.policies.contact_pressure import cap_covers
from actors.policies.verdicts import LATE_MS


def reserve_in_group(
    group: GroupState, caps: Sequence[Cap], contacts: Iterable[Contact], now_ms: int
) -> bool:
    """Count contacts under the caps of this kind of group; return whether the record changed.

    Of each cap what is planned is kept, and of the rest the newest, as many as its limit: any window
    that holds an older one and lasts until now holds these too. So the record is bounded by the limits'
    sum and what is planned, and what counts under one cap never crowds out what counts under another.
    """
    own = [cap for cap in caps if cap.per == group.kind]
    if not own:
        return False
    before = group.contacts
    counted = {(each.at_ms, each.origin, each.seq, each.n) for each in before if each.seq}
    added = [
        each
        for each in contacts
        if any(_under(cap, each) for cap in own)
        and (each.at_ms, each.origin, each.seq, each.n)
        not in counted  # who comes back brings what is known
    ]
    known = sorted([*before, *added], key=lambda each: each.at_ms)
    if not known:
        return False
    kept: set[int] = set()
    for cap in own:
        since_ms = now_ms - cap.window_ms
        places = [i for i, each in enumerate(known) if _last(each) > since_ms and _under(cap, each)]
        gone = [i for i in places if _last(known[i]) <= now_ms]
        kept.update(gone[-cap.limit :], (i for i in places if _last(known[i]) > now_ms))
    after = [known[i] for i in sorted(kept)]
    if after == before:
        return False
    group.contacts = after
    return True


def release_in_group(group: GroupState, key: tuple[int, int, int], at_ms: int) -> bool:
    """Take a reservation back, by the (number, seq, n) of its message and its planned time.

    Returns:
        Whether it was there.
    """
    place = (*key, at_ms)
    kept = [each for each in group.contacts if (each.origin, each.seq, each.n, each.at_ms) != place]
    if len(kept) == len(group.contacts):
        return False
    group.contacts = kept
    return True


def _last(contact: Contact) -> int:
    """Return the last instant at which a contact may be, a message being late."""
    return contact.at_ms + LATE_MS if contact.seq else contact.at_ms


def _under(cap: Cap, contact: Contact) -> bool:
    return cap_covers(cap, contact.channel, contact.action, contact.purpose)
