"""Memberships follow events and time: at every instant they are what the rules say."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.decisioning.membership import SEGMENTS, names_of, next_look_ms, standing_of
from tests.builders import (
    DAY,
    HOUR,
    NOW,
    THANKS,
    make_event,
    make_playbook,
    make_state,
    order,
    take,
    wake,
)

RULES = {
    "active": "profile.recency_days < 30.0",
    "exactly": "profile.recency_days == 2.0 || profile.recency_days >= 1.1",
    "fast": "profile.spend >= profile.tenure_days * 13.0",
    "regular": "profile.orders >= 2 && profile.tenure_days < double(profile.orders) * 0.7",
    "digital": "profile.channel_days['web'] < 3.0 || profile.channel_days['app'] <= 0.25",
    "evening": "now.hour >= 18 && profile.orders >= 1",
    "weekend": "now.weekday >= 5",
    "untouched": "profile.contacts_7d == 0",
    "client": "profile.loyalty_stage == 'client'",
    "overdue": "profile.recency_days > profile.gap_days + 1.0 || 2.0 - profile.recency_days / 4.0 < 1.0",
}
BOOK = make_playbook(
    segments={name: {"when": rule} for name, rule in RULES.items()},
    triggers={"thank": {"on": "Order Completed", "propose": [THANKS]}},
    policies={"caps": {"any": {"limit": 2, "window": "P7D"}}},
)


def hold(state, now_ms, playbook=BOOK):
    """What the rules say, asked directly."""
    return set(standing_of(state, playbook, now_ms).segments) & names_of(playbook)


def due_of(state):
    return min((t.due_at_ms for t in state.timers if t.key == SEGMENTS), default=None)


def live(state, until_ms, playbook=BOOK, seen=None):
    """Fire every timer that is due, in order, as the runtime does."""
    while due := [t for t in state.timers if t.due_at_ms <= until_ms]:
        timer = min(due, key=lambda t: (t.due_at_ms, t.key))
        turn = wake(state, timer, timer.due_at_ms, playbook)
        if seen is not None:
            seen.append((timer.due_at_ms, timer.kind, turn))


steps = st.lists(
    st.tuples(
        st.sampled_from(["order", "web", "app", "rest"]),
        st.sampled_from([1, 7, 999, HOUR, 6 * HOUR, DAY, 3 * DAY, 31 * DAY]),
        st.integers(0, 1),
    ),
    max_size=5,
)


@settings(max_examples=10)
@given(steps)
def test_memberships_are_what_the_rules_say_at_every_instant(steps):
    state, now_ms = make_state(), NOW
    take(state, make_event(), now_ms, BOOK)
    for i, (kind, wait_ms, more) in enumerate(steps):
        target_ms = now_ms + wait_ms * (1 + more)
        while (due_ms := due_of(state)) is not None and due_ms <= target_ms:
            live(state, due_ms - 1)
            assert set(state.segments) == hold(state, max(now_ms, due_ms - 1)), due_ms - 1
            live(state, due_ms)
            assert set(state.segments) == hold(state, due_ms), due_ms
            now_ms = max(now_ms, due_ms)
        live(state, target_ms)
        now_ms = target_ms
        assert set(state.segments) == hold(state, now_ms)
        if kind == "order":
            take(state, order(20.0, id=f"m{i}", at=now_ms), now_ms, BOOK)
        elif kind != "rest":
            take(state, make_event(id=f"m{i}", at=now_ms, channel=kind), now_ms, BOOK)
        live(state, now_ms)
        assert set(state.segments) == hold(state, now_ms)


def test_somebody_falls_out_of_a_segment_to_the_millisecond_with_no_event():
    playbook = make_playbook(segments={"active": {"when": RULES["active"]}}, triggers={})
    state = make_state()
    take(state, order(at=NOW - 500), NOW, playbook)
    seen = []

    assert state.segments == {"active": NOW}
    assert due_of(state) == NOW - 500 + 30 * DAY

    live(state, NOW - 501 + 30 * DAY, playbook, seen)
    assert seen == []
    live(state, NOW - 500 + 30 * DAY, playbook, seen)

    assert state.segments == {}
    ((_, kind, turn),) = seen
    assert (kind, turn.left, turn.record.notes) == (SEGMENTS, ["active"], ["left: active"])
    assert due_of(state) is None


def test_nobody_new_is_looked_at_at_once_though_nothing_spent_equals_no_time_passed():
    rules = {"paced": "profile.tenure_days >= 60.0 && profile.spend >= profile.tenure_days * 13.0"}
    rules["active"] = RULES["digital"]
    playbook = make_playbook(segments={k: {"when": v} for k, v in rules.items()}, triggers={})
    state = make_state()

    take(state, make_event(channel="web"), NOW, playbook)

    assert due_of(state) == NOW + 3 * DAY


def test_nothing_is_waited_for_where_time_changes_nothing():
    playbook = make_playbook(segments={"buyer": {"when": "profile.orders >= 1"}}, triggers={})
    state = make_state()

    turn = take(state, order(), NOW, playbook)

    assert turn.entered == ["buyer"]
    assert due_of(state) is None


def test_a_timer_that_moves_later_does_not_write_its_row():
    playbook = make_playbook(segments={"active": {"when": RULES["active"]}}, triggers={})
    state = make_state()
    first = take(state, order(at=NOW), NOW, playbook)

    later = take(state, order(at=NOW + DAY), NOW + DAY, playbook)

    assert [t.due_at_ms for t in first.timers_set if t.key == SEGMENTS] == [NOW + 30 * DAY]
    assert [t for t in later.timers_set if t.key == SEGMENTS] == []
    assert due_of(state) == NOW + 31 * DAY


def test_the_timer_looks_past_instants_that_change_nothing():
    playbook = make_playbook(
        segments={"late": {"when": "now.hour >= 22 && profile.recency_days > 2.0"}}, triggers={}
    )
    state = make_state()
    take(state, order(at=NOW), NOW, playbook)
    seen = []

    live(state, NOW + 4 * DAY, playbook, seen)

    kinds = [kind for _, kind, _ in seen]
    assert kinds.count(SEGMENTS) <= 7  # not a hundred hours
    assert [(turn.entered, turn.left) for _, _, turn in seen if turn.entered or turn.left] == [
        (["late"], []),
        ([], ["late"]),
    ] * 2


def test_a_segment_that_reads_the_event_has_no_members():
    playbook = make_playbook(
        segments={"now": {"when": "event.name == 'Page Seen'"}, "all": {"when": "true"}},
        triggers={},
    )
    state = make_state()

    turn = take(state, make_event(), NOW, playbook)

    assert (turn.entered, list(state.segments)) == (["all"], ["all"])


def test_a_segment_that_the_playbook_no_longer_has_is_left_at_the_next_turn():
    old = make_playbook(segments={"all": {"when": "true"}}, triggers={})
    new = make_playbook(segments={"buyer": {"when": "profile.orders >= 1"}}, triggers={})
    state = make_state()
    take(state, make_event(), NOW, old)

    turn = take(state, order(), NOW + 1, new)

    assert (turn.entered, turn.left) == (["buyer"], ["all"])
    assert state.segments == {"buyer": NOW + 1}


@given(st.integers(1, 30 * DAY))
def test_the_next_look_is_at_the_very_millisecond_however_long_ago_something_was(gone_ms):
    playbook = make_playbook(segments={"active": {"when": RULES["active"]}}, triggers={})
    state = make_state()
    state.profile.purchases.last_at_ms = NOW - gone_ms + 1
    values = standing_of(state, playbook, NOW).values

    assert next_look_ms(state, values, playbook, NOW) == NOW - gone_ms + 1 + 30 * DAY


@pytest.mark.parametrize(
    ("rule", "spend", "days", "due_days"),
    [
        ("profile.spend >= profile.tenure_days * 13.0", 130.0, 4, 6),
        ("profile.spend >= profile.tenure_days * 13.0", 130.0, 11, None),
        ("profile.tenure_days - 2.0 > profile.spend", 5.0, 4, 3),
        ("profile.tenure_days - profile.recency_days > 3.0 * profile.spend", 5.0, 4, None),
    ],
)
def test_two_sides_of_a_rule_are_looked_at_when_they_meet(rule, spend, days, due_days):
    playbook = make_playbook(segments={"one": {"when": rule}}, triggers={})
    state = make_state()
    state.profile.first_seen_at_ms = NOW - days * DAY
    state.profile.purchases.spend_minor = round(spend * 100)
    state.profile.purchases.last_at_ms = NOW - 5
    values = standing_of(state, playbook, NOW).values

    found = next_look_ms(state, values, playbook, NOW)

    if due_days is None:
        assert found is None
    else:
        assert found is not None
        assert -3 <= found - (NOW + due_days * DAY) <= 0
