"""What the check before an attempt reads of a packed customer is what is there, and nothing else."""

import msgpack
import pytest
from hypothesis import given, settings

from actors.domain.errors import CodecError
from actors.policies.sending import may_go
from actors.runtime.checking import Message
from actors.wire.checks import unpack_for_check
from actors.wire.codec import pack
from actors.wire.profile import profile_fields
from actors.wire.state import VERSION, pack_state, unpack_state
from tests.builders import DAY, POLICIES, make_playbook, make_state
from tests.merging_states import customers

READ = ("traits", "timezone", "purchases", "contacts", "consents", "answers", "dead")
BOOK = make_playbook(
    policies=POLICIES
    | {
        "quiet": [{"from": "09:00", "to": "10:00"}],
        "suppress": [
            {"after": "reject", "scope": "group", "for": "P30D"},
            {"after": "purchase", "scope": "all", "for": "P7D"},
            {"after": "complaint", "scope": "all", "for": "P7D"},
        ],
    }
)


@settings(max_examples=settings().max_examples // 2, deadline=None)
@given(customers(7))
def test_what_is_read_is_what_reading_all_of_it_gives(state):
    packed = pack_state(state)
    whole, part = unpack_state(packed), unpack_for_check(packed)

    assert part.number == whole.number
    for name in READ:
        assert getattr(part.profile, name) == getattr(whole.profile, name), name
    assert part.profile.service.cases == whole.profile.service.cases
    refused = {a: r for a, r in whole.profile.responses.items() if r.last_refused_at_ms}
    assert part.profile.responses == refused


@settings(max_examples=settings().max_examples // 2, deadline=None)
@given(customers(7))
def test_a_message_is_judged_as_by_the_whole_customer(state):
    packed = pack_state(state)
    whole, part = unpack_state(packed), unpack_for_check(packed)

    for contact in whole.profile.contacts:
        at_ms = contact.at_ms
        said = (contact.action, contact.channel, contact.purpose)
        message = Message(contact.seq, contact.n, *said, at_ms, at_ms + DAY)
        for now_ms in (at_ms, at_ms + DAY // 2):
            given_ = (message, BOOK, now_ms)
            assert may_go(part, *given_) == may_go(whole, *given_)


def test_what_is_not_read_is_missing_not_empty():
    part = unpack_for_check(pack_state(make_state()))

    for name in ("effects", "timers", "identities", "seq"):
        with pytest.raises(AttributeError):
            getattr(part, name)
    for name in ("departments", "channels", "views", "outreach"):
        with pytest.raises(AttributeError):
            getattr(part.profile, name)


def test_a_row_from_before_the_histories_is_read():
    state = make_state()
    state.profile.timezone = "Europe/Berlin"
    whole = [state.number, 0, 1, 0, [], [], profile_fields(state.profile)[:15]]
    part = unpack_for_check(pack(VERSION, whole))

    assert part.profile.timezone == "Europe/Berlin"
    assert part.profile.answers == {}
    assert part.profile.service.cases == []


def test_a_row_of_an_earlier_version_is_read_whole():
    state = make_state()
    rows = msgpack.unpackb(pack_state(state)[5:], strict_map_key=False)

    part = unpack_for_check(pack(2, rows[:14]))

    assert part == state


@pytest.mark.parametrize("cut", [1, 40])
def test_a_torn_row_is_not_read(cut):
    with pytest.raises(CodecError):
        unpack_for_check(pack_state(make_state())[:-cut])


def test_a_row_of_a_newer_version_is_not_read():
    with pytest.raises(CodecError):
        unpack_for_check(pack(VERSION + 1, [1]))
