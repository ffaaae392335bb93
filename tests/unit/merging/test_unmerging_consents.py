"""Taking a merge back: a withdrawal made while two were one holds for both."""

import pytest

from actors.decisioning.journal import TurnRecord
from actors.domain.actions import OUTBOUND
from actors.domain.events import CONSENT, Command
from actors.domain.fold import set_consent
from actors.domain.ids import effect_text
from actors.merging import LaterTurn
from actors.scenarios.progress import TRIGGER
from tests.builders import (
    HOUR,
    NOW,
    REMINDER,
    added,
    anon,
    consent,
    make_event,
    order,
    user,
)
from tests.merging_life import HERS, SURVIVOR, Life, agreed


def test_an_unsubscribe_of_the_loser_while_merged_holds_for_both():
    life = Life(prepare=agreed)
    life.event(added("c1", HERS))
    turn = life.wake(TRIGGER, NOW + HOUR)
    (effect,) = turn.record.effects
    assert (effect.action, effect.mode) == (REMINDER, OUTBOUND)
    key = effect_text(SURVIVOR, effect.seq, 0)
    life.answer(key, "unsubscribe", life.one.effect(effect.seq, 0), NOW + 2 * HOUR)

    undone = life.part()

    for side in (undone.survivor, undone.loser):
        assert side.profile.consents["email|marketing"].status == "denied"
    assert undone.loser.profile.contacts[0].action == REMINDER
    assert undone.survivor.profile.contacts == []
    assert undone.loser.effect(effect.seq, 0, SURVIVOR) is not None


def test_a_denial_while_merged_holds_for_both_and_a_permission_for_one():
    life = Life(prepare=agreed)
    life.event(consent(user("ann"), granted=False))
    life.event(
        make_event(
            "",
            HERS,
            id="m2",
            type="identify",
            context={"consent": {"categoryPreferences": {"sms": True}}},
        )
    )

    undone = life.part()

    assert undone.survivor.profile.consents["email|marketing"].status == "denied"
    assert undone.loser.profile.consents["email|marketing"].status == "denied"
    assert "sms|marketing" in undone.loser.profile.consents
    assert "sms|marketing" not in undone.survivor.profile.consents


@pytest.mark.parametrize(("status", "hers"), [("denied", "denied"), ("granted", None)])
def test_a_consent_given_by_hand_is_the_survivors_and_a_withdrawal_is_both(status, hers):
    life = Life()
    arguments = {"channel": "sms", "purpose": "marketing", "status": status, "source": "desk"}
    command = Command(message_id="k", kind=CONSENT, arguments=arguments)
    life.one.seq += 1
    life.note(TurnRecord(at_ms=NOW, received_at_ms=NOW, command=command))

    undone = life.part()

    assert undone.survivor.profile.consents["sms|marketing"].status == status
    theirs = undone.loser.profile.consents.get("sms|marketing")
    assert (theirs and theirs.status) == hers


def test_what_one_had_denied_before_the_merge_does_not_stay_on_the_other():
    life = Life(
        prepare=lambda ann, browser: (
            agreed(ann),
            set_consent(browser.profile, "email", False, NOW, "web"),
        )
    )
    assert life.one.profile.consents["email|marketing"].status == "denied"

    undone = life.part()

    assert undone.survivor.profile.consents["email|marketing"].status == "granted"


def test_of_a_turn_that_was_given_to_somebody_else_only_the_withdrawal_counts():
    life = Life(prepare=agreed)
    third = anon("phone")
    life.event(order(4.0, third))
    life.event(consent(third, granted=False, id="m2"))
    life.later = [LaterTurn(turn.seq, turn.record, not_theirs=True) for turn in life.later]

    undone = life.part()

    for side in (undone.survivor, undone.loser):
        assert side.profile.consents["email|marketing"].status == "denied"
        assert side.profile.purchases.orders == 0
    assert undone.report.to_survivor == []


def test_until_the_merge_all_is_the_survivors_alone():
    life = Life(prepare=lambda ann, browser: agreed(browser))
    life.event(make_event("Page Seen", user("ann"), HERS))
    life.event(consent(granted=False, id="m2"))
    merged_at = life.one.seq + 1

    undone = life.part(merged_at=merged_at)

    assert undone.report.both == []
    assert undone.survivor.profile.consents["email|marketing"].status == "denied"
    assert undone.loser.profile.consents["email|marketing"].status == "granted"
