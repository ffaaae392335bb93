"""Attributes against a reference that remembers every event and looks at all of them each time."""

from dataclasses import dataclass, field

import msgpack
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors import attributes as core
from actors.playbook import attribute_compiler
from tests.unit.attributes.attribute_books import DAY, MINUTE, T0, book

LIMIT = 3


def every_kind(window, bucket, number):
    def rolling(kind, **fields):
        return {"kind": kind, "on": "Bought", "window": window, "bucket": bucket, **fields}

    return {
        f"count{number}": rolling("count"),
        f"active{number}": rolling("active"),
        f"sum{number}": rolling("sum", property="total"),
        f"mean{number}": rolling("mean", property="total"),
        f"min{number}": rolling("min", property="total"),
        f"max{number}": rolling("max", property="total"),
        f"distinct{number}": rolling("distinct", property="store", limit=LIMIT),
        f"first{number}": rolling("first", property="store"),
        f"last{number}": rolling("last", property="store"),
        f"web{number}": rolling("count", channels=["web"], where="event.properties.total > 0.0"),
        f"ratio{number}": {"kind": "ratio", "of": f"web{number}", "to": f"sum{number}"},
    }


SHORT = [
    ("PT5M", "minute", 5, MINUTE),
    ("PT20M", "PT10M", 2, 10 * MINUTE),
    ("PT1H", "PT1M", 60, MINUTE),
]
LONG = [("P365D", "day", 365, DAY), ("P30D", "day", 30, DAY), ("P52W", "P4W", 13, 28 * DAY)]


def declared(windows):
    named = {}
    for number, (window, bucket, _, _) in enumerate(windows):
        named |= every_kind(window, bucket, number)
    with pytest.MonkeyPatch.context() as patch:  # more at once than one customer may have
        patch.setattr(attribute_compiler, "MAX_STATE_BYTES", 1_000_000)
        return book(**named)


MINUTES, YEARS = declared(SHORT), declared(LONG)


@dataclass(frozen=True)
class Purchase:
    at_ms: int
    cents: int
    store: str
    channel: str


@dataclass
class Reference:
    """What attributes say, by looking at all events each time."""

    windows: list
    events: list = field(default_factory=list)

    def read(self, name, now_ms):
        kind, number = name[:-1], int(name[-1])
        _, _, buckets, width = self.windows[number]
        inside = [e for e in self.events if e.at_ms // width > now_ms // width - buckets]
        return getattr(self, f"_{kind}")(inside, width)

    def _count(self, inside, width):
        return len(inside)

    def _active(self, inside, width):
        return len({e.at_ms // width for e in inside})

    def _sum(self, inside, width):
        return sum(e.cents for e in inside) / 100

    def _mean(self, inside, width):
        return sum(e.cents for e in inside) / (100 * len(inside)) if inside else None

    def _min(self, inside, width):
        return min((e.cents / 100 for e in inside), default=None)

    def _max(self, inside, width):
        return max((e.cents / 100 for e in inside), default=None)

    def _distinct(self, inside, width):
        return min(LIMIT, len({e.store for e in inside}))

    def _first(self, inside, width):
        return min((e.at_ms, e.store) for e in inside)[1] if inside else None

    def _last(self, inside, width):
        return max((e.at_ms, e.store) for e in inside)[1] if inside else None

    def _web(self, inside, width):
        return sum(e.channel == "web" and e.cents > 0 for e in inside)

    def _ratio(self, inside, width):
        total = self._sum(inside, width)
        return self._web(inside, width) / total if total else None


def purchases(reach_ms, unit_ms):
    """(how much time passed, how late the event is, cents, store, channel); early is a fast clock."""
    lateness = (
        st.just(0)
        | st.integers(-5, 0).map(lambda m: m * MINUTE)
        | st.one_of(
            st.integers(0, reach_ms), st.integers(0, reach_ms // unit_ms).map(lambda n: n * unit_ms)
        )
    )
    return st.lists(
        st.tuples(
            st.integers(0, 3 * unit_ms) | st.just(0) | st.integers(0, reach_ms // 3),
            lateness,
            st.integers(-500, 500),
            st.sampled_from("abcdefgh"),
            st.sampled_from(["web", "store"]),
        ),
        max_size=25,
    )


def hear(state, playbook, bought):
    properties = {"total": bought.cents / 100, "store": bought.store}
    core.update(state, "track", "Bought", bought.channel, properties, bought.at_ms, playbook)


def agree(steps, playbook, windows):
    state, reference, now = {}, Reference(windows), T0
    for passed, late, cents, store, channel in steps:
        now += passed
        bought = Purchase(now - late, cents, store, channel)
        hear(state, playbook, bought)
        reference.events.append(bought)
        state = msgpack.unpackb(msgpack.packb(state))
        for name in playbook.attributes.by_name:
            assert (name, core.read(state, name, playbook, now)) == (
                name,
                reference.read(name, now),
            )
    for _, _, buckets, width in windows:
        for at in (now + 1, now + (buckets - 1) * width, now + buckets * width, now + 3 * width):
            read = core.read_all(state, playbook, at)
            assert read == {name: reference.read(name, at) for name in read}


@given(purchases(40 * MINUTE, MINUTE))
def test_minutes_agree_with_a_reference_however_late_events_are(steps):
    agree(steps, MINUTES, SHORT)


@given(purchases(800 * DAY, DAY))
def test_years_agree_with_a_reference_however_late_events_are(steps):
    agree(steps, YEARS, LONG)


@given(
    st.lists(
        st.tuples(
            st.integers(0, 2),
            st.integers(0, 500 * DAY),
            st.integers(-500, 500),
            st.sampled_from("abcdefgh"),
        ),
        max_size=40,
    )
)
@settings(max_examples=25)
def test_customers_who_merge_read_as_if_they_had_always_been_one(heard):
    apart, one, now = ({}, {}, {}), {}, T0 + 500 * DAY
    for who, at, cents, store in heard:
        bought = Purchase(T0 + at, cents, store, "web")
        hear(apart[who], YEARS, bought)
        hear(one, YEARS, bought)
    before = msgpack.packb(apart)
    a, b, c = apart

    merged = [
        core.merge(core.merge(a, b), c),
        core.merge(a, core.merge(b, c)),
        core.merge(core.merge(c, a), b),
    ]

    truth = core.read_all(one, YEARS, now)
    assert [core.read_all(each, YEARS, now) for each in merged] == [truth] * 3
    assert msgpack.packb(apart) == before


@given(purchases(100 * DAY, DAY))
@settings(max_examples=25)
def test_what_was_merged_goes_on_as_one_customer(steps):
    state, other, reference, now = {}, {}, Reference(LONG), T0
    for i, (passed, late, cents, store, channel) in enumerate(steps):
        now += passed
        bought = Purchase(now - late, cents, store, channel)
        hear((state, other)[i % 2], YEARS, bought)
        reference.events.append(bought)
        if i % 6 == 5:
            state, other = core.merge(state, other), {}
    state = core.merge(other, state)

    read = core.read_all(state, YEARS, now)
    assert read == {name: reference.read(name, now) for name in read}
