"""Turns that came while the survivor was part of somebody else, in whose journal they are."""

from actors.domain.ids import effect_text
from actors.domain.profile import ConsentState
from actors.merging import LaterTurn
from actors.scenarios.progress import TRIGGER
from actors.wire.state import pack_state
from tests.builders import HOUR, MINUTE, NOW, added, consent, order, question, take, user
from tests.merging_life import HERS, LOSER, Life, agreed

THIRD = 77


def away(life, *, not_theirs=False):
    """Put all turns so far into the journal of a third one, with numbers of their own."""
    life.later = [
        LaterTurn(turn.seq, turn.record, turn.recalled, not_theirs, THIRD, place=50)
        for turn in life.later
    ]
    return life


def test_each_side_gets_its_own_of_what_came_elsewhere_under_the_other_ones_number():
    life = Life()
    life.event(order(5.0, HERS))
    life.event(order(7.0, user("ann"), id="m2"))
    hers, mine = (turn.seq for turn in life.later)

    undone = away(life).part()

    assert undone.loser.profile.purchases.spend_minor == 500
    assert undone.survivor.profile.purchases.spend_minor == 700
    for side, seq in ((undone.loser, hers), (undone.survivor, mine)):
        assert {(u.seq, u.origin) for u in side.conversation.turns} == {(seq, THIRD)}
    shares = undone.report.elsewhere[THIRD]
    assert (shares.to_loser, shares.to_survivor) == ([hers], [mine])
    assert undone.report.to_loser == undone.report.to_survivor == []


def test_what_was_shown_elsewhere_and_how_it_was_taken_belong_together():
    life = Life()
    life.event(question(HERS))
    shown = life.later[0].seq
    life.answer(effect_text(THIRD, shown, 0), "dismiss", life.one.effect(shown, 0))

    undone = away(life).part()

    assert undone.loser.effect(shown, 0, THIRD).outcome == "dismiss"
    assert undone.survivor.effects == []
    assert undone.report.elsewhere[THIRD].to_loser == [shown, shown + 1]


def test_what_both_had_from_before_is_their_own_again_afterwards():
    def prepare(ann, browser):
        take(ann, question())
        take(browser, question(HERS))

    life = Life(prepare=prepare)
    life.event(order(5.0, HERS))

    undone = away(life).part()

    for side in (undone.survivor, undone.loser):
        assert [(e.seq, e.origin) for e in side.effects if e.origin == 0] == [(1, 0)]


def test_a_turn_of_somebody_elses_ends_the_waits_that_it_fired_and_brings_nothing_else():
    def prepare(ann, browser):
        for side, who in ((ann, user("ann")), (browser, HERS)):
            agreed(side)
            take(side, added("c1", who))

    life = Life(prepare=prepare)
    life.wake(TRIGGER, NOW + 31 * MINUTE)
    life.event(order(5.0, HERS))

    undone = away(life, not_theirs=True).part()

    for side in (undone.survivor, undone.loser):
        assert [t for t in side.timers if t.kind == TRIGGER] == []
        assert (side.effects, side.profile.purchases.orders) == ([], 0)
    assert undone.report.elsewhere == {}


def test_a_wait_that_began_anew_on_one_side_goes_on_when_the_other_ones_has_ended():
    def prepare(ann, browser):
        agreed(browser)
        take(browser, added("c1", HERS))
        take(ann, added("c1", user("ann"), at=NOW + HOUR), NOW + HOUR)

    life = Life(prepare=prepare)
    record = Life(prepare=lambda ann, browser: take(browser, added("c1", HERS))).wake(
        TRIGGER, NOW + 31 * MINUTE
    )
    life.note(record.record)

    undone = away(life, not_theirs=True).part()

    assert [t.kind for t in undone.survivor.timers] == [TRIGGER]
    assert undone.loser.timers == []


def test_a_denial_whose_turn_is_gone_holds_on_both_sides_unless_it_was_granted_later():
    life = Life(prepare=lambda ann, browser: (agreed(ann), agreed(browser)))
    life.event(consent(HERS, granted=True, at=NOW))
    denial = ConsentState("denied", NOW - MINUTE, "web")

    undone = life.part(denied={"email|marketing": denial, "app": ConsentState("granted", NOW, "")})

    assert undone.survivor.profile.consents["email|marketing"].status == "denied"
    assert undone.loser.profile.consents["email|marketing"].status == "granted"
    assert "app" not in undone.survivor.profile.consents


def test_nothing_is_changed_by_looking_from_somebody_elses_journal():
    life = Life(prepare=lambda ann, browser: take(browser, question(HERS)))
    life.event(consent(user("ann"), granted=True))

    undone = away(life, not_theirs=True).part()

    assert (pack_state(undone.survivor), pack_state(undone.loser)) == life.before
    assert undone.loser.number == LOSER
