"""Triggers hear who enters and leaves a segment."""

import pytest

from actors.domain.errors import PlaybookError
from tests.builders import (
    DAY,
    HOUR,
    NOW,
    THANKS,
    chosen_actions,
    make_event,
    make_playbook,
    make_state,
    order,
    take,
    wake,
)
from tests.unit.segments.test_segments_over_time import live

RULES = {
    "buyer": {"when": "profile.orders >= 1"},
    "active": {"when": "profile.recency_days < 30.0"},
    "thanked": {"when": "profile.offered['message/care/thanks'] >= 1"},
    "page": {"when": "event.name == 'Page Seen'"},
}


def a_playbook(**triggers):
    used = {each["on"].get("entered") or each["on"].get("left") for each in triggers.values()}
    return make_playbook(
        segments={name: RULES[name] for name in RULES if name in used} or RULES, triggers=triggers
    )


def test_a_trigger_hears_that_somebody_entered_in_the_same_turn():
    playbook = a_playbook(hello={"on": {"entered": "buyer"}, "propose": [THANKS]})
    state = make_state()

    turn = take(state, order(), NOW, playbook)
    again = take(state, order(id="m2"), NOW + 1, playbook)

    assert chosen_actions(turn) == [THANKS]
    assert "entered: buyer" in turn.record.notes
    assert chosen_actions(again) == []


def test_a_trigger_hears_that_somebody_left_when_only_time_has_passed():
    playbook = a_playbook(back={"on": {"left": "active"}, "propose": [THANKS]})
    state, seen = make_state(), []
    take(state, order(at=NOW), NOW, playbook)

    live(state, NOW + 30 * DAY, playbook, seen)

    assert [chosen_actions(turn) for _, _, turn in seen] == [[THANKS]]


def test_a_rule_and_a_wait_hold_for_triggers_on_segments_too():
    playbook = a_playbook(
        big={
            "on": {"entered": "buyer"},
            "when": "profile.spend > 50.0",
            "propose": [THANKS],
            "after": "PT2H",
        }
    )
    small, large, seen = make_state(), make_state(), []

    take(small, order(10.0), NOW, playbook)
    take(large, order(60.0), NOW, playbook)
    live(large, NOW + 2 * HOUR, playbook, seen)

    assert small.timers == []
    assert [chosen_actions(turn) for _, _, turn in seen] == [[THANKS]]


def test_an_event_with_the_name_of_the_trigger_starts_nothing():
    playbook = a_playbook(hello={"on": {"entered": "buyer"}, "propose": [THANKS]})

    turn = take(make_state(), make_event("entered:buyer"), NOW, playbook)

    assert chosen_actions(turn) == []


def test_what_a_turn_says_itself_is_looked_at_in_a_turn_of_its_own():
    playbook = a_playbook(
        hello={"on": {"entered": "buyer"}, "propose": [THANKS]},
        more={"on": {"entered": "thanked"}, "propose": [THANKS]},
    )
    state = make_state()

    turn = take(state, order(), NOW, playbook)
    timer = next(t for t in state.timers if t.key == "segments")
    second = wake(state, timer, NOW, playbook)

    assert turn.entered == ["buyer"]
    assert timer.due_at_ms == NOW
    assert second.entered == ["thanked"]
    assert chosen_actions(second) == [THANKS]


@pytest.mark.parametrize(
    ("on", "problem"),
    [
        ({"entered": "nobody"}, "unknown segment 'nobody'"),
        ({"left": "page"}, "reads the event"),
        ({"left": "buyer", "entered": "buyer"}, "expected an event name"),
    ],
)
def test_a_trigger_on_a_segment_that_nobody_can_enter_is_an_error(on, problem):
    with pytest.raises(PlaybookError, match=problem):
        make_playbook(segments=RULES, triggers={"t": {"on": on, "propose": [THANKS]}})
