"""Silence after a no, a purchase, a complaint or a bounce: about what, and for how long."""

import msgpack
import pytest

from actors.domain.folding.outreach import is_dead, note_answer, note_bounced
from actors.domain.histories import Case
from actors.domain.profile import MAX_ANSWERS, Profile, Purchases
from actors.policies.suppression import silenced_by, silences_of
from actors.policies.verdicts import Silence
from actors.wire.profile import profile_fields, profile_from_fields
from tests.builders import DAY, NOW, REMINDER, THANKS, make_playbook

GROUP = REMINDER.split("/")[1]


def silences(profile, *rules, now=NOW):
    shop = make_playbook(policies={"suppress": list(rules)})
    return silences_of(profile, shop, now)


def after(outcome, ago=DAY, action=REMINDER, channel="email"):
    profile = Profile()
    note_answer(profile, outcome, action, channel, NOW - ago)
    return profile


@pytest.mark.parametrize(
    ("rule", "silent"),
    [
        ({"scope": "action"}, ("action", REMINDER)),
        ({"scope": "group"}, ("group", GROUP)),
        ({"scope": "group", "purposes": ["marketing"]}, ("group", f"{GROUP}|marketing")),
        ({"scope": "channel"}, ("channel", "email")),
        ({"scope": "channel", "purposes": ["service"]}, ("channel", "email|service")),
        ({"scope": "purpose"}, ("purpose", "marketing")),
        ({"scope": "purpose", "purposes": ["service"]}, ("purpose", "service")),
        ({"scope": "all"}, ("all", "")),
        ({"scope": "all", "purposes": ["marketing"]}, ("purpose", "marketing")),
    ],
)
def test_a_no_silences_what_the_rule_says_for_its_time(rule, silent):
    rule = {"after": "reject", "for": "P7D"} | rule
    end_ms = NOW + 6 * DAY

    assert silences(after("reject"), rule) == (Silence(*silent, "after reject", end_ms),)
    assert silences(after("reject"), rule, now=end_ms - 1) != ()
    assert silences(after("reject"), rule, now=end_ms) == ()
    assert silences(after("dismiss"), rule) == ()


def test_an_action_of_another_purpose_is_not_meant():
    rule = {"after": "reject", "scope": "action", "purposes": ["service"], "for": "P7D"}

    assert silences(after("reject"), rule) == ()


def test_a_purchase_silences_everything_or_some_purposes():
    profile = Profile(purchases=Purchases(orders=1, last_at_ms=NOW - DAY))
    everything = {"after": "purchase", "scope": "all", "for": "P2D"}
    some = {"after": "purchase", "scope": "purpose", "purposes": ["marketing"], "for": "P3D"}

    assert silences(profile, everything, some) == (
        Silence("all", "", "after purchase", NOW + DAY),
        Silence("purpose", "marketing", "after purchase", NOW + 2 * DAY),
    )
    assert silences(Profile(), everything) == ()


def test_an_open_case_silences_while_it_is_open_and_for_a_time_after_it():
    case = Case("c", topic="damage", state="open", opened_at_ms=NOW - 90 * DAY)
    profile = Profile()
    profile.service.cases.append(case)
    rule = {"after": "complaint", "scope": "purpose", "purposes": ["marketing"], "for": "P14D"}

    assert silences(profile, rule) == (Silence("purpose", "marketing", "open complaint", 0),)
    case.closed_at_ms = NOW - DAY
    assert silences(profile, rule) == (
        Silence("purpose", "marketing", "after complaint", NOW + 13 * DAY),
    )
    assert silences(profile, rule, now=NOW + 13 * DAY) == ()
    assert silences(profile, rule | {"topics": ["billing"]}) == ()
    assert silences(profile, rule | {"topics": ["damage"]}) != ()


def test_a_complaint_about_a_message_silences_too():
    rule = {"after": "complaint", "scope": "channel", "for": "P14D"}

    assert silences(after("complaint"), rule)[0].name == "email"


def test_of_several_silences_the_one_that_lasts_longest_is_told():
    rows = (
        Silence("channel", "email", "short", NOW + 1),
        Silence("all", "", "long", NOW + 9),
        Silence("action", THANKS, "of another", 0),
    )

    assert silenced_by(rows, REMINDER, GROUP, "email", "marketing") == rows[1]
    assert silenced_by(rows, THANKS, "care", "app", "service") == rows[2]
    assert silenced_by(rows[:1], REMINDER, GROUP, "app", "marketing") is None
    assert silenced_by((), REMINDER, GROUP, "app", "marketing") is None


@pytest.mark.parametrize(
    ("silence", "candidate", "covered"),
    [
        (("group", "cart"), (REMINDER, "cart", "email", "marketing"), True),
        (("group", "cart|service"), (REMINDER, "cart", "email", "marketing"), False),
        (("channel", "email|marketing"), (REMINDER, "cart", "email", "marketing"), True),
        (("channel", "email|marketing"), (REMINDER, "cart", "email", "service"), False),
        (("purpose", "marketing"), (REMINDER, "cart", "app", "marketing"), True),
        (("action", REMINDER), (THANKS, "care", "app", "service"), False),
    ],
)
def test_a_silence_covers_what_it_names(silence, candidate, covered):
    row = Silence(*silence, "why", 1)

    assert (silenced_by((row,), *candidate) is row) is covered


def test_answers_are_bounded_and_the_oldest_is_forgotten():
    profile = Profile()
    for i in range(MAX_ANSWERS + 5):
        note_answer(profile, "reject", f"a/b/c{i}", "email", NOW + i)
    note_answer(profile, "reject", "a/b/c9", "email", NOW)

    assert len(profile.answers) == MAX_ANSWERS
    assert profile.answers["reject|a/b/c9|email"] == NOW + 9  # not turned back
    assert "reject|a/b/c4|email" not in profile.answers


def test_a_dead_address_stays_dead_until_it_changes():
    profile = Profile(traits={"email": "ann@example.org", "plan": "free"})
    assert not is_dead(profile, "email")

    note_bounced(profile, "email")
    profile.traits["plan"] = "paid"
    assert is_dead(profile, "email")
    assert not is_dead(profile, "app")

    profile.traits["email"] = "ann@example.com"
    assert not is_dead(profile, "email")


def through_bytes(profile):
    return profile_from_fields(msgpack.unpackb(msgpack.packb(profile_fields(profile))))


def test_answers_and_dead_addresses_are_kept_and_cost_nothing_while_there_are_none():
    profile = after("reject")
    note_bounced(profile, "email")

    again = through_bytes(profile)

    assert (again.answers, again.dead) == (profile.answers, profile.dead)
    assert len(profile_fields(Profile())) + 2 == len(profile_fields(profile))
    assert through_bytes(Profile()) == Profile()
