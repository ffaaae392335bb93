"""Counting by binary search finds what trying every instant finds."""

from hypothesis import example, given, settings
from hypothesis import strategies as st

from actors.playbook.model import Cap
from actors.policies.counting import room_in, room_in_all
from actors.policies.verdicts import LATE_MS

STEP = LATE_MS // 2
"""All instants are multiples of it, so that nothing changes between them."""
UTC = ("UTC",)

spans = st.lists(st.tuples(st.integers(0, 40), st.booleans()), max_size=12).map(
    lambda some: [(at * STEP, at * STEP + LATE_MS * message) for at, message in some]
)


def cap_of(limit, steps):
    anything = dict.fromkeys(("channels", "groups", "actions", "purposes"))
    return Cap(name="cap", limit=limit, window_ms=steps * STEP, **anything)


caps = st.builds(cap_of, st.integers(1, 4), st.integers(1, 20))
instants = st.integers(0, 45).map(lambda steps: steps * STEP)


def times(some):
    return sorted(first for first, _ in some), sorted(last for _, last in some)


def fullest(some, cap, at_ms):
    """The most in any window in which a message planned for an instant may be sent."""
    tried = range(at_ms, at_ms + cap.window_ms + LATE_MS, STEP)
    return max(
        sum(first <= now_ms < last + cap.window_ms for first, last in some) for now_ms in tried
    )


def first_fit(all_, cap, at_ms):
    while any(fullest(some, cap, at_ms) >= cap.limit for some in all_):
        at_ms += STEP
    return at_ms


@settings(deadline=None)
@given(spans, caps, instants)
@example([(0, 0), (STEP, STEP)], cap_of(1, 1), 0)
def test_a_cap_is_as_full_as_its_fullest_window_and_free_from_the_first_instant_that_fits(
    some, cap, at_ms
):
    count, retry_at_ms = room_in(times(some), cap, at_ms, UTC)

    full = fullest(some, cap, at_ms)
    assert (count >= cap.limit) == (full >= cap.limit)
    if full >= cap.limit:
        assert (count, retry_at_ms) == (full, first_fit([some], cap, at_ms))
    else:
        assert retry_at_ms == 0


@settings(deadline=None)
@given(st.lists(spans, min_size=1, max_size=3), caps, instants)
def test_a_cap_that_several_count_is_free_when_it_is_for_each(all_, cap, at_ms):
    count, retry_at_ms = room_in_all([times(some) for some in all_], cap, at_ms, UTC)

    full = max(fullest(some, cap, at_ms) for some in all_)
    assert (count >= cap.limit) == (full >= cap.limit)
    assert retry_at_ms == (first_fit(all_, cap, at_ms) if full >= cap.limit else 0)
