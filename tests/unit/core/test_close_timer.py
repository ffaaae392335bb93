from hypothesis import given
from hypothesis import strategies as st

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


def answered(state, seq, outcome="click", at_ms=NOW + 2 * HOUR):
    key = effect_text(state.number, seq, 0)
    return core.respond(state, response(key, outcome), state.effect(seq, 0), at_ms, SHOP)


def test_nobody_waits_for_the_only_window_when_it_has_its_yes():
    state = make_state()
    take(state, question())

    turn = answered(state, 1)

    assert closing(state) == []
    assert turn.timers_deleted == ["close"]
    assert turn.timers_set == []
    assert state.effect(1, 0).outcome == "click"


def test_a_yes_lets_the_timer_stand_at_the_next_window_that_is_open():
    state = make_state()
    take(state, question(), NOW)
    take(state, order(), NOW + HOUR)

    turn = answered(state, 1)

    assert [t.due_at_ms for t in closing(state)] == [NOW + HOUR + WEEK]
    assert [(t.key, t.due_at_ms) for t in turn.timers_set] == [("close", NOW + HOUR + WEEK)]
    assert lessons(wake(state, closing(state)[0], NOW + HOUR + WEEK)) == [(THANKS, 0, 1)]


def test_a_yes_to_a_later_window_leaves_the_timer_where_it_is():
    state = make_state()
    take(state, question(), NOW)
    take(state, order(), NOW + HOUR)

    turn = answered(state, 2)

    assert [t.due_at_ms for t in closing(state)] == [NOW + WEEK]
    assert turn.timers_set == turn.timers_deleted == []


def test_an_answer_that_is_no_yes_leaves_its_window_open():
    state = make_state()
    take(state, question())

    turn = answered(state, 1, "dismiss")

    assert [t.due_at_ms for t in closing(state)] == [NOW + WEEK]
    assert turn.timers_deleted == []
    assert lessons(wake(state, closing(state)[0], NOW + WEEK)) == [(BANNER, 0, 1)]


def test_a_late_yes_to_a_window_that_closed_leaves_the_timer_of_the_others():
    state = make_state()
    take(state, question(), NOW)
    take(state, order(), NOW + HOUR)
    wake(state, closing(state)[0], NOW + WEEK)

    turn = answered(state, 1, at_ms=NOW + WEEK + 1)

    assert lessons(turn) == [(BANNER, 1, -1)]
    assert [t.due_at_ms for t in closing(state)] == [NOW + HOUR + WEEK]
    assert turn.timers_set == []


@given(st.lists(st.tuples(st.sampled_from(["offer", "yes", "no"]), st.integers(0, 8)), max_size=40))
def test_the_timer_always_stands_at_the_first_window_with_nothing_learned_of_it(told):
    state = make_state()
    for hour, (what, which) in enumerate(told):
        at_ms = NOW + hour * HOUR
        if what == "offer":
            take(state, order(id=f"m{hour}"), at_ms)
        elif state.effects:
            effect = state.effects[which % len(state.effects)]
            answered(state, effect.seq, "click" if what == "yes" else "dismiss", at_ms)
        open_until = [e.expires_at_ms for e in state.effects if e.label < 0]
        assert [t.due_at_ms for t in closing(state)] == ([min(open_until)] if open_until else [])


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
