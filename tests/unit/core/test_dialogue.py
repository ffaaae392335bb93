"""What events open, touch and close in the conversation, whatever the order of their arrival."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.domain.conversation import (
    CART,
    CASE,
    MAX_OPEN_CARTS,
    MAX_THREADS,
    QUESTION,
    Conversation,
    Meaning,
)
from actors.domain.dialogue import converse, sentiment_of
from tests.builders import DAY, HOUR, MINUTE, NOW, added, make_event, order


def held(*events):
    """A conversation that took these events, in this order."""
    conversation = Conversation()
    for seq, event in enumerate(events, 1):
        converse(conversation, event, event.at_ms, seq, 2)
    return conversation


def question(key="q", at=NOW, topic="delivery", channel="chat"):
    properties = {"question_id": key, "topic": topic}
    return make_event("Question Asked", at=at, channel=channel, properties=properties)


def answer(key="q", at=NOW):
    return make_event("Question Answered", at=at, properties={"question_id": key})


def case(name, key="k", at=NOW, **properties):
    return make_event(f"Case {name}", at=at, properties={"case_id": key} | properties)


def is_open(conversation, kind, key):
    thread = conversation.thread(kind, key)
    return thread is not None and not thread.closed


def test_a_question_is_open_until_it_is_answered():
    conversation = held(question(at=NOW, channel="chat"))
    thread = conversation.thread(QUESTION, "q")
    assert (thread.channel, thread.topic, thread.opened_at_ms) == ("chat", "delivery", NOW)

    converse(conversation, answer(at=NOW + 5), NOW + 5, 2, 2)

    assert (thread.closed, thread.last_at_ms) == (True, NOW + 5)


def test_a_case_is_touched_by_updates_and_keeps_where_it_was_opened():
    conversation = held(
        case("Opened", at=NOW, topic="refund"),
        make_event("Case Updated", at=NOW + HOUR, channel="email", properties={"case_id": "k"}),
    )

    thread = conversation.thread(CASE, "k")

    assert (thread.opened_at_ms, thread.last_at_ms) == (NOW, NOW + HOUR)
    assert (thread.channel, thread.topic) == ("unknown", "refund")


@given(st.permutations([case("Opened", at=NOW), case("Updated", at=NOW + 1)]), st.data())
def test_what_was_closed_stays_closed_in_whatever_order_events_arrive(before, data):
    closing = case("Closed", at=NOW + 2)

    conversation = held(*data.draw(st.permutations([*before, closing])))

    thread = conversation.thread(CASE, "k")
    assert (thread.closed, thread.opened_at_ms, thread.last_at_ms) == (True, NOW, NOW + 2)


def test_a_case_opened_again_later_is_open():
    conversation = held(
        case("Opened", at=NOW), case("Closed", at=NOW + 1), case("Opened", at=NOW + 2)
    )

    assert is_open(conversation, CASE, "k")


def test_a_closing_of_before_does_not_close_what_was_opened_after_it():
    conversation = held(case("Opened", at=NOW), case("Closed", at=NOW - DAY))

    assert is_open(conversation, CASE, "k")


def test_several_carts_are_open_at_once_and_the_one_touched_last_is_shown_to_rules():
    conversation = held(
        added("c1", at=NOW), added("c2", at=NOW + 1), added("c1", at=NOW + 2), added("c2", at=NOW)
    )

    assert [is_open(conversation, CART, key) for key in ("c1", "c2")] == [True, True]
    shown = (conversation.cart_id, conversation.cart_items, conversation.cart_minor)
    assert shown == ("c1", 2, 500)


def test_an_order_closes_its_own_cart_and_the_other_is_shown_again():
    conversation = held(added("c1", at=NOW), added("c2", at=NOW + 1))

    ordered = order(properties={"cart_id": "c2"}, at=NOW + 2)
    converse(conversation, ordered, NOW + 2, 3, 2)

    assert (conversation.cart_id, conversation.cart_items) == ("c1", 1)
    assert not is_open(conversation, CART, "c2")


def test_an_order_without_a_cart_closes_the_one_touched_last_unless_it_is_older_than_that():
    conversation = held(added("c1", at=NOW))

    converse(conversation, order(at=NOW - DAY), NOW - DAY, 2, 2)
    assert conversation.cart_id == "c1"

    converse(conversation, order(at=NOW), NOW, 3, 2)
    assert conversation.cart_id == ""


@pytest.mark.parametrize("late", [NOW + 2, NOW - 1])
def test_what_was_put_into_a_cart_before_its_order_does_not_open_it_again(late):
    ordered = order(properties={"cart_id": "c1"}, at=NOW + 2)

    conversation = held(added("c1", at=NOW), ordered, added("c1", at=late))
    reversed_ = held(ordered, added("c1", at=late))

    assert (conversation.cart_id, reversed_.cart_id) == ("", "")


def test_an_order_whose_clock_is_a_little_behind_closes_its_cart_for_good():
    conversation = held(
        added("c1", at=NOW),
        added("c1", at=NOW + 5),
        order(properties={"cart_id": "c1"}, at=NOW + 3),
        added("c1", at=NOW + 4),
    )

    assert conversation.cart_id == ""


def test_a_cart_that_is_filled_again_after_its_order_starts_from_nothing():
    conversation = held(
        added("c1", at=NOW),
        added("c1", at=NOW),
        order(properties={"cart_id": "c1"}, at=NOW + 1),
        added("c1", at=NOW + 2),
    )

    assert (conversation.cart_id, conversation.cart_items) == ("c1", 1)


def test_an_open_case_outlives_any_number_of_carts_and_closed_questions():
    noise = [
        event
        for i in range(40)
        for event in (
            added(f"c{i}", at=NOW + i),
            question(f"q{i}", at=NOW + i),
            answer(f"q{i}", at=NOW + i),
        )
    ]

    conversation = held(case("Opened", at=NOW - DAY), *noise)

    carts = [t.key for t in conversation.threads if t.kind == CART]
    assert is_open(conversation, CASE, "k")
    assert carts == [f"c{i}" for i in range(40 - MAX_OPEN_CARTS, 40)]
    assert len(conversation.threads) == MAX_THREADS
    closed = [t.key for t in conversation.threads if t.closed]
    assert closed == [f"q{i}" for i in range(40 - len(closed), 40)]


def test_of_too_many_open_threads_those_touched_last_are_kept():
    conversation = held(*[question(f"q{i}", at=NOW + i) for i in range(MAX_THREADS + 3)])

    assert [t.key for t in conversation.threads] == [f"q{i}" for i in range(3, MAX_THREADS + 3)]


def test_a_late_event_does_not_open_what_was_closed_and_forgotten():
    settled = [
        each
        for i in range(MAX_THREADS + 1)
        for each in (question(f"q{i}", NOW + 10 * i), answer(f"q{i}", NOW + 10 * i + 5))
    ]
    conversation = held(*settled)
    assert conversation.thread(QUESTION, "q0") is None

    converse(conversation, question("q0", NOW + 3), NOW + 3, 99, 2)
    converse(conversation, question("new", NOW + 9), NOW + 9, 99, 2)

    assert conversation.thread(QUESTION, "q0") is None
    assert is_open(conversation, QUESTION, "new")


@pytest.mark.parametrize(
    ("properties", "key"),
    [
        ({"question_id": 17}, "17"),
        ({"question_id": " a "}, "a"),
        ({"question_id": "x" * 99}, "x" * 64),
        ({"question_id": True, "topic": "bill"}, "bill"),
        ({"question_id": ["no"]}, "-"),
        ({}, "-"),
    ],
)
def test_a_thread_is_known_by_its_id_else_by_its_topic(properties, key):
    conversation = held(make_event("Question Asked", properties=properties))

    assert [t.key for t in conversation.threads] == [key]


def test_an_event_of_that_name_that_is_no_track_event_opens_nothing():
    assert held(make_event("Question Asked", type="page")).threads == []


def test_an_utterance_has_the_meaning_that_the_channel_gives_it():
    conversation = held(
        make_event(properties={"intent": " cancel ", "topic": "plan"}, context={"topic": "x"}),
        make_event(context={"intent": "pay", "sentiment": "Negative"}),
        make_event(properties={"sentiment": 0}, context={"sentiment": 1}),
        make_event(properties={"intent": 3, "topic": None, "sentiment": "furious"}),
        make_event(),
    )

    assert [u.meaning for u in conversation.turns] == [
        Meaning("cancel", "plan", ""),
        Meaning("pay", "", "negative"),
        Meaning("", "", "neutral"),
        None,
        None,
    ]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0.25, "neutral"),
        (0.26, "positive"),
        (-0.26, "negative"),
        (1.5, ""),
        (float("nan"), ""),
        (True, ""),
        ({}, ""),
        ("POSITIVE ", "positive"),
    ],
)
def test_a_sentiment_is_one_of_three_words(value, expected):
    assert sentiment_of(value) == expected


def test_the_last_intent_is_what_was_understood_else_what_happened():
    conversation = held(
        make_event("Chat Message", properties={"intent": "cancel"}, channel="chat", at=NOW),
        make_event("Page Seen", at=NOW - MINUTE, channel="web"),
        make_event("Question Answered", at=NOW + MINUTE, channel="email"),
    )
    assert (conversation.last_intent, conversation.last_channel) == ("cancel", "chat")
    assert [u.who for u in conversation.turns] == ["customer", "customer", "us"]

    converse(conversation, make_event("Page Seen", channel="web"), NOW + MINUTE, 4, 2)

    assert (conversation.last_intent, conversation.last_channel) == ("Page Seen", "web")
