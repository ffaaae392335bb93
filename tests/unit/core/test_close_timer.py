from actors import turn as core
from actors.domain.ids import effect_text
from actors.domain.state import MAX_OPEN_EFFECTS
from tests.builders import (
    BANNER,
    DAY,
    HOUR,
    NOW,
    SHOP,
    THANKS,
    make_event,
    make_state,
    order,
    question,
    response,
    take,
    wake,
)

WEEK = 7 * DAY


def closing(state):
    return [t for t in state.timers if t.kind == "close"]


def lessons(turn):
    return [(one.action, one.taken, one.refused) for one in turn.record.lessons]


def test_an_effect_sets_a_timer_for_when_its_window_closes():
    turn = take(make_state(), question())

    assert [(t.key, t.due_at_ms) for t in turn.timers_set] == [("close", NOW + WEEK)]


def test_one_timer_serves_all_open_windows_and_stands_at_the_first():
    state = make_state()
    take(state, question(), NOW)
    take(state, order(), NOW + HOUR)
    late = take(state, make_event("Campaign Assigned", at=NOW - DAY), NOW + HOUR)

    assert [t.due_at_ms for t in closing(state)] == [NOW - DAY + WEEK]
    assert [(t.key, t.due_at_ms) for t in late.timers_set] == [("close", NOW - DAY + WEEK)]


def test_a_window_that_closes_unanswered_teaches_a_no_and_the_next_one_is_waited_for():
    state = make_state()
    take(state, question(), NOW)
    take(state, order(), NOW + HOUR)

    turn = wake(state, closing(state)[0], NOW + WEEK)

    assert lessons(turn) == [(BANNER, 0, 1)]
    assert state.effect(1, 0).outcome == "no_response"
    assert [t.due_at_ms for t in closing(state)] == [NOW + HOUR + WEEK]
    assert turn.timers_deleted == ["close"]
    assert [t.due_at_ms for t in turn.timers_set] == [NOW + HOUR + WEEK]

    turn = wake(state, closing(state)[0], NOW + HOUR + WEEK)

    assert lessons(turn) == [(THANKS, 0, 1)]
    assert closing(state) == []


def test_a_window_that_was_answered_closes_in_silence():
    state = make_state()
    take(state, question())
    key = effect_text(state.number, 1, 0)
    core.respond(state, response(key, "click"), state.effect(1, 0), NOW, SHOP)

    turn = wake(state, closing(state)[0], NOW + WEEK)

    assert lessons(turn) == []
    assert state.effect(1, 0).outcome == "click"


def test_windows_that_closed_while_nobody_was_there_close_together():
    state = make_state()
    for i in range(5):
        take(state, order(), NOW + i)

    turn = wake(state, closing(state)[0], NOW + 2 * WEEK)

    assert len(lessons(turn)) == 5
    assert closing(state) == []


def test_long_closed_effects_are_forgotten():
    state = make_state()
    take(state, question(), NOW)
    wake(state, closing(state)[0], NOW + WEEK)
    take(state, question(), NOW + 2 * WEEK)
    assert state.effect(1, 0) is not None

    wake(state, closing(state)[0], NOW + 3 * WEEK)

    assert state.effect(1, 0) is None
    assert [e.seq for e in state.effects] == [3]


def test_open_effects_are_bounded_and_those_with_a_label_go_first():
    state = make_state()
    for i in range(MAX_OPEN_EFFECTS):
        take(state, order(), NOW + i)
    key = effect_text(state.number, 5, 0)
    core.respond(state, response(key, "click"), state.effect(5, 0), NOW, SHOP)

    take(state, order(), NOW + DAY)

    assert len(state.effects) == MAX_OPEN_EFFECTS
    assert state.effect(5, 0) is None
    assert state.effect(1, 0) is not None
