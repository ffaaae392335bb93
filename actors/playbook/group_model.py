"""What the core uses of `groups.yaml`: the kinds of groups, and how a call says which it means."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from actors.domain.groups import GroupKey

GROUP = "group"
"""The type of event that makes a customer a member."""
CUSTOMER = "customer"
"""What `per` says of a cap that counts for one customer alone."""
GROUP_ID = "groupId"
"""The property that names the group."""
LEFT = "left"
"""The trait whose truth says that the customer has left."""
MAX_ID = 255
DEFAULT_SOURCES = (("traits", "groupType"), ("context", "groupType"))


@dataclass(frozen=True, slots=True)
class GroupKind:
    """A kind of group: at most `max_members` in one, at most `per_customer` of them for a customer."""

    name: str
    max_members: int = 1000
    per_customer: int = 1
    description: str = ""


@dataclass(frozen=True, slots=True)
class GroupRules:
    """All kinds by name, the one that is meant when a call names none, and where it is named."""

    kinds: Mapping[str, GroupKind] = field(default_factory=dict)
    default: str = ""
    sources: tuple[tuple[str, ...], ...] = DEFAULT_SOURCES

    def key_of(
        self, properties: Mapping[str, Any], traits: Mapping[str, Any], context: Mapping[str, Any]
    ) -> GroupKey | None:
        """Return which group a `group` call means, or None when it is of no kind that is declared."""
        group_id = properties.get(GROUP_ID)
        if not isinstance(group_id, str) or not 0 < len(group_id) <= MAX_ID:
            return None
        for source in self.sources:
            value: Any = traits if source[0] == "traits" else context
            for part in source[1:]:
                value = value.get(part) if isinstance(value, Mapping) else None
            if value is not None:
                known = isinstance(value, str) and value in self.kinds
                return GroupKey(value, group_id) if known else None
        return GroupKey(self.default, group_id) if self.default else None

    def own_traits(self, traits: Mapping[str, Any]) -> dict[str, Any]:
        """Return the traits that say something of the group itself."""
        about = {LEFT, *(source[1] for source in self.sources if source[0] == "traits")}
        return {name: value for name, value in traits.items() if name not in about}


NO_KINDS = GroupRules()
"""What holds without a `groups.yaml`: nobody belongs to anything."""
