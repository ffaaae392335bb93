"""The check before every attempt: what may go, what waits, what never goes."""

from dataclasses import replace

import pytest

from actors.domain.actions import OpenEffect
from actors.domain.folding.outreach import note_answer, note_bounced
from actors.domain.groups import GroupState
from actors.domain.profile import ConsentState, Contact
from actors.policies.sending import LATE, may_go
from actors.policies.verdicts import LATE_MS, Verdict
from tests.builders import DAY, HOUR, MINUTE, NOW, REMINDER, make_playbook, make_state
from tests.group_books import group_book

WEEKLY = {"weekly": {"limit": 1, "window": "P7D", "purposes": ["marketing"]}}


def book(**policies):
    return make_playbook(policies={"caps": WEEKLY} | policies)


SHOP = book()


def mail(seq=5, at=NOW, **fields):
    effect = OpenEffect(seq, 0, REMINDER, "email", "", at, at + 2 * DAY, purpose="marketing")
    return replace(effect, **fields)


def ann(*contacts, granted=True):
    state = make_state()
    if granted:
        state.profile.consents["email|marketing"] = ConsentState("granted", 0, "test")
    state.profile.contacts = sorted(contacts, key=lambda c: c.at_ms)
    return state


def place(at_ms, seq=0, origin=0):
    return Contact(at_ms, "email", REMINDER, "marketing", seq, 0, origin)


def test_what_is_reserved_goes_at_its_time():
    assert may_go(ann(place(NOW, 5)), mail(), SHOP, NOW) == (Verdict.ALLOW, 0, "")
    assert may_go(ann(place(NOW, 5)), mail(), SHOP, NOW + LATE_MS).verdict is Verdict.ALLOW


def test_what_no_policy_is_about_goes_whenever():
    shop = make_playbook(policies={})

    assert may_go(ann(), mail(), shop, NOW + DAY).verdict is Verdict.ALLOW


@pytest.mark.parametrize("status", ["denied", None])
def test_without_consent_now_nothing_goes_whatever_was_decided(status):
    state = ann(place(NOW, 5), granted=False)
    if status:
        state.profile.consents["email|marketing"] = ConsentState(status, NOW, "test")

    said = may_go(state, mail(), SHOP, NOW)

    assert said.verdict is Verdict.DROP
    assert said.why.startswith("consent ")


def test_a_grant_that_has_expired_since_lets_nothing_go():
    state = ann(place(NOW, 5))
    state.profile.consents["email|marketing"] = ConsentState("granted", 0, "test", NOW + 1)

    assert may_go(state, mail(), SHOP, NOW).verdict is Verdict.ALLOW
    assert may_go(state, mail(), SHOP, NOW + 1).verdict is Verdict.DROP


def test_what_has_expired_never_goes():
    said = may_go(ann(place(NOW, 5)), mail(expires_at_ms=NOW), SHOP, NOW)

    assert said == (Verdict.DROP, 0, "expired before it was sent")


def test_nothing_goes_to_an_address_that_bounced():
    state = ann(place(NOW, 5))
    note_bounced(state.profile, "email")

    assert may_go(state, mail(), SHOP, NOW) == (Verdict.DROP, 0, "address bounced")


def test_a_silence_that_began_after_the_decision_stops_it_and_an_older_one_does_not():
    shop = book(suppress=[{"after": "reject", "scope": "channel", "for": "P7D"}])
    state = ann(place(NOW + HOUR, 5))
    note_answer(state.profile, "reject", "offer/other/thing", "email", NOW)
    assert may_go(state, mail(), shop, NOW + HOUR).verdict is Verdict.ALLOW

    note_answer(state.profile, "reject", "offer/other/thing", "email", NOW + MINUTE)
    assert may_go(state, mail(), shop, NOW + HOUR) == (Verdict.DROP, 0, "after reject")


def test_an_action_refused_since_does_not_go_again():
    from actors.turn.effects import history_of

    shop = book(suppression={"afterRefusal": "P30D"})
    state = ann(place(NOW + HOUR, 5))
    history_of(state, REMINDER).last_refused_at_ms = NOW + MINUTE

    assert may_go(state, mail(), shop, NOW + HOUR) == (Verdict.DROP, 0, "refused recently")


def test_at_night_it_waits_until_the_morning_if_it_lasts_until_then():
    shop = book(quiet=[{"from": "00:00", "to": "10:00"}])
    state = ann(place(NOW, 5))
    state.profile.timezone = "UTC"  # it is 8:00

    held = may_go(state, mail(), shop, NOW)
    assert held == (Verdict.HOLD, NOW + 2 * HOUR, "quiet hours 00:00-10:00")

    dropped = may_go(state, mail(expires_at_ms=NOW + HOUR), shop, NOW)
    assert dropped == (Verdict.DROP, 0, "quiet hours 00:00-10:00: until after it expires")


def test_the_own_reservation_does_not_count_and_that_of_another_does():
    state = ann(place(NOW - DAY, 4), place(NOW, 5))

    held = may_go(state, mail(expires_at_ms=NOW + 30 * DAY), SHOP, NOW)

    assert held == (Verdict.HOLD, NOW + 6 * DAY + LATE_MS, "cap weekly")
    assert may_go(state, mail(), SHOP, NOW).verdict is Verdict.DROP


def test_of_two_that_a_merge_brought_together_the_later_one_yields():
    state = ann(place(NOW, 5), place(NOW + HOUR, 9, origin=77))

    assert may_go(state, mail(), SHOP, NOW).verdict is Verdict.ALLOW
    hers = mail(9, expires_at_ms=NOW + 30 * DAY)
    assert may_go(state, hers, SHOP, NOW + HOUR, origin=77).verdict is Verdict.HOLD


def test_a_late_message_is_not_judged_without_the_groups_records():
    late = NOW + LATE_MS + 1

    assert may_go(ann(place(NOW, 5)), mail(), SHOP, late) == (Verdict.HOLD, late, LATE)
    assert may_go(ann(place(NOW, 5)), mail(), SHOP, late, groups=()).verdict is Verdict.ALLOW


def test_a_late_message_makes_room_for_what_is_planned_after_it():
    state = ann(place(NOW, 5), place(NOW + 7 * DAY + HOUR, 6))
    long = mail(expires_at_ms=NOW + 60 * DAY)

    assert may_go(state, long, SHOP, NOW + LATE_MS, groups=()).verdict is Verdict.ALLOW
    held = may_go(state, long, SHOP, NOW + 2 * HOUR, groups=())
    assert held == (Verdict.HOLD, NOW + 14 * DAY + HOUR + LATE_MS, "cap weekly")


def test_a_hold_ends_when_the_clock_and_the_caps_agree():
    shop = book(quiet=[{"from": "20:00", "to": "10:00"}])
    state = ann(place(NOW - 6 * DAY - 20 * HOUR), place(NOW - DAY, 5))
    state.profile.timezone = "UTC"

    said = may_go(state, mail(expires_at_ms=NOW + 30 * DAY), shop, NOW, groups=())

    assert said == (Verdict.HOLD, NOW + 4 * HOUR, "cap weekly")  # 12:00; the night ended at 10:00


def test_midnight_makes_a_message_late_where_a_cap_counts_days():
    shop = book(caps={"daily": {"limit": 1, "window": "day"}})
    state = ann(place(NOW, 5))
    state.profile.timezone = "UTC"
    midnight = NOW - NOW % DAY + DAY
    state.profile.contacts[0].at_ms = midnight - 1

    assert may_go(state, mail(), shop, midnight - 1).verdict is Verdict.ALLOW
    assert may_go(state, mail(), shop, midnight).why == LATE
    assert may_go(state, mail(), shop, midnight, groups=()).verdict is Verdict.ALLOW


def test_in_a_group_a_late_message_waits_for_what_others_were_told():
    cap = {"limit": 1, "window": "P7D", "per": "household"}
    shop = group_book(caps={"home": cap})
    state = ann(place(NOW, 5))
    state.profile.consents["*|marketing"] = ConsentState("granted", 0, "test")
    own = replace(place(NOW, 5), origin=state.number)
    home = GroupState("household", "h", contacts=[own])
    long = mail(expires_at_ms=NOW + 60 * DAY)

    assert may_go(state, long, shop, NOW + HOUR, groups=[home]).verdict is Verdict.ALLOW
    home.contacts.append(place(NOW + MINUTE, 3, origin=99))
    assert may_go(state, long, shop, NOW + HOUR, groups=[home]).verdict is Verdict.HOLD
