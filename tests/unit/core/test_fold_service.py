from itertools import permutations

import pytest

from actors.domain.fold import fold
from actors.domain.histories import MAX_CLOSED_CASES, MAX_OPEN_CASES, Credit
from tests.builders import NOW, make_event, make_state


def heard(*events):
    """Fold (name, seconds after NOW, properties[, channel])."""
    state, notes = make_state(), []
    for name, seconds, properties, *channel in events:
        at = NOW + seconds * 1000
        event = make_event(
            name, at=at, properties=properties, channel=channel[0] if channel else "call_center"
        )
        notes += fold(state, event, at, at, 2)
        state.seq += 1
    return state.profile, notes


LIFE = [
    ("Case Opened", 1, {"case_id": 7, "topic": "late parcel"}, "chat"),
    ("Case Updated", 2, {"case_id": 7, "priority": "high", "state": "waiting"}),
    ("Case Closed", 3, {"case_id": 7}),
    ("Satisfaction Rated", 4, {"case_id": 7, "satisfaction": 4}),
]


def test_a_case_lives_from_opening_to_rating():
    profile, notes = heard(*LIFE)

    (case,) = profile.service.cases
    assert (case.case_id, case.topic, case.state) == ("7", "late parcel", "closed")
    assert (case.priority, case.channel, case.satisfaction) == ("high", "chat", 4)
    assert (case.opened_at_ms, case.closed_at_ms) == (NOW + 1000, NOW + 3000)
    assert (profile.service.opened, profile.service.closed) == (1, 1)
    assert (profile.service.last_rating, profile.service.rating_sum) == (4, 4)
    assert notes == []


def test_a_case_ends_the_same_in_whatever_order_its_events_arrive():
    expected = heard(*LIFE)[0].service

    for order in permutations(LIFE[:3]):
        assert heard(*order, LIFE[3])[0].service == expected


@pytest.mark.parametrize("state", ["Resolved", "closed"])
def test_an_update_closes_and_opens_a_case_by_its_state(state):
    profile, _ = heard(LIFE[0], ("Case Updated", 2, {"case_id": 7, "state": state}))
    assert profile.service.open_cases() == []

    profile, _ = heard(*LIFE, ("Case Updated", 9, {"case_id": 7}))
    assert [case.state for case in profile.service.open_cases()] == ["open"]


def test_cases_are_bounded_and_the_open_ones_stay_longer():
    opened = [("Case Opened", i, {"case_id": i}) for i in range(30)]
    closed = [("Case Closed", 100 + i, {"case_id": i}) for i in range(25)]

    profile, _ = heard(*opened)
    assert [c.case_id for c in profile.service.cases] == [str(i) for i in range(10, 30)]
    assert len(profile.service.cases) == MAX_OPEN_CASES

    profile, _ = heard(*opened[:15], *closed)
    assert [c.case_id for c in profile.service.cases] == [str(i) for i in range(15, 25)]
    assert len(profile.service.cases) == MAX_CLOSED_CASES
    assert (profile.service.opened, profile.service.closed) == (15, 25)


def test_a_handled_contact_counts_on_its_channel_with_its_cost_if_stated():
    profile, _ = heard(
        ("Case Opened", 1, {"case_id": "a"}),
        ("Case Opened", 2, {"case_id": "b", "contact": False}),
        ("Case Updated", 3, {"case_id": "a", "channel": "chat", "contact": True, "cost": 2.5}),
        ("Case Closed", 4, {"case_id": "a"}),
        ("Service Contact", 5, {"case_id": "a"}, "web"),
        ("Service Contact", 6, {}, "web"),
    )

    uses = profile.channels
    assert {n: (u.contacts, u.costed, u.contact_cost_minor) for n, u in uses.items()} == {
        "call_center": (1, 0, 0),
        "chat": (1, 1, 250),
        "web": (2, 0, 0),
    }
    assert [(c.case_id, c.contacts) for c in profile.service.cases] == [("a", 3), ("b", 0)]
    assert uses["chat"].events == 0


@pytest.mark.parametrize("rating", [0, 6, 4.5, True, "4", None, [4]])
def test_a_rating_that_is_none_is_said_and_not_taken(rating):
    profile, notes = heard(("Satisfaction Rated", 1, {"satisfaction": rating}))

    assert (profile.service.ratings, notes) == (0, ["satisfaction_is_not_1_to_5"])


def test_the_last_rating_is_by_time_and_the_sum_holds_all():
    rated = [
        ("Satisfaction Rated", at, {"satisfaction": r}) for at, r in ((5, 2), (1, 5.0), (3, 3))
    ]

    service = heard(*rated)[0].service

    assert (service.ratings, service.rating_sum, service.last_rating) == (3, 10, 2)


def test_a_case_without_a_name_is_said_and_not_kept():
    profile, notes = heard(("Case Opened", 1, {"case_id": None}), ("Case Closed", 2, {}))

    assert (profile.service.cases, notes) == ([], ["case_without_id"] * 2)


def test_credit_is_as_last_stated_and_payments_add_up_in_any_order():
    events = [
        ("Credit Granted", 1, {"limit": 500}),
        ("Credit Changed", 5, {"limit": 800, "balance": "120.50"}),
        ("Payment Due", 6, {"amount": 50}),
        ("Payment Received", 7, {"amount": 30, "balance": 90.5}),
        ("Payment Missed", 8, {"amount": 20}),
        ("Payment Missed", 2, {}),
    ]
    expected = Credit(
        *(80_000, NOW + 5000, 9050, NOW + 7000, 5000, 3000, 2, NOW + 7000, NOW + 8000)
    )

    assert heard(*events)[0].credit == expected
    assert heard(*reversed(events))[0].credit == expected


@pytest.mark.parametrize("amount", [None, "much", -3])
def test_a_payment_without_an_amount_is_said_and_not_counted(amount):
    profile, notes = heard(("Payment Received", 1, {"amount": amount}))

    assert (profile.credit, notes) == (Credit(), ["payment_without_amount"])
