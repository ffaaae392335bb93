"""Contact caps per group: which contacts its record keeps, so that all its members share the limits."""

from collections.abc import Iterable, Sequence

from actors.domain.groups import GroupState
from actors.domain.profile import Contact
from actors.playbook.model import Cap
from actors.policies.contact_pressure import cap_covers


def reserve_in_group(group: GroupState, caps: Sequence[Cap], contacts: Iterable[Contact]) -> bool:
    """Count contacts under the caps of this kind of group; return whether the record changed.

    Of each cap the newest contacts are kept, as many as its limit: that is all it takes to know whether
    there is room, and when there will be. So the record is bounded by the limits' sum, and what counts
    under one cap never crowds out what counts under another.
    """
    own = [cap for cap in caps if cap.per == group.kind]
    if not own:
        return False
    before = group.contacts
    added = [each for each in contacts if any(_under(cap, each) for cap in own)]
    known = sorted([*before, *added], key=lambda each: each.at_ms)
    if not known:
        return False
    kept: set[int] = set()
    for cap in own:
        since = known[-1].at_ms - cap.window_ms
        places = [i for i, each in enumerate(known) if each.at_ms > since and _under(cap, each)]
        kept.update(places[-cap.limit :])
    after = [known[i] for i in sorted(kept)]
    if after == before:
        return False
    group.contacts = after
    return True


def _under(cap: Cap, contact: Contact) -> bool:
    return cap_covers(cap, contact.channel, contact.action, contact.purpose)
