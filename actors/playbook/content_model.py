"""Parts of a treatment's YAML model that are about its content."""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from actors.domain.actions import POSITIVE
from actors.playbook.yaml_types import MAX_ENTRIES, ContentValue, Label, matches

MAX_LOCALES = 64
_TAG = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*")

Outcome = Literal["accept", "click", "convert"]
SUCCESS: tuple[Outcome, ...] = ("accept", "click", "convert")
if frozenset(SUCCESS) != POSITIVE:
    raise AssertionError("what a playbook may call a success is not what the core takes for one")


def _several(value: object) -> object:
    return [value] if isinstance(value, str) else value


def _once(locales: dict[str, dict[str, object]]) -> dict[str, dict[str, object]]:
    seen: dict[str, str] = {}
    for tag in locales:
        twin = seen.setdefault(tag.lower(), tag)
        if twin != tag:
            raise ValueError(f"{tag!r} is the same language as {twin!r}, expected it once")
    return locales


Success = Annotated[
    tuple[Outcome, ...], BeforeValidator(_several), Field(min_length=1, max_length=3)
]
Tag = Annotated[str, matches(_TAG, "a language tag such as de or de-CH")]
Locales = Annotated[
    dict[Tag, dict[Label, ContentValue]], Field(max_length=MAX_LOCALES), AfterValidator(_once)
]
Formats = Annotated[dict[Label, Literal["html", "text", "url"]], Field(max_length=MAX_ENTRIES)]
