"""`conversions.yaml` as pydantic models: which events are conversions, and to what they are credited."""

import re
from typing import Annotated, Self

from pydantic import BaseModel, BeforeValidator, Field, StrictStr, model_validator

from actors.playbook.conversion_model import USUAL, Conversions, Converting, Path
from actors.playbook.yaml_types import CONFIG, DurationMs, Label, Name, Text, matches

MAX_CONVERSIONS = 16
_PATH = re.compile(r"[^.\s]+(\.[^.\s]+)*")


def _several(value: object) -> object:
    return [value] if isinstance(value, str) else value


Property = Annotated[StrictStr, matches(_PATH, "where in the properties it stands, such as total")]
Events = Annotated[tuple[Label, ...], BeforeValidator(_several), Field(min_length=1, max_length=16)]


class TakenBackModel(BaseModel):
    """Events by which a conversion is taken back in whole or in part; `value` is how much of it."""

    model_config = CONFIG

    on: Events
    value: Property | None = None
    id: Property | None = None


class ConversionModel(BaseModel):
    """A kind of conversion; the key in the file is its name."""

    model_config = CONFIG

    description: Text = ""
    on: Events
    value: Property = "value"
    id: Property
    taken_back: TakenBackModel | None = None


class ConversionsFile(BaseModel):
    """`conversions.yaml`. Without `conversions`, orders and redeemed coupons are conversions."""

    model_config = CONFIG

    conversions: (
        Annotated[dict[Name, ConversionModel], Field(max_length=MAX_CONVERSIONS)] | None
    ) = None
    click_window: DurationMs = USUAL.click_ms
    impression_window: DurationMs = USUAL.impression_ms

    @model_validator(mode="after")
    def _each_event_once(self) -> Self:
        seen: dict[str, str] = {}
        for name, each in (self.conversions or {}).items():
            events = [*each.on, *(each.taken_back.on if each.taken_back else ())]
            for event in events:
                if event in seen:
                    raise ValueError(
                        f"event {event!r} is in {seen[event]!r} and {name!r}, expected in one"
                    )
                seen[event] = name
        return self


def compile_conversions(file: ConversionsFile) -> Conversions:
    """Return what the core uses."""
    windows = {"click_ms": file.click_window, "impression_ms": file.impression_window}
    if file.conversions is None:
        return Conversions(by_event=USUAL.by_event, taken_back_by=USUAL.taken_back_by, **windows)
    by_event: dict[str, Converting] = {}
    taken_back_by: dict[str, Converting] = {}
    for name, each in file.conversions.items():
        for event in each.on:
            by_event[event] = Converting(name, _path(each.value), _path(each.id))
        back = each.taken_back
        for event in back.on if back else ():
            value, named = (back.value, back.id) if back else (None, None)
            taken_back_by[event] = Converting(
                name, _path(value or each.value), _path(named or each.id)
            )
    return Conversions(by_event=by_event, taken_back_by=taken_back_by, **windows)


def _path(text: str) -> Path:
    return tuple(text.split("."))
