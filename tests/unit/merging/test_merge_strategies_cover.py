"""A field for which nobody has said how it is merged must not slip through."""

import dataclasses
import typing

import pytest

from actors.domain.histories import TraitChange
from actors.domain.profile import ConsentState, Contact, Profile
from actors.domain.state import CustomerState
from actors.merging.merging import STATE_PARTS
from actors.merging.profiles import RECORDS

WHOLE = {Contact, ConsentState, TraitChange}
"""Parts of which one is taken or both are kept, never one field of each."""


def parts_of(kind, found):
    """Collect the dataclasses that a type's fields lead to."""
    if dataclasses.is_dataclass(kind) and kind not in found:
        found.add(kind)
        for each in typing.get_type_hints(kind).values():
            parts_of(each, found)
    for each in typing.get_args(kind):
        parts_of(each, found)
    return found


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.kind.__name__)
def test_every_field_of_a_part_has_exactly_one_strategy(record):
    assert sorted(record.names) == sorted(f.name for f in dataclasses.fields(record.kind))


def test_every_part_of_a_profile_is_joined_or_kept_whole():
    assert {record.kind for record in RECORDS} | WHOLE == parts_of(Profile, set())


def test_every_field_of_a_state_has_its_place():
    assert sorted(STATE_PARTS) == sorted(f.name for f in dataclasses.fields(CustomerState))
