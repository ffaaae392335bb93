"""Protocols through which the core's shell meets the outside: store, scorer, clock, channel."""

from actors.ports.budgets import Reserved, reserved
from actors.ports.changing import Change, Erasure, JournalRow, Message, OutboxRow, TimerRow
from actors.ports.finding import FirstAnswer, Found, Lookup, StoredCustomer
from actors.ports.groups import GroupWrite, MemberRow, StoredGroup
from actors.ports.outbox import (
    GRANTED,
    Check,
    Claim,
    OutboxItem,
    OutboxResult,
    OutboxState,
    Permit,
    paused_by,
)
from actors.ports.outside import (
    Channel,
    Clock,
    Delivery,
    DeliveryStatus,
    Scorer,
)
from actors.ports.rows import (
    CellRow,
    DueTimer,
    JournalKind,
    Launch,
    LaunchPart,
    LaunchState,
    Member,
    PartitionRow,
    ScenarioCount,
    SegmentFlow,
    TimelineRow,
    Verdict,
)
from actors.ports.store import Store

__all__ = [
    "GRANTED",
    "CellRow",
    "Change",
    "Channel",
    "Check",
    "Claim",
    "Clock",
    "Delivery",
    "DeliveryStatus",
    "DueTimer",
    "Erasure",
    "FirstAnswer",
    "Found",
    "GroupWrite",
    "JournalKind",
    "JournalRow",
    "Launch",
    "LaunchPart",
    "LaunchState",
    "Lookup",
    "Member",
    "MemberRow",
    "Message",
    "OutboxItem",
    "OutboxResult",
    "OutboxRow",
    "OutboxState",
    "PartitionRow",
    "Permit",
    "Reserved",
    "ScenarioCount",
    "Scorer",
    "SegmentFlow",
    "Store",
    "StoredCustomer",
    "StoredGroup",
    "TimelineRow",
    "TimerRow",
    "Verdict",
    "paused_by",
    "reserved",
]
