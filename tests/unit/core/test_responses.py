import pytest

from actors import turn as core
from actors.domain.ids import effect_text
from actors.turn import effect_of
from tests.builders import (
    BANNER,
    DAY,
    HOUR,
    MINUTE,
    NOW,
    REMINDER,
    SHOP,
    THANKS,
    added,
    consent,
    make_state,
    order,
    question,
    response,
    take,
    wake,
)


def offered():
    """A customer to whom one banner was shown in turn 1."""
    state = make_state()
    take(state, question())
    return state


def hear(state, outcome, seq=1, n=0, now=NOW, at=None, effect=None):
    given = response(effect_text(state.number, seq, n), outcome, at=at)
    return core.respond(state, given, effect or state.effect(seq, n), now, SHOP)


def lessons(turn):
    return [(one.action, one.segment, one.taken, one.refused) for one in turn.record.lessons]


@pytest.mark.parametrize("outcome", ["click", "accept", "convert"])
def test_a_yes_teaches_one_yes(outcome):
    assert lessons(hear(offered(), outcome)) == [(BANNER, "standard", 1, 0)]


@pytest.mark.parametrize("outcome", ["reject", "dismiss", "no_response"])
def test_a_no_teaches_nothing_until_the_window_closes(outcome):
    """There may still be a yes: who dismisses a banner may come back to it and buy."""
    state = offered()

    assert lessons(hear(state, outcome)) == []
    assert state.effect(1, 0).outcome == outcome

    closed = wake(state, state.timers[0], NOW + 7 * DAY)

    assert lessons(closed) == [(BANNER, "standard", 0, 1)]
    assert state.effect(1, 0).outcome == outcome


@pytest.mark.parametrize("outcome", ["delivered", "impression", "bounce", "unsubscribe"])
def test_what_is_neither_yes_nor_no_teaches_nothing(outcome):
    assert lessons(hear(offered(), outcome)) == []


@pytest.mark.parametrize(
    ("outcomes", "expected"),
    [
        (["click", "convert", "accept"], [(1, 0)]),
        (["click", "reject"], [(1, 0)]),
        (["reject", "dismiss", None], [(0, 1)]),
        (["dismiss", "click", None], [(1, 0)]),
        (["dismiss", None, "click"], [(0, 1), (1, -1)]),
        (["no_response", None, "convert", "click"], [(0, 1), (1, -1)]),
        (["impression", "no_response", "impression", None], [(0, 1)]),
        (["bounce", None], []),
        (["bounce", None, "click"], [(1, 0)]),
    ],
)
def test_an_effect_teaches_one_label_and_a_late_yes_takes_its_no_back(outcomes, expected):
    """None stands for the window's close, which nobody waits for once it has its yes."""
    state = offered()

    turns = []
    for outcome in outcomes:
        if outcome is not None:
            turns.append(hear(state, outcome))
        elif state.timers:
            turns.append(wake(state, state.timers[0], NOW + 7 * DAY))
    taught = [(t, r) for turn in turns for _, _, t, r in lessons(turn)]

    assert taught == expected


def test_a_response_takes_a_turn_and_is_part_of_the_conversation_and_the_history():
    state = offered()

    turn = hear(state, "impression", at=NOW - 5)
    hear(state, "convert")
    hear(state, "reject", at=NOW - HOUR)

    history = state.profile.responses[BANNER]
    assert (history.offered, history.seen, history.taken, history.refused) == (1, 1, 1, 1)
    assert history.last_refused_at_ms == NOW - HOUR
    assert (state.seq, state.profile.redemptions, turn.record.at_ms) == (4, 1, NOW - 5)
    said = [(u.about, u.who) for u in state.conversation.turns]
    assert (f"convert: {BANNER}", "customer") in said


def test_an_outcome_from_the_future_happened_now():
    assert hear(offered(), "click", at=NOW + DAY).record.at_ms == NOW


@pytest.mark.parametrize("outcome", ["unsubscribe", "complaint"])
def test_who_unsubscribes_has_withdrawn_consent_and_what_is_pending_is_cancelled(outcome):
    state = make_state()
    take(state, consent())
    take(state, added())
    sent = wake(state, state.timers[0], NOW + 30 * MINUTE)
    take(state, order(), NOW + HOUR)
    take(state, question(), NOW + HOUR)
    assert [e.action for e in sent.record.effects] == [REMINDER]

    turn = hear(state, outcome, seq=sent.state.effects[0].seq, now=NOW + HOUR)

    assert state.profile.consents["email|marketing"].status == "denied"
    assert state.profile.consents["email|marketing"].source == outcome
    assert turn.cancelled == [
        (state.number, e.seq, e.n) for e in state.effects if e.channel == "email"
    ]
    assert len(turn.cancelled) == 2
    assert {e.channel for e in state.effects} == {"email", "web"}


def test_a_forgotten_effect_is_rebuilt_from_its_turn():
    state = make_state()
    record = take(state, order()).record
    state.effects.clear()

    effect = effect_of(record, 0)
    turn = hear(state, "click", effect=effect)

    assert (effect.action, effect.channel, effect.seq, effect.n) == (THANKS, "email", 1, 0)
    assert lessons(turn) == [(THANKS, "standard", 1, 0)]
    assert effect_of(record, 1) is None


def test_a_forgotten_effect_teaches_one_label_too():
    state = make_state()
    record = take(state, order()).record
    state.effects.clear()

    taught = []
    for outcome in ("click", "convert"):
        effect = state.effect(1, 0) or effect_of(record, 0)
        taught += lessons(hear(state, outcome, effect=effect))

    assert len(taught) == 1


def test_a_forgotten_effect_whose_window_closed_teaches_no_second_no():
    state = make_state()
    record = take(state, order()).record
    wake(state, state.timers[0], NOW + 7 * DAY)  # the window closes: a no is learnt
    state.effects.clear()

    turn = hear(state, "dismiss", now=NOW + 40 * DAY, effect=effect_of(record, 0))

    assert lessons(turn) == []
