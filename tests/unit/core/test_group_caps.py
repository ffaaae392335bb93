"""What a group's record keeps of contacts, and how caps per group count them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.domain.groups import GroupState
from actors.domain.profile import Contact, Profile
from actors.playbook.model import Cap
from actors.policies.contact_pressure import cap_covers, counters
from actors.policies.group_pressure import reserve_in_group

CHANNELS = ("email", "app")


def cap(name="c", limit=1, window_ms=10, per="household", channels=None):
    return Cap(
        name=name,
        limit=limit,
        window_ms=window_ms,
        channels=None if channels is None else frozenset(channels),
        groups=None,
        actions=None,
        purposes=None,
        per=per,
    )


def contact(at_ms, channel="email"):
    return Contact(at_ms, channel, "a/b/c", "marketing")


def home(*contacts, kind="household"):
    return GroupState(kind, "h", contacts=list(contacts))


def counts(caps, *, own=(), groups=(), now_ms=100):
    return counters(Profile(contacts=list(own)), caps, now_ms, groups)


caps = st.lists(
    st.builds(
        cap,
        limit=st.integers(1, 4),
        window_ms=st.integers(1, 12),
        per=st.sampled_from(["household", "household", "account", ""]),
        channels=st.sampled_from([None, ("email",), ("app",)]),
    ),
    min_size=1,
    max_size=4,
)


@given(caps, st.lists(st.tuples(st.integers(1, 20), st.sampled_from(CHANNELS)), max_size=25))
def test_what_is_kept_says_of_every_cap_whether_it_is_full_and_until_when(caps, made):
    group, everything = home(), []
    for at_ms, channel in made:
        everything.append(contact(at_ms, channel))
        now_ms = max(each.at_ms for each in everything)
        reserve_in_group(group, caps, (everything[-1],), now_ms)
        for each in caps:
            if each.per != "household":
                continue
            times = sorted(
                c.at_ms
                for c in everything
                if now_ms - each.window_ms < c.at_ms <= now_ms
                and cap_covers(each, c.channel, c.action, c.purpose)
            )
            ((count, retry_at_ms),) = counts([each], groups=[group], now_ms=now_ms)
            full = len(times) >= each.limit
            assert (count >= each.limit) == full
            if not full:
                assert (count, retry_at_ms) == (len(times), 0)
            else:
                assert retry_at_ms == times[-each.limit] + each.window_ms


@given(caps, st.lists(st.tuples(st.integers(1, 20), st.sampled_from(CHANNELS)), max_size=40))
def test_the_record_never_keeps_more_than_its_caps_allow_in_all(caps, made):
    group = home()
    reserve_in_group(group, caps, [contact(*each) for each in made], 20)

    assert len(group.contacts) <= sum(each.limit for each in caps if each.per == "household")
    assert group.contacts == sorted(group.contacts, key=lambda c: c.at_ms)


def test_a_contact_that_no_cap_of_the_kind_counts_changes_nothing():
    group = home()

    assert not reserve_in_group(group, [cap(per=""), cap(per="account")], (contact(1),), 1)
    assert not reserve_in_group(group, [cap(channels=("app",))], (contact(1),), 1)
    assert reserve_in_group(group, [cap()], (contact(1),), 1)


@pytest.mark.parametrize(
    ("own", "groups", "expected"),
    [
        ([], [], (0, 0)),
        ([contact(95)], [], (1, 105)),
        ([], [home(contact(95))], (1, 105)),
        ([], [home(contact(95), kind="account")], (0, 0)),
        ([contact(95)], [home(contact(95))], (1, 105)),
        ([contact(97)], [home(contact(95))], (1, 107)),
        ([], [home(contact(90))], (0, 0)),
        ([], [home(contact(91)), home(contact(93), contact(96))], (2, 106)),
    ],
    ids=["none", "alone", "others", "other kind", "same", "later", "over", "fullest"],
)
def test_a_cap_per_group_counts_in_the_fullest_and_never_less_than_alone(own, groups, expected):
    assert counts([cap()], own=own, groups=groups) == (expected,)


def test_a_cap_of_one_customer_does_not_count_what_was_said_to_others():
    assert counts([cap(per="")], groups=[home(contact(95))]) == ((0, 0),)
