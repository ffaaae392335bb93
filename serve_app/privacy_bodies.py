"""Bodies and replies of consent, merging and erasure."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, TypeAdapter, with_config
from typing_extensions import TypedDict

from serve_app.schemas import MAX_ID, Instant, MessageId

_STRICT = ConfigDict(extra="forbid", strict=True)
MAX_CONSENT_KEY = 63
"""Channel and purpose together are at most so long: a profile keeps no longer names."""

CHANNEL_OR_ALL = r"^(\*|[A-Za-z0-9][A-Za-z0-9_.:-]*)$"
PURPOSE = r"^[A-Za-z0-9][A-Za-z0-9_.:-]*$"

ConsentStatus = Literal["granted", "denied"]


@with_config(_STRICT)
class _ConsentNeeds(TypedDict):
    channel: Annotated[
        str,
        Field(min_length=1, max_length=62, pattern=CHANNEL_OR_ALL, description="`*`: all of them."),
    ]
    purpose: Annotated[str, Field(min_length=1, max_length=62, pattern=PURPOSE)]


@with_config(_STRICT)
class ConsentPut(_ConsentNeeds, total=False):
    """An act of consent; `status`, or `granted` in its place. `at` is when it was made."""

    status: ConsentStatus | None
    granted: bool | None
    source: Annotated[str, Field(min_length=1, max_length=64, pattern=PURPOSE)] | None
    basis: Annotated[str, Field(min_length=1, max_length=64, pattern=PURPOSE)] | None
    expiresAt: Instant | None
    at: Instant | None
    messageId: MessageId | None


@with_config(_STRICT)
class _MergeNeeds(TypedDict):
    with_: Annotated[str, Field(alias="with", min_length=1, max_length=MAX_ID + 8)]


@with_config(_STRICT)
class MergeIn(_MergeNeeds, total=False):
    """With whom to merge, by any form of id."""

    messageId: MessageId | None


@with_config(_STRICT)
class _UnmergeNeeds(TypedDict):
    other: Annotated[str, Field(min_length=1, max_length=64)]


@with_config(_STRICT)
class UnmergeIn(_UnmergeNeeds, total=False):
    """Whose merge to take back, by our id of whoever was merged into this customer."""

    messageId: MessageId | None


class ConsentReply(TypedDict):
    """What an act of consent did.

    `permitted` is what holds now. `cancelled` effects were queued and will not be sent; `inFlight`
    ones were being sent and had not ended after five seconds; `alreadySent` went out in the last 24
    hours. All of this channel and purpose.
    """

    status: Literal["accepted", "duplicate"]
    messageId: str
    customerId: str
    seq: int
    permitted: bool
    cancelled: int
    inFlight: int
    alreadySent: int


class ConsentOut(TypedDict):
    """A consent that was given or denied."""

    channel: str
    purpose: str
    status: ConsentStatus
    at: str
    source: str
    basis: str | None
    expiresAt: str | None


class PermissionOut(TypedDict):
    """What the consents mean now; `reason` says why not."""

    channel: str
    purpose: str
    permitted: bool
    reason: str | None


class ConsentsOut(TypedDict):
    """All consents of a customer, and what they mean for every channel and purpose there is."""

    customerId: str
    seq: int
    consents: list[ConsentOut]
    effective: list[PermissionOut]


class MergeReply(TypedDict):
    """Who remains, and who was merged into them: null when they were one before."""

    status: Literal["accepted", "duplicate"]
    messageId: str
    customerId: str
    seq: int
    merged: str | None


class SharesElsewhere(TypedDict):
    """What went where of turns in another customer's journal, of whom the survivor was part then."""

    customerId: str
    toLoser: list[int]
    toSurvivor: int
    both: list[int]
    skipped: list[int]


class UnmergeReply(TypedDict):
    """What went where: seqs of the survivor's turns, of `toSurvivor` only how many.

    `both` named both customers and stay with the survivor; `skipped` could not be taken again.
    """

    status: Literal["accepted", "duplicate"]
    messageId: str
    customerId: str
    seq: int
    unmerged: str
    mergeSeq: int
    toLoser: list[int]
    toSurvivor: int
    both: list[int]
    skipped: list[int]
    elsewhere: list[SharesElsewhere]


class ErasureReply(TypedDict):
    """The receipt of an erasure: what was wiped out, and what cannot be."""

    receiptId: str
    erasedAt: str
    customers: list[str]
    turns: int
    identities: int
    timers: int
    effects: int
    models: str


class ExportOut(TypedDict):
    """Everything that is held of a customer. `state` is as it is kept, the rest as it is shown."""

    format: str
    exportedAt: str
    customerId: str
    seq: int
    customers: list[str]
    profile: dict[str, object]
    consents: list[ConsentOut]
    identities: list[dict[str, str]]
    timers: list[dict[str, object]]
    effects: list[dict[str, object]]
    state: dict[str, object]
    timeline: list[dict[str, object]]


INPUTS = (ConsentPut, MergeIn, UnmergeIn)
REPLIES = (ConsentReply, ConsentsOut, MergeReply, UnmergeReply, ErasureReply, ExportOut)
CONSENT: TypeAdapter[ConsentPut] = TypeAdapter(ConsentPut)
MERGE: TypeAdapter[MergeIn] = TypeAdapter(MergeIn)
UNMERGE: TypeAdapter[UnmergeIn] = TypeAdapter(UnmergeIn)
