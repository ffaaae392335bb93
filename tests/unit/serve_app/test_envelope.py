"""E-mail identities, currencies, and the items that leave the edge."""

import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from actors.domain.events import Event
from actors.domain.ids import Identity
from actors.wire.messages import pack_request, unpack_request
from serve_app.envelope import email_identity, minor_digits, packed
from serve_app.problems import ProblemError


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("Anna@Example.com", "anna@example.com"),
        ("  a@b ", "a@b"),
        ('"odd@local"@x.org', '"odd@local"@x.org'),
        ("münchen@straße.de", "münchen@straße.de"),
        ("x" * 249 + "@y.de", "x" * 249 + "@y.de"),
    ],
)
def test_an_address_is_one_identity_however_it_is_written(text: str, value: str):
    assert email_identity(text) == Identity("email", value)


@pytest.mark.parametrize(
    "text", [None, 5, "", "a", "@", "a@", "@b", "a b", "a@b c", "a@b\n.de", "x" * 250 + "@y.de"]
)
def test_what_is_no_address_is_no_identity(text: object):
    assert email_identity(text) is None


def test_minor_units_follow_the_currency():
    assert [minor_digits(c) for c in ("EUR", "USD", "JPY", "KWD")] == [2, 2, 0, 3]


def event(properties: dict) -> Event:
    return Event(
        message_id="m", type="track", identities=(Identity("user", "u"),), properties=properties
    )


@given(st.dictionaries(st.text(), st.floats() | st.integers() | st.text(), max_size=5))
@example({"x": 2**64})
@example({"x": -math.inf})
def test_what_leaves_the_edge_reads_back_the_same_or_does_not_leave(properties: dict):
    given_event = event(properties)

    numbers = [v for v in properties.values() if not isinstance(v, str)]
    if not all(
        math.isfinite(n) and (isinstance(n, float) or -(2**63) <= n < 2**64) for n in numbers
    ):
        with pytest.raises(ProblemError, match="422"):
            packed(given_event)
        return

    item = packed(given_event)

    assert unpack_request(pack_request([item.data]))[0].item == given_event
    assert item.route == Identity("user", "u")


def test_an_item_addressed_by_number_has_no_route():
    item = packed(event({}), 7)

    assert (item.number, item.route) == (7, None)
