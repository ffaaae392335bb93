"""`identities.yaml` as pydantic models: kinds of identities, blocked values, strategies for traits."""

import re
from dataclasses import replace
from typing import Annotated, Self

from phonenumbers import SUPPORTED_REGIONS
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

from actors.playbook.hints import expected
from actors.playbook.identity_model import (
    ANONYMOUS,
    BLOCKED_PATTERNS,
    DEFAULT_KINDS,
    DEFAULT_RULES,
    NORMALISATIONS,
    STRATEGIES,
    UNDECLARED,
    UNLIMITED,
    USER,
    IdentityKind,
    IdentityRules,
    any_of,
)
from actors.playbook.yaml_types import CONFIG, MAX_ENTRIES, Label, Name, Text, matches, no_bool

MAX_KINDS = 32
MAX_LIMIT = 1000
_SOURCE = re.compile(r"(traits|context)(\.[^.\s]+)+")
_ROUTING = (USER, ANONYMOUS)


def _one_of(choices: tuple[str, ...]) -> AfterValidator:
    def check(text: str) -> str:
        if text not in choices:
            raise ValueError(expected(text, choices).removeprefix("; "))
        return text

    return AfterValidator(check)


def _limit(value: object) -> object:
    if value == "none":
        return UNLIMITED
    if value == UNLIMITED:
        raise ValueError("expected 1 or more, or none")
    return no_bool(value)


def _region(text: str) -> str:
    if text not in SUPPORTED_REGIONS:
        raise ValueError("expected a region of ISO 3166 such as US, DE or GB")
    return text


def _pattern(text: str) -> str:
    try:
        groups = any_of([text]).groups
    except re.error as error:
        raise ValueError(f"expected a regular expression; this one is not: {error}") from error
    if groups:
        raise ValueError("expected no group that captures: write (?:…)")
    return text


Limit = Annotated[StrictInt, Field(ge=UNLIMITED, le=MAX_LIMIT)]
Pattern = Annotated[StrictStr, Field(max_length=200), AfterValidator(_pattern)]
Source = Annotated[
    StrictStr, matches(_SOURCE, "where it is found, such as traits.email or context.device.id")
]
Blocked = Annotated[tuple[Label, ...], Field(max_length=MAX_ENTRIES)]
Patterns = Annotated[tuple[Pattern, ...], Field(max_length=MAX_ENTRIES)]


class KindModel(BaseModel):
    """A kind of identity; the key in the file is its name. What is not given stays as it is."""

    model_config = CONFIG

    description: Text = ""
    unique: StrictBool | None = None
    merges: StrictBool | None = None
    limit: Annotated[Limit | None, BeforeValidator(_limit)] = None
    normalise: Annotated[StrictStr, _one_of(NORMALISATIONS)] | None = None
    region: Annotated[StrictStr, AfterValidator(_region)] | None = None
    from_: Annotated[tuple[Source, ...], Field(max_length=16)] | None = Field(None, alias="from")
    blocked: Blocked = ()
    blocked_patterns: Patterns = ()

    @model_validator(mode="after")
    def _shared_do_not_merge(self) -> Self:
        if self.unique is False and self.merges is True:
            raise ValueError("expected 'merges: false' with 'unique: false': the value is shared")
        return self


def _routing_kinds_are_exact(kinds: dict[str, KindModel]) -> dict[str, KindModel]:
    for name in _ROUTING:
        each = kinds.get(name)
        if each is not None and (each.normalise not in {None, "none"} or each.from_):
            raise ValueError(
                f"expected {name!r} without 'normalise' and 'from': it says where an event goes,"
                " byte by byte"
            )
    return kinds


class IdentitiesFile(BaseModel):
    """`identities.yaml`."""

    model_config = CONFIG

    blocked: Blocked = ()
    blocked_patterns: Patterns = ()
    kinds: Annotated[
        dict[Name, KindModel],
        Field(max_length=MAX_KINDS),
        AfterValidator(_routing_kinds_are_exact),
    ] = {}
    traits: Annotated[
        dict[Label, Annotated[StrictStr, _one_of(STRATEGIES)]], Field(max_length=MAX_ENTRIES)
    ] = {}


def compile_identities(file: IdentitiesFile) -> IdentityRules:
    """Return the rules: what the file says, on top of what holds without one."""
    kinds = {kind.name: kind for kind in DEFAULT_KINDS}
    for name, model in file.kinds.items():
        kinds[name] = _kind(kinds.get(name) or replace(UNDECLARED, name=name, merges=True), model)
    return IdentityRules(
        kinds=kinds,
        blocked=DEFAULT_RULES.blocked | _plain(file.blocked),
        pattern=any_of((*BLOCKED_PATTERNS, *file.blocked_patterns)),
        strategies=dict(file.traits),
    )


def _kind(known: IdentityKind, model: KindModel) -> IdentityKind:
    unique = known.unique if model.unique is None else model.unique
    merges = known.merges if model.merges is None else model.merges
    return replace(
        known,
        unique=unique,
        merges=merges and unique,
        limit=known.limit if model.limit is None else model.limit,
        normalise=model.normalise or known.normalise,
        region=model.region or known.region,
        sources=known.sources
        if model.from_ is None
        else tuple(tuple(each.split(".")) for each in model.from_),
        blocked=_plain(model.blocked),
        pattern=any_of(model.blocked_patterns) if model.blocked_patterns else None,
    )


def _plain(values: tuple[str, ...]) -> frozenset[str]:
    return frozenset(value.strip().casefold() for value in values)
