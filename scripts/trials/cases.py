"""The files in `tests/` beside a playbook: what is given, and what is expected."""

from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Any, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    StrictInt,
    StrictStr,
    model_validator,
)
from pydantic.alias_generators import to_camel

from actors.domain.actions import OUTCOMES
from actors.playbook.hints import expected
from actors.playbook.yaml_types import EVENT_KINDS
from scripts.trials.times import read_span, read_time

MAX_EVENTS = 2_000
"""What one test lets happen at most, repetitions counted."""


def _span_or_time(value: object) -> object:
    is_span = isinstance(value, str) and value.startswith("P")
    return read_span(value) if is_span else read_time(value)


def _zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError("expected a time zone such as America/New_York") from error
    return value


def _one_of(what: str, known: tuple[str, ...]) -> AfterValidator:
    def check(value: str) -> str:
        if value not in known:
            raise ValueError(f"unknown {what}{expected(value, known)}")
        return value

    return AfterValidator(check)


def _some(value: tuple[Any, ...]) -> tuple[Any, ...]:
    """Wants an entry; a bound of the list itself would also complain of lists with wrong entries."""
    if not value:
        raise ValueError("expected at least one entry")
    return value


Span = Annotated[int, BeforeValidator(read_span)]
Time = Annotated[datetime, BeforeValidator(read_time)]
SpanOrTime = Annotated[int | datetime, BeforeValidator(_span_or_time)]
Zone = Annotated[StrictStr, AfterValidator(_zone)]
Times = Annotated[StrictInt, Field(ge=0, le=MAX_EVENTS)]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=to_camel)


class Customer(_Model):
    """Who it happens to. `consent` is by channel, or `channel|purpose`.

    `arms` says which way she goes at random splits, by step: a user id is looked for that goes there.
    """

    user_id: StrictStr = "somebody"
    timezone: Zone | None = None
    locale: StrictStr | None = None
    traits: dict[str, Any] = {}
    consent: dict[str, StrictBool] = {}
    arms: dict[str, StrictStr] = {}


class Given(_Model):
    """Something that happens: an event, a launch, or an outcome of what was sent last.

    It is `after` the start, or `at` a time; with `every` so many `times`. `happened` is when the event
    says that it happened, for late ones.
    """

    event: StrictStr | None = None
    type: Annotated[StrictStr, _one_of("type", EVENT_KINDS)] | None = None
    outcome: Annotated[StrictStr, _one_of("outcome", OUTCOMES)] | None = None
    launch: StrictStr | None = None
    after: Span | None = None
    at: Time | None = None
    every: Span | None = None
    times: Annotated[StrictInt, Field(ge=1, le=MAX_EVENTS)] = 1
    happened: SpanOrTime | None = None
    properties: dict[str, Any] = {}
    traits: dict[str, Any] = {}
    consent: dict[str, StrictBool] = {}
    channel: StrictStr = "web"
    action: StrictStr | None = None

    @property
    def kind(self) -> str:
        """Which of the things it is."""
        return next(kind for kind in GIVEN if getattr(self, kind) is not None)

    @model_validator(mode="after")
    def _fits(self) -> Self:
        _exactly_one(self, GIVEN)
        _only(self, self.kind, GIVEN[self.kind])
        if self.after is not None and self.at is not None:
            raise ValueError("expected 'after' or 'at', not both")
        if (self.times > 1) is (self.every is None):
            raise ValueError("expected 'every' and 'times' together")
        return self


class Answer(_Model):
    """What a webhook answers to each call, `after` a while; `fails` when it cannot."""

    properties: dict[str, Any] = {}
    after: Span = 0
    fails: StrictBool = False


class Expected(_Model):
    """One thing that has to be so: one field of `KINDS` says what, the others narrow it down."""

    sent: StrictStr | None = None
    not_sent: StrictStr | None = None
    called: StrictStr | None = None
    started: StrictStr | None = None
    passed: StrictStr | None = None
    lost: StrictStr | None = None
    refused: StrictStr | None = None
    expired: StrictStr | None = None
    goal: StrictStr | None = None
    skipped: StrictStr | None = None
    stopped: StrictStr | None = None
    ended: StrictStr | None = None
    waiting: StrictStr | None = None
    under_way: Times | None = None
    trait: StrictStr | None = None
    scenario: StrictStr | None = None
    key: StrictStr | None = None
    channel: StrictStr | None = None
    content: dict[str, Any] | None = None
    why: StrictStr | None = None
    times: Times | None = None
    after: Span | None = None
    at: Time | None = None
    between: tuple[SpanOrTime, SpanOrTime] | None = None
    is_: Annotated[Any, Field(alias="is")] = None

    @property
    def kind(self) -> str:
        """Which of the things it is."""
        return next(kind for kind in KINDS if getattr(self, kind) is not None)

    @model_validator(mode="after")
    def _fits(self) -> Self:
        _exactly_one(self, KINDS)
        _only(self, self.kind, KINDS[self.kind])
        if sum(each is not None for each in (self.after, self.at, self.between)) > 1:
            raise ValueError("expected one of 'after', 'at' and 'between'")
        return self


_EVENT = ("after", "at", "every", "times", "happened", "properties", "traits", "consent", "channel")
_WHEN = ("after", "at", "between")
_LINE = ("scenario", "key", "times", *_WHEN)
_STEP = (*_LINE, "why")
GIVEN: dict[str, tuple[str, ...]] = {
    "event": _EVENT,
    "type": _EVENT,
    "outcome": ("after", "at", "every", "times", "action"),
    "launch": ("after", "at", "every", "times", "properties"),
}
"""What can be given, and what goes with it."""
KINDS: dict[str, tuple[str, ...]] = {
    "sent": (*_LINE, "channel", "content"),
    "not_sent": ("scenario", "key", *_WHEN, "channel", "content"),
    "called": (*_LINE, "content"),
    "started": _LINE,
    "passed": _STEP,
    "lost": _STEP,
    "refused": _STEP,
    "expired": _LINE,
    "goal": _LINE,
    "skipped": _LINE,
    "stopped": _LINE,
    "ended": _LINE,
    "waiting": ("scenario", "key"),
    "under_way": ("scenario", "key"),
    "trait": ("is_",),
}
"""What can be expected, and what narrows it down."""
STEPS = ("passed", "lost", "refused", "expired", "waiting")
"""Those that name a step; `started`, `goal`, `skipped`, `stopped` and `ended` name a reason."""


class Case(_Model):
    """One test. `exactly` wants that the scenario sends nothing beside what is expected."""

    description: StrictStr = ""
    start: Time | None = None
    customer: Customer | None = None
    given: Annotated[tuple[Given, ...], AfterValidator(_some)]
    answers: dict[str, Answer] = {}
    until: SpanOrTime = 0
    expect: Annotated[tuple[Expected, ...], AfterValidator(_some)]
    exactly: StrictBool = True

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        if sum(given.times for given in self.given) > MAX_EVENTS:
            raise ValueError(f"expected at most {MAX_EVENTS:,} events")
        return self


class CasesFile(_Model):
    """One file: tests by name, and what they have in common."""

    scenario: StrictStr | None = None
    start: Time = datetime(2026, 3, 2, 10)  # noqa: DTZ001 - on the customer's clock
    customer: Customer = Customer()
    answers: dict[str, Answer] = {}
    tests: dict[str, Case] = Field(min_length=1)


def yaml_name(field: str) -> str:
    """Return a field's name as it is written in YAML."""
    return "is" if field == "is_" else to_camel(field)


def _exactly_one(model: BaseModel, kinds: dict[str, tuple[str, ...]]) -> None:
    if sum(getattr(model, kind) is not None for kind in kinds) != 1:
        raise ValueError(f"expected one of {', '.join(map(yaml_name, kinds))}")


def _only(model: BaseModel, kind: str, allowed: tuple[str, ...]) -> None:
    wrong = [name for name in _named(model) if name != kind and name not in allowed]
    if wrong:
        known = ", ".join(map(yaml_name, allowed))
        raise ValueError(
            f"{yaml_name(wrong[0])!r} does not go with {yaml_name(kind)!r}; expected of {known}"
        )


def _named(model: BaseModel) -> Iterator[str]:
    """Yield the fields that are written, in the order of the model."""
    return (name for name in type(model).model_fields if name in model.model_fields_set)
