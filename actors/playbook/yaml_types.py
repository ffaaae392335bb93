"""What the models of several files share: kinds of names, amounts, durations, and events."""

import re
from decimal import Decimal
from typing import Annotated, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    StrictStr,
    model_validator,
)
from pydantic.alias_generators import to_camel

from actors.playbook.durations import parse_duration_ms
from actors.playbook.hints import expected

_NAME = re.compile(r"[a-z][a-z0-9]*(?:[_-][a-z0-9]+)*")
_ACTION_KEY = re.compile(r"[a-z0-9][a-z0-9_-]*(?:/[a-z0-9][a-z0-9_-]*){2}")
_CURRENCY = re.compile(r"[A-Z]{3}")
_VERSION = re.compile(r"[0-9A-Za-z][0-9A-Za-z.-]*")
MAX_NAME_LENGTH = 100
MAX_TEXT_LENGTH = 4000
MAX_ENTRIES = 200
EVENT_KINDS = ("identify", "page", "screen", "group", "alias")


def matches(pattern: re.Pattern[str], what: str) -> AfterValidator:
    """Return a check that a text is as the pattern wants it, and no longer than a name."""

    def check(text: str) -> str:
        if len(text) > MAX_NAME_LENGTH or not pattern.fullmatch(text):
            raise ValueError(f"expected {what}")
        return text

    return AfterValidator(check)


def one_of(choices: tuple[str, ...]) -> AfterValidator:
    """Return a check that a text is one of some."""

    def check(text: str) -> str:
        if text not in choices:
            raise ValueError(expected(text, choices).removeprefix("; "))
        return text

    return AfterValidator(check)


def no_bool(value: object) -> object:
    """Refuse true and false, which pydantic takes for 1 and 0."""
    if isinstance(value, bool):
        raise ValueError("expected a number")  # noqa: TRY004 - pydantic reports only ValueError
    return value


def _duration(value: object) -> object:
    if not isinstance(value, str):
        raise ValueError("expected an ISO 8601 duration such as P7D")  # noqa: TRY004 - as above
    return parse_duration_ms(value)


def _content(value: object) -> object:
    if not isinstance(value, str | int | float):
        raise ValueError("expected text, a number, true or false")  # noqa: TRY004 - as above
    if isinstance(value, str) and len(value) > MAX_TEXT_LENGTH:
        raise ValueError(f"expected at most {MAX_TEXT_LENGTH:,} characters")
    return value


Name = Annotated[StrictStr, matches(_NAME, "a name of small letters, digits, '-' and '_'")]
ActionKey = Annotated[
    StrictStr, matches(_ACTION_KEY, "issue/group/name of small letters, digits, '-' and '_'")
]
CurrencyCode = Annotated[StrictStr, matches(_CURRENCY, "an ISO 4217 code such as USD")]
Version = Annotated[StrictStr, matches(_VERSION, "a version such as 1.4.0, in quotes")]
Money = Annotated[
    Decimal, BeforeValidator(no_bool), Field(ge=0, le=1_000_000_000, allow_inf_nan=False)
]
Factor = Annotated[float, BeforeValidator(no_bool), Field(ge=0, le=1000, allow_inf_nan=False)]
DurationMs = Annotated[int, BeforeValidator(_duration)]
Text = Annotated[StrictStr, Field(max_length=MAX_TEXT_LENGTH)]
ContentValue = Annotated[str | int | float | bool, PlainValidator(_content)]
Names = Annotated[tuple[Name, ...], Field(max_length=MAX_ENTRIES)]
NonEmpty = Annotated[tuple[StrictStr, ...], Field(min_length=1, max_length=MAX_ENTRIES)]
Label = Annotated[StrictStr, Field(min_length=1, max_length=MAX_NAME_LENGTH)]


CONFIG = ConfigDict(
    extra="forbid", frozen=True, alias_generator=to_camel, hide_input_in_errors=True
)
"""Of every model: names in camelCase, and nothing but what is declared."""


class OnModel(BaseModel):
    """What something listens to: an event by name, or every event of a type."""

    model_config = CONFIG

    event: Label | None = None
    type: StrictStr | None = None

    @model_validator(mode="after")
    def _one_of_two(self) -> Self:
        if (self.event is None) == (self.type is None):
            raise ValueError("expected an event name, or 'type: identify'")
        if self.type is not None and self.type not in EVENT_KINDS:
            raise ValueError(
                f"expected a type of {', '.join(EVENT_KINDS)}; for a track event give its name"
            )
        return self


DEVIATIONS = (
    "absence",
    "category_shift",
    "channel_shift",
    "rhythm_faster",
    "rhythm_slower",
    "spend_drop",
    "spend_rise",
)
"""What may be unusual for a customer; see `actors.patterns`."""


class HeardModel(BaseModel):
    """What a trigger listens to: an event, or that something changes about the customer."""

    model_config = CONFIG

    event: Label | None = None
    type: StrictStr | None = None
    entered: Name | None = None
    left: Name | None = None
    deviation: Name | None = None

    @model_validator(mode="after")
    def _one_of_five(self) -> Self:
        named = (self.event, self.type, self.entered, self.left, self.deviation)
        if sum(one is not None for one in named) != 1:
            raise ValueError(
                "expected an event name, 'type: identify', 'entered: SEGMENT', 'left: SEGMENT' or "
                "'deviation: NAME'"
            )
        if self.deviation is not None and self.deviation not in DEVIATIONS:
            raise ValueError(f"expected a deviation of {', '.join(DEVIATIONS)}")
        if self.type is not None and self.type not in EVENT_KINDS:
            raise ValueError(
                f"expected a type of {', '.join(EVENT_KINDS)}; for a track event give its name"
            )
        return self

    @property
    def segment(self) -> str:
        """The segment that is entered or left; empty for anything else."""
        return self.entered or self.left or ""

    @property
    def is_change(self) -> bool:
        """Whether it is something about the customer, which no event can start by its name."""
        return self.event is None and self.type is None

    @property
    def key(self) -> str:
        """What the trigger is found by."""
        if self.deviation is not None:
            return f"deviation:{self.deviation}"
        if self.entered is not None:
            return f"entered:{self.entered}"
        if self.left is not None:
            return f"left:{self.left}"
        return self.event if self.event is not None else f"type:{self.type}"


def _on(value: object) -> object:
    return {"event": value} if isinstance(value, str) else value


On = Annotated[OnModel, BeforeValidator(_on)]
"""A text stands for an event's name."""

Heard = Annotated[HeardModel, BeforeValidator(_on)]
"""As `On`, and segments too."""
