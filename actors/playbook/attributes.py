"""`attributes.yaml` as pydantic models: what is counted of every customer, over which window."""

import re
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, StrictInt, StrictStr

from actors.playbook.durations import parse_duration_ms
from actors.playbook.hints import expected
from actors.playbook.yaml_types import (
    CONFIG,
    MAX_ENTRIES,
    DurationMs,
    Label,
    NonEmpty,
    On,
    Text,
    matches,
)

KINDS = (
    "count",
    "active",
    "sum",
    "mean",
    "min",
    "max",
    "distinct",
    "first",
    "last",
    "ratio",
)
MAX_ATTRIBUTES = 64
MAX_BUCKETS = 400
MAX_DISTINCT = 256
BUCKETS_MS = {
    "minute": 60_000,
    "hour": 3_600_000,
    "day": 86_400_000,
    "week": 604_800_000,
}
TYPES = ("number", "text")

_NAME = re.compile(r"[a-z][a-z0-9]*(?:_[a-z0-9]+)*")


def _one_of(*choices: str) -> AfterValidator:
    def check(text: str) -> str:
        if text not in choices:
            raise ValueError(expected(text, choices).removeprefix("; "))
        return text

    return AfterValidator(check)


def _bucket(value: object) -> object:
    if not isinstance(value, str):
        raise ValueError("expected a width such as day or PT15M")  # noqa: TRY004 - for pydantic
    if value in BUCKETS_MS:
        return BUCKETS_MS[value]
    try:
        return parse_duration_ms(value)
    except ValueError:
        words = expected(value, BUCKETS_MS).removeprefix("; expected ")
        raise ValueError(f"expected a duration such as PT15M, or {words}") from None


def _several(value: object) -> object:
    return [value] if isinstance(value, str | dict) else value


def _default(value: object) -> object:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError("expected text or a number")  # noqa: TRY004 - for pydantic
    return value


AttributeName = Annotated[
    StrictStr, matches(_NAME, "a name of small letters, digits and '_', as rules can write it")
]
Events = Annotated[
    tuple[On, ...], BeforeValidator(_several), Field(min_length=1, max_length=MAX_ENTRIES)
]


class AttributeModel(BaseModel):
    """An attribute; the key in the file is its name. Which fields go together depends on `kind`."""

    model_config = CONFIG

    description: Text = ""
    kind: Annotated[StrictStr, _one_of(*KINDS)]
    on: Events | None = None
    channels: NonEmpty | None = None
    where: Text | None = None
    property: Label | None = None
    type: Annotated[StrictStr, _one_of(*TYPES)] | None = None
    decimals: Annotated[StrictInt, Field(ge=0, le=6)] | None = None
    window: DurationMs | None = None
    bucket: Annotated[int, BeforeValidator(_bucket)] | None = None
    limit: Annotated[StrictInt, Field(ge=1, le=MAX_DISTINCT)] | None = None
    of: AttributeName | None = None
    to: AttributeName | None = None
    default: Annotated[str | int | float, BeforeValidator(_default)] | None = None


class AttributesFile(BaseModel):
    """`attributes.yaml`."""

    model_config = CONFIG

    attributes: Annotated[
        dict[AttributeName, AttributeModel], Field(max_length=MAX_ATTRIBUTES)
    ] = {}
