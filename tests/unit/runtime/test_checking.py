"""The check before every attempt, on a customer's packed state."""

import pytest

from actors.domain.profile import ConsentState, Contact
from actors.policies.verdicts import LATE_MS
from actors.ports import Claim, paused_by
from actors.runtime.checking import (
    MOVING_MS,
    PAUSED_MS,
    PLANNED_MS,
    REVIEWED_MS,
    VIRTUAL_MS,
    checking,
    message_of,
    switch_for,
)
from actors.wire.state import pack_state
from tests.builders import NOW, POLICIES, REMINDER, make_playbook, make_state
from tests.doubles.clocks import ManualClock
from tests.unit.channels.outbox_fakes import item, payload

BOOK = make_playbook(policies=POLICIES | {"quiet": [{"from": "09:00", "to": "10:00"}]})
MINUTE, HOUR = 60_000, 3_600_000


class VirtualManual(ManualClock):
    virtual = True


def ann(status="granted"):
    state = make_state()
    state.profile.consents["email|marketing"] = ConsentState(status, NOW, "test")
    state.profile.contacts = [Contact(NOW, "email", REMINDER, "marketing", 1, 0)]
    return state


def row(state, action=REMINDER, purpose="marketing", **fields):
    extra = fields.pop("payload", {})
    given = {"at_ms": NOW, "send_at_ms": NOW, "expires_at_ms": NOW + 48 * HOUR} | fields
    return item(
        number=state.number,
        payload=payload(action, purpose=purpose, at_ms=NOW, **extra),
        **given,
    )


def asked(state, message, pauses=(), now_ms=NOW, clock=ManualClock, packed=None):
    check = checking(lambda: BOOK, clock(now_ms))
    return check(message, pack_state(state) if packed is None else packed, pauses)


def test_who_has_said_yes_is_sent_to():
    state = ann()

    assert asked(state, row(state)).verdict is Claim.MINE


def test_a_withdrawal_since_then_is_for_the_customer_to_judge():
    state = ann("denied")

    said = asked(state, row(state))

    assert (said.verdict, said.next_at_ms) == (Claim.REVIEW, NOW + REVIEWED_MS)
    assert "consent" in said.why


def test_quiet_hours_hold_back_a_retry_too():
    state = ann()

    said = asked(state, row(state, attempts=2), now_ms=NOW + HOUR)

    assert said.verdict is Claim.REVIEW


@pytest.mark.parametrize("packed", [None, b"", b"\x01torn", pack_state(ann())[:-3]])
def test_of_whom_nothing_can_be_read_nothing_is_sent(packed):
    state = ann()
    check = checking(lambda: BOOK, ManualClock(NOW))

    said = check(row(state), packed, ())

    assert said.verdict is Claim.LATER
    assert said.next_at_ms > NOW


def test_what_cannot_be_read_goes_on_to_be_parked():
    state = ann()

    assert asked(state, item(payload=b"\xc1")).verdict is Claim.MINE


def test_of_what_has_expired_the_customer_is_to_be_told():
    state = ann()

    assert asked(state, row(state, expires_at_ms=NOW)).verdict is Claim.REVIEW


def test_an_attempted_one_that_is_planned_for_later_is_looked_at_again_in_bounded_time():
    state = ann()
    later = row(state, attempts=1, send_at_ms=NOW + 9 * HOUR)

    assert asked(state, later) == (Claim.LATER, NOW + PLANNED_MS, "planned for later")
    assert asked(state, later, clock=VirtualManual).next_at_ms == NOW + VIRTUAL_MS


@pytest.mark.parametrize("action", [REMINDER, "call/win_back/ask"])
def test_what_a_clock_ahead_of_this_one_has_released_is_left_until_this_one_is_there(action):
    state = ann()
    ahead = row(state, action, send_at_ms=NOW + MINUTE)

    assert asked(state, ahead) == (Claim.LATER, NOW + MINUTE, "planned for later")
    assert asked(state, ahead, clock=VirtualManual).next_at_ms == NOW + MOVING_MS
    assert asked(state, ahead, now_ms=NOW + MINUTE).verdict is Claim.MINE


def test_in_virtual_time_delivery_takes_none():
    state = ann()
    message = row(state)

    assert asked(state, message, now_ms=NOW + HOUR).verdict is Claim.REVIEW  # it is quiet by now
    assert asked(state, message, now_ms=NOW + HOUR, clock=VirtualManual).verdict is Claim.MINE
    assert LATE_MS < HOUR


@pytest.mark.parametrize(
    ("fields", "switch", "stops"),
    [
        ({}, "all", True),
        ({}, "channel:email", True),
        ({}, "channel:sms", False),
        ({}, f"action:{REMINDER}", True),
        ({}, "action:message/cart/other", False),
        ({"cause": "win_back:offer:i1.2"}, "scenario:win_back", True),
        ({"cause": "win_back:offer:i1.2"}, "scenario:welcome", False),
        ({"cause": "remind"}, "scenario:remind", False),  # a trigger
        ({"action": "call/win_back/ask"}, "scenario:win_back", True),
        ({"action": "call/win_back/ask"}, "scenario:ask", False),
        ({"action": "call/win_back/ask"}, "all", True),
    ],
)
def test_a_switch_stops_what_it_names(fields, switch, stops):
    state = ann()
    cause = {"cause": fields["cause"]} if "cause" in fields else {}
    message = row(state, fields.get("action", REMINDER), payload=cause)

    said = asked(state, message, (switch,))

    expected = (Claim.LATER, NOW + PAUSED_MS, paused_by(switch))
    assert (said == expected) is stops
    assert stops or said.verdict is Claim.MINE


def test_calls_of_other_systems_need_no_consent():
    state = ann("denied")

    assert asked(state, row(state, "call/win_back/ask", "call")).verdict is Claim.MINE


def test_nothing_is_stopped_while_nothing_is_paused():
    assert switch_for(message_of(item()), ()) is None


def test_what_was_made_before_a_merge_is_judged_by_the_survivor():
    state = ann()
    message = row(state)
    state.profile.contacts[0].origin = state.number
    state.number += 1  # another number has the packed state now

    assert asked(state, message).verdict is Claim.MINE
