"""Replies about groups, as the OpenAPI document shows them."""

from typing import Any, NotRequired

from typing_extensions import TypedDict


class GroupMembershipOut(TypedDict):
    """A group that a customer belongs to; `leftAt` is set when that is over."""

    kind: str
    groupId: str
    since: str | None
    leftAt: str | None


class GroupMemberOut(TypedDict):
    """Who, and since when."""

    customerId: str
    since: str


class GroupMembersOut(TypedDict):
    """How many there are, and some of them; `nextCursor` is there while there are more."""

    count: int
    items: list[GroupMemberOut]
    nextCursor: NotRequired[str]


class GroupCapOut(TypedDict):
    """A cap per this kind of group: `used` of `limit` in the window that ends now."""

    name: str
    limit: int
    windowSeconds: int
    calendar: str | None
    used: int
    freeAt: str | None


class GroupContactsOut(TypedDict):
    """Contacts with members that counted under any cap."""

    last7Days: int
    last30Days: int


class GroupOut(TypedDict):
    """A group: what is known of it, who belongs to it, and what they add up to.

    What is summed covers `counted` members; `sampled` says that there may be more.
    """

    kind: str
    groupId: str
    asOf: str
    since: str | None
    changedAt: str | None
    lastSeenAt: str | None
    traits: dict[str, Any]
    traitOrigins: dict[str, Any]
    traitChanges: list[dict[str, Any]]
    members: GroupMembersOut
    counted: int
    sampled: bool
    totals: dict[str, Any]
    contacts: GroupContactsOut
    caps: list[GroupCapOut]


TYPES = (GroupOut,)
