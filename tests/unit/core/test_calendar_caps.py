"""Caps in calendar windows, reservations for later, and what a group's record keeps of them."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from actors.domain.groups import GroupState
from actors.domain.profile import MAX_CONTACTS, Contact, Profile
from actors.policies.contact_pressure import counted, counters, excess_of, recent, reserve, room_for
from actors.policies.group_pressure import release_in_group, reserve_in_group
from actors.policies.verdicts import LATE_MS
from actors.policies.whereabouts import period, zones_of
from tests.builders import DAY, HOUR, NOW, REMINDER, make_playbook

BERLIN, NEW_YORK = "Europe/Berlin", "America/New_York"


def book(**caps):
    return make_playbook(policies={"caps": caps})


def at(text, zone=BERLIN):
    return int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp()) * 1000


def mail(at_ms, seq=0, origin=0):
    return Contact(at_ms, "email", REMINDER, "marketing", seq, 0, origin)


def cap_of(**spec):
    (cap,) = book(it=spec).caps
    return cap


@pytest.mark.parametrize(
    ("unit", "first", "end"),
    [
        ("day", "2026-03-29T00:00", "2026-03-30T00:00"),
        ("week", "2026-03-23T00:00", "2026-03-30T00:00"),
        ("month", "2026-03-01T00:00", "2026-04-01T00:00"),
    ],
)
def test_calendar_windows_are_local_and_know_when_clocks_change(unit, first, end):
    inside = period(unit, at("2026-03-29T12:00"), BERLIN)

    assert inside == (at(first), at(end))
    assert period(unit, at(end), BERLIN)[0] == at(end)
    assert period(unit, at(end) - 1, BERLIN) == inside


def test_the_day_on_which_clocks_change_is_an_hour_short_and_the_other_one_long():
    def hours(day):
        begin_ms, end_ms = period("day", at(day), BERLIN)
        return (end_ms - begin_ms) / HOUR

    assert [hours(f"2026-{day}T12:00") for day in ("03-29", "06-01", "10-25")] == [23, 24, 25]


def test_the_last_month_of_a_year_ends_with_it():
    assert period("month", at("2026-12-31T23:59"), BERLIN)[1] == at("2027-01-01T00:00")


def test_a_cap_of_one_a_day_has_room_again_at_local_midnight():
    cap = cap_of(limit=1, window="day")
    contacts = [mail(at("2026-06-01T23:30"))]

    assert counted(contacts, cap, at("2026-06-01T23:50"), [BERLIN]) == (1, at("2026-06-02T00:00"))
    assert counted(contacts, cap, at("2026-06-02T00:00"), [BERLIN]) == (0, 0)
    assert counted(contacts, cap, at("2026-06-01T17:50", NEW_YORK), [NEW_YORK])[0] == 1


def test_somebody_whose_zone_is_not_known_has_room_when_there_is_room_in_every_zone():
    cap = cap_of(limit=1, window="day")
    contacts = [mail(at("2026-06-01T23:30"))]  # 17:30 in New York
    morning = at("2026-06-02T01:00")

    assert counted(contacts, cap, morning, [BERLIN])[0] == 0
    assert counted(contacts, cap, morning, [BERLIN, NEW_YORK]) == (
        1,
        at("2026-06-02T00:00", NEW_YORK),
    )


def test_a_window_that_is_full_of_reservations_is_passed_over():
    cap = cap_of(limit=1, window="day")
    contacts = [mail(at("2026-06-01T10:00")), mail(at("2026-06-02T08:00"), 1)]

    assert counted(contacts, cap, at("2026-06-01T12:00"), [BERLIN]) == (1, at("2026-06-03T00:00"))


def test_a_reservation_for_later_counts_in_every_window_that_will_hold_it():
    cap = cap_of(limit=1, window="PT2H")
    planned = [mail(NOW + 8 * HOUR, 1)]

    assert counted(planned, cap, NOW) == (0, 0)
    assert counted(planned, cap, NOW + 7 * HOUR) == (1, NOW + 10 * HOUR + LATE_MS)
    assert counted(planned, cap, NOW + 6 * HOUR - LATE_MS)[0] == 0


def test_two_that_fit_one_by_one_do_not_fit_around_a_third():
    cap = cap_of(limit=2, window="PT2H")
    around = [mail(NOW), mail(NOW + 2 * HOUR + 1)]

    assert counted(around, cap, NOW + HOUR)[0] == 1
    assert counted([*around, mail(NOW + 3 * HOUR)], cap, NOW + 2 * HOUR)[0] == 2


def test_what_a_merge_made_too_much_has_to_leave_before_anything_fits():
    cap = cap_of(limit=2, window="P7D")
    contacts = [mail(NOW - days * DAY) for days in (6, 5, 4, 3)]

    assert counted(contacts, cap, NOW) == (4, NOW + 3 * DAY)
    assert counted(contacts, cap, NOW + 3 * DAY) == (1, 0)


def test_a_message_fills_windows_for_as_long_as_it_may_still_go():
    cap = cap_of(limit=1, window="P7D")

    assert counted([mail(NOW)], cap, NOW + 7 * DAY)[0] == 0
    assert counted([mail(NOW, 1)], cap, NOW + 7 * DAY) == (1, NOW + 7 * DAY + LATE_MS)


def test_a_zone_comes_from_the_profile_then_the_place_then_wherever_she_may_be():
    shop = make_playbook(policies={"zones": [NEW_YORK, BERLIN]})
    profile = Profile()

    assert zones_of(profile, shop) == (NEW_YORK, BERLIN, "UTC")
    profile.traits["address"] = {"country": "de"}
    assert zones_of(profile, shop) == (BERLIN,)
    profile.timezone = "Nowhere/Atall"
    assert zones_of(profile, shop) == (BERLIN,)
    profile.timezone = "Asia/Kolkata"
    assert zones_of(profile, shop) == ("Asia/Kolkata",)


def test_what_is_reserved_for_later_makes_nothing_be_forgotten_that_still_counts():
    shop = book(week={"limit": 1, "window": "P7D"})
    profile = Profile()
    reserve(profile, shop, mail(NOW - 6 * DAY), NOW - 6 * DAY)
    reserve(profile, shop, mail(NOW + 6 * DAY, 1), NOW)

    assert room_for(profile, shop, NOW - 7 * DAY) == ((1, NOW + 13 * DAY + LATE_MS),)
    assert [each.at_ms for each in profile.contacts] == [NOW - 6 * DAY, NOW + 6 * DAY]


def test_contacts_of_a_calendar_month_are_kept_for_all_of_it():
    shop = book(month={"limit": 2, "window": "month"})
    profile = Profile(timezone=BERLIN)
    for day in ("2026-10-01T00:10", "2026-10-31T23:50"):
        reserve(profile, shop, mail(at(day)), at(day))

    assert room_for(profile, shop, at("2026-10-31T23:50")) == ((2, at("2026-11-01T00:00")),)


def test_attention_keeps_messages_that_no_cap_counts_and_counts_them_when_they_were():
    from dataclasses import replace

    shop = replace(book(), attention_ms=7 * DAY)
    profile = Profile()
    for ago in (8, 7, 2, 1):
        reserve(profile, shop, mail(NOW - ago * DAY), NOW - ago * DAY, is_message=True)
    reserve(profile, shop, mail(NOW, 0), NOW)  # shown, not sent
    reserve(profile, shop, mail(NOW + HOUR, 1), NOW, is_message=True)

    assert recent(profile, 7 * DAY, NOW) == 2
    assert recent(profile, 7 * DAY, NOW + HOUR) == 3


def test_what_no_cap_counts_makes_room_first():
    from dataclasses import replace

    shop = replace(book(app={"limit": 1, "window": "P1D", "channels": ["app"]}), attention_ms=DAY)
    profile = Profile()
    reserve(profile, shop, Contact(NOW, "app", REMINDER, "marketing"), NOW)
    for i in range(2 * MAX_CONTACTS):
        reserve(profile, shop, mail(NOW + i, i + 1), NOW + i, is_message=True)

    assert len(profile.contacts) == MAX_CONTACTS
    assert room_for(profile, shop, NOW + HOUR)[0][0] == 1


def test_of_what_two_customers_planned_the_last_is_cancelled_first():
    shop = book(week={"limit": 2, "window": "P7D"})
    sent, soon, later, last = (
        mail(NOW - DAY, 1),
        mail(NOW + 1, 2),
        mail(NOW + 2, 3),
        mail(NOW + 8 * DAY, 4),
    )
    profile = Profile(contacts=[sent, soon, later, last])

    assert excess_of(profile, shop, NOW) == [later]
    assert excess_of(Profile(contacts=[sent, mail(NOW, 5), mail(NOW - 1, 6)]), shop, NOW) == []


HOME = {"limit": 2, "window": "day", "per": "household"}


def home_cap(**spec):
    from tests.group_books import group_book

    (cap,) = group_book(caps={"home": HOME | spec}).caps
    return cap


def test_a_group_keeps_what_is_planned_and_of_the_rest_as_many_as_its_limit():
    cap = home_cap(window="P7D")
    group = GroupState("household", "h")
    for i in range(6):
        reserve_in_group(group, [cap], [mail(NOW + i * HOUR)], NOW + i * HOUR)
    now_ms = NOW + 5 * HOUR + LATE_MS
    for i in range(3):
        reserve_in_group(group, [cap], [mail(NOW + (i + 1) * DAY, i + 1, 7)], now_ms)

    assert [each.at_ms for each in group.contacts] == [
        NOW + 4 * HOUR, NOW + 5 * HOUR, NOW + DAY, NOW + 2 * DAY, NOW + 3 * DAY,
    ]  # fmt: skip


def test_what_a_member_brings_twice_counts_once():
    cap, group = home_cap(), GroupState("household", "h")

    assert reserve_in_group(group, [cap], [mail(NOW, 1, 7)], NOW)
    assert not reserve_in_group(group, [cap], [mail(NOW, 1, 7)], NOW)
    assert reserve_in_group(group, [cap], [mail(NOW, 1, 8)], NOW)


def test_a_reservation_is_given_back_to_the_group_by_its_message():
    cap, group = home_cap(), GroupState("household", "h")
    reserve_in_group(group, [cap], [mail(NOW, 1, 7), mail(NOW, 1, 8)], NOW)

    assert not release_in_group(group, (9, 1, 0), NOW)
    assert not release_in_group(group, (7, 1, 0), NOW + 1)
    assert release_in_group(group, (7, 1, 0), NOW)
    assert [each.origin for each in group.contacts] == [8]


def test_a_shared_calendar_cap_says_when_it_and_the_customers_own_contacts_leave_room():
    cap = home_cap(limit=1)
    group = GroupState("household", "h", contacts=[mail(at("2026-06-02T08:00"), 1, 7)])
    profile = Profile(contacts=[mail(at("2026-06-01T08:00"))])

    ((count, retry_at_ms),) = counters(profile, [cap], at("2026-06-01T12:00"), [group], [BERLIN])

    assert (count, retry_at_ms) == (1, at("2026-06-03T00:00"))
