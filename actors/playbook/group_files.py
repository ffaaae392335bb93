"""`groups.yaml` as pydantic models: which kinds of groups there are, and how large they may be."""

import re
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, Field, StrictInt, StrictStr, model_validator

from actors.playbook.group_model import CUSTOMER, DEFAULT_SOURCES, GroupKind, GroupRules
from actors.playbook.hints import expected
from actors.playbook.yaml_types import CONFIG, Name, Text, matches

MAX_KINDS = 16
MAX_MEMBERS = 100_000
MAX_PER_CUSTOMER = 8
_SOURCE = re.compile(r"(traits|context)(\.[^.\s]+)+")

Source = Annotated[
    StrictStr, matches(_SOURCE, "where it is found, such as traits.groupType or context.groupType")
]


class GroupKindModel(BaseModel):
    """A kind of group; the key in the file is its name."""

    model_config = CONFIG

    description: Text = ""
    max_members: Annotated[StrictInt, Field(ge=1, le=MAX_MEMBERS)] = 1000
    per_customer: Annotated[StrictInt, Field(ge=1, le=MAX_PER_CUSTOMER)] = 1


def _not_a_customer(kinds: dict[str, GroupKindModel]) -> dict[str, GroupKindModel]:
    if CUSTOMER in kinds:
        raise ValueError(f"expected another name than {CUSTOMER!r}, which is nobody's group")
    return kinds


class GroupsFile(BaseModel):
    """`groups.yaml`."""

    model_config = CONFIG

    kinds: Annotated[
        dict[Name, GroupKindModel], Field(max_length=MAX_KINDS), AfterValidator(_not_a_customer)
    ] = {}
    default: Name | None = None
    kind_from: Annotated[tuple[Source, ...], Field(max_length=8)] | None = None

    @model_validator(mode="after")
    def _default_is_a_kind(self) -> Self:
        if self.default is not None and self.default not in self.kinds:
            hint = expected(self.default, self.kinds)
            raise ValueError(f"unknown kind {self.default!r} as the default{hint}")
        return self


def compile_groups(file: GroupsFile) -> GroupRules:
    """Return the rules. Where there is one kind alone, a call that names none means it."""
    kinds = {
        name: GroupKind(name, each.max_members, each.per_customer, each.description)
        for name, each in file.kinds.items()
    }
    default = file.default or (next(iter(kinds)) if len(kinds) == 1 else "")
    sources: tuple[tuple[str, ...], ...] = DEFAULT_SOURCES
    if file.kind_from is not None:
        sources = tuple(tuple(each.split(".")) for each in file.kind_from)
    return GroupRules(kinds, default, sources)
