"""Taking a merge back: who gets what happened since, and that nothing is taught or sent again."""

from actors.decisioning.journal import TurnRecord
from actors.domain.actions import OpenEffect
from actors.domain.ids import Identity, effect_text
from actors.domain.merges import MergeRecord
from actors.domain.state import CustomerState
from actors.merging import LaterTurn, merge
from actors.playbook.identity_model import DEFAULT_RULES
from actors.scenarios.progress import CLOSE, TRIGGER
from actors.turn import respond
from actors.wire.state import pack_state, unpack_state
from tests.builders import (
    BANNER,
    COUPON,
    HOUR,
    MINUTE,
    NOW,
    REMINDER,
    SHOP,
    added,
    anon,
    make_event,
    order,
    question,
    response,
    take,
    user,
)
from tests.merging_life import HERS, LOSER, SURVIVOR, Life, agreed
from tests.merging_states import REAL_PARTS


def test_an_event_of_both_stays_with_the_survivor_and_is_named():
    life = Life()
    life.event(order(5.0, user("ann"), HERS))
    life.event(order(7.0, HERS, id="m2"))

    undone = life.part()

    assert undone.report.both == [life.later[0].seq]
    assert undone.report.to_survivor == [life.later[0].seq]
    assert undone.report.to_loser == [life.later[1].seq]
    assert undone.survivor.profile.purchases.spend_minor == 500
    assert undone.loser.profile.purchases.spend_minor == 700
    assert undone.survivor.identities == [user("ann")]
    assert undone.loser.identities == [HERS]


def test_an_event_with_neither_identity_stays_with_the_survivor():
    life = Life()
    life.event(make_event("Page Seen", Identity("ticket", "t")))

    undone = life.part()

    assert undone.report.to_survivor == [life.later[0].seq]
    assert undone.report.both == []


def test_an_address_claimed_on_the_losers_side_goes_with_it():
    life = Life()
    email = Identity("email", "b@x.se")
    life.event(make_event("", HERS, email, type="identify"))
    life.event(order(3.0, email, id="m2"))

    undone = life.part()

    assert undone.loser.identities == [HERS, email]
    assert undone.report.to_loser_identities == [HERS, email]
    assert undone.loser.profile.purchases.orders == 1


def test_an_address_that_somebody_else_owns_is_not_claimed_again():
    life = Life()
    email = Identity("email", "b@x.se")
    life.event(make_event("", HERS, email, type="identify"))

    undone = life.part(owned={user("ann"), HERS})

    assert undone.loser.identities == [HERS]
    assert undone.report.to_loser_identities == [HERS]


def test_an_address_that_a_limit_kept_from_being_claimed_is_not_claimed_when_the_event_is_taken_again():
    addresses = [Identity("email", f"a{i}@x.se") for i in range(6)]
    life = Life(prepare=lambda ann, browser: ann.identities.extend(addresses[:5]))
    turn = life.event(make_event("", HERS, addresses[5], type="identify"))
    assert turn.claimed == []
    owned = {user("ann"), HERS, *addresses}  # somebody has claimed it since, on whichever side

    undone = life.part(owned=owned)

    assert undone.loser.identities == [HERS]
    assert undone.report.to_loser_identities == [HERS]


def test_identities_that_the_losers_state_had_no_room_for_are_still_its_own():
    life = Life()
    life.event(order(3.0, anon("forgotten")))

    undone = life.part(moved=(HERS, anon("forgotten")))

    assert undone.loser.profile.purchases.orders == 1
    assert undone.report.to_loser_identities == [HERS, anon("forgotten")]


def test_a_device_that_both_use_makes_an_event_nobody_elses():
    life = Life()
    device = {"device": {"id": "tablet"}}
    life.event(make_event("Page Seen", user("ann"), context=device))
    life.event(make_event("Page Seen", HERS, id="m2", context=device))

    assert life.part().report.both == []


def test_an_effect_made_for_the_losers_event_is_the_losers_under_the_survivors_key():
    life = Life()
    life.event(question(HERS))
    seq = life.later[0].seq
    life.answer(effect_text(SURVIVOR, seq, 0), "dismiss", life.one.effect(seq, 0))

    undone = life.part()

    loser = undone.loser
    assert loser.effect(seq, 0, SURVIVOR).outcome == "dismiss"
    assert loser.profile.responses[BANNER].refused == 1
    assert undone.report.to_loser == [seq, seq + 1]
    assert undone.survivor.effects == []
    assert undone.survivor.profile.responses == {}
    assert [turn.about for turn in undone.survivor.conversation.turns] == []


def test_an_outcome_of_what_was_shown_before_the_merge_goes_to_whom_it_was_shown():
    def prepare(ann, browser):
        take(browser, question(HERS))

    life = Life(prepare=prepare)
    effect = life.one.effects[0]
    assert effect.origin == LOSER
    life.answer(effect_text(LOSER, effect.seq, effect.n), "click", effect)

    undone = life.part()

    assert undone.loser.effects[0].outcome == "click"
    assert undone.loser.effects[0].origin == 0
    assert undone.loser.profile.responses[BANNER].taken == 1
    assert undone.survivor.profile.responses == {}


def test_an_outcome_of_a_forgotten_effect_needs_what_the_journal_recalls():
    life = Life()
    forgotten = OpenEffect(1, 0, BANNER, "web", "", NOW, NOW + HOUR)
    record = respond(
        life.one, response(effect_text(LOSER, 1, 0), "click"), forgotten, NOW, SHOP
    ).record
    life.note(record)
    assert life.part().report.skipped == [life.later[0].seq]
    life.later = [LaterTurn(life.one.seq, record, OpenEffect(*forgotten_fields(forgotten)))]

    undone = life.part()

    assert undone.loser.profile.responses[BANNER].taken == 1


def forgotten_fields(effect):
    return (effect.seq, effect.n, effect.action, effect.channel, "", NOW, NOW + HOUR)


def test_a_wait_begun_while_merged_is_on_the_side_that_began_it():
    life = Life()
    life.event(added("c1", HERS))
    life.event(added("c2", user("ann"), id="m2"))

    undone = life.part()

    assert [t.key for t in undone.loser.timers] == ["trigger/remind/c1"]
    assert [t.key for t in undone.survivor.timers] == ["trigger/remind/c2"]


def test_a_wait_that_ended_while_merged_is_over_on_the_side_that_had_it():
    def prepare(ann, browser):
        take(browser, added("c1", HERS))
        agreed(browser)

    life = Life(prepare=prepare)
    turn = life.wake(TRIGGER, NOW + HOUR)

    undone = life.part()

    assert [t for t in undone.loser.timers if t.kind == TRIGGER] == []
    assert undone.report.to_loser == [life.later[0].seq]
    assert undone.loser.profile.responses[REMINDER].offered == 1
    assert undone.loser.effect(turn.record.effects[0].seq, 0, SURVIVOR) is not None


def test_the_window_of_each_sides_effects_is_closed_on_its_own_side():
    def prepare(ann, browser):
        take(ann, question())
        take(browser, question(HERS))

    life = Life(prepare=prepare)
    closing = max(e.expires_at_ms for e in life.one.effects) + MINUTE
    life.wake(CLOSE, closing)

    undone = life.part()

    for side in (undone.survivor, undone.loser):
        assert [effect.label for effect in side.effects] == [0]
        assert [timer for timer in side.timers if timer.kind == CLOSE] == []


def test_a_question_while_merged_changes_nothing_but_what_it_showed():
    life = Life()
    life.event(question(HERS, placements=()))

    undone = life.part()

    assert undone.loser.profile.last_seen_at_ms == 0
    assert undone.report.to_loser == [life.later[0].seq]


def test_a_later_merge_with_somebody_else_stays_with_the_survivor():
    life = Life()
    third = CustomerState(9, 0, identities=[anon("phone")])
    take(third, order(2.0, anon("phone")))
    packed = pack_state(third)
    merge(life.one, unpack_state(packed), DEFAULT_RULES, REAL_PARTS)
    life.one.seq += 1
    record = MergeRecord(at_ms=NOW, survivor=SURVIVOR, loser=9, loser_seq=1, loser_state=packed)
    life.note(TurnRecord(at_ms=NOW, received_at_ms=NOW, merge=record))
    life.event(order(4.0, anon("phone"), id="m2"))

    undone = life.part()

    assert undone.survivor.profile.purchases.spend_minor == 600
    assert anon("phone") in undone.survivor.identities
    assert undone.loser.profile.purchases.orders == 0


def test_taking_an_event_again_decides_nothing_and_sends_nothing_new():
    life = Life(prepare=agreed)
    turn = life.event(order(9.0, HERS))
    made = [(effect.seq, effect.n) for effect in turn.record.effects]

    undone = life.part()

    assert made
    assert [(e.seq, e.n) for e in undone.loser.effects] == made
    assert undone.loser.profile.responses["message/care/thanks"].offered == 1


def test_a_turn_that_cannot_be_taken_again_is_named():
    life = Life()
    life.one.seq += 1
    life.note(TurnRecord(at_ms=NOW, received_at_ms=NOW))

    assert life.part().report.skipped == [life.one.seq]


def test_what_was_said_while_merged_keeps_the_number_of_its_turn():
    life = Life()
    life.event(order(1.0, HERS))
    life.event(order(2.0, user("ann"), id="m2"))
    first, second = (turn.seq for turn in life.later)

    undone = life.part()

    hers, mine = undone.loser.conversation.turns[0], undone.survivor.conversation.turns[0]
    assert (hers.seq, hers.origin) == (first, SURVIVOR)
    assert (mine.seq, mine.origin) == (second, 0)


def test_what_another_system_had_delivered_is_recorded_once():
    life = Life()
    turn = life.event(make_event("Campaign Assigned", HERS))
    assert [effect.action for effect in turn.record.effects] == [COUPON]

    undone = life.part()

    assert undone.loser.profile.responses[COUPON].offered == 1
    assert len(undone.loser.effects) == 1
