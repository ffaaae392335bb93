"""What a turn leaves behind: timeline, reply, audit trail and lesson in one record."""

from dataclasses import dataclass, field
from typing import Any

from actors.decisioning.record import DecisionRecord
from actors.domain.actions import Effect
from actors.domain.events import Command, Event, Response
from actors.domain.merges import MergeRecord
from actors.scenarios.world import Line


@dataclass(slots=True, kw_only=True, init=False)
class Lesson:
    """What the models learn from one outcome: counts to add for an action and a segment.

    A late yes after a closed window is (1, -1): it takes back the no. (`number`, `seq`, `n`) is the effect,
    whose turn in the journal holds the features that it was scored with; `reward_minor` is what it brought.
    """

    action: str
    segment: str
    taken: int
    refused: int
    channel: str = ""
    number: int = 0
    seq: int = 0
    n: int = 0
    reward_minor: int = 0

    def __init__(  # noqa: PLR0913 - one a field
        self,
        *,
        action: str,
        segment: str,
        taken: int,
        refused: int,
        channel: str = "",
        number: int = 0,
        seq: int = 0,
        n: int = 0,
        reward_minor: int = 0,
    ) -> None:
        self.action = action
        self.segment = segment
        self.taken = taken
        self.refused = refused
        self.channel = channel
        self.number = number
        self.seq = seq
        self.n = n
        self.reward_minor = reward_minor


@dataclass(frozen=True, slots=True)
class Credited:
    """That an effect has credit for a conversion, or loses some of it.

    `name` and `id` are the conversion's, empty for a response without an order's id; `id` is empty too where the order was heard
    of earlier. `basis` says why: `effect_key`, `click`, `impression`, `response` or `taken_back`.
    (`number`, `seq`, `n`) is the effect; `reward_minor` is negative when taken back.
    """

    name: str
    id: str
    basis: str
    action: str
    number: int
    seq: int
    n: int
    reward_minor: int


@dataclass(slots=True, kw_only=True, init=False)
class TurnRecord:
    """One turn of one customer.

    `at_ms` is the event's time after correction, `received_at_ms` the business clock when the turn
    ran. Exactly one of `event`, `response`, `timer`, `command` and `merge` is set, but a merge by
    hand has its command too; `timer` is (key, kind, subject). `result` is what a command answers; `lines` what happened in scenarios.
    `credits` say which effects brought what; `reached` are the arms of the experiments that the customer reached first in this turn. `again` are effects of earlier turns that a repeated question was
    answered with, with the content of now: nothing was reserved, spent or learned for them.
    """

    at_ms: int
    received_at_ms: int
    event: Event | None = None
    response: Response | None = None
    timer: tuple[str, str, str] | None = None
    notes: list[str] = field(default_factory=list)
    decision: DecisionRecord | None = None
    effects: list[Effect] = field(default_factory=list)
    lessons: list[Lesson] = field(default_factory=list)
    command: Command | None = None
    merge: MergeRecord | None = None
    result: dict[str, Any] = field(default_factory=dict)
    lines: list[Line] = field(default_factory=list)
    credits: list[Credited] = field(default_factory=list)
    reached: dict[str, str] = field(default_factory=dict)
    again: list[Effect] = field(default_factory=list)

    def __init__(  # noqa: PLR0913 - one a field
        self,
        *,
        at_ms: int,
        received_at_ms: int,
        event: Event | None = None,
        response: Response | None = None,
        timer: tuple[str, str, str] | None = None,
        notes: list[str] | None = None,
        decision: DecisionRecord | None = None,
        effects: list[Effect] | None = None,
        lessons: list[Lesson] | None = None,
        command: Command | None = None,
        merge: MergeRecord | None = None,
        result: dict[str, Any] | None = None,
        lines: list[Line] | None = None,
        credits: list[Credited] | None = None,  # noqa: A002
        reached: dict[str, str] | None = None,
        again: list[Effect] | None = None,
    ) -> None:
        self.at_ms = at_ms
        self.received_at_ms = received_at_ms
        self.event = event
        self.response = response
        self.timer = timer
        self.notes = [] if notes is None else notes
        self.decision = decision
        self.effects = [] if effects is None else effects
        self.lessons = [] if lessons is None else lessons
        self.command = command
        self.merge = merge
        self.result = {} if result is None else result
        self.lines = [] if lines is None else lines
        self.credits = [] if credits is None else credits
        self.reached = {} if reached is None else reached
        self.again = [] if again is None else again
