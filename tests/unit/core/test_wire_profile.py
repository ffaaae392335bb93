"""What the strategy of states leaves out: the histories, each field with a value of its own."""

import dataclasses
import itertools
import typing

import msgpack

from actors.domain import histories
from actors.domain.profile import ChannelUse, Contact, Profile, Purchases, ResponseHistory
from actors.wire.profile import profile_fields, profile_from_fields

OLD_FIELDS = 15


def filled(kind, numbers):
    """Make a dataclass or tuple whose every field differs from all others."""
    hints = typing.get_type_hints(kind)
    values = {}
    for name, hint in hints.items():
        number = next(numbers)
        if hint == list[histories.Case]:
            values[name] = [filled(histories.Case, numbers) for _ in range(2)]
        elif hint == list[int]:
            values[name] = [number + i for i in range(24)]
        else:
            values[name] = f"text {number}" if hint is str else number
    return kind(**values)


def full_profile():
    numbers = itertools.count(1)

    def one(kind):
        return filled(kind, numbers)

    return Profile(
        channels={"web": one(ChannelUse), "app": ChannelUse(3, 4, 2)},
        purchases=one(Purchases),
        trait_origins={"city": one(histories.TraitOrigin)},
        trait_changes=[one(histories.TraitChange), one(histories.TraitChange)],
        ledger=one(histories.Ledger),
        interests={"FRUIT": one(histories.Interest)},
        outreach={"email": one(histories.Outreach)},
        campaigns={"1": one(histories.Campaign), "2": histories.Campaign("A", 3, 4, 5)},
        service=one(histories.Service),
        credit=one(histories.Credit),
        voice=one(histories.Voice),
        leads=[one(histories.Lead)],
        contacts=[
            Contact(1, "web", "a/b/c", "onsite"),
            Contact(2, "email", "a/b/c", "service", 7, 1),
            Contact(3, "email", "a/b/d", "service", 8, 0, 99),
        ],
        responses={"a/b/c": ResponseHistory(1)},
        answers={"reject|a/b/c|email": 5},
        dead={"email": 6},
    )


def through_bytes(fields):
    return profile_from_fields(msgpack.unpackb(msgpack.packb(fields)))


def test_a_profile_with_all_histories_reads_back_equal():
    profile = full_profile()
    empty = [
        field.name
        for field in dataclasses.fields(Profile)[OLD_FIELDS:]
        if getattr(profile, field.name) == getattr(Profile(), field.name)
    ]

    assert through_bytes(profile_fields(profile)) == profile
    assert empty == []


def test_any_history_alone_reads_back_equal():
    full = full_profile()
    for field in dataclasses.fields(Profile)[OLD_FIELDS:]:
        profile = Profile(**{field.name: getattr(full, field.name)})

        again = through_bytes(profile_fields(profile))

        assert again == profile, field.name


def test_one_fact_is_enough_to_keep_a_history():
    for kind, name in (
        (histories.Ledger, "ledger"),
        (histories.Service, "service"),
        (histories.Credit, "credit"),
        (histories.Voice, "voice"),
    ):
        for field in dataclasses.fields(kind):
            if field.name != "cases":
                profile = Profile(**{name: kind(**{field.name: 7})})

                assert through_bytes(profile_fields(profile)) == profile, field.name


def test_a_row_from_before_the_histories_is_read_with_none_of_them():
    full = full_profile()
    full.contacts, full.responses = [], {}
    old = profile_fields(full)[:OLD_FIELDS]
    old[5] = {"web": (7, 8)}

    profile = through_bytes(old)

    assert profile.purchases == full.purchases
    assert profile.channels == {"web": ChannelUse(7, 8, 0, [0] * 24)}
    assert profile.service == histories.Service()
    assert profile == Profile(purchases=full.purchases, channels=profile.channels)


def test_histories_cost_almost_nothing_while_they_are_empty():
    fields = profile_fields(Profile())

    assert len(msgpack.packb(fields[OLD_FIELDS:])) <= 11
