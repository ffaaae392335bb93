"""Reply bodies, as the OpenAPI document shows them."""

from typing import Any, Literal, NotRequired

from typing_extensions import TypedDict

from serve_app import (
    budget_replies,
    cell_bodies,
    experiment_replies,
    group_replies,
    launch_bodies,
    model_bodies,
    pause_bodies,
    quarantine_bodies,
    scenario_replies,
    segment_replies,
    suggestion_bodies,
)
from serve_app.context_replies import ContextOut
from serve_app.privacy_bodies import REPLIES
from serve_app.schemas import Scope


class FieldProblem(TypedDict):
    """Where, and what is wrong there."""

    loc: str
    msg: str


class Problem(TypedDict):
    """RFC 9457. `type` is stable and can be followed for an explanation."""

    type: str
    title: str
    status: int
    detail: NotRequired[str]
    errors: NotRequired[list[FieldProblem]]


class ActionOut(TypedDict):
    """An action for the channel that asked. Report what came of it under its `effectKey`."""

    effectKey: str
    action: str
    channel: str
    placement: str | None
    content: dict[str, Any]
    rank: int
    propensity: float
    priority: float
    expiresAt: str


class EventReply(TypedDict):
    """The reply to an event or a question, after its commit."""

    status: Literal["accepted", "duplicate"]
    messageId: str
    customerId: str
    seq: int
    decisionId: str | None
    actions: list[ActionOut]
    outbound: int


class OutcomeReply(TypedDict):
    """The reply to an outcome, after its commit."""

    status: Literal["accepted", "duplicate"]
    messageId: str
    customerId: str
    seq: int
    effectKey: str
    outcome: str


class BatchItem(TypedDict):
    """What became of one item; `error` belongs to `rejected`."""

    messageId: str | None
    status: Literal["accepted", "duplicate", "rejected"]
    error: NotRequired[Problem]


class BatchReply(TypedDict):
    """One result an item, in order."""

    results: list[BatchItem]


class MoneyOut(TypedDict):
    """An amount in the book currency."""

    amount: float
    currency: str


class IdentityOut(TypedDict):
    """How the world names a customer."""

    kind: str
    value: str


class PurchasesOut(TypedDict):
    """Recency, frequency and monetary value."""

    orders: int
    refunds: int
    items: int
    spend: MoneyOut
    firstAt: str | None
    lastAt: str | None


class ValueOut(TypedDict):
    """What a customer is worth and costs: her rhythm, and her profit and loss over all time.

    Profit is revenue less refunds, goods, sends and service; discounts are off the revenue already.
    """

    meanOrder: MoneyOut
    meanRepeatOrder: MoneyOut
    recencyDays: float | None
    gapDays: float
    meanGapDays: float
    previousOrderAt: str | None
    revenue: MoneyOut
    discounts: MoneyOut
    refunds: MoneyOut
    goods: MoneyOut
    sends: MoneyOut
    service: MoneyOut
    profit: MoneyOut


class CustomerOut(TypedDict):
    """The panoramic profile, and where the conversation stands."""

    customerId: str
    seq: int
    identities: list[IdentityOut]
    linked: list[IdentityOut]
    tier: NotRequired[str]
    serviceLevel: NotRequired[str]
    routing: NotRequired[int | None]
    replyWithin: NotRequired[str | None]
    segments: NotRequired[list[str]]
    groups: list[group_replies.GroupMembershipOut]
    attributes: NotRequired[dict[str, Any]]
    lifetime: NotRequired[dict[str, Any] | None]
    patterns: dict[str, Any]
    traits: dict[str, Any]
    timezone: str | None
    locale: str | None
    firstSeenAt: str | None
    lastSeenAt: str | None
    lateEvents: int
    purchases: PurchasesOut
    departments: dict[str, PurchasesOut]
    couponsUsed: int
    redemptions: int
    views: dict[str, int]
    loyaltyStage: str
    value: ValueOut
    traitOrigins: dict[str, Any]
    traitChanges: list[dict[str, Any]]
    interests: dict[str, Any]
    outreach: dict[str, Any]
    campaigns: list[dict[str, Any]]
    leads: list[dict[str, Any]]
    service: dict[str, Any]
    credit: dict[str, Any]
    voice: dict[str, Any]
    channels: dict[str, Any]
    responses: dict[str, Any]
    contacts: list[dict[str, Any]]
    consents: list[dict[str, Any]]
    conversation: dict[str, Any]
    scenarios: list[dict[str, Any]]
    effects: list[dict[str, Any]]
    timers: list[dict[str, Any]]


class TurnOut(TypedDict):
    """One turn: `event`, `outcome`, `timer`, `command` or `merge` says what caused it.

    `customerId` is whose turn it was: `seq` counts theirs. It is another one than was asked for when
    the two were merged. A merge by hand has both `command` and `merge`.
    """

    customerId: str
    seq: int
    kind: Literal["event", "decide", "outcome", "wake", "merge", "unmerge", "command"]
    at: str
    receivedAt: str
    notes: list[str]
    event: NotRequired[dict[str, Any]]
    outcome: NotRequired[dict[str, Any]]
    timer: NotRequired[dict[str, Any]]
    merge: NotRequired[dict[str, Any]]
    command: NotRequired[dict[str, Any]]
    result: NotRequired[dict[str, Any]]
    credits: NotRequired[list[dict[str, Any]]]
    experiments: NotRequired[dict[str, str]]
    decisionId: NotRequired[str]
    effects: list[dict[str, Any]]


class TimelinePage(TypedDict):
    """Turns, newest first; `nextCursor` is there while older ones are."""

    items: list[TurnOut]
    nextCursor: NotRequired[str]


class DecisionOut(TypedDict):
    """A decision record: what it was taken from, and what became of every candidate."""

    decisionId: str
    customerId: str
    seq: int
    at: str
    channel: str
    placements: list[str]
    maxActions: int
    currency: str
    tier: str
    segments: list[str]
    engine: str
    playbook: str
    model: dict[str, Any]
    seed: str
    chosen: list[dict[str, Any]]
    candidates: list[dict[str, Any]]
    removed: list[dict[str, Any]]
    draws: list[dict[str, Any]]
    inputs: dict[str, Any]


class ReplayOut(TypedDict):
    """Whether the decision came out the same, or the first difference."""

    identical: bool
    difference: NotRequired[str]


class PlaybookOut(TypedDict):
    """The active playbook."""

    version: str
    files: dict[str, str]


class PlaybookStored(TypedDict):
    """What is active now; `everywhere` says that every live cell has it."""

    version: str
    everywhere: bool


class PlaybookVersion(TypedDict):
    """A stored version."""

    version: str
    storedAt: str
    active: bool


class PlaybookVersions(TypedDict):
    """All stored versions, newest first."""

    versions: list[PlaybookVersion]


class ClockOut(TypedDict):
    """The business clock."""

    now: str
    virtual: bool


class AdvanceOut(TypedDict):
    """The time now, and how many timers fired on the way."""

    now: str
    fired: int


class KeyOut(TypedDict):
    """A key without its secret. Empty `channels`: all of them."""

    id: str
    name: str
    scopes: list[Scope]
    channels: list[str]
    createdAt: str | None


class KeyMade(KeyOut):
    """A new key, with its text, which is shown this once."""

    key: str


class KeysOut(TypedDict):
    """All keys."""

    keys: list[KeyOut]


class HealthOut(TypedDict):
    """All is well."""

    status: Literal["ok"]


class ProblemKind(TypedDict):
    """What a problem's `type` stands for."""

    type: str
    title: str
    status: int


TYPES = (
    *(Problem, EventReply, OutcomeReply, BatchReply, CustomerOut, TimelinePage, DecisionOut),
    ContextOut,
    *(ReplayOut, PlaybookOut, PlaybookStored, PlaybookVersions, ClockOut, AdvanceOut),
    *REPLIES,
    *segment_replies.TYPES,
    *group_replies.TYPES,
    *budget_replies.TYPES,
    *experiment_replies.TYPES,
    *launch_bodies.TYPES,
    *model_bodies.TYPES,
    *pause_bodies.TYPES,
    *quarantine_bodies.TYPES,
    *cell_bodies.TYPES,
    *suggestion_bodies.TYPES,
    *scenario_replies.TYPES,
    *(KeyOut, KeyMade, KeysOut, HealthOut, ProblemKind),
)
