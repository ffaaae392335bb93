"""What looks ahead reads only what the rules of segments read, and sees what whole standings say."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.decisioning.foresight import foresight_of
from actors.decisioning.membership import names_of, next_look_ms, standing_of
from tests.builders import (
    DAY,
    HOUR,
    NOW,
    THANKS,
    consent,
    make_event,
    make_playbook,
    make_state,
    order,
    take,
)

RULES = {
    "active": "profile.recency_days < 30.0",
    "fast": "profile.spend >= profile.tenure_days * 13.0",
    "digital": "profile.channel_days['web'] < 3.0 || profile.channel_days['app'] <= 0.25",
    "squared": "profile.recency_days * profile.recency_days > 20.0",
    "evening": "now.hour >= 18 && profile.orders >= 1",
    "weekend": "now.weekday >= 5",
    "early": "profile.preferred_hour < 12 && profile.orders >= 1",
    "untouched": "profile.contacts_7d == 0",
    "client": "profile.loyalty_stage == 'client'",
    "told": "event.name == 'Page Seen' || profile.recency_days < 1.0",
    "willing": "profile.consent['email'] && profile.tenure_days > 1.5",
    "constant": "profile.orders >= 2",
}
SETS = {
    "all of them": list(RULES),
    "days only": ["active", "fast", "digital"],
    "the clock": ["evening", "weekend", "constant"],
    "only of the event": ["told"],
    "what stands still": ["constant"],
}
MAX_LOOKS = 48


def book_of(names):
    """Other rules read more, in front of, between and behind what the segments read."""
    return make_playbook(
        segments={name: {"when": RULES[name]} for name in names},
        triggers={
            "thank": {
                "on": "Order Completed",
                "propose": [THANKS],
                "when": "conversation.cart_items >= 0 && profile.avg_basket > 1.0 && now.month < 13",
            }
        },
    )


BOOKS = {label: book_of(names) for label, names in SETS.items()}


def plain_next_change_ms(state, playbook, now_ms):
    """The plain way: everything that any rule reads, and all segments, at each instant."""
    names = names_of(playbook)

    def held(standing):
        return [name for name in standing.segments if name in names]

    standing = standing_of(state, playbook, now_ms)
    first, at_ms = held(standing), now_ms
    for _ in range(MAX_LOOKS):
        next_ms = next_look_ms(state, standing.values, playbook, at_ms)
        if next_ms is None:
            return None
        at_ms = next_ms
        standing = standing_of(state, playbook, at_ms)
        if held(standing) != first:
            break
    return at_ms


steps = st.lists(
    st.tuples(
        st.sampled_from(["order", "web", "app", "consent"]),
        st.sampled_from([1, 999, HOUR, 6 * HOUR, DAY, 3 * DAY, 31 * DAY]),
    ),
    max_size=5,
)


def lived(steps, wait_ms, playbook):
    """Return a customer that lived through steps, and the time that it is a while after."""
    state, now_ms = make_state(), NOW
    for i, (kind, later_ms) in enumerate(steps):
        now_ms += later_ms
        if kind == "order":
            event = order(20.0, id=f"m{i}", at=now_ms)
        elif kind == "consent":
            event = consent(id=f"m{i}", at=now_ms)
        else:
            event = make_event(id=f"m{i}", at=now_ms, channel=kind)
        take(state, event, now_ms, playbook)
    return state, now_ms + wait_ms


@pytest.mark.parametrize("label", BOOKS)
@settings(max_examples=15)
@given(steps, st.sampled_from([0, 1, HOUR, 2 * DAY, 29 * DAY]))
def test_looking_ahead_finds_the_instant_that_whole_standings_find(label, steps, wait_ms):
    playbook = BOOKS[label]
    state, now_ms = lived(steps, wait_ms, playbook)

    found = foresight_of(playbook).next_change_ms(state, now_ms)

    assert found == plain_next_change_ms(state, playbook, now_ms)


ATOMS = (
    "profile.recency_days < 2.0",
    "profile.recency_days >= 10.0",
    "profile.tenure_days >= 5.0",
    "profile.spend >= profile.tenure_days * 13.0",
    "profile.tenure_days < double(profile.orders) * 3.0",
    "profile.orders >= 2",
    "profile.channel_days['web'] < 3.0",
    "profile.contacts_7d == 0",
    "now.weekday >= 5",
    "(profile.orders >= 1 ? profile.recency_days > 4.0 : profile.tenure_days > 3.0)",
)
rules = st.recursive(
    st.sampled_from(ATOMS),
    lambda parts: st.one_of(
        st.lists(parts, min_size=2, max_size=3).map(lambda found: f"({' && '.join(found)})"),
        st.lists(parts, min_size=2, max_size=3).map(lambda found: f"({' || '.join(found)})"),
        parts.map(lambda part: f"!({part})"),
    ),
    max_leaves=6,
)


@given(rules, steps, st.sampled_from([0, HOUR, 2 * DAY]))
def test_no_membership_changes_before_the_next_look_whatever_a_rule_is_made_of(
    rule, steps, wait_ms
):
    playbook = make_playbook(segments={"one": {"when": rule}})
    state, now_ms = lived(steps, wait_ms, playbook)
    standing = standing_of(state, playbook, now_ms)

    next_ms = next_look_ms(state, standing.values, playbook, now_ms)

    last_ms = now_ms + 20 * DAY if next_ms is None else min(next_ms - 1, now_ms + 20 * DAY)
    for at_ms in (*range(now_ms, last_ms, HOUR), last_ms):
        assert standing_of(state, playbook, at_ms).segments == standing.segments


@pytest.mark.parametrize(
    ("rule", "due_days"),
    [
        ("profile.orders >= 10 && profile.recency_days < 10.0", None),
        ("profile.recency_days < 10.0 && profile.orders >= 1", 10),
        ("profile.orders >= 1 || profile.recency_days < 10.0", None),
        ("profile.tenure_days >= 60.0 && profile.spend >= profile.tenure_days * 5.5", 60),
        ("profile.orders >= 9 && (profile.tenure_days > 3.0 || profile.recency_days > 2.0)", None),
        ("!(profile.orders >= 1) && profile.recency_days < 10.0", None),
    ],
)
def test_what_cannot_matter_yet_is_not_looked_at(rule, due_days):
    playbook, state = make_playbook(segments={"one": {"when": rule}}), make_state()
    take(state, order(20.0), NOW, playbook)

    found = next_look_ms(state, standing_of(state, playbook, NOW).values, playbook, NOW)

    assert found == (None if due_days is None else pytest.approx(NOW + due_days * DAY, abs=3))


@pytest.mark.parametrize("label", ["only of the event", "what stands still"])
def test_nothing_is_foreseen_where_time_alone_changes_nothing(label):
    playbook, state = BOOKS[label], make_state()
    take(state, order(), NOW, playbook)

    assert foresight_of(playbook).next_change_ms(state, NOW) is None
