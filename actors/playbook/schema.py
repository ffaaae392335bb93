"""The files of a bundle as pydantic models. Names of fields are camelCase in YAML."""

import re
from decimal import Decimal
from typing import Annotated, Any, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    StrictBool,
    StrictInt,
    StrictStr,
    model_validator,
)
from pydantic.alias_generators import to_camel

from actors.domain.profile import MAX_CONTACTS
from actors.playbook.durations import parse_duration_ms

_NAME = re.compile(r"[a-z][a-z0-9]*(?:[_-][a-z0-9]+)*")
_ACTION_KEY = re.compile(r"[a-z0-9][a-z0-9_-]*(?:/[a-z0-9][a-z0-9_-]*){2}")
_CURRENCY = re.compile(r"[A-Z]{3}")
_VERSION = re.compile(r"[0-9A-Za-z][0-9A-Za-z.-]*")
MAX_NAME_LENGTH = 100
MAX_TEXT_LENGTH = 4000
MAX_ENTRIES = 200
EVENT_KINDS = ("identify", "page", "screen", "group", "alias")


def _matches(pattern: re.Pattern[str], what: str) -> AfterValidator:
    def check(text: str) -> str:
        if len(text) > MAX_NAME_LENGTH or not pattern.fullmatch(text):
            raise ValueError(f"expected {what}")
        return text

    return AfterValidator(check)


def _minor(value: object) -> object:
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


Name = Annotated[StrictStr, _matches(_NAME, "a name of small letters, digits, '-' and '_'")]
ActionKey = Annotated[
    StrictStr, _matches(_ACTION_KEY, "issue/group/name of small letters, digits, '-' and '_'")
]
CurrencyCode = Annotated[StrictStr, _matches(_CURRENCY, "an ISO 4217 code such as USD")]
Version = Annotated[StrictStr, _matches(_VERSION, "a version such as 1.4.0, in quotes")]
Money = Annotated[
    Decimal, BeforeValidator(_minor), Field(ge=0, le=1_000_000_000, allow_inf_nan=False)
]
Factor = Annotated[float, BeforeValidator(_minor), Field(ge=0, le=1000, allow_inf_nan=False)]
DurationMs = Annotated[int, BeforeValidator(_duration)]
Text = Annotated[StrictStr, Field(max_length=MAX_TEXT_LENGTH)]
ContentValue = Annotated[str | int | float | bool, PlainValidator(_content)]
Names = Annotated[tuple[Name, ...], Field(max_length=MAX_ENTRIES)]
NonEmpty = Annotated[tuple[StrictStr, ...], Field(min_length=1, max_length=MAX_ENTRIES)]
Label = Annotated[StrictStr, Field(min_length=1, max_length=MAX_NAME_LENGTH)]


class _Model(BaseModel):
    model_config = ConfigDict(
        extra="forbid", frozen=True, alias_generator=to_camel, hide_input_in_errors=True
    )


class CurrencyModel(_Model):
    """The book currency and how many digits its minor unit has."""

    code: CurrencyCode
    minor_digits: Annotated[StrictInt, Field(ge=0, le=4)] = 2


class ChannelModel(_Model):
    """A channel: where something may stand in its replies, and whether it can be written to."""

    placements: Names = ()
    default_placements: Names = ()
    outbound: StrictBool = False


class DefaultTierModel(_Model):
    """The tier of customers for whom no tier's segment holds."""

    name: Name = "standard"
    service_level: Name = "standard"


class TierModel(_Model):
    """A tier; tiers are tried in order."""

    segment: Name
    service_level: Name
    description: Text = ""


class PlaybookFile(_Model):
    """`playbook.yaml`."""

    name: Name
    version: Version
    description: Text = ""
    currency: CurrencyModel
    timezone: StrictStr = "UTC"
    channels: dict[Name, ChannelModel] = Field(min_length=1)
    tiers: tuple[TierModel, ...] = Field((), max_length=MAX_ENTRIES)
    default_tier: DefaultTierModel = DefaultTierModel()


class SegmentModel(_Model):
    """A segment; the key in the file is its name."""

    description: Text = ""
    when: Text


class SegmentsFile(_Model):
    """`segments.yaml`."""

    segments: dict[Name, SegmentModel] = {}


class WeightModel(_Model):
    """A context weight: the factor applies while the rule holds."""

    when: Text
    factor: Factor


class TreatmentModel(_Model):
    """How an action looks on one channel; the key in the file is the channel."""

    cost: Money = Decimal(0)
    placements: Names = ()
    outbound: StrictBool = False
    content: dict[Label, ContentValue] = {}


class ActionModel(_Model):
    """An action; the key in the file is `issue/group/name`. `lever` is in percent."""

    description: Text = ""
    value: Money
    purpose: Name
    eligible: Text | None = None
    weights: tuple[WeightModel, ...] = Field((), max_length=MAX_ENTRIES)
    lever: Annotated[float, BeforeValidator(_minor), Field(ge=-100, le=10_000)] = 0.0
    starting_propensity: Annotated[float, BeforeValidator(_minor), Field(gt=0, lt=1)]
    expires_after: DurationMs = 7 * 86_400_000
    treatments: dict[Name, TreatmentModel] = Field(min_length=1)


class ActionsFile(_Model):
    """`actions.yaml`."""

    actions: dict[ActionKey, ActionModel] = Field(min_length=1)


class OnModel(_Model):
    """What a trigger waits for: an event by name, or every event of a type."""

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


def _on(value: object) -> object:
    return {"event": value} if isinstance(value, str) else value


class TriggerModel(_Model):
    """A trigger; the key in the file is its name."""

    description: Text = ""
    on: Annotated[OnModel, BeforeValidator(_on)]
    when: Text | None = None
    propose: NonEmpty
    channels: NonEmpty | None = None
    after: DurationMs | None = None
    cancel_on: tuple[Label, ...] = Field((), max_length=MAX_ENTRIES)
    keyed_by: Label | None = None
    record: StrictBool = False


class TriggersFile(_Model):
    """`triggers.yaml`."""

    triggers: dict[Name, TriggerModel] = {}


class CapModel(_Model):
    """A contact cap; the key in the file is its name."""

    description: Text = ""
    limit: Annotated[StrictInt, Field(ge=1, le=MAX_CONTACTS)]
    window: DurationMs
    channels: NonEmpty | None = None
    groups: NonEmpty | None = None
    actions: NonEmpty | None = None
    purposes: NonEmpty | None = None


class SuppressionModel(_Model):
    """How long an action rests after a refusal; by default it does not."""

    after_refusal: DurationMs | None = None


class ConsentModel(_Model):
    """Purposes for which a customer need not have said yes."""

    purposes_not_needing_consent: tuple[StrictStr, ...] = Field(
        ("onsite", "service"), max_length=MAX_ENTRIES
    )


class PoliciesFile(_Model):
    """`policies.yaml`."""

    caps: dict[Name, CapModel] = {}
    suppression: SuppressionModel = SuppressionModel()
    consent: ConsentModel = ConsentModel()


FILES: dict[str, type[BaseModel]] = {
    "playbook.yaml": PlaybookFile,
    "segments.yaml": SegmentsFile,
    "actions.yaml": ActionsFile,
    "triggers.yaml": TriggersFile,
    "policies.yaml": PoliciesFile,
}
"""The files of a bundle, in the order in which their problems are told."""
REQUIRED = ("playbook.yaml", "actions.yaml")


def fields_at(model: type[BaseModel], path: tuple[str | int, ...]) -> tuple[str, ...]:
    """Return the names, as written in YAML, of the fields of the mapping at `path`."""
    here: Any = model
    for part in path:
        here = _step(here, part)
    if not (isinstance(here, type) and issubclass(here, BaseModel)):
        return ()
    return tuple(each.alias or name for name, each in here.model_fields.items())


def _step(here: Any, part: str | int) -> Any:
    """Go from a model to the type of its field, or from `dict[Name, Model]` to the model."""
    if isinstance(here, type) and issubclass(here, BaseModel):
        found = [each for name, each in here.model_fields.items() if part in {each.alias, name}]
        return found[0].annotation if found else None
    arguments = [each for each in getattr(here, "__args__", ()) if isinstance(each, type)]
    models = [each for each in arguments if issubclass(each, BaseModel)]
    return models[0] if models else None
