"""`scenarios.yaml` as pydantic models. What goes together in a step is checked in `scenario_checks`."""

import re
from functools import lru_cache
from typing import Annotated, Self
from zoneinfo import available_timezones

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    Field,
    StrictBool,
    StrictInt,
    StrictStr,
    model_validator,
)

from actors.domain.actions import OUTCOMES
from actors.domain.conversation import CASE, QUESTION
from actors.domain.journeys import MAX_DATA, MAX_INSTANCES
from actors.playbook.hints import expected, nearest
from actors.playbook.scenario_model import IGNORE, PARALLEL, QUEUE, RESTART
from actors.playbook.yaml_types import (
    CONFIG,
    DEVIATIONS,
    EVENT_KINDS,
    ContentValue,
    DurationMs,
    Label,
    Name,
    NonEmpty,
    Text,
    no_bool,
)

MAX_SCENARIOS = 100
MAX_STEPS = 200
MAX_WINDOWS = 50
MAX_WAYS = 16
"""At most as many cases, arms and branches has one step."""
MAX_COUNT = 100
MAX_TIMES = 1000
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
KINDS = (
    "wait",
    "waitUntil",
    "filter",
    "propose",
    "send",
    "set",
    "open",
    "close",
    "emit",
    "call",
    "listen",
    "branch",
    "split",
    "fork",
    "join",
    "repeat",
    "end",
)
"""Kinds of steps. A step that has `fork` has `join` beside it, and is a fork."""

_CLOCK = re.compile(r"([01]\d|2[0-3]):([0-5]\d)")
_DAYS = re.compile(r"(-?)P(\d{1,4})([DW])")

known_zones = lru_cache(maxsize=1)(available_timezones)


def _clock(value: object) -> object:
    match = _CLOCK.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError('expected a time of day such as "09:00", in quotes')
    return int(match[1]) * 60 + int(match[2])


def _days(value: object) -> object:
    match = _DAYS.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError("expected whole days such as P2D, -P3D or P1W")
    days = int(match[2]) * (7 if match[3] == "W" else 1)
    return -days if match[1] else days


def _one_of(choices: tuple[str, ...]) -> AfterValidator:
    def check(text: str) -> str:
        if text not in choices:
            raise ValueError(expected(text, choices).removeprefix("; "))
        return text

    return AfterValidator(check)


def _zone(text: str) -> str:
    zones = known_zones()
    if text not in zones:
        hint = nearest(text, zones)
        end = f"; did you mean {hint!r}?" if hint else ""
        raise ValueError(f"expected a time zone such as Europe/Berlin{end}")
    return text


def _signal(value: object) -> object:
    if value == "launch":
        return {"launch": True}
    return {"event": value} if isinstance(value, str) else value


def _heard(value: object) -> object:
    return {"on": value} if isinstance(value, str) else value


def _rule(value: object) -> object:
    return {"when": value} if isinstance(value, str) else value


def _several(value: object) -> object:
    return [value] if isinstance(value, str) else value


def _reentry(value: object) -> object:
    if isinstance(value, str):
        if value not in (IGNORE, RESTART, QUEUE):
            choices = (IGNORE, RESTART, QUEUE, "{parallel: n}")
            raise ValueError(expected(value, choices).removeprefix("; "))
        return {"how": value}
    return value


Clock = Annotated[int, BeforeValidator(_clock)]
Days = Annotated[int, BeforeValidator(_days)]
Zone = Annotated[StrictStr, AfterValidator(_zone)]
Weekdays = Annotated[
    tuple[Annotated[StrictStr, _one_of(WEEKDAYS)], ...], Field(min_length=1, max_length=7)
]
Actions = Annotated[NonEmpty, BeforeValidator(_several)]
Content = Annotated[dict[Label, ContentValue], Field(min_length=1, max_length=MAX_DATA)]
Keep = Annotated[dict[Label, Label], Field(min_length=1, max_length=MAX_DATA)]


class _Model(BaseModel):
    model_config = CONFIG


class SignalModel(_Model):
    """What can be heard: an event, a change about the customer, an outcome, or a launch."""

    event: Label | None = None
    type: Annotated[StrictStr, _one_of(EVENT_KINDS)] | None = None
    entered: Name | None = None
    left: Name | None = None
    deviation: Annotated[StrictStr, _one_of(DEVIATIONS)] | None = None
    outcome: Annotated[StrictStr, _one_of(OUTCOMES)] | None = None
    launch: StrictBool = False

    @model_validator(mode="after")
    def _one_of_all(self) -> Self:
        named = (self.event, self.type, self.entered, self.left, self.deviation, self.outcome)
        if sum(one is not None for one in named) + self.launch != 1:
            raise ValueError(
                "expected an event name, 'type: identify', 'entered: SEGMENT', 'left: SEGMENT',"
                " 'deviation: NAME' or 'outcome: NAME'"
            )
        return self

    @property
    def segment(self) -> str:
        """The segment that is entered or left; empty for anything else."""
        return self.entered or self.left or ""

    @property
    def has_properties(self) -> bool:
        """Whether it can carry properties, of which one may be the key."""
        return self.event is not None or self.type is not None

    @property
    def key(self) -> str:
        """What it is found by; of a launch only the beginning, before the scenario's name."""
        for what in ("type", "entered", "left", "deviation", "outcome"):
            name = getattr(self, what)
            if name is not None:
                return f"{what}:{name}"
        return "launch:" if self.launch else self.event or ""


Signal = Annotated[SignalModel, BeforeValidator(_signal)]


class HeardModel(_Model):
    """One kind of signal, and what must hold of it. A text stands for an event's name."""

    on: Signal
    when: Text | None = None
    same_key: StrictBool | None = None


class GoalModel(HeardModel):
    """A goal; the key in the file is its name."""

    go_on: StrictBool = False


class PartModel(_Model):
    """One part of a sequence."""

    on: Signal
    when: Text | None = None
    within: DurationMs | None = None
    without: Annotated[
        tuple[Annotated[HeardModel, BeforeValidator(_heard)], ...], Field(max_length=MAX_WAYS)
    ] = ()


Part = Annotated[PartModel, BeforeValidator(_heard)]


class PatternModel(_Model):
    """What must be heard: `on`, a `count` of it `within`, or a `sequence`."""

    on: Signal | None = None
    when: Text | None = None
    count: Annotated[StrictInt, Field(ge=2, le=MAX_COUNT)] | None = None
    within: DurationMs | None = None
    sequence: Annotated[tuple[Part, ...], Field(max_length=MAX_WAYS)] | None = None


class StartModel(PatternModel):
    """How customers enter."""

    segment: Name | None = None
    segments: NonEmpty | None = None


class CaseModel(PatternModel):
    """One thing that a `listen` waits for."""

    same_key: StrictBool | None = None
    keep: Keep = {}
    next: Name | None = None


class WaitUntilModel(_Model):
    """A moment: a time of day, a date of the profile, or a window."""

    at: Clock | None = None
    weekdays: Weekdays | None = None
    date: Label | None = None
    offset: Days | None = None
    yearly: StrictBool | None = None
    window: StrictStr | None = None


class FilterModel(_Model):
    """A rule, or a segment that the customer must be in."""

    when: Text | None = None
    segment: StrictStr | None = None

    @model_validator(mode="after")
    def _one_of_two(self) -> Self:
        if (self.when is None) == (self.segment is None):
            raise ValueError("expected a rule, or 'segment: NAME'")
        return self


class ThreadModel(_Model):
    """A thread of the conversation, told by its subject."""

    kind: Annotated[StrictStr, _one_of((CASE, QUESTION))] = CASE
    subject: Annotated[StrictStr, Field(min_length=1, max_length=200)]


class WayModel(_Model):
    """One case of a `branch`."""

    when: Text
    next: Name


class ArmModel(_Model):
    """One arm of a `split`; the key in the file is its name."""

    weight: Annotated[float, BeforeValidator(no_bool), Field(gt=0, le=1_000_000)]
    next: Name | None = None


class ReentryModel(_Model):
    """What happens to a start while an instance of the same key is under way."""

    how: StrictStr = PARALLEL
    parallel: Annotated[StrictInt, Field(ge=2, le=MAX_INSTANCES)] = 1


class StepModel(_Model):
    """A step; the key in the file is its name. Which fields go together depends on its kind."""

    description: Text = ""
    wait: DurationMs | None = None
    wait_until: WaitUntilModel | None = None
    filter: Annotated[FilterModel, BeforeValidator(_rule)] | None = None
    propose: Actions | None = None
    send: Actions | None = None
    set: Content | None = None
    open: ThreadModel | None = None
    close: ThreadModel | None = None
    emit: Label | None = None
    call: StrictStr | None = None
    listen: Annotated[tuple[CaseModel, ...], Field(max_length=MAX_WAYS)] | None = None
    branch: Annotated[tuple[WayModel, ...], Field(max_length=MAX_WAYS)] | None = None
    split: Annotated[dict[Name, ArmModel], Field(max_length=MAX_WAYS)] | None = None
    fork: Annotated[tuple[Name, ...], Field(max_length=MAX_WAYS)] | None = None
    join: StrictInt | StrictStr | None = None
    repeat: Name | None = None
    end: Label | None = None
    next: Name | None = None
    otherwise: Name | None = None
    not_sent: Name | None = None
    timeout: DurationMs | None = None
    channels: NonEmpty | None = None
    offer_for: DurationMs | None = None
    properties: Content | None = None
    content: Content | None = None
    keep: Keep | None = None
    times: Annotated[StrictInt, Field(ge=1, le=MAX_TIMES)] | None = None
    while_: Text | None = Field(None, alias="while")

    @property
    def kinds(self) -> tuple[str, ...]:
        """What it is, as written in YAML; exactly one when it is right."""
        given = {alias_of(name) for name in self.model_fields_set}
        return tuple(
            kind for kind in KINDS if kind in given and not (kind == "join" and "fork" in given)
        )


class MigrateModel(_Model):
    """How instances of earlier versions go on: steps that have another name now."""

    steps: dict[Name, Name] = {}


class ScenarioModel(_Model):
    """A scenario; the key in the file is its name."""

    description: Text = ""
    start: StartModel
    keyed_by: Label | None = None
    reentry: Annotated[ReentryModel, BeforeValidator(_reentry)] = ReentryModel(how=IGNORE)
    every: DurationMs | None = None
    lateness: DurationMs | None = None
    timezone: Zone | None = None
    stop: Annotated[
        tuple[Annotated[HeardModel, BeforeValidator(_heard)], ...], Field(max_length=MAX_WAYS)
    ] = ()
    goals: Annotated[
        dict[Name, Annotated[GoalModel, BeforeValidator(_heard)]], Field(max_length=MAX_WAYS)
    ] = {}
    migrate: MigrateModel | None = None
    steps: Annotated[dict[Name, StepModel], Field(min_length=1, max_length=MAX_STEPS)]


class WindowModel(_Model):
    """Business hours; the key in the file is their name."""

    weekdays: Weekdays = WEEKDAYS
    opens: Clock
    closes: Clock
    timezone: Zone | None = None


class ScenariosFile(_Model):
    """`scenarios.yaml`."""

    windows: Annotated[dict[Name, WindowModel], Field(max_length=MAX_WINDOWS)] = {}
    scenarios: Annotated[dict[Name, ScenarioModel], Field(max_length=MAX_SCENARIOS)] = {}


def alias_of(name: str) -> str:
    """Return how a field of a step is written in YAML."""
    return StepModel.model_fields[name].alias or name
