"""Replies about segments, as the OpenAPI document shows them."""

from typing import Any, NotRequired

from typing_extensions import TypedDict


class SegmentHead(TypedDict):
    """A segment and its size by the index. A `momentary` one reads the event: nobody is in it."""

    name: str
    description: str
    size: int
    momentary: bool


class SegmentsOut(TypedDict):
    """The active playbook's segments, in its order."""

    segments: list[SegmentHead]


class SegmentDay(TypedDict):
    """One day in UTC; `size` is at its end."""

    day: str
    entered: int
    left: int
    size: int


class ResponseRates(TypedDict):
    """How members have answered what they were offered; rates are of the offers, null without any."""

    offered: int
    seen: int
    taken: int
    refused: int
    takenRate: float | None
    refusedRate: float | None


class SegmentOut(SegmentHead):
    """A segment's own profile, `asOf` at most a minute ago.

    What is summed covers `counted` members; `sampled` says that there may be more.
    """

    rule: str
    asOf: str
    history: list[SegmentDay]
    counted: int
    sampled: bool
    totals: dict[str, Any]
    perMember: dict[str, Any]
    response: ResponseRates


class SegmentMember(TypedDict):
    """Who, and since when."""

    customerId: str
    since: str


class SegmentMembers(TypedDict):
    """Some of those who are in it; `nextCursor` is there while there may be more."""

    items: list[SegmentMember]
    nextCursor: NotRequired[str]


TYPES = (SegmentsOut, SegmentOut, SegmentMembers)
