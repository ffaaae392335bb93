"""Answers to offers, merging two conversations, and what is stored of one."""

import msgpack
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from actors.domain.conversation import (
    CART,
    CASE,
    MAX_OPEN_CARTS,
    MAX_THREADS,
    MAX_TURNS,
    QUESTION,
    Answer,
    Conversation,
    Meaning,
    Thread,
    Utterance,
    answered,
    merge_conversations,
)
from actors.wire.conversation import conversation_fields, conversation_from_fields
from tests.builders import NOW

few = settings(max_examples=settings.default.max_examples // 2)
times = st.integers(1, 40)
names = st.sampled_from(["a", "b", "c"])
answers = st.builds(Answer, st.sampled_from(["click", "dismiss", "impression"]), times)
meanings = st.builds(Meaning, names, st.just(""), st.sampled_from(["", "negative"]))
utterances = st.builds(
    Utterance,
    times,
    names,
    st.sampled_from(["customer", "us"]),
    names,
    times,
    st.integers(-1, 2),
    st.none() | answers,
    st.none() | meanings,
    st.sampled_from([0, 77]),
)


def lasting(thread, length):
    thread.last_at_ms = thread.opened_at_ms + length
    return thread


threads = st.builds(
    lasting,
    st.builds(
        Thread,
        st.sampled_from([QUESTION, CASE, CART]),
        names | st.sampled_from(list("defghij")),
        names,
        times,
        times,
        st.booleans(),
        names | st.just(""),
        st.integers(0, 3),
        st.integers(0, 3),
    ),
    st.integers(0, 20),
)


@st.composite
def conversations(draw, turns=12, most=8):
    made = Conversation(
        last_intent=draw(names), last_channel=draw(names), last_heard_at_ms=draw(times)
    )
    for utterance in draw(st.lists(utterances, max_size=turns)):
        made.add(utterance)
    unique = st.lists(threads, max_size=most, unique_by=lambda t: (t.kind, t.key))
    made.threads = draw(unique)
    made.prune()
    made.show_cart()
    return made


def offered(*seqs):
    turns = [Utterance(NOW, "web", "us", f"a/b/{seq}", seq, 0) for seq in seqs]
    return Conversation(turns)


def test_an_answer_is_noted_on_the_offer_that_it_belongs_to():
    conversation = offered(1, 2)

    answered(conversation, 1, 0, "dismiss", NOW + 5)

    assert [u.answer for u in conversation.turns] == [Answer("dismiss", NOW + 5), None]


def test_an_answer_to_what_was_forgotten_changes_nothing():
    conversation = offered(1)

    answered(conversation, 1, 1, "click", NOW)
    answered(conversation, 3, 0, "click", NOW)
    answered(conversation, 1, 0, "click", NOW, origin=77)

    assert conversation == offered(1)


@given(st.permutations([("impression", 1), ("click", 2), ("dismiss", 3), ("no_response", 9)]))
def test_the_latest_answer_holds_and_silence_never_hides_one(heard):
    conversation = offered(1)

    for outcome, at_ms in heard:
        answered(conversation, 1, 0, outcome, at_ms)

    assert conversation.turns[0].answer == Answer("dismiss", 3)


@few
@given(conversations(), conversations())
def test_a_merge_is_interleaved_by_time_bounded_and_the_same_from_either_side(a, b):
    before = [msgpack.packb(conversation_fields(each)) for each in (a, b)]

    merged = merge_conversations(a, b)

    assert merged == merge_conversations(b, a)
    assert [msgpack.packb(conversation_fields(each)) for each in (a, b)] == before
    at = [u.at_ms for u in merged.turns]
    assert at == sorted(u.at_ms for u in (*a.turns, *b.turns))[-MAX_TURNS:]
    assert len(merged.threads) <= MAX_THREADS
    carts = [t for t in merged.threads if t.kind == CART and not t.closed]
    assert len(carts) <= MAX_OPEN_CARTS
    assert merged.last_heard_at_ms == max(a.last_heard_at_ms, b.last_heard_at_ms)


@few
@given(conversations(4, 3), conversations(4, 3), conversations(4, 3))
def test_merging_three_does_not_depend_on_who_comes_first_while_there_is_room(a, b, c):
    keys = {(t.kind, t.key) for each in (a, b, c) for t in each.threads}
    carts = {key for kind, key in keys if kind == CART}
    assume(len(keys) <= MAX_THREADS and len(carts) <= MAX_OPEN_CARTS)

    one = merge_conversations(merge_conversations(a, b), c)
    other = merge_conversations(a, merge_conversations(b, c))

    assert one == other


def test_a_thread_that_both_sides_have_is_as_the_side_knows_it_that_touched_it_last():
    a = Conversation(threads=[Thread(CASE, "k", "web", 1, 9, closed=True)])
    b = Conversation(threads=[Thread(CASE, "k", "chat", 2, 5, topic="bill")])

    assert merge_conversations(a, b).threads == [Thread(CASE, "k", "web", 1, 9, closed=True)]


def test_the_open_cart_of_a_merged_conversation_is_the_one_touched_last():
    a = Conversation(threads=[Thread(CART, "a", "web", 1, 9, items=2, minor=50)])
    b = Conversation(threads=[Thread(CART, "b", "app", 2, 5, items=1, minor=10)])

    merged = merge_conversations(a, b)

    assert (merged.cart_id, merged.cart_items, merged.cart_minor) == ("a", 2, 50)


def test_utterances_of_the_other_side_of_a_merge_are_not_taken_for_ones_own():
    others = offered(1)
    others.turns[0].origin = 77
    merged = merge_conversations(offered(1), others)

    answered(merged, 1, 0, "click", NOW)
    answered(merged, 1, 0, "dismiss", NOW, origin=77)

    assert {u.origin: u.answer.outcome for u in merged.turns} == {0: "click", 77: "dismiss"}


@few
@given(conversations())
def test_a_conversation_comes_back_from_the_store_as_it_was(conversation):
    packed = msgpack.packb(conversation_fields(conversation))

    assert conversation_from_fields(msgpack.unpackb(packed)) == conversation


def test_a_conversation_from_before_there_were_threads_has_one_for_its_open_cart():
    turns = [[NOW, "web", "customer", "Product Added", 3], [NOW + 1, "web", "us", "a/b/c", 3]]

    conversation = conversation_from_fields([turns, "Product Added", "web", "c1", 2, 250])

    assert conversation.threads == [Thread(CART, "c1", "web", NOW, NOW, items=2, minor=250)]
    assert conversation.last_heard_at_ms == NOW
    assert [u.who for u in conversation.turns] == ["customer", "us"]


@pytest.mark.parametrize("fields", [[[], "", "", "", 0, 0]])
def test_an_empty_conversation_from_before_there_were_threads_is_an_empty_one(fields):
    assert conversation_from_fields(fields) == Conversation()
