"""The two ways of asking posterior vectors say the same, to the last bit."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.decisioning import native_polls, polls, single, voting
from actors.decisioning.bids import Slot
from actors.playbook.arbitration_model import Arbitration
from tests.reference.random_decisions import differences

BOOK = Arbitration()
NUMBERS = st.floats(-1e4, 1e4, allow_nan=False)
BID = st.tuples(
    st.integers(0, 30),
    st.one_of(st.sampled_from([0.0, 1e-7, 1.0]), st.floats(0, 1)),
    st.one_of(st.sampled_from([0.0, -1.0, float("nan"), 3.0]), st.floats(0, 0.5)),
    st.sampled_from([0.0, 0.5, 20.0, 199.0, 200.0, 5_000.0]),
    st.floats(0, 1e4),
    NUMBERS,
)


def slot_of(placement, bids):
    actions, means, sds, positives, gains, prices = zip(*bids, strict=True)
    count = len(bids)
    nothing = [None] * count
    columns = (
        actions,
        *[nothing] * 3,
        means,
        nothing,
        sds,
        positives,
        *[nothing] * 5,
        [0.0] * count,
        gains,
        prices,
        *[nothing] * 2,
    )
    return Slot(placement, columns, range(count), 0.0)


@given(
    seed=st.integers(0, 2**63 - 1),
    bids=st.lists(st.lists(BID, min_size=1, max_size=9), min_size=1, max_size=3),
    data=st.data(),
)
def test_loops_and_columns_draw_the_same_wishes_and_worths(seed, bids, data):
    slots = [slot_of(f"place{i}", each) for i, each in enumerate(bids)]
    loops, columns = (each.Poll(seed, slots, BOOK) for each in (native_polls, polls))

    for slot in slots:
        some = data.draw(st.sets(st.integers(0, slot.size - 1), min_size=1))
        for places in (range(slot.size), sorted(some)):
            assert loops.wishes(slot, places) == columns.wishes(slot, places)
            assert loops.worths(slot, places, [17, 3]) == columns.worths(slot, places, [17, 3])


@given(
    seed=st.integers(0, 2**63 - 1),
    bids=st.lists(BID, min_size=1, max_size=8, unique_by=lambda each: each[0]),
)
def test_loops_and_columns_agree_about_bids_for_the_only_slot(seed, bids):
    rows = [sorted(bid[0] for bid in bids).index(bid[0]) for bid in bids]
    _, means, sds, positives, gains, prices = zip(*bids, strict=True)
    sds = tuple([max(0.0, sd) for sd in sds])
    asked = seed, rows, (means, sds, gains, prices), positives, BOOK

    assert native_polls.wishes_of(*asked) == polls.wishes_of(*asked)


@pytest.mark.python_core
def test_loops_decide_as_one_object_a_bid_does(monkeypatch):
    monkeypatch.setattr(voting, "POLLS", native_polls)
    monkeypatch.setattr(single, "POLLS", native_polls)

    compared, voted, several = differences(seed=5, books=3, decisions=15)

    assert compared == 45
    assert voted > 6
    assert several > 6
