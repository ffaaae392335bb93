"""Groups: households, accounts and the like; who belongs to them, and what is known of them.

A customer's own state says to which groups it belongs and belonged. What is the group's own (traits,
how many belong to it, what was said to any of them) has a record of its own, that members share.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from actors.domain.profile import Contact

MAX_GROUP_TRAITS = 64
MAX_CHANGES = 32
MAX_CHANGES_OF_ONE = 4
MAX_GROUP_CONTACTS = 128
MAX_FORMER = 8
"""Groups that somebody has left, of which the state remembers when: the last ones."""

_MAX_NAME = 64
_MAX_VALUE = 1024
_MAX_OLD_VALUE = 200


class GroupKey(NamedTuple):
    """Which group: its kind, as the playbook declares it, and its id, byte-exact."""

    kind: str
    group_id: str


@dataclass(slots=True, init=False)
class Membership:
    """One customer in one group since an instant of event time; `left_at_ms` is 0 while it lasts.

    `heard_at_ms` is the event time of the last call that said that it lasts or has ended.
    """

    kind: str
    group_id: str
    since_ms: int
    left_at_ms: int = 0
    heard_at_ms: int = 0

    def __init__(
        self,
        kind: str,
        group_id: str,
        since_ms: int,
        left_at_ms: int = 0,
        heard_at_ms: int = 0,
    ) -> None:
        self.kind = kind
        self.group_id = group_id
        self.since_ms = since_ms
        self.left_at_ms = left_at_ms
        self.heard_at_ms = heard_at_ms

    @property
    def key(self) -> GroupKey:
        """Which group."""
        return GroupKey(self.kind, self.group_id)


@dataclass(slots=True)
class GroupTrait:
    """A trait as it was said last: when, on which channel, and by which member (a number).

    One that was taken away stays as None, so that what was said before that cannot come back late.
    """

    value: Any
    at_ms: int
    source: str
    by: int


@dataclass(slots=True)
class GroupTraitChange:
    """A trait that changed at an instant; `by` is the member who had said the `old` value."""

    name: str
    at_ms: int
    source: str
    old: Any
    by: int


@dataclass(slots=True)
class GroupState:
    """What is known of a group. It lasts as long as somebody belongs to it.

    `contacts` are those that caps of this kind of group count, oldest first, whoever was addressed.
    `changed_at_ms` is the latest event time at which something of this changed.
    """

    kind: str
    group_id: str
    members: int = 0
    first_seen_at_ms: int = 0
    changed_at_ms: int = 0
    traits: dict[str, GroupTrait] = field(default_factory=dict)
    changes: list[GroupTraitChange] = field(default_factory=list)
    contacts: list[Contact] = field(default_factory=list)

    @property
    def key(self) -> GroupKey:
        """Which group."""
        return GroupKey(self.kind, self.group_id)

    def known_traits(self) -> dict[str, Any]:
        """Return the traits by name, without those that were taken away."""
        return {name: each.value for name, each in self.traits.items() if each.value is not None}

    def seen(self, at_ms: int) -> None:
        """Note that something changed at an instant."""
        if not self.first_seen_at_ms or at_ms < self.first_seen_at_ms:
            self.first_seen_at_ms = at_ms
        self.changed_at_ms = max(self.changed_at_ms, at_ms)


Groups = Mapping[GroupKey, GroupState]
"""The records at hand in a turn, shared by all who take turns with them."""

NO_GROUPS: Groups = {}


def current(memberships: Iterable[Membership], kind: str = "") -> list[Membership]:
    """Return those that last, of one kind or of all, the one that began last at the end."""
    lasting = [
        each for each in memberships if not each.left_at_ms and (not kind or each.kind == kind)
    ]
    lasting.sort(key=lambda each: (each.since_ms, each.key))
    return lasting


def enter(memberships: list[Membership], key: GroupKey, at_ms: int) -> bool:
    """Let a membership begin, unless its end was said of a later time; return whether anything changed.

    Of one that lasts the earlier beginning holds.
    """
    known = next((each for each in memberships if each.key == key), None)
    if known is None:
        memberships.append(Membership(*key, at_ms, 0, at_ms))
        return True
    if known.left_at_ms:
        if at_ms < known.heard_at_ms:
            return False
        known.since_ms, known.left_at_ms, known.heard_at_ms = at_ms, 0, at_ms
        return True
    known.heard_at_ms = max(known.heard_at_ms, at_ms)
    if at_ms >= known.since_ms:
        return False
    known.since_ms = at_ms
    return True


def leave(memberships: list[Membership], key: GroupKey, at_ms: int) -> bool:
    """Let a membership end, unless it was said of a later time that it lasts; return whether it did.

    An end is remembered also of one that is not known, because its beginning may arrive late.
    """
    known = next((each for each in memberships if each.key == key), None)
    if known is not None and at_ms < known.heard_at_ms:
        return False
    lasted = known is not None and not known.left_at_ms
    if known is None:
        known = Membership(*key, at_ms)
        memberships.append(known)
    known.left_at_ms = known.heard_at_ms = max(at_ms, 1)
    memberships[:] = _bounded(memberships)
    return lasted


def _bounded(memberships: Iterable[Membership]) -> list[Membership]:
    """Return all that last, and of those that ended the last."""
    all_ = list(memberships)
    former = sorted(
        (each for each in all_ if each.left_at_ms), key=lambda each: (each.left_at_ms, each.key)
    )
    forgotten = {each.key for each in former[:-MAX_FORMER]}
    return [each for each in all_ if not each.left_at_ms or each.key not in forgotten]


def united(mine: Iterable[Membership], hers: Iterable[Membership]) -> list[Membership]:
    """Return the memberships of two customers who become one: of each group one.

    One that lasts for either lasts, since the earlier beginning of those that last; of two that have
    ended the one that ended last is remembered. The order of the arguments does not matter.
    """
    found: dict[GroupKey, Membership] = {}
    for each in (*mine, *hers):
        twin = found.get(each.key)
        found[each.key] = replace(each) if twin is None else _joined(each, twin)
    return sorted(_bounded(found.values()), key=lambda each: (each.since_ms, each.key))


def _joined(a: Membership, b: Membership) -> Membership:
    lasting = [each for each in (a, b) if not each.left_at_ms] or [a, b]
    return Membership(
        *a.key,
        min(each.since_ms for each in lasting),
        0 if len(lasting) == 1 else max(a.left_at_ms, b.left_at_ms),
        max(a.heard_at_ms, b.heard_at_ms),
    )


def take_group_traits(
    group: GroupState, traits: Mapping[str, Any], said: GroupTrait
) -> tuple[bool, list[str]]:
    """Take what is not older than what is known, trait by trait; None removes.

    `said` holds when, where and by whom; its value stands for nothing. What only says again what is
    known changes nothing, so that a login that repeats it need not write the group.

    Returns:
        Whether anything changed, and notes on what was not taken.
    """
    changed = False
    notes: list[str] = []
    for name, value in traits.items():
        last = group.traits.get(name)
        if last is not None and (said.at_ms < last.at_ms or _same(last.value, value)):
            continue
        if last is None and value is None:
            continue
        refused = _refused(group, name, value)
        if refused:
            notes.append(refused)
            continue
        if last is not None:
            _note_change(
                group,
                GroupTraitChange(name, said.at_ms, said.source, _short(last.value), last.by),
            )
        group.traits[name] = GroupTrait(value, said.at_ms, said.source, said.by)
        changed = True
    return changed, notes


def forget_sayings(group: GroupState, numbers: Collection[int]) -> bool:
    """Forget what some members said, now and before; return whether there was anything."""
    traits = {name: each for name, each in group.traits.items() if each.by not in numbers}
    changes = [each for each in group.changes if each.by not in numbers]
    if len(traits) == len(group.traits) and len(changes) == len(group.changes):
        return False
    group.traits, group.changes = traits, changes
    return True


def pass_on_sayings(group: GroupState, old: int, new: int) -> None:
    """Let what one customer said count as said by another: the two were one for a while."""
    said: list[GroupTrait | GroupTraitChange] = [*group.traits.values(), *group.changes]
    for each in said:
        if each.by == old:
            each.by = new


def _same(a: Any, b: Any) -> bool:
    return type(a) is type(b) and bool(a == b)


def _refused(group: GroupState, name: str, value: Any) -> str:
    if len(value if isinstance(value, str) else str(value)) > _MAX_VALUE:
        return "group_trait_too_large"
    if name not in group.traits and (
        len(group.traits) >= MAX_GROUP_TRAITS or len(name) > _MAX_NAME
    ):
        return "too_many_group_traits"
    return ""


def _short(value: Any) -> Any:
    if isinstance(value, bool | int | float | None):
        return value
    return (value if isinstance(value, str) else str(value))[:_MAX_OLD_VALUE]


def _note_change(group: GroupState, change: GroupTraitChange) -> None:
    changes = group.changes
    same = [i for i, each in enumerate(changes) if each.name == change.name]
    if len(same) >= MAX_CHANGES_OF_ONE:
        del changes[same[0]]
    elif len(changes) >= MAX_CHANGES:
        del changes[0]
    changes.append(change)
