"""(source, id) of a CloudEvent is its message id."""

from hypothesis import given
from hypothesis import strategies as st

from serve_app.cloud_events import message_id
from serve_app.schemas import MAX_MESSAGE_ID

PARTS = st.text("a#/:\x07ü", min_size=1, max_size=6) | st.text("ab", min_size=90, max_size=110)


def test_a_short_pair_can_be_read_in_the_message_id():
    assert message_id("/shop", "17") == "/shop#17"


@given(PARTS, PARTS)
def test_a_message_id_is_always_one_that_the_envelope_takes(source: str, event_id: str):
    made = message_id(source, event_id)

    assert len(made) <= MAX_MESSAGE_ID
    assert made.isprintable()


@given(PARTS, PARTS, PARTS, PARTS)
def test_different_pairs_have_different_message_ids(a: str, b: str, c: str, d: str):
    assert (message_id(a, b) == message_id(c, d)) == ((a, b) == (c, d))
