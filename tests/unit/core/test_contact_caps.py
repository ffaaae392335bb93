import pytest

from actors.domain.profile import MAX_CONTACTS, Contact, Profile
from actors.playbook.model import Cap
from actors.policies.contact_pressure import (
    cap_covers,
    counters,
    full_caps,
    reserve,
)
from tests.builders import DAY, HOUR, NOW, REMINDER, SHOP, make_playbook


def make_cap(limit=1, window=7 * DAY, **only):
    filters = dict.fromkeys(("channels", "groups", "actions", "purposes")) | {
        name: frozenset(values) for name, values in only.items()
    }
    return Cap(name="cap", limit=limit, window_ms=window, **filters)


def make_contact(ago=0, channel="email", action="a/b/c", purpose="marketing"):
    return Contact(NOW - ago, channel, action, purpose)


def full(cap, *contacts):
    """When the cap has room again, or None when it has room now."""
    profile = Profile(contacts=sorted(contacts, key=lambda c: c.at_ms))
    found = full_caps([cap], counters(profile, [cap], NOW))
    assert all(name is cap for name, _ in found)
    return found[0][1] if found else None


def test_a_cap_has_room_until_its_limit_is_reached():
    cap = make_cap(limit=2)

    assert full(cap) is None
    assert full(cap, make_contact(DAY)) is None
    assert full(cap, make_contact(DAY), make_contact(HOUR)) is not None


def test_a_full_cap_says_when_the_oldest_contact_leaves_its_window():
    found = full(make_cap(limit=2), make_contact(HOUR), make_contact(DAY))

    assert found == NOW - DAY + 7 * DAY


@pytest.mark.parametrize(
    ("ago", "is_full"), [(7 * DAY - 1, True), (7 * DAY, False), (8 * DAY, False)]
)
def test_windows_are_elapsed_time_and_end_now(ago, is_full):
    assert (full(make_cap(), make_contact(ago)) is not None) is is_full


def test_trying_again_when_told_to_succeeds():
    cap, contact = make_cap(), make_contact(DAY)
    retry_at_ms = full(cap, contact)

    assert counters(Profile(contacts=[contact]), [cap], retry_at_ms) == ((0, 0),)
    assert counters(Profile(contacts=[contact]), [cap], retry_at_ms - 1)[0][0] == 1


@pytest.mark.parametrize(
    ("only", "covered"),
    [
        ({}, True),
        ({"channels": ["email"]}, True),
        ({"channels": ["app"]}, False),
        ({"purposes": ["marketing"]}, True),
        ({"purposes": ["service"]}, False),
        ({"groups": ["b"]}, True),
        ({"groups": ["a"]}, False),
        ({"actions": ["a/b/c"]}, True),
        ({"actions": ["a/b/d"]}, False),
        ({"channels": ["email"], "purposes": ["service"]}, False),
    ],
)
def test_a_cap_covers_what_passes_all_its_filters(only, covered):
    cap = make_cap(**only)

    assert cap_covers(cap, "email", "a/b/c", "marketing") is covered
    assert (full(cap, make_contact(HOUR)) is not None) is covered


def test_contacts_of_other_kinds_do_not_fill_a_cap():
    cap = make_cap(channels=["email"])

    assert full(cap, make_contact(HOUR, channel="app")) is None
    assert not cap_covers(cap, "app", "a/b/c", "marketing")


def test_a_contact_is_reserved_only_when_a_cap_covers_it():
    profile = Profile()

    reserve(profile, SHOP, Contact(NOW, "email", "message/care/thanks", "service"))
    reserve(profile, SHOP, Contact(NOW, "app", REMINDER, "marketing"))
    assert profile.contacts == []

    reserve(profile, SHOP, Contact(NOW, "email", REMINDER, "marketing"))
    assert len(profile.contacts) == 1


def test_reservations_stay_in_order_of_time_and_forget_what_no_window_reaches():
    profile = Profile()
    for days in (0, 5, 3, 12, 11):
        reserve(profile, SHOP, Contact(NOW + days * DAY, "email", REMINDER, "marketing"))

    kept = [(c.at_ms - NOW) // DAY for c in profile.contacts]

    assert kept == sorted(kept)
    assert set(kept) >= {11, 12}
    assert 0 not in kept


def test_reservations_are_bounded_and_keep_the_newest():
    profile = Profile()
    for i in range(3 * MAX_CONTACTS):
        reserve(profile, SHOP, Contact(NOW + i, "email", REMINDER, "marketing"))

    assert len(profile.contacts) == MAX_CONTACTS
    assert profile.contacts[-1].at_ms == NOW + 3 * MAX_CONTACTS - 1


def test_without_caps_nothing_is_kept():
    profile = Profile()

    reserve(profile, make_playbook(policies={}), make_contact())

    assert profile.contacts == []
