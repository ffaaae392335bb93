"""What two customers were is what one customer is: nothing lost, nothing double, nobody asked twice."""

import pytest

from actors.domain.actions import OpenEffect
from actors.domain.fold import MAX_CONSENTS, OTHER, set_consent
from actors.domain.histories import TraitOrigin
from actors.domain.ids import Identity
from actors.domain.profile import (
    MAX_CONTACTS,
    MAX_DEPARTMENTS,
    ConsentState,
    Contact,
    Purchases,
)
from actors.domain.state import (
    MAX_IDENTITIES,
    MAX_OPEN_EFFECTS,
    MAX_TIMERS,
    CustomerState,
    Timer,
)
from actors.merging import merge
from actors.playbook.identity_model import DEFAULT_RULES, IdentityRules
from actors.policies.contact_pressure import counters
from actors.scenarios.progress import CLOSE, TRIGGER
from actors.wire.state import pack_state, unpack_state
from tests.builders import (
    BANNER,
    DAY,
    HOUR,
    NOW,
    REMINDER,
    SHOP,
    added,
    anon,
    chosen_actions,
    make_state,
    order,
    question,
    take,
    user,
)
from tests.merging_states import REAL_PARTS


def known(name="ann"):
    return make_state(name)


def visitor(name="browser"):
    return CustomerState(2, 0, identities=[anon(name)])


def join(survivor, loser, rules=DEFAULT_RULES):
    return merge(survivor, loser, rules, REAL_PARTS)


def trait(value, at_ms, source="web"):
    state = CustomerState(at_ms, 0)
    state.profile.traits["x"] = value
    state.profile.trait_origins["x"] = TraitOrigin(at_ms, source)
    return state


def test_an_unsubscribed_person_is_unsubscribed_after_a_merge_whenever_the_other_said_yes():
    ann, browser = known(), visitor()
    set_consent(browser.profile, "email", False, NOW - DAY, "unsubscribe")
    set_consent(ann.profile, "email", True, NOW, "web")

    join(ann, browser)

    assert ann.profile.consents["email|marketing"] == ConsentState(
        "denied", NOW - DAY, "unsubscribe"
    )
    turn = take(ann, added(), NOW)
    assert chosen_actions(turn) == []


def test_what_only_one_side_agreed_to_is_not_overridden_by_the_silence_of_the_other():
    ann, browser = known(), visitor()
    set_consent(browser.profile, "email", True, NOW, "web")

    join(ann, browser)

    assert ann.profile.consents["email|marketing"].status == "granted"


def test_contacts_of_both_count_under_the_caps():
    ann, browser = known(), visitor()
    for state, at_ms in ((ann, NOW - DAY), (browser, NOW - 2 * DAY)):
        state.profile.contacts.append(Contact(at_ms, "email", REMINDER, "marketing"))

    join(ann, browser)

    assert counters(ann.profile, SHOP.caps, NOW)[0][0] == 2


def test_a_refusal_to_the_visitor_is_a_refusal_of_the_customer():
    ann, browser = known(), visitor()
    shown = take(browser, question(anon("browser")))
    effect = browser.effects[0]
    history = browser.profile.responses[effect.action]
    history.refused, history.last_refused_at_ms = 1, NOW
    assert chosen_actions(shown) == [BANNER]

    join(ann, browser)

    assert BANNER not in chosen_actions(take(ann, question(), NOW + HOUR))


def test_a_wait_that_both_have_goes_on_with_the_later_end_and_any_other_with_the_earlier():
    ann, browser = known(), visitor()
    ann.timers = [Timer("trigger/remind/c1", NOW + HOUR, TRIGGER, "remind"), Timer(CLOSE, 9, CLOSE)]
    browser.timers = [
        Timer("trigger/remind/c1", NOW + 2 * HOUR, TRIGGER, "remind"),
        Timer(CLOSE, 7, CLOSE),
        Timer("trigger/remind/c2", 5, TRIGGER, "remind"),
    ]

    join(ann, browser)

    due = {timer.key: timer.due_at_ms for timer in ann.timers}
    assert due == {"trigger/remind/c1": NOW + 2 * HOUR, CLOSE: 7, "trigger/remind/c2": 5}


def test_a_wait_of_the_visitor_is_ended_by_what_the_customer_does():
    ann, browser = known(), visitor()
    take(browser, added("c1", anon("browser")))

    join(ann, browser)
    take(ann, order(properties={"cart_id": "c1"}))

    assert [timer for timer in ann.timers if timer.kind == TRIGGER] == []


def test_an_open_effect_of_the_visitor_keeps_its_origin_and_one_that_came_home_loses_it():
    ann, browser = known(), visitor()
    ann.effects = [OpenEffect(3, 0, BANNER, "web", "", NOW, NOW)]
    browser.effects = [
        OpenEffect(3, 0, BANNER, "web", "", NOW, NOW),
        OpenEffect(8, 0, BANNER, "web", "", NOW, NOW, origin=ann.number),
        OpenEffect(1, 0, BANNER, "web", "", NOW, NOW, origin=77),
    ]

    join(ann, browser)

    places = {(effect.origin, effect.seq) for effect in ann.effects}
    assert places == {(0, 3), (2, 3), (0, 8), (77, 1)}
    assert ann.effect(3, 0, 2) is not ann.effect(3, 0)


def test_the_identities_of_both_are_the_survivors_and_no_longer_links():
    ann, browser = known(), visitor()
    ann.linked = [anon("browser"), anon("elsewhere")]

    join(ann, browser)

    assert ann.identities == [user("ann"), anon("browser")]
    assert ann.linked == [anon("elsewhere")]


def test_two_hundred_visitors_become_one_customer_and_none_is_lost():
    ann = known()
    for i in range(200):
        browser = visitor(f"b{i:03}")
        take(browser, order(1.0, anon(f"b{i:03}"), at=NOW + i))
        join(ann, browser)

    assert ann.profile.purchases.orders == 200
    assert ann.profile.purchases.spend_minor == 20_000
    assert user("ann") in ann.identities
    assert len(ann.identities) == MAX_IDENTITIES


def test_identities_that_are_few_stay_when_there_is_no_room_for_all():
    ann, browser = known(), visitor()
    ann.identities = [anon(f"a{i:02}") for i in range(MAX_IDENTITIES)]
    browser.identities = [user("ann"), Identity("email", "a@b.se")]

    join(ann, browser)

    assert {user("ann"), Identity("email", "a@b.se")} <= set(ann.identities)
    assert len(ann.identities) == MAX_IDENTITIES


def test_what_has_a_limit_stays_within_it_and_the_newest_is_kept():
    ann, browser = known(), visitor()
    for i in range(40):
        for state, odd in ((ann, 0), (browser, 1)):
            at_ms = NOW + 2 * i + odd
            state.profile.contacts.append(Contact(at_ms, "email", REMINDER, "marketing"))
            state.effects.append(OpenEffect(i, 0, BANNER, "web", "", at_ms, at_ms, "", odd))
            set_consent(state.profile, f"{odd}{i}", False, at_ms, "web")
    for i in range(200):
        ann.timers.append(Timer(f"trigger/a/{i}", NOW + i, TRIGGER))
        browser.timers.append(Timer(f"trigger/b/{i}", NOW + i, TRIGGER))
    browser.timers.append(Timer(CLOSE, 1, CLOSE))

    join(ann, browser)

    profile = ann.profile
    assert [c.at_ms for c in profile.contacts] == [NOW + 80 - MAX_CONTACTS + i for i in range(64)]
    assert len(ann.effects) == MAX_OPEN_EFFECTS
    assert all(effect.origin == 2 for effect in ann.effects[1::2])
    assert len(profile.consents) == MAX_CONSENTS
    assert len(ann.timers) == MAX_TIMERS
    assert any(timer.key == CLOSE for timer in ann.timers)
    assert "trigger/a/0" not in {timer.key for timer in ann.timers}


def test_open_effects_that_nobody_answered_stay_before_those_that_are_done():
    ann, browser = known(), visitor()
    ann.effects = [OpenEffect(i, 0, BANNER, "web", "", i, 0, "", -1) for i in range(20)]
    browser.effects = [OpenEffect(i, 0, BANNER, "web", "", 99 + i, 0, "", 1) for i in range(20)]

    join(ann, browser)

    assert sum(effect.label < 0 for effect in ann.effects) == 20
    assert len(ann.effects) == MAX_OPEN_EFFECTS


def test_a_denial_finds_room_before_any_permission():
    ann, browser = known(), visitor()
    for i in range(MAX_CONSENTS):
        set_consent(ann.profile, f"c{i}", True, NOW + i, "web")
    set_consent(browser.profile, "email", False, 1, "web")

    join(ann, browser)

    assert ann.profile.consents["email|marketing"].status == "denied"
    assert len(ann.profile.consents) == MAX_CONSENTS


def test_departments_without_room_are_counted_together():
    ann, browser = known(), visitor()
    for state, prefix in ((ann, "A"), (browser, "B")):
        for i in range(MAX_DEPARTMENTS):
            state.profile.departments[f"{prefix}{i:02}"] = Purchases(1, 0, 1, 100, NOW, NOW)

    join(ann, browser)

    departments = ann.profile.departments
    assert len(departments) == MAX_DEPARTMENTS + 1
    assert departments[OTHER].spend_minor == 100 * MAX_DEPARTMENTS
    assert sum(each.orders for each in departments.values()) == 2 * MAX_DEPARTMENTS


def test_the_time_zone_of_the_side_seen_last_holds_and_an_unknown_one_hides_nothing():
    ann, browser = known(), visitor()
    ann.profile.timezone, ann.profile.last_seen_at_ms = "Europe/Oslo", NOW
    browser.profile.timezone, browser.profile.last_seen_at_ms = "Europe/Rome", NOW + 1
    browser.profile.locale, ann.profile.locale = "", "no"

    join(ann, browser)

    assert (ann.profile.timezone, ann.profile.locale) == ("Europe/Rome", "no")


def test_a_last_order_of_one_may_be_the_last_but_one_of_both():
    ann, browser = known(), visitor()
    for state, days in ((ann, (9, 5)), (browser, (7, 1))):
        for day in days:
            take(state, order(day, at=NOW - day * DAY))

    join(ann, browser)

    assert ann.profile.ledger.previous_order_at_ms == NOW - 5 * DAY
    assert ann.profile.ledger.first_order_minor == 900


@pytest.mark.parametrize(
    ("strategy", "early", "late", "expected"),
    [
        ("latest", "old", "new", "new"),
        ("oldest", "old", "new", "old"),
        ("min", 3, 2, 2),
        ("min", 2, 3, 2),
        ("max", 3, 2, 3),
        ("max", "none", 2, 2),
        ("sum", 3, 2, 5),
        ("sum", "none", 2, 2),
        ("union", ["b", "a"], ["c", "a"], ["a", "b", "c"]),
        ("union", "b", ["a"], ["a", "b"]),
        ("most_restrictive", False, True, False),
        ("most_restrictive", True, False, False),
        ("most_restrictive", "denied", "granted", "denied"),
        ("most_restrictive", 30, 10, 10),
    ],
)
def test_a_trait_is_joined_as_the_playbook_says(strategy, early, late, expected):
    one, other = trait(early, 1), trait(late, 2)

    join(one, other, IdentityRules(strategies={"x": strategy}))

    assert one.profile.traits == {"x": expected}


def test_a_trait_that_was_taken_back_last_stays_away():
    one, other = trait("old", 1), trait("gone", 2)
    del other.profile.traits["x"]

    join(one, other)

    assert one.profile.traits == {}
    assert one.profile.trait_origins["x"].at_ms == 2


def test_a_customer_is_not_merged_with_itself():
    with pytest.raises(ValueError, match="itself"):
        join(known(), known())


def test_an_origin_is_kept_on_disk():
    ann, browser = known(), visitor()
    take(browser, question(anon("browser")))
    join(ann, browser)

    again = unpack_state(pack_state(ann))

    assert again == ann
    assert again.effects[0].origin == browser.number
